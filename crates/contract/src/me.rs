//! The signed-in person and their sessions.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    pub id: Uuid,
    pub email: String,
    pub name: Option<String>,
    /// Presigned, lives seven days; absent means that initials are shown.
    pub picture_url: Option<String>,
    /// Until this is true every route but `me` and sign-out answers 403.
    pub age_confirmed: bool,
    pub is_operator: bool,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
    /// Set while the account is about to be erased: when. Until then it can be undone, and is for looking only.
    #[serde(default, deserialize_with = "crate::moment::at_or_none")]
    pub closing_at: Option<DateTime<Utc>>,
    /// Where to find help; the operator's address.
    pub support_contact: Option<String>,
    /// Versions of the privacy policy and the terms that are in force and that this person has not said to have read:
    /// `POST /v1/me/policies/{id}/acknowledge`. Nothing is locked meanwhile.
    #[serde(default)]
    pub policies_to_acknowledge: Vec<Uuid>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"name": "Ada Lovelace"})))]
#[serde(deny_unknown_fields)]
pub struct UpdateMe {
    /// At most 100 characters; empty removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `true`: I am 13 or older. `false`: I am younger; everything is erased at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_confirmed: Option<bool>,
}

/// One sign-in on one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    pub id: Uuid,
    /// Browser and system, in words.
    pub device: String,
    /// Provider it was signed in with.
    pub provider: String,
    /// For people: `GitHub`.
    pub provider_name: String,
    pub is_current: bool,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub last_used_at: DateTime<Utc>,
}

/// One way to sign in to this account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Identity {
    pub id: Uuid,
    pub provider: String,
    /// For people: `GitHub`.
    pub provider_name: String,
    /// The address that the provider knows; the account's own may be another one.
    pub email: String,
    #[serde(deserialize_with = "crate::moment::at")]
    pub linked_at: DateTime<Utc>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub last_used_at: DateTime<Utc>,
    /// False for the last way in.
    pub can_be_unlinked: bool,
}
