//! What an operator sees of people, decides about them, and leaves behind: never a prompt or a picture.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::gems::GemBalance;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PersonState {
    Active,
    /// Signed out everywhere and refused until restored.
    Suspended,
    /// Signed in once and has not said yet that they are 13 or older.
    AgeNotConfirmed,
    /// To be erased, because they asked for it; until then for looking only.
    Closing,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonSummary {
    pub id: Uuid,
    pub email: String,
    pub name: Option<String>,
    pub state: PersonState,
    pub is_operator: bool,
    /// Ids of the providers they sign in with.
    pub providers: Vec<String>,
    /// Free and bought gems that are not held.
    pub remaining: i64,
    pub held: i64,
    pub debt: i64,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonDetails {
    pub person: PersonSummary,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::moment::at_or_none")]
    pub suspended_at: Option<DateTime<Utc>>,
    pub gems: GemBalance,
    pub identities: Vec<PersonIdentity>,
    pub counts: PersonCounts,
}

/// One way in which they sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonIdentity {
    pub provider: String,
    /// The provider's own id of the account.
    pub subject: String,
    /// The address that the provider knows.
    pub email: String,
    #[serde(deserialize_with = "crate::moment::at")]
    pub linked_at: DateTime<Utc>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub last_used_at: DateTime<Utc>,
}

/// How much of everything there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonCounts {
    pub generations: i64,
    /// Those of them that wait or run.
    pub unfinished: i64,
    /// Without those in the trash.
    pub images: i64,
    /// Places where they are signed in.
    pub sessions: i64,
    pub open_flags: i64,
}

/// Why an operator does something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"reason": "Ticket 4711: stolen account"})))]
#[serde(deny_unknown_fields)]
pub struct OperatorReason {
    /// 1 to 500 characters for the audit log; the person does not see it.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 500))]
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"gems": 20, "reason": "Ticket 4712: the outage of Monday"})))]
#[serde(deny_unknown_fields)]
pub struct AdjustGems {
    /// Whole gems: above zero gives free ones, below zero takes, free ones first. Not zero, and no more than 1,000,000.
    #[cfg_attr(feature = "openapi", schema(minimum = -1000000, maximum = 1000000))]
    pub gems: i64,
    /// 1 to 500 characters for the audit log; the person does not see it.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 500))]
    pub reason: String,
}

/// Gems that were given or taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GemAdjustment {
    /// The `reference` of its rows in the statement.
    pub id: Uuid,
    pub gems: i64,
    /// The person's gems now.
    pub balance: GemBalance,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
}

/// Somebody was refused again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Flag {
    pub id: Uuid,
    pub person_id: Uuid,
    pub email: String,
    #[cfg_attr(feature = "openapi", schema(example = "refusals"))]
    pub kind: String,
    /// Refusals that count.
    pub refusals: i32,
    /// What for, in the words of whoever refused.
    pub categories: Vec<String>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
    /// When it last counted one more.
    #[serde(deserialize_with = "crate::moment::at")]
    pub updated_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::moment::at_or_none")]
    pub closed_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OperatorAct {
    MakeOperator,
    RemoveOperator,
    Suspend,
    Restore,
    AdjustGems,
    /// A person's requests were looked at.
    ReadRequests,
    CloseFlag,
    CreateCode,
    RevokeCode,
    /// A person's account was to be erased, because they asked for it.
    Erase,
    /// Another key signs access tokens.
    RotateKeys,
    /// A key that nothing opened any more was given up.
    ForgetKey,
}

impl OperatorAct {
    pub const ALL: [Self; 12] = [
        Self::MakeOperator,
        Self::RemoveOperator,
        Self::Suspend,
        Self::Restore,
        Self::AdjustGems,
        Self::ReadRequests,
        Self::CloseFlag,
        Self::CreateCode,
        Self::RevokeCode,
        Self::Erase,
        Self::RotateKeys,
        Self::ForgetKey,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::MakeOperator => "make_operator",
            Self::RemoveOperator => "remove_operator",
            Self::Suspend => "suspend",
            Self::Restore => "restore",
            Self::AdjustGems => "adjust_gems",
            Self::ReadRequests => "read_requests",
            Self::CloseFlag => "close_flag",
            Self::CreateCode => "create_code",
            Self::RevokeCode => "revoke_code",
            Self::Erase => "erase",
            Self::RotateKeys => "rotate_keys",
            Self::ForgetKey => "forget_key",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.name() == name)
    }
}

/// One thing that an operator did. Kept for seven years, and never changed but when whom it names is erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    pub id: Uuid,
    /// Absent: somebody at the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator_id: Option<Uuid>,
    /// Absent at the command line, and where the operator's account is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator_email: Option<String>,
    pub act: OperatorAct,
    /// The person, flag, code or key it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// With `adjust_gems`: given above zero, taken below. With `create_code`: what it gives to each who redeems it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gems: Option<i64>,
    /// Absent at the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
}
