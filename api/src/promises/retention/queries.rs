//! SQL of what is nothing but rows: each deletes one piece and gives how many went. House only.
use chrono::{DateTime, Utc};
use sqlx::PgPool;
use uuid::Uuid;

use crate::images::queries::Objects;

pub async fn forget_events(house: &PgPool, before: DateTime<Utc>, rows: i64) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query!(
        "delete from events where id in (select id from events where created_at < $1 limit $2)",
        before,
        rows
    );
    Ok(gone.execute(house).await?.rows_affected())
}

/// Ended before then, by its person or by its date.
pub async fn forget_shares(house: &PgPool, before: DateTime<Utc>, rows: i64) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query!(
        "delete from share_links where id in (
           select id from share_links
           where (revoked_at is not null or expires_at is not null) and least(revoked_at, expires_at) < $1 limit $2
         )",
        before,
        rows
    );
    Ok(gone.execute(house).await?.rows_affected())
}

pub async fn forget_notices(house: &PgPool, before: DateTime<Utc>, rows: i64) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query!(
        "delete from notices where id in (
           select id from notices where read_at < $1 and kind <> 'policy' limit $2
         )",
        before,
        rows
    );
    Ok(gone.execute(house).await?.rows_affected())
}

pub async fn forget_flags(house: &PgPool, before: DateTime<Utc>, rows: i64) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query!(
        "delete from flags where id in (select id from flags where closed_at < $1 limit $2)",
        before,
        rows
    );
    Ok(gone.execute(house).await?.rows_affected())
}

pub async fn forget_acts(house: &PgPool, before: DateTime<Utc>, rows: i64) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query!(
        "delete from audit_log where id in (select id from audit_log where created_at < $1 order by created_at limit $2)",
        before,
        rows
    );
    Ok(gone.execute(house).await?.rows_affected())
}

pub async fn forget_sweeps(house: &PgPool, before: DateTime<Utc>, rows: i64) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query!(
        "delete from sweep_runs where id in (
           select r.id from sweep_runs r
           where r.started_at < $1 and exists (
             select from sweep_runs newer
             where newer.kind = r.kind and newer.started_at > r.started_at
               and (newer.finished_at is not null or r.finished_at is null)
           ) limit $2
         )",
        before,
        rows
    );
    Ok(gone.execute(house).await?.rows_affected())
}

/// The one that says how far the vendor's events were read stays.
pub async fn forget_reconciliations(house: &PgPool, before: DateTime<Utc>, rows: i64) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query!(
        "delete from reconcile_runs where id in (
           select id from reconcile_runs
           where started_at < $1 and id is distinct from (
             select id from reconcile_runs where events_until is not null order by events_until desc, id desc limit 1
           ) limit $2
         )",
        before,
        rows
    );
    Ok(gone.execute(house).await?.rows_affected())
}

/// Masks, and what only came along, that were used last before then: from now on they are deleted. Gives how many.
pub async fn put_off_references(
    house: &PgPool,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
    rows: i64,
) -> Result<u64, sqlx::Error> {
    let marked = sqlx::query!(
        "update reference_images set deleted_at = $2
         where deleted_at is null and (is_mask or is_passing) and created_at < $1 and id in (
           select id from reference_images
           where deleted_at is null and (is_mask or is_passing) and created_at < $1 limit $3 for update skip locked
         )",
        before,
        now,
        rows
    );
    Ok(marked.execute(house).await?.rows_affected())
}

pub struct Deleted {
    pub id: Uuid,
    pub objects: Objects,
}

/// Deleted before then, longest first, of people for whom nothing is unfinished: it may be made from them.
pub async fn deleted_references(house: &PgPool, before: DateTime<Utc>, rows: i64) -> Result<Vec<Deleted>, sqlx::Error> {
    let rows = sqlx::query!(
        "select r.id, r.object_prefix, r.extension from reference_images r
         where r.deleted_at < $1 and not exists (
           select from generations g where g.person_id = r.person_id and g.status in ('queued', 'running')
         ) order by r.deleted_at limit $2",
        before,
        rows
    )
    .fetch_all(house)
    .await?;
    let deleted = |id, prefix, extension| Deleted { id, objects: Objects::at(prefix, extension) };
    Ok(rows.into_iter().map(|row| deleted(row.id, row.object_prefix, row.extension)).collect())
}

/// One that came back meanwhile, with other objects, stays.
pub async fn forget_references(house: &PgPool, ids: &[Uuid], before: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query!("delete from reference_images where id = any($1) and deleted_at < $2", ids, before);
    Ok(gone.execute(house).await?.rows_affected())
}

pub async fn put_aside_references(house: &PgPool, ids: &[Uuid], now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    let aside = sqlx::query!(
        "update reference_images set deleted_at = $2 where id = any($1) and deleted_at is not null",
        ids,
        now
    );
    aside.execute(house).await?;
    Ok(())
}
