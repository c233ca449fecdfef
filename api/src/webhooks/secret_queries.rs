//! SQL of secrets, sealed as they are. A signed-in request can add one and end one, and never read one.
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

pub async fn add(
    conn: &mut PgConnection,
    person_id: Uuid,
    endpoint_id: Uuid,
    sealed: &[u8],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into webhook_secrets (id, endpoint_id, person_id, sealed, created_at) values ($1, $2, $3, $4, $5)",
        Uuid::now_v7(),
        endpoint_id,
        person_id,
        sealed,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What signs now signs until then; what was replaced before ends at once.
pub async fn end_current(
    conn: &mut PgConnection,
    person_id: Uuid,
    endpoint_id: Uuid,
    expires_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from webhook_secrets where person_id = $1 and endpoint_id = $2 and expires_at is not null",
        person_id,
        endpoint_id
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update webhook_secrets set expires_at = $3 where person_id = $1 and endpoint_id = $2",
        person_id,
        endpoint_id,
        expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub struct Sealed {
    pub id: Uuid,
    pub endpoint_id: Uuid,
    pub sealed: Vec<u8>,
}

/// Everybody's, by id.
pub async fn sealed_after(house: &PgPool, after: Uuid, limit: i64) -> Result<Vec<Sealed>, sqlx::Error> {
    sqlx::query_as!(
        Sealed,
        "select id, endpoint_id, sealed from webhook_secrets where id > $1 order by id limit $2",
        after,
        limit
    )
    .fetch_all(house)
    .await
}

/// Unless somebody else did meanwhile.
pub async fn replace(house: &PgPool, id: Uuid, before: &[u8], after: &[u8]) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!("update webhook_secrets set sealed = $3 where id = $1 and sealed = $2", id, before, after)
        .execute(house)
        .await?;
    Ok(done.rows_affected())
}
