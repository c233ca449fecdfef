//! A refinement: new attribute sections that a language model proposes for a prompt, and what they cost.
use chrono::{DateTime, Utc};
use lapidary_domain::{Attribute, RefinedSection};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "prompt": "A fox crossing a frozen river",
    "attributes": [{"section": "Light", "value": "golden hour"}],
    "seen_sections": ["Ice"]
})))]
#[serde(deny_unknown_fields)]
pub struct CreateRefinement {
    /// 1 to 4,000 characters in any language; what is proposed is in the same one.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4000))]
    pub prompt: String,
    /// What is chosen already: none of it is proposed again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schema::Attribute>, max_items = 40))]
    pub attributes: Vec<Attribute>,
    /// Names of sections of earlier refinements, which are not proposed again. Those of the catalogue never are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 200))]
    pub seen_sections: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Refinement {
    pub id: Uuid,
    pub status: RefinementStatus,
    pub prompt: String,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schema::Attribute>))]
    pub attributes: Vec<Attribute>,
    /// Three sections of ten values each when it succeeded, none otherwise.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schema::RefinedSection>))]
    pub sections: Vec<RefinedSection>,
    /// Gems held for it.
    pub price_gems: i64,
    /// Gems taken: all of them when it succeeded, none otherwise.
    pub captured_gems: i64,
    /// Of the request that asked for it; the logs know it by this.
    pub request_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<RefinementFailure>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::moment::at_or_none")]
    pub finished_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefinementStatus {
    /// The language model is being asked; its gems are held.
    Running,
    Succeeded,
    /// Nothing was delivered; its gems are back.
    Failed,
}

impl RefinementStatus {
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Running, Self::Succeeded, Self::Failed].into_iter().find(|status| status.name() == name)
    }
}

/// Why a refinement delivered nothing. Its gems are already back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefinementFailure {
    pub code: RefinementFailureCode,
    /// A sentence for people.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefinementFailureCode {
    /// The language model will not propose anything for this prompt.
    Refused,
    /// The language model was too busy, or could not be reached.
    ModelBusy,
    /// The operator's account at the provider is used up.
    OperatorQuota,
    /// The operator's settings for the language model do not work.
    OperatorConfiguration,
    /// The language model took too long.
    Timeout,
    /// The language model answered with something that is no three new sections of ten new values.
    BadAnswer,
    /// Something broke on our side.
    Internal,
}

impl RefinementFailureCode {
    pub const ALL: [Self; 7] = [
        Self::Refused,
        Self::ModelBusy,
        Self::OperatorQuota,
        Self::OperatorConfiguration,
        Self::Timeout,
        Self::BadAnswer,
        Self::Internal,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::ModelBusy => "model_busy",
            Self::OperatorQuota => "operator_quota",
            Self::OperatorConfiguration => "operator_configuration",
            Self::Timeout => "timeout",
            Self::BadAnswer => "bad_answer",
            Self::Internal => "internal",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }

    /// What happened, in plain words.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Refused => {
                "The language model will not suggest anything for this prompt. Your gems are back. Change the wording and try again."
            }
            Self::ModelBusy => {
                "The language model is very busy right now. Your gems are back. Try again in a few minutes."
            }
            Self::OperatorQuota => {
                "This service has used up its quota at the language model's provider. Your gems are back."
            }
            Self::OperatorConfiguration => {
                "The language model's provider does not accept this service's settings. Your gems are back."
            }
            Self::Timeout => "The language model took too long to answer. Your gems are back. Try again.",
            Self::BadAnswer => {
                "The language model did not suggest enough that is new. Your gems are back. Try again, or say more in the prompt."
            }
            Self::Internal => {
                "Something went wrong on our side. Your gems are back. Try again; if it stays, tell us the request id."
            }
        }
    }
}
