//! An image: what it is, where its bytes are for the next seven days, and what a person did with it.
use chrono::{DateTime, Utc};
use lapidary_domain::Attribute;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Image {
    pub id: Uuid,
    pub generation_id: Uuid,
    pub prompt: String,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schema::Attribute>))]
    pub attributes: Vec<Attribute>,
    pub model: String,
    pub quality: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Bytes of the original.
    pub bytes: i64,
    /// Found by looking at the bytes, never by believing the provider.
    pub content_type: String,
    /// Gems it cost.
    pub price_gems: i64,
    /// Presigned; the original, unaltered.
    pub url: String,
    #[serde(deserialize_with = "crate::moment::at")]
    pub url_expires_at: DateTime<Utc>,
    /// Presigned; WebP, longer edge 512 pixels.
    pub thumbnail_url: String,
    /// Presigned; WebP, longer edge 1,280 pixels.
    pub preview_url: String,
    /// ThumbHash, base64.
    pub thumbhash: String,
    pub is_favourite: bool,
    /// Whether the original carries Content Credentials (C2PA), which say who made it with what.
    pub has_content_credentials: bool,
    /// IPTC's word for how it came about: `trainedAlgorithmicMedia`, or `compositeWithTrainedAlgorithmicMedia` where
    /// it was made from other images.
    pub digital_source_type: String,
    /// What the model made of the prompt, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revised_prompt: Option<String>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
    /// When it was moved to the trash; it is erased 30 days later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::moment::at_or_none")]
    pub deleted_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"is_favourite": true})))]
#[serde(deny_unknown_fields)]
pub struct UpdateImage {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_favourite: Option<bool>,
}

/// Where to save the original from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DownloadUrl {
    /// Presigned; works for ten minutes and saves under a name made of the prompt.
    pub url: String,
    #[serde(deserialize_with = "crate::moment::at")]
    pub url_expires_at: DateTime<Utc>,
}
