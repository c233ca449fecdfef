//! SQL of what a generation is made from. Every statement names the person, beside the policy that would hide others anyway.
use sqlx::PgConnection;
use uuid::Uuid;

pub struct Found {
    pub id: Uuid,
    pub object_prefix: String,
    pub extension: String,
    pub content_type: String,
    pub bytes: i64,
    pub width: i32,
    pub height: i32,
}

/// Held against deletion until the transaction ends.
pub async fn uploads(
    conn: &mut PgConnection,
    person_id: Uuid,
    ids: &[Uuid],
    is_mask: bool,
) -> Result<Vec<Found>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as!(
        Found,
        "select id, object_prefix, extension, content_type, bytes, width, height from reference_images
         where person_id = $1 and id = any($2) and is_mask = $3 and deleted_at is null for share",
        person_id,
        ids,
        is_mask
    )
    .fetch_all(conn)
    .await
}

/// What is in the trash is none.
pub async fn pictures(conn: &mut PgConnection, person_id: Uuid, ids: &[Uuid]) -> Result<Vec<Found>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as!(
        Found,
        "select id, object_prefix, extension, content_type, bytes, width, height from images
         where person_id = $1 and id = any($2) and deleted_at is null",
        person_id,
        ids
    )
    .fetch_all(conn)
    .await
}
