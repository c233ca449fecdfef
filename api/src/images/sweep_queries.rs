//! SQL of the sweep of objects: its trace and its lease, and what the database knows of a page of keys. House only.
use chrono::{DateTime, Utc};
use sqlx::PgPool;
use uuid::Uuid;

use super::objects::ObjectVersion;

/// A run that this process goes on with.
pub struct Run {
    pub id: Uuid,
    pub is_dry_run: bool,
    cursor_key: Option<String>,
    cursor_version: Option<String>,
}

impl Run {
    pub fn cursor(&self) -> Option<ObjectVersion> {
        let version = self.cursor_version.clone();
        self.cursor_key.clone().map(|key| ObjectVersion { key, version })
    }
}

/// What one piece found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub seen: i64,
    pub deleted: i64,
    pub failed: i64,
    pub unknown: i64,
    pub missing: i64,
    /// Previews among what was deleted.
    pub deleted_previews: i64,
}

/// Whether a run that began after then came to its end.
pub async fn began_after(house: &PgPool, kind: &str, after: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (
             select from sweep_runs where kind = $1 and started_at > $2 and finished_at is not null
           ) as "began!""#,
        kind,
        after
    )
    .fetch_one(house)
    .await
}

/// Whether one that began after `after` came to its end before `before`.
pub async fn is_seen(
    house: &PgPool,
    kind: &str,
    after: DateTime<Utc>,
    before: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (
             select from sweep_runs where kind = $1 and started_at > $2 and finished_at < $3
           ) as "is_seen!""#,
        kind,
        after,
        before
    )
    .fetch_one(house)
    .await
}

pub async fn is_open(house: &PgPool, kind: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (select from sweep_runs where kind = $1 and finished_at is null) as "is_open!""#,
        kind
    )
    .fetch_one(house)
    .await
}

/// Begins one unless one is open.
pub async fn begin(house: &PgPool, kind: &str, is_dry_run: bool, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into sweep_runs (id, kind, is_dry_run, started_at) values ($1, $2, $3, $4)
         on conflict (kind) where finished_at is null do nothing",
        Uuid::now_v7(),
        kind,
        is_dry_run,
        now
    )
    .execute(house)
    .await?;
    Ok(())
}

/// The open run, unless another process goes on with it now.
pub async fn take(
    house: &PgPool,
    kind: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Option<Run>, sqlx::Error> {
    sqlx::query_as!(
        Run,
        "update sweep_runs set lease_until = $3
         where kind = $1 and finished_at is null and (lease_until is null or lease_until < $2)
         returning id, is_dry_run, cursor_key, cursor_version",
        kind,
        now,
        until
    )
    .fetch_optional(house)
    .await
}

/// Writes down how far it is; `next` says where the next piece begins, and without one the run is finished.
pub async fn go_on(
    house: &PgPool,
    id: Uuid,
    found: Counts,
    next: Option<&ObjectVersion>,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Counts, sqlx::Error> {
    sqlx::query_as!(
        Counts,
        "update sweep_runs
         set seen = seen + $2, deleted = deleted + $3, failed = failed + $4, unknown = unknown + $5,
           missing = missing + $6, cursor_key = $7, cursor_version = $8, deleted_previews = deleted_previews + $11,
           lease_until = case when $7::text is null then null else $10::timestamptz end,
           finished_at = case when $7::text is null then $9::timestamptz end
         where id = $1 and finished_at is null
         returning seen, deleted, failed, unknown, missing, deleted_previews",
        id,
        found.seen,
        found.deleted,
        found.failed,
        found.unknown,
        found.missing,
        next.map(|next| next.key.as_str()),
        next.and_then(|next| next.version.as_deref()),
        now,
        until,
        found.deleted_previews
    )
    .fetch_one(house)
    .await
}

/// For another process, or for later.
pub async fn put_down(house: &PgPool, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("update sweep_runs set lease_until = null where id = $1", id).execute(house).await?;
    Ok(())
}

pub async fn known_prefixes(house: &PgPool, prefixes: &[String]) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(r#"select object_prefix from images where object_prefix collate "C" = any($1)"#, prefixes)
        .fetch_all(house)
        .await
}

/// Deleted ones stay while their person has something unfinished: it may be made from them.
pub async fn known_references(house: &PgPool, prefixes: &[String]) -> Result<Vec<String>, sqlx::Error> {
    if prefixes.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_scalar!(
        r#"select object_prefix from reference_images r
           where object_prefix collate "C" = any($1) and (deleted_at is null or exists (
             select from generations g where g.person_id = r.person_id and g.status in ('queued', 'running')
           ))"#,
        prefixes
    )
    .fetch_all(house)
    .await
}

pub async fn known_archives(house: &PgPool, keys: &[String]) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(r#"select object_key as "key!" from image_archives where object_key = any($1)"#, keys)
        .fetch_all(house)
        .await
}

pub async fn unfinished(house: &PgPool, generations: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!("select id from generations where id = any($1) and finished_at is null", generations)
        .fetch_all(house)
        .await
}

/// Whose work runs, and since when: what they stored since may belong to it.
pub async fn running_since(house: &PgPool, people: &[Uuid]) -> Result<Vec<(Uuid, DateTime<Utc>)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select person_id, min(coalesce(started_at, created_at)) as "since!" from generations
           where person_id = any($1) and status = 'running' group by person_id"#,
        people
    )
    .fetch_all(house)
    .await?;
    Ok(rows.into_iter().map(|row| (row.person_id, row.since)).collect())
}

pub async fn pictures(house: &PgPool, people: &[Uuid]) -> Result<Vec<(Uuid, Option<String>)>, sqlx::Error> {
    let rows = sqlx::query!("select id, picture_key from people where id = any($1)", people).fetch_all(house).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.picture_key)).collect())
}

/// The next images by the place of their objects, from `from` on: old enough to be stored, and not due for the trash.
pub async fn images_from(
    house: &PgPool,
    from: &str,
    made_before: DateTime<Utc>,
    erased_before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(String, String)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select object_prefix, extension from images
           where object_prefix collate "C" > $1 and created_at < $2 and (deleted_at is null or deleted_at >= $3)
           order by object_prefix collate "C" limit $4"#,
        from,
        made_before,
        erased_before,
        limit
    )
    .fetch_all(house)
    .await?;
    Ok(rows.into_iter().map(|row| (row.object_prefix, row.extension)).collect())
}

/// A stretch of keys: behind `from` and up to `to`; rows whose objects may lie in it have a prefix behind `after`.
#[derive(Clone, Copy)]
pub struct Between<'a> {
    pub after: &'a str,
    pub from: &'a str,
    pub to: &'a str,
}

/// Objects of uploads and of archives that rows know and `present` lacks. Counted there: where a whole bucket is gone, they are many.
pub async fn missing_of_others(
    house: &PgPool,
    between: Between<'_>,
    present: &[String],
    made_before: DateTime<Utc>,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select count(*) as "missing!"
           from (
             select r.object_prefix || '/' || f.file as key
             from reference_images r
               cross join lateral (values ('original.' || r.extension), ('thumbnail.webp')) as f (file)
             where r.object_prefix collate "C" > $1 and r.object_prefix collate "C" < $3
               and r.deleted_at is null and r.created_at < $5
             union all
             select a.object_key from image_archives a where a.status = 'ready' and a.finished_at < $5
           ) known
           where known.key collate "C" > $2 and known.key collate "C" <= $3
             and not exists (select from unnest($4::text[]) as p (key) where p.key = known.key)"#,
        between.after,
        between.from,
        between.to,
        present,
        made_before
    )
    .fetch_one(house)
    .await
}
