//! SQL of erasing all images and uploads of somebody who stays. House only.
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// Into the trash, so that nobody sees them from now on; how many.
pub async fn hide(house: &PgPool, person_id: Uuid, made_until: DateTime<Utc>, most: i64) -> Result<u64, sqlx::Error> {
    let hidden = sqlx::query!(
        "update images set deleted_at = $2 where id in (
           select id from images where person_id = $1 and created_at <= $2 and deleted_at is null
           order by id limit $3 for update
         )",
        person_id,
        made_until,
        most
    )
    .execute(house)
    .await?;
    Ok(hidden.rows_affected())
}

/// Which of these places belong to what goes. What no row knows may be in the making.
pub async fn going(
    house: &PgPool,
    person_id: Uuid,
    made_until: DateTime<Utc>,
    prefixes: &[String],
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select object_prefix as "prefix!" from images
           where person_id = $1 and created_at <= $2 and object_prefix collate "C" = any($3)
           union all
           select object_prefix from reference_images
           where person_id = $1 and created_at <= $2 and object_prefix collate "C" = any($3)"#,
        person_id,
        made_until,
        prefixes
    )
    .fetch_all(house)
    .await
}

/// Uploads, and archives with pictures in them: their objects are gone.
pub async fn erase_uploads_and_archives(
    conn: &mut PgConnection,
    person_id: Uuid,
    made_until: DateTime<Utc>,
) -> Result<(i64, i64), sqlx::Error> {
    let row = sqlx::query!(
        r#"with uploads as (
             delete from reference_images where person_id = $1 and created_at <= $2 returning id
           ),
           archives as (
             delete from image_archives where person_id = $1 and created_at <= $2 returning id
           )
           select (select count(*) from uploads) as "uploads!", (select count(*) from archives) as "archives!""#,
        person_id,
        made_until
    )
    .fetch_one(conn)
    .await?;
    Ok((row.uploads, row.archives))
}
