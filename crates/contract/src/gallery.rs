//! The gallery: what is counted of it, how it is cut into blocks, collections, changes to many images, archives.
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many images a value has among those that are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FacetCount {
    pub value: String,
    /// Images.
    pub count: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttributeFacet {
    pub section: String,
    /// The most used first.
    pub values: Vec<FacetCount>,
}

/// What stands in the images that are asked for; each count is of images that are also all else that was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImageFacets {
    /// Images that are asked for.
    pub total: i64,
    pub favourites: i64,
    /// By catalogue id, the most used first.
    pub models: Vec<FacetCount>,
    /// The most used sections first.
    pub attributes: Vec<AttributeFacet>,
    /// `2026-11`, UTC, the newest first.
    pub months: Vec<FacetCount>,
}

/// A stretch of up to 100 images that follow one another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImageBlock {
    /// Give it as `cursor`, with `limit=100` and the same filters, to read the block; `null`: from the start.
    pub cursor: Option<String>,
    /// Images.
    pub count: i64,
    #[serde(deserialize_with = "crate::moment::at")]
    pub newest_at: DateTime<Utc>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub oldest_at: DateTime<Utc>,
}

/// The whole list that is asked for, cut into blocks, so that any part of it can be read at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImageBlocks {
    /// Images.
    pub total: i64,
    /// Newest first.
    pub blocks: Vec<ImageBlock>,
}

/// What stands beside an image in the list that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImageNeighbours {
    pub newer: Option<Uuid>,
    pub older: Option<Uuid>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BulkAction {
    Favour,
    Unfavour,
    /// Into the trash.
    Discard,
    /// Out of the trash.
    Restore,
}

/// One change to up to 500 images; those that are not yours are not changed and not counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"action": "favour", "image_ids": ["019ac0de-0000-7000-8000-000000000001"]})))]
#[serde(deny_unknown_fields)]
pub struct ChangeImages {
    pub action: BulkAction,
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 500))]
    pub image_ids: Vec<Uuid>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangedImages {
    /// Images that were otherwise before.
    pub changed: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Collection {
    pub id: Uuid,
    pub name: String,
    /// Images in it, without those in the trash.
    pub image_count: i64,
    /// Presigned; the thumbnail of the image that came last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover_thumbhash: Option<String>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
}

/// Makes or renames a collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"name": "Winter"})))]
#[serde(deny_unknown_fields)]
pub struct NameCollection {
    /// 1 to 80 characters; no two collections of a person share a name.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 80))]
    pub name: String,
}

/// Images to put into a collection or to take out of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"image_ids": ["019ac0de-0000-7000-8000-000000000001"]})))]
#[serde(deny_unknown_fields)]
pub struct CollectionImages {
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 500))]
    pub image_ids: Vec<Uuid>,
}

/// Asks for a zip of images with a manifest: exactly one of the two says which.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"image_ids": ["019ac0de-0000-7000-8000-000000000001"]})))]
#[serde(deny_unknown_fields)]
pub struct CreateImageArchive {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 10000))]
    pub image_ids: Option<Vec<Uuid>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection_id: Option<Uuid>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ArchiveStatus {
    Queued,
    Running,
    Ready,
    Failed,
    /// Its seven days are over, or it was deleted.
    Expired,
}

/// A zip of images with a manifest, made by a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImageArchive {
    pub id: Uuid,
    pub status: ArchiveStatus,
    /// Images asked for.
    pub image_count: i64,
    /// Images written so far.
    pub done_count: i64,
    /// Bytes of the zip, when it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
    /// Presigned, while it is ready; saves a file.
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
    /// When it is deleted by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::moment::at_or_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// Makes a link by which anyone sees one image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"shows_prompt": true})))]
#[serde(deny_unknown_fields)]
pub struct CreateShareLink {
    /// Whether whoever opens it sees the prompt, the attributes and the model too.
    #[serde(default)]
    pub shows_prompt: bool,
    /// When it stops working; absent: not before it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::moment::at_or_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShareLink {
    pub id: Uuid,
    pub image_id: Uuid,
    /// To give to others.
    pub url: String,
    pub shows_prompt: bool,
    /// How often it was opened.
    pub view_count: i64,
    /// Whether it works now: neither revoked nor expired, and its image not in the trash.
    pub is_active: bool,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::moment::at_or_none")]
    pub expires_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::moment::at_or_none")]
    pub revoked_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::moment::at_or_none")]
    pub last_viewed_at: Option<DateTime<Utc>>,
}

/// What whoever has a link sees; nothing of the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SharedImage {
    /// Presigned for ten minutes at most; the original, unaltered.
    pub url: String,
    /// Presigned for ten minutes at most; WebP, longer edge 1,280 pixels.
    pub preview_url: String,
    #[serde(deserialize_with = "crate::moment::at")]
    pub url_expires_at: DateTime<Utc>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    pub content_type: String,
    pub thumbhash: String,
    pub has_content_credentials: bool,
    pub digital_source_type: String,
    /// The day on which it was made, UTC.
    #[serde(deserialize_with = "crate::moment::day_of")]
    pub made_on: NaiveDate,
    /// Only where its person shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Empty unless its person shows the prompt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schema::Attribute>))]
    pub attributes: Vec<lapidary_domain::Attribute>,
    /// Only where its person shows the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}
