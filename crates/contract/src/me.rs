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
    pub created_at: DateTime<Utc>,
    /// Where to find help; the operator's address.
    pub support_contact: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    pub is_current: bool,
    pub created_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
}
