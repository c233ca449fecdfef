//! The promises as the wire has them: each with how it is kept and what was seen of that, and the map of all data.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What was seen of a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PromiseState {
    /// Seen kept, when it was last looked.
    Kept,
    /// Said by the operator: nothing here can prove it.
    Declared,
    /// Not seen lately: what keeps it did not run in time, or could not be looked at.
    Stale,
    /// Seen not kept.
    Broken,
}

impl PromiseState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Declared => "declared",
            Self::Stale => "stale",
            Self::Broken => "broken",
        }
    }

    /// Whether nobody has to worry.
    pub fn is_fine(self) -> bool {
        matches!(self, Self::Kept | Self::Declared)
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Evidence {
    /// For people: `Encryption of the newest picture`.
    pub what: String,
    /// A sentence or a few words of what was seen. Names no person and no object.
    pub value: String,
    /// When that happened, where it has a time of its own: a run of a job, the making of a key.
    #[serde(default, deserialize_with = "crate::moment::at_or_none")]
    pub at: Option<DateTime<Utc>>,
    pub state: PromiseState,
}

/// A sentence of the privacy policy that code keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Promise {
    /// `P1` to `P15`; stays.
    pub id: String,
    pub title: String,
    /// What is promised, in the words of the privacy policy.
    pub text: String,
    /// What keeps it.
    pub how_kept: String,
    /// The worst of its evidence.
    pub state: PromiseState,
    /// When it was last seen kept by any process; absent where it never was.
    #[serde(default, deserialize_with = "crate::moment::at_or_none")]
    pub last_seen_at: Option<DateTime<Utc>>,
    pub evidence: Vec<Evidence>,
}

/// All promises, looked at every few minutes, never because somebody asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Promises {
    #[serde(deserialize_with = "crate::moment::at")]
    pub looked_at: DateTime<Utc>,
    /// Whom to ask; the operator's address.
    pub support_contact: Option<String>,
    pub promises: Vec<Promise>,
}

/// One kind of data about people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DataCategory {
    pub name: String,
    pub what: String,
    pub why: String,
    pub how_long: String,
    /// Where it lies: tables of the database, folders of the storage.
    pub places: Vec<String>,
    /// Names of processors that get some of it; empty: nobody.
    pub given_to: Vec<String>,
}

/// Somebody else who gets data, because they do a part of the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Processor {
    pub name: String,
    /// For what: `Draws pictures`.
    pub role: String,
    /// Its host as this installation is set up, or words where it is inside the installation's own network.
    pub place: String,
    /// What it gets.
    pub receives: Vec<String>,
    /// When it gets that.
    pub when: String,
}

/// All data about people in this installation, and who gets which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DataMap {
    pub categories: Vec<DataCategory>,
    pub processors: Vec<Processor>,
}
