//! An uploaded picture to make others from, cleaned of everything that is not the picture.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reference {
    pub id: Uuid,
    /// `image/png`, `image/webp` or `image/jpeg`: found by looking at the bytes.
    pub content_type: String,
    /// Bytes of what is kept; what was uploaded may have been more.
    pub bytes: i64,
    /// Pixels, as it is seen: a photograph that lay on its side stands upright.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Presigned.
    pub url: String,
    #[serde(deserialize_with = "crate::moment::at")]
    pub url_expires_at: DateTime<Utc>,
    /// Presigned; WebP, longer edge 512 pixels.
    pub thumbnail_url: String,
    /// ThumbHash, base64.
    pub thumbhash: String,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
}
