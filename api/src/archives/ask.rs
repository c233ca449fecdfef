//! Asks for a zip once: what comes again with its key is the same one, and so many may be unfinished at a time.
use sqlx::PgConnection;
use uuid::Uuid;

use super::queries::{self, NewArchive};
use crate::http::error::{ApiError, ApiResult};

const AGAIN_AFTER_SECONDS: u64 = 60;

/// The id of the earlier one with this key, or of a new one of `image_ids`.
pub async fn ask(
    conn: &mut PgConnection,
    person_id: Uuid,
    new: &NewArchive<'_>,
    unfinished_max: i64,
    image_ids: impl AsyncFnOnce(&mut PgConnection) -> ApiResult<Vec<Uuid>>,
) -> ApiResult<Uuid> {
    let earlier = match new.key {
        Some(key) => queries::by_key(conn, person_id, new.kind, key).await?,
        None => None,
    };
    match earlier {
        Some(earlier) if earlier.fingerprint == new.fingerprint => return Ok(earlier.id),
        Some(_) => return Err(ApiError::IdempotencyKeyReused),
        None => {}
    }
    let image_ids = image_ids(conn).await?;
    if queries::unfinished(conn, person_id, new.kind).await? >= unfinished_max {
        return Err(ApiError::RateLimited { retry_after_seconds: AGAIN_AFTER_SECONDS });
    }
    if queries::add(conn, person_id, new, &image_ids).await? {
        return Ok(new.id);
    }
    // The same request was a moment quicker.
    let earlier = queries::by_key(conn, person_id, new.kind, new.key.unwrap_or_default()).await?;
    let same = earlier.filter(|earlier| earlier.fingerprint == new.fingerprint);
    Ok(same.ok_or(ApiError::IdempotencyKeyReused)?.id)
}
