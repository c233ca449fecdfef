//! Exports: everything the service knows of a person, as one zip.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::gallery::ArchiveStatus;

/// Everything of a person as one zip, made by a job: originals of all images, uploads, and every row about them as JSON and
/// CSV, with a README.txt that says what each file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Export {
    pub id: Uuid,
    pub status: ArchiveStatus,
    /// Images there were when it was asked for, those in the trash among them.
    pub image_count: i64,
    /// Images written so far.
    pub done_count: i64,
    /// Bytes of the zip, when it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
    /// Presigned for ten minutes, while it is ready; saves a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::moment::at_or_none")]
    pub url_expires_at: Option<DateTime<Utc>>,
    /// A sentence, when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::moment::at_or_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// When it is deleted by itself: seven days after it was ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::moment::at_or_none")]
    pub expires_at: Option<DateTime<Utc>>,
}
