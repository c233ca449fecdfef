//! What does not work at the moment although we do: which models wait for their provider.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::generation::FailureCode;

/// Empty when everything works.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Availability {
    /// Models whose provider does not deliver: their generations wait, and their gems are only held.
    pub paused: Vec<PausedModel>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PausedModel {
    /// Id from the catalogue.
    pub model: String,
    /// `model_busy`, `operator_quota` or `operator_configuration`.
    pub code: FailureCode,
    /// A sentence for people.
    pub message: String,
    #[serde(deserialize_with = "crate::moment::at")]
    pub since: DateTime<Utc>,
    /// When the provider is asked again.
    #[serde(deserialize_with = "crate::moment::at")]
    pub next_try_at: DateTime<Utc>,
}
