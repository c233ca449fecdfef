//! SQL of images. Every statement for a person names the person, beside the policy that would hide others anyway.
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use lapidary_contract::Image;
use lapidary_contract::domain::Attribute;
use sqlx::PgConnection;
use uuid::Uuid;

use super::filter::{ImageFilter, Shelf};
use super::store::{ImageStore, StoreError};
use crate::app::App;
use crate::http::error::{ApiError, ApiResult};
use crate::http::paging::Keyset;

/// Where the objects of an image are.
pub struct Objects {
    prefix: String,
    extension: String,
}

impl Objects {
    pub fn at(prefix: String, extension: String) -> Self {
        Self { prefix, extension }
    }

    pub fn original(&self) -> String {
        format!("{}/original.{}", self.prefix, self.extension)
    }

    pub fn thumbnail(&self) -> String {
        format!("{}/thumbnail.webp", self.prefix)
    }

    pub fn preview(&self) -> String {
        format!("{}/preview.webp", self.prefix)
    }

    pub fn keys(&self) -> [String; 3] {
        [self.original(), self.thumbnail(), self.preview()]
    }
}

struct Row {
    id: Uuid,
    generation_id: Uuid,
    object_prefix: String,
    extension: String,
    content_type: String,
    bytes: i64,
    width: i32,
    height: i32,
    thumbhash: String,
    revised_prompt: Option<String>,
    price_gems: i64,
    is_favourite: bool,
    created_at: DateTime<Utc>,
    deleted_at: Option<DateTime<Utc>>,
    prompt: String,
    attributes: serde_json::Value,
    model: String,
    quality: String,
    has_content_credentials: bool,
    digital_source_type: String,
}

/// The same columns for every way to ask for images, `i`.
macro_rules! rows {
    ($images:literal, $which:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            Row,
            "select i.id, i.generation_id, i.object_prefix, i.extension, i.content_type, i.bytes, i.width, i.height,
               i.thumbhash, i.revised_prompt, i.price_gems, i.is_favourite, i.created_at, i.deleted_at,
               i.prompt, i.attributes, i.model, i.quality, i.has_content_credentials, i.digital_source_type
             from " + $images + " i " + $which,
            $($argument),+
        )
    };
}

/// Newest first; the trash by when things came there. One statement each, so that each has its index; what needs more than
/// a shelf is found by one function of the database, and read here by its ids.
pub async fn list(
    conn: &mut PgConnection,
    store: &ImageStore,
    person_id: Uuid,
    filter: &ImageFilter,
    from: Keyset,
    limit: i64,
) -> ApiResult<Vec<Image>> {
    let (at, id) = (from.before_at, from.before_id);
    let rows = match filter.shelf() {
        Some(Shelf::All) => {
            rows!(
                "images",
                "where i.person_id = $1 and i.deleted_at is null and (i.created_at, i.id) < ($2, $3)
                 order by i.created_at desc, i.id desc limit $4",
                person_id,
                at,
                id,
                limit
            )
            .fetch_all(conn)
            .await?
        }
        Some(Shelf::Favourites) => {
            rows!(
                "images",
                "where i.person_id = $1 and i.deleted_at is null and i.is_favourite and (i.created_at, i.id) < ($2, $3)
                 order by i.created_at desc, i.id desc limit $4",
                person_id,
                at,
                id,
                limit
            )
            .fetch_all(conn)
            .await?
        }
        Some(Shelf::Trash) => {
            rows!(
                "images",
                "where i.person_id = $1 and i.deleted_at is not null and (i.deleted_at, i.id) < ($2, $3)
                 order by i.deleted_at desc, i.id desc limit $4",
                person_id,
                at,
                id,
                limit
            )
            .fetch_all(conn)
            .await?
        }
        None => found(conn, person_id, filter, from, limit).await?,
    };
    shown(store, rows).await
}

async fn found(
    conn: &mut PgConnection,
    person_id: Uuid,
    filter: &ImageFilter,
    from: Keyset,
    limit: i64,
) -> Result<Vec<Row>, sqlx::Error> {
    rows!(
        "(select i.*, f.at from found_images($2, $3, $4, $5, $6, $7, $8, $9, $10, false, $11) f
                  join images i on i.id = f.id)",
        "where i.person_id = $1 order by i.at desc, i.id desc",
        person_id,
        &filter.words,
        &filter.beginnings,
        filter.favourite,
        filter.trash,
        filter.collection,
        filter.made_from,
        filter.made_before,
        from.before_at,
        from.before_id,
        limit
    )
    .fetch_all(conn)
    .await
}

/// In the trash or not.
pub async fn get(conn: &mut PgConnection, store: &ImageStore, person_id: Uuid, id: Uuid) -> ApiResult<Image> {
    let row = rows!("images", "where i.person_id = $1 and i.id = $2", person_id, id).fetch_one(conn).await?;
    image(store, row).await
}

/// By generation, in the order in which the model gave them; what is in the trash is left out.
pub async fn of_generations(
    conn: &mut PgConnection,
    app: &App,
    person_id: Uuid,
    generation_ids: &[Uuid],
) -> ApiResult<HashMap<Uuid, Vec<Image>>> {
    let rows = rows!(
        "images",
        "where i.person_id = $1 and i.generation_id = any($2) and i.deleted_at is null order by i.position",
        person_id,
        generation_ids
    )
    .fetch_all(conn)
    .await?;
    let mut of: HashMap<Uuid, Vec<Image>> = HashMap::new();
    for image in shown(&app.store, rows).await? {
        of.entry(image.generation_id).or_default().push(image);
    }
    Ok(of)
}

async fn shown(store: &ImageStore, rows: Vec<Row>) -> ApiResult<Vec<Image>> {
    let mut images = Vec::with_capacity(rows.len());
    for row in rows {
        images.push(image(store, row).await?);
    }
    Ok(images)
}

async fn image(store: &ImageStore, row: Row) -> ApiResult<Image> {
    let unreadable = |what: &str| ApiError::internal(format!("image {}: unreadable {what}", row.id));
    let attributes: Vec<Attribute> = serde_json::from_value(row.attributes).map_err(|_| unreadable("attributes"))?;
    let pixels = |number: i32| u32::try_from(number).map_err(|_| unreadable("size"));
    let (width, height) = (pixels(row.width)?, pixels(row.height)?);
    let objects = Objects { prefix: row.object_prefix, extension: row.extension };
    let original = store.presigned(&objects.original()).await?;
    Ok(Image {
        id: row.id,
        generation_id: row.generation_id,
        prompt: row.prompt,
        attributes,
        model: row.model,
        quality: row.quality,
        width,
        height,
        bytes: row.bytes,
        content_type: row.content_type,
        price_gems: row.price_gems,
        url: original.url,
        url_expires_at: original.expires_at,
        thumbnail_url: store.presigned(&objects.thumbnail()).await?.url,
        preview_url: store.presigned(&objects.preview()).await?.url,
        thumbhash: row.thumbhash,
        is_favourite: row.is_favourite,
        has_content_credentials: row.has_content_credentials,
        digital_source_type: row.digital_source_type,
        revised_prompt: row.revised_prompt,
        created_at: row.created_at,
        deleted_at: row.deleted_at,
    })
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::internal(error)
    }
}

/// What a link to an image needs.
pub struct Stored {
    pub objects: Objects,
    pub content_type: String,
    pub extension: String,
    pub prompt: String,
}

pub async fn stored(conn: &mut PgConnection, person_id: Uuid, id: Uuid) -> Result<Stored, sqlx::Error> {
    let row = sqlx::query!(
        "select object_prefix, extension, content_type, prompt from images where person_id = $1 and id = $2",
        person_id,
        id
    )
    .fetch_one(conn)
    .await?;
    Ok(Stored {
        objects: Objects { prefix: row.object_prefix, extension: row.extension.clone() },
        content_type: row.content_type,
        extension: row.extension,
        prompt: row.prompt,
    })
}

/// True when it was otherwise before.
pub async fn set_favourite(
    conn: &mut PgConnection,
    person_id: Uuid,
    id: Uuid,
    is_favourite: bool,
) -> Result<bool, sqlx::Error> {
    let changed = sqlx::query!(
        "update images set is_favourite = $3 where person_id = $1 and id = $2 and is_favourite <> $3",
        person_id,
        id,
        is_favourite
    )
    .execute(&mut *conn)
    .await?;
    announce(conn, person_id, id, changed.rows_affected()).await
}

/// True when it was not in the trash before.
pub async fn discard(
    conn: &mut PgConnection,
    person_id: Uuid,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let changed = sqlx::query!(
        "update images set deleted_at = $3 where person_id = $1 and id = $2 and deleted_at is null",
        person_id,
        id,
        now
    )
    .execute(&mut *conn)
    .await?;
    announce(conn, person_id, id, changed.rows_affected()).await
}

/// True when it came out of the trash. What is due to be erased stays there: its objects may be gone already.
pub async fn restore(
    conn: &mut PgConnection,
    person_id: Uuid,
    id: Uuid,
    erased_before: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let changed = sqlx::query!(
        "update images set deleted_at = null where person_id = $1 and id = $2 and deleted_at >= $3",
        person_id,
        id,
        erased_before
    )
    .execute(&mut *conn)
    .await?;
    announce(conn, person_id, id, changed.rows_affected()).await
}

async fn announce(conn: &mut PgConnection, person_id: Uuid, id: Uuid, changed: u64) -> Result<bool, sqlx::Error> {
    if changed == 0 {
        return Ok(false);
    }
    sqlx::query!("select record_event($1, 'image', $2)", person_id, id).fetch_one(conn).await?;
    Ok(true)
}
