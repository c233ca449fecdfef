//! SQL of the job that empties the trash, of everyone. House only.
use chrono::{DateTime, Utc};
use sqlx::PgPool;
use uuid::Uuid;

use super::queries::Objects;

pub struct Expired {
    pub id: Uuid,
    pub objects: Objects,
}

/// What has been in the trash since before `before`.
pub async fn expired(
    house: &PgPool,
    before: DateTime<Utc>,
    tried_before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Expired>, sqlx::Error> {
    let rows = sqlx::query!(
        "select id, object_prefix, extension from images
         where deleted_at < $1 and (erase_tried_at is null or erase_tried_at < $2) order by deleted_at limit $3",
        before,
        tried_before,
        limit
    )
    .fetch_all(house)
    .await?;
    let expired = |id, prefix, extension| Expired { id, objects: Objects::at(prefix, extension) };
    Ok(rows.into_iter().map(|row| expired(row.id, row.object_prefix, row.extension)).collect())
}

/// The share stays with the generation: the audit counts on it.
pub async fn erase(house: &PgPool, ids: &[Uuid], before: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "with erased as (
           delete from images where id = any($1) and deleted_at < $2 returning generation_id, price_gems
         )
         update generations g set erased_gems = g.erased_gems + e.gems
         from (select generation_id, sum(price_gems)::bigint as gems from erased group by generation_id) e
         where g.id = e.generation_id",
        ids,
        before
    )
    .execute(house)
    .await?;
    Ok(())
}

/// The others go first for a while.
pub async fn put_aside(house: &PgPool, ids: &[Uuid], now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("update images set erase_tried_at = $2 where id = any($1)", ids, now).execute(house).await?;
    Ok(())
}
