//! The versions of the privacy policy and of the terms.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PolicyKind {
    Privacy,
    Terms,
}

impl PolicyKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Privacy => "privacy",
            Self::Terms => "terms",
        }
    }
}

/// One version, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Policy {
    /// The same in every installation.
    pub id: Uuid,
    pub kind: PolicyKind,
    /// A date: `2026-11-29`.
    pub version: String,
    #[serde(deserialize_with = "crate::moment::at")]
    pub effective_at: DateTime<Utc>,
    /// Whether it is the one in force.
    pub is_current: bool,
    /// What is other than before, in a few sentences.
    pub changes: String,
    /// Markdown with headings (`## `), paragraphs and lists (`- `), nothing else.
    pub text: String,
}
