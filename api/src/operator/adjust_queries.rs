//! SQL of adjustments, which only the house adds. A row is never changed.
use chrono::{DateTime, Utc};
use lapidary_contract::domain::Gems;
use sqlx::PgConnection;
use uuid::Uuid;

pub struct NewAdjustment<'a> {
    pub id: Uuid,
    pub account_id: Uuid,
    pub gems: Gems,
    pub operator_id: Uuid,
    pub key: &'a str,
    pub fingerprint: &'a [u8],
    pub now: DateTime<Utc>,
}

/// False: the key was used before.
pub async fn add(conn: &mut PgConnection, new: &NewAdjustment<'_>) -> Result<bool, sqlx::Error> {
    let added = sqlx::query!(
        "insert into gem_adjustments (id, account_id, gems, operator_id, idempotency_key, fingerprint, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict on constraint gem_adjustments_idempotency_unique do nothing",
        new.id,
        new.account_id,
        new.gems,
        new.operator_id,
        new.key,
        new.fingerprint,
        new.now
    )
    .execute(conn)
    .await?;
    Ok(added.rows_affected() == 1)
}

pub struct Adjusted {
    pub id: Uuid,
    pub gems: Gems,
    pub fingerprint: Vec<u8>,
    pub created_at: DateTime<Utc>,
}

pub async fn by_key(conn: &mut PgConnection, operator_id: Uuid, key: &str) -> Result<Option<Adjusted>, sqlx::Error> {
    sqlx::query_as!(
        Adjusted,
        "select id, gems, fingerprint, created_at from gem_adjustments where operator_id = $1 and idempotency_key = $2",
        operator_id,
        key
    )
    .fetch_optional(conn)
    .await
}

/// Open pages show the new balance.
pub async fn tell(conn: &mut PgConnection, person_id: Uuid, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("select record_event($1, 'gems', $2)", person_id, id).fetch_one(conn).await?;
    Ok(())
}
