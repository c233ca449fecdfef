//! The request log as its person reads it, and what came of a request: what it was charged, and where it failed. Never what
//! was asked.
use chrono::{DateTime, Utc};
use lapidary_domain::GenerationStatus;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::generation::{Failure, FailureCode};
use crate::refinement::{RefinementFailure, RefinementFailureCode, RefinementStatus};

/// One request of the last 30 days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoggedRequest {
    /// The `X-Request-Id` of its answer.
    pub id: Uuid,
    /// The API key it came with; absent where a session asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_id: Option<Uuid>,
    #[cfg_attr(feature = "openapi", schema(example = "POST"))]
    pub method: String,
    /// The pattern of the path, never the path itself.
    #[cfg_attr(feature = "openapi", schema(example = "/v1/generations/{id}"))]
    pub route: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// Microseconds until the answer began; a stream is logged when it begins.
    pub latency_micros: i64,
    /// Gems that the answer said were held or taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gems: Option<i64>,
    /// What went wrong: the last part of the problem's `type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "insufficient-gems"))]
    pub problem: Option<String>,
    /// The generation it asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation_id: Option<Uuid>,
    /// When it came in.
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
}

/// What came of a request. Its row in the log is gone after 30 days; what it was charged is known for as long as what it
/// asked for exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestDetails {
    pub id: Uuid,
    /// Absent once it is older than the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logged: Option<LoggedRequest>,
    /// Gems taken so far: zero means that you were not charged.
    pub charged_gems: i64,
    /// Gems reserved for what is not finished yet.
    pub held_gems: i64,
    /// Gems given back for what was not delivered.
    pub released_gems: i64,
    /// Where it went wrong; absent where nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_stage: Option<RequestStage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<RequestedGeneration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refinement: Option<RequestedRefinement>,
}

/// A generation, as far as the bill goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestedGeneration {
    pub id: Uuid,
    /// The request that began it, and that its gems are charged to. Another one than this where this one was a retry.
    pub request_id: String,
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::GenerationStatus))]
    pub status: GenerationStatus,
    /// Gems held for all images together.
    pub price_gems: i64,
    /// Gems taken for images that are stored.
    pub captured_gems: i64,
    /// Gems given back for images that are not.
    pub released_gems: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// A refinement, as far as the bill goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestedRefinement {
    pub id: Uuid,
    pub status: RefinementStatus,
    /// Gems held for it.
    pub price_gems: i64,
    /// Gems taken: all where it was delivered, none otherwise.
    pub captured_gems: i64,
    /// Gems given back.
    pub released_gems: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<RefinementFailure>,
}

/// How far a request came before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RequestStage {
    /// It was refused before anything was held: its problem says why.
    Request,
    /// What it should be made from was not there any more.
    References,
    /// The model, or its provider.
    Model,
    /// The picture was made and could not be stored.
    Storage,
    /// Our side.
    Internal,
}

impl RequestStage {
    pub fn of_generation(code: FailureCode) -> Self {
        match code {
            FailureCode::Refused
            | FailureCode::ModelBusy
            | FailureCode::OperatorQuota
            | FailureCode::OperatorConfiguration
            | FailureCode::Timeout
            | FailureCode::BadAnswer
            | FailureCode::ModelGone
            | FailureCode::RequestRefused => Self::Model,
            FailureCode::Storage => Self::Storage,
            FailureCode::ReferenceGone => Self::References,
            FailureCode::Internal => Self::Internal,
        }
    }

    pub fn of_refinement(code: RefinementFailureCode) -> Self {
        match code {
            RefinementFailureCode::Refused
            | RefinementFailureCode::ModelBusy
            | RefinementFailureCode::OperatorQuota
            | RefinementFailureCode::OperatorConfiguration
            | RefinementFailureCode::Timeout
            | RefinementFailureCode::BadAnswer => Self::Model,
            RefinementFailureCode::Internal => Self::Internal,
        }
    }

    /// Of an answer that was itself the failure.
    pub fn of_status(status: u16) -> Option<Self> {
        match status {
            400..=499 => Some(Self::Request),
            500.. => Some(Self::Internal),
            _ => None,
        }
    }
}
