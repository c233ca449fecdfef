//! SQL of the jobs that make archives and throw them away. House only; what changes is announced in the same statement.
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::kind::Kind;

/// An archive that this process makes now.
pub struct Claimed {
    pub id: Uuid,
    pub kind: String,
    pub person_id: Uuid,
    pub request_id: String,
    pub image_ids: Vec<Uuid>,
    pub attempt: i32,
    pub created_at: DateTime<Utc>,
    /// Of an earlier attempt that came to no end.
    pub upload_id: Option<String>,
}

impl Claimed {
    pub fn kind(&self) -> Kind {
        Kind::of(&self.kind)
    }

    pub fn key(&self) -> String {
        key(self.kind(), self.person_id, self.id, self.attempt)
    }

    pub fn earlier_key(&self) -> String {
        key(self.kind(), self.person_id, self.id, self.attempt - 1)
    }
}

fn key(kind: Kind, person_id: Uuid, id: Uuid, attempt: i32) -> String {
    format!("users/{person_id}/{}/{id}/{attempt}.zip", kind.folder())
}

/// The one that waits longest, or whose worker is gone; of those who have none running first.
pub async fn claim(house: &PgPool, now: DateTime<Utc>, lease: TimeDelta) -> Result<Option<Claimed>, sqlx::Error> {
    sqlx::query_as!(
        Claimed,
        r#"with chosen as (
             select a.id from image_archives a
             where a.status = 'queued' or (a.status = 'running' and a.lease_until < $1)
             order by exists (
               select from image_archives o where o.person_id = a.person_id and o.status = 'running' and o.lease_until >= $1
             ), a.created_at limit 1
             for update of a skip locked
           ),
           claimed as (
             update image_archives a set status = 'running', attempt = a.attempt + 1, lease_until = $2, done_count = 0
             from chosen where a.id = chosen.id
             returning a.id, a.kind, a.person_id, a.request_id, a.image_ids, a.attempt, a.created_at, a.upload_id
           ),
           told as materialized (select record_event(person_id, 'archive', id) from claimed)
           select id, kind, person_id, request_id, image_ids, attempt, created_at, upload_id from claimed, told"#,
        now,
        now + lease
    )
    .fetch_optional(house)
    .await
}

/// False when it is another's now, or nobody's.
pub async fn beat(house: &PgPool, job: &Claimed, done: i32, until: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let kept = sqlx::query!(
        "with before as (
           select id, done_count from image_archives where id = $1 and attempt = $2 and status = 'running' for update
         ),
         kept as (
           update image_archives a set lease_until = $3, done_count = $4 from before b where a.id = b.id
           returning a.id, a.person_id, b.done_count <> $4 as is_further
         ),
         told as materialized (select record_event(person_id, 'archive', id) from kept where is_further)
         select id, (select count(*) from told) as told from kept",
        job.id,
        job.attempt,
        until,
        done
    )
    .fetch_optional(house)
    .await?;
    Ok(kept.is_some())
}

/// So that whoever comes next can end it.
pub async fn note_upload(house: &PgPool, job: &Claimed, upload_id: Option<&str>) -> Result<bool, sqlx::Error> {
    let noted = sqlx::query!(
        "update image_archives set upload_id = $3 where id = $1 and attempt = $2",
        job.id,
        job.attempt,
        upload_id
    )
    .execute(house)
    .await?;
    Ok(noted.rows_affected() > 0)
}

/// An image as the archive takes it along.
pub struct Pictured {
    pub id: Uuid,
    pub generation_id: Uuid,
    pub object_prefix: String,
    pub extension: String,
    pub content_type: String,
    pub bytes: i64,
    pub width: i32,
    pub height: i32,
    pub price_gems: i64,
    pub created_at: DateTime<Utc>,
    pub prompt: String,
    pub attributes: serde_json::Value,
    pub model: String,
    pub quality: String,
    pub revised_prompt: Option<String>,
    pub digital_source_type: String,
}

/// In the order that is asked for; what is erased is missing.
pub async fn images(house: &PgPool, person_id: Uuid, ids: &[Uuid]) -> Result<Vec<Pictured>, sqlx::Error> {
    sqlx::query_as!(
        Pictured,
        "select i.id, i.generation_id, i.object_prefix, i.extension, i.content_type, i.bytes, i.width, i.height,
           i.price_gems, i.created_at, i.prompt, i.attributes, i.model, i.quality, i.revised_prompt,
           i.digital_source_type
         from unnest($2::uuid[]) with ordinality as w (id, place) join images i on i.id = w.id
         where i.person_id = $1 order by w.place",
        person_id,
        ids
    )
    .fetch_all(house)
    .await
}

pub async fn bytes_of(house: &PgPool, person_id: Uuid, ids: &[Uuid]) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select coalesce(sum(bytes), 0)::bigint as "bytes!" from images where person_id = $1 and id = any($2)"#,
        person_id,
        ids
    )
    .fetch_one(house)
    .await
}

/// None where the person is gone.
pub async fn account_of(house: &PgPool, person_id: Uuid) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar!("select account_id from account_links where person_id = $1", person_id)
        .fetch_optional(house)
        .await
}

/// Of all images, in the trash too, and of what was uploaded.
pub async fn bytes_of_all(house: &PgPool, person_id: Uuid) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select ((select coalesce(sum(bytes), 0) from images where person_id = $1)
             + (select coalesce(sum(bytes), 0) from reference_images where person_id = $1))::bigint as "bytes!""#,
        person_id
    )
    .fetch_one(house)
    .await
}

/// The fence: false when it is another's now, or nobody's.
pub async fn ready(
    conn: &mut PgConnection,
    job: &Claimed,
    bytes: i64,
    done: i32,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let ended = sqlx::query!(
        "with ended as (
           update image_archives set status = 'ready', lease_until = null, upload_id = null, object_key = $3, bytes = $4,
             done_count = $5, finished_at = $6, expires_at = $7
           where id = $1 and attempt = $2 and status = 'running' returning id, person_id
         )
         select record_event(person_id, 'archive', id) from ended",
        job.id,
        job.attempt,
        job.key(),
        bytes,
        done,
        now,
        expires_at
    )
    .fetch_optional(conn)
    .await?;
    Ok(ended.is_some())
}

/// It goes on after a while, with another attempt.
pub async fn again(house: &PgPool, job: &Claimed, at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update image_archives set lease_until = $3 where id = $1 and attempt = $2 and status = 'running'",
        job.id,
        job.attempt,
        at
    )
    .execute(house)
    .await?;
    Ok(())
}

/// Back into the queue at once: this process ends.
pub async fn give_back(house: &PgPool, job: &Claimed) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update image_archives set status = 'queued', lease_until = null
         where id = $1 and attempt = $2 and status = 'running'",
        job.id,
        job.attempt
    )
    .execute(house)
    .await?;
    Ok(())
}

pub async fn fail(house: &PgPool, job: &Claimed, failure: &str, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "with ended as (
           update image_archives set status = 'failed', lease_until = null, failure = $3, finished_at = $4
           where id = $1 and attempt = $2 and status = 'running' returning id, person_id
         )
         select record_event(person_id, 'archive', id) from ended",
        job.id,
        job.attempt,
        failure,
        now
    )
    .fetch_optional(house)
    .await?;
    Ok(())
}

/// Whose archives have become too old now.
pub async fn expire(house: &PgPool, now: DateTime<Utc>) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"with expired as (
             update image_archives set status = 'expired' where status = 'ready' and expires_at <= $1
             returning id, person_id
           ),
           told as materialized (select person_id, record_event(person_id, 'archive', id) from expired)
           select distinct person_id as "person_id!" from told"#,
        now
    )
    .fetch_all(house)
    .await
}

/// What of an archive that nobody can have any more still lies in storage.
pub struct Remains {
    pub id: Uuid,
    pub object_key: Option<String>,
    pub upload_id: Option<String>,
    pub upload_key: String,
}

pub async fn remains(house: &PgPool, limit: i64) -> Result<Vec<Remains>, sqlx::Error> {
    let rows = sqlx::query!(
        "select id, kind, person_id, attempt, object_key, upload_id from image_archives
         where status in ('expired', 'failed') and (object_key is not null or upload_id is not null) limit $1",
        limit
    )
    .fetch_all(house)
    .await?;
    let remains = rows.into_iter().map(|row| Remains {
        id: row.id,
        object_key: row.object_key,
        upload_id: row.upload_id,
        upload_key: key(Kind::of(&row.kind), row.person_id, row.id, row.attempt),
    });
    Ok(remains.collect())
}

pub async fn is_gone(house: &PgPool, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    sqlx::query!("update image_archives set object_key = null, upload_id = null where id = any($1)", ids)
        .execute(house)
        .await?;
    Ok(())
}

/// Rows of which nothing is left.
pub async fn forget(house: &PgPool, before: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from image_archives where status in ('expired', 'failed') and object_key is null and upload_id is null
           and created_at < $1",
        before
    )
    .execute(house)
    .await?;
    Ok(())
}
