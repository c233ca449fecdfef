//! SQL of uploads. Every statement names the person, beside the policy that would hide others anyway.
use chrono::{DateTime, Utc};
use lapidary_contract::Reference;
use sqlx::PgConnection;
use uuid::Uuid;

use super::clean::Clean;
use crate::http::error::{ApiError, ApiResult};
use crate::http::paging::Keyset;
use crate::images::queries::Objects;
use crate::images::store::ImageStore;

pub struct Row {
    pub id: Uuid,
    object_prefix: String,
    extension: String,
    content_type: String,
    bytes: i64,
    width: i32,
    height: i32,
    thumbhash: String,
    created_at: DateTime<Utc>,
}

impl Row {
    /// With links that work for seven days.
    pub async fn shown(self, store: &ImageStore) -> ApiResult<Reference> {
        let pixels = |number: i32| u32::try_from(number).map_err(ApiError::internal);
        let (width, height) = (pixels(self.width)?, pixels(self.height)?);
        let objects = Objects::at(self.object_prefix, self.extension);
        let original = store.presigned(&objects.original()).await?;
        Ok(Reference {
            id: self.id,
            content_type: self.content_type,
            bytes: self.bytes,
            width,
            height,
            url: original.url,
            url_expires_at: original.expires_at,
            thumbnail_url: store.presigned(&objects.thumbnail()).await?.url,
            thumbhash: self.thumbhash,
            created_at: self.created_at,
        })
    }
}

/// Newest first, without masks and what only came along.
pub async fn list(conn: &mut PgConnection, person_id: Uuid, from: Keyset, limit: i64) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        "select id, object_prefix, extension, content_type, bytes, width, height, thumbhash, created_at
         from reference_images
         where person_id = $1 and deleted_at is null and not is_mask and not is_passing and (created_at, id) < ($2, $3)
         order by created_at desc, id desc limit $4",
        person_id,
        from.before_at,
        from.before_id,
        limit
    )
    .fetch_all(conn)
    .await
}

pub async fn get(conn: &mut PgConnection, person_id: Uuid, id: Uuid) -> Result<Row, sqlx::Error> {
    sqlx::query_as!(
        Row,
        "select id, object_prefix, extension, content_type, bytes, width, height, thumbhash, created_at
         from reference_images where person_id = $1 and id = $2 and deleted_at is null",
        person_id,
        id
    )
    .fetch_one(conn)
    .await
}

/// What the same file became before, where it is still there.
pub async fn of_file(
    conn: &mut PgConnection,
    person_id: Uuid,
    fingerprint: &[u8],
    is_mask: bool,
) -> Result<Option<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        "select id, object_prefix, extension, content_type, bytes, width, height, thumbhash, created_at
         from reference_images
         where person_id = $1 and fingerprint = $2 and is_mask = $3 and deleted_at is null",
        person_id,
        fingerprint,
        is_mask
    )
    .fetch_optional(conn)
    .await
}

/// A file that came along with a request before is now uploaded to stay. False: it did not, or stays already.
pub async fn keep_for_good(conn: &mut PgConnection, person_id: Uuid, fingerprint: &[u8]) -> Result<bool, sqlx::Error> {
    let kept = sqlx::query!(
        "update reference_images set is_passing = false
         where person_id = $1 and fingerprint = $2 and is_passing and deleted_at is null",
        person_id,
        fingerprint
    )
    .execute(conn)
    .await?;
    Ok(kept.rows_affected() > 0)
}

/// A mask, or what only came along, is the newest again: it is in use.
pub async fn use_again(
    conn: &mut PgConnection,
    person_id: Uuid,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update reference_images set created_at = $3 where person_id = $1 and id = $2 and (is_mask or is_passing)",
        person_id,
        id,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Uploads of this person that are not deleted, without masks and what only came along.
pub async fn count(conn: &mut PgConnection, person_id: Uuid) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from reference_images
           where person_id = $1 and deleted_at is null and not is_mask and not is_passing"#,
        person_id
    )
    .fetch_one(conn)
    .await
}

/// Of masks, or of what only came along. Their objects go with the sweep of orphans.
pub async fn forget_older(
    conn: &mut PgConnection,
    person_id: Uuid,
    is_mask: bool,
    kept: i64,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update reference_images set deleted_at = $4
         where person_id = $1 and id in (
           select id from reference_images
           where person_id = $1 and deleted_at is null and is_mask = $2 and (is_mask or is_passing)
           order by created_at desc, id desc offset $3
         )",
        person_id,
        is_mask,
        kept,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub struct New<'a> {
    pub person_id: Uuid,
    pub object_prefix: &'a str,
    pub clean: &'a Clean,
    pub is_mask: bool,
    pub is_passing: bool,
    pub fingerprint: &'a [u8],
    pub now: DateTime<Utc>,
}

/// A new one, or a deleted one that comes back with other objects. `None`: the same file came twice at once, and the other
/// was first.
pub async fn add(conn: &mut PgConnection, id: Uuid, new: &New<'_>) -> ApiResult<Option<Uuid>> {
    let Clean { bytes, content_type, extension, width, height, thumbhash, .. } = new.clean;
    let signed = |number: u32| i32::try_from(number).map_err(ApiError::internal);
    let added = sqlx::query_scalar!(
        "insert into reference_images as r (id, person_id, object_prefix, extension, content_type, bytes, width, height,
           thumbhash, is_mask, fingerprint, created_at, is_passing)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         on conflict on constraint reference_images_once do update
         set object_prefix = excluded.object_prefix, extension = excluded.extension, bytes = excluded.bytes,
           content_type = excluded.content_type, width = excluded.width, height = excluded.height,
           thumbhash = excluded.thumbhash, created_at = excluded.created_at, is_passing = excluded.is_passing,
           deleted_at = null
         where r.deleted_at is not null
         returning id",
        id,
        new.person_id,
        new.object_prefix,
        extension,
        content_type,
        i64::try_from(bytes.len()).map_err(ApiError::internal)?,
        signed(*width)?,
        signed(*height)?,
        thumbhash,
        new.is_mask,
        new.fingerprint,
        new.now,
        new.is_passing
    )
    .fetch_optional(conn)
    .await?;
    Ok(added)
}

/// True where it was there.
pub async fn discard(
    conn: &mut PgConnection,
    person_id: Uuid,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Objects>, sqlx::Error> {
    let row = sqlx::query!(
        "update reference_images set deleted_at = $3 where person_id = $1 and id = $2 and deleted_at is null
         returning object_prefix, extension",
        person_id,
        id,
        now
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Objects::at(row.object_prefix, row.extension)))
}

/// Whether something unfinished is made from it.
pub async fn is_in_use(conn: &mut PgConnection, person_id: Uuid, id: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (
             select from generations g
             where g.person_id = $1 and g.status in ('queued', 'running')
               and (g.mask_id = $2 or g.made_from @> jsonb_build_array(jsonb_build_object('reference_id', $2::uuid)))
           ) as "is!""#,
        person_id,
        id
    )
    .fetch_one(conn)
    .await
}
