//! SQL of archives as their person sees them.
use chrono::{DateTime, Utc};
use lapidary_contract::{ArchiveStatus, ImageArchive};
use sqlx::PgConnection;
use uuid::Uuid;

use super::kind::Kind;
use crate::http::error::{ApiError, ApiResult};
use crate::http::paging::Keyset;
use crate::images::store::ImageStore;

pub struct NewArchive<'a> {
    pub id: Uuid,
    pub kind: Kind,
    pub key: Option<&'a str>,
    pub fingerprint: &'a [u8],
    pub request_id: &'a str,
    pub now: DateTime<Utc>,
}

/// False where this key has one already. One of everything counts the images, and names none.
pub async fn add(
    conn: &mut PgConnection,
    person_id: Uuid,
    new: &NewArchive<'_>,
    image_ids: &[Uuid],
) -> Result<bool, sqlx::Error> {
    let added = sqlx::query!(
        "with added as (
           insert into image_archives (id, person_id, idempotency_key, fingerprint, request_id, status, image_ids, created_at,
             kind, image_count)
           values ($1, $2, $3, $4, $5, 'queued', $6, $7, $8,
             case $8 when 'everything' then (select count(*)::int from images where person_id = $2) end)
           on conflict on constraint image_archives_idempotency_unique do nothing returning id
         )
         select record_event($2, 'archive', id) from added",
        new.id,
        person_id,
        new.key,
        new.fingerprint,
        new.request_id,
        image_ids,
        new.now,
        new.kind.name()
    )
    .fetch_optional(conn)
    .await?;
    Ok(added.is_some())
}

pub struct Earlier {
    pub id: Uuid,
    pub fingerprint: Vec<u8>,
}

pub async fn by_key(
    conn: &mut PgConnection,
    person_id: Uuid,
    kind: Kind,
    key: &str,
) -> Result<Option<Earlier>, sqlx::Error> {
    sqlx::query_as!(
        Earlier,
        "select id, fingerprint from image_archives where person_id = $1 and kind = $2 and idempotency_key = $3",
        person_id,
        kind.name(),
        key
    )
    .fetch_optional(conn)
    .await
}

pub async fn unfinished(conn: &mut PgConnection, person_id: Uuid, kind: Kind) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from image_archives
           where person_id = $1 and kind = $2 and status in ('queued', 'running')"#,
        person_id,
        kind.name()
    )
    .fetch_one(conn)
    .await
}

/// Which of these there are, newest first; what is in the trash is not.
pub async fn known_images(conn: &mut PgConnection, person_id: Uuid, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "select id from images where person_id = $1 and id = any($2) and deleted_at is null
         order by created_at desc, id desc",
        person_id,
        ids
    )
    .fetch_all(conn)
    .await
}

/// 404 where the collection is not theirs.
pub async fn images_of_collection(
    conn: &mut PgConnection,
    person_id: Uuid,
    collection_id: Uuid,
    limit: i64,
) -> ApiResult<Vec<Uuid>> {
    sqlx::query!("select id from collections where person_id = $1 and id = $2", person_id, collection_id)
        .fetch_optional(&mut *conn)
        .await?
        .ok_or(ApiError::NotFound)?;
    let ids = sqlx::query_scalar!(
        "select i.id from collection_images t join images i on i.id = t.image_id
         where t.person_id = $1 and t.collection_id = $2 and i.person_id = $1 and i.deleted_at is null
         order by i.created_at desc, i.id desc limit $3",
        person_id,
        collection_id,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

struct Row {
    id: Uuid,
    kind: String,
    status: String,
    image_count: i64,
    done_count: i32,
    object_key: Option<String>,
    bytes: Option<i64>,
    failure: Option<String>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
}

macro_rules! rows {
    ($which:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            Row,
            r#"select id, kind, status, coalesce(image_count, cardinality(image_ids))::bigint as "image_count!", done_count,
                 object_key, bytes, failure, created_at, finished_at, expires_at from image_archives "# + $which,
            $($argument),+
        )
    };
}

/// One of everything has the same fields.
pub async fn get(
    conn: &mut PgConnection,
    store: &ImageStore,
    person_id: Uuid,
    kind: Kind,
    id: Uuid,
) -> ApiResult<ImageArchive> {
    let row = rows!("where person_id = $1 and kind = $2 and id = $3", person_id, kind.name(), id);
    shown(store, row.fetch_one(conn).await?).await
}

/// Of both kinds, in no order; what does not exist is missing.
pub async fn get_many(
    conn: &mut PgConnection,
    store: &ImageStore,
    person_id: Uuid,
    ids: &[Uuid],
) -> ApiResult<Vec<(Kind, ImageArchive)>> {
    let mut archives = Vec::with_capacity(ids.len());
    for row in rows!("where person_id = $1 and id = any($2)", person_id, ids).fetch_all(conn).await? {
        archives.push((Kind::of(&row.kind), shown(store, row).await?));
    }
    Ok(archives)
}

pub async fn list(
    conn: &mut PgConnection,
    store: &ImageStore,
    person_id: Uuid,
    kind: Kind,
    from: Keyset,
    limit: i64,
) -> ApiResult<Vec<ImageArchive>> {
    let rows = rows!(
        "where person_id = $1 and kind = $2 and (created_at, id) < ($3, $4) order by created_at desc, id desc limit $5",
        person_id,
        kind.name(),
        from.before_at,
        from.before_id,
        limit
    )
    .fetch_all(conn)
    .await?;
    let mut archives = Vec::with_capacity(rows.len());
    for row in rows {
        archives.push(shown(store, row).await?);
    }
    Ok(archives)
}

/// Whoever makes it finds that it is nobody's any more. True when it was there.
pub async fn delete(
    conn: &mut PgConnection,
    person_id: Uuid,
    kind: Kind,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let gone = sqlx::query!(
        "with gone as (
           update image_archives set status = 'expired', lease_until = null, expires_at = $3,
             finished_at = coalesce(finished_at, $3)
           where person_id = $1 and id = $2 and kind = $4 and status <> 'expired' returning id
         )
         select record_event($1, 'archive', id) from gone",
        person_id,
        id,
        now,
        kind.name()
    )
    .fetch_optional(conn)
    .await?;
    Ok(gone.is_some())
}

async fn shown(store: &ImageStore, row: Row) -> ApiResult<ImageArchive> {
    let status = match row.status.as_str() {
        "queued" => ArchiveStatus::Queued,
        "running" => ArchiveStatus::Running,
        "ready" => ArchiveStatus::Ready,
        "failed" => ArchiveStatus::Failed,
        "expired" => ArchiveStatus::Expired,
        other => return Err(ApiError::internal(format!("archive {}: unknown status {other}", row.id))),
    };
    let link = match &row.object_key {
        Some(key) if status == ArchiveStatus::Ready => {
            let stem = Kind::of(&row.kind).file_stem();
            let filename = format!("{stem}-{}.zip", row.created_at.format("%Y-%m-%d"));
            Some(store.presigned_download(key, &filename, "application/zip").await?)
        }
        _ => None,
    };
    let (url, url_expires_at) = link.map(|link| (link.url, link.expires_at)).unzip();
    Ok(ImageArchive {
        id: row.id,
        status,
        image_count: row.image_count,
        done_count: row.done_count.into(),
        bytes: row.bytes.filter(|_| status == ArchiveStatus::Ready),
        url,
        url_expires_at,
        failure: row.failure,
        created_at: row.created_at,
        finished_at: row.finished_at,
        expires_at: row.expires_at,
    })
}
