//! What keys are in the database: hashes, never keys. The look-up does not know yet who asks and runs as the house.
use chrono::{DateTime, Utc};
use lapidary_contract::{ApiKey, Scope};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::http::paging::Keyset;

/// A key that was not revoked, and whether its person may come in.
pub struct Found {
    pub id: Uuid,
    pub person_id: Uuid,
    pub account_id: Uuid,
    pub scopes: Vec<String>,
    pub daily_gems: Option<i64>,
    pub free_gems_only: bool,
    pub expires_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub is_suspended: bool,
    pub is_closing: bool,
    pub is_confirmed: bool,
}

pub async fn find(conn: impl PgExecutor<'_>, key_hash: &[u8]) -> Result<Option<Found>, sqlx::Error> {
    sqlx::query_as!(
        Found,
        r#"select k.id, k.person_id, l.account_id, k.scopes, k.daily_gems, k.free_gems_only, k.expires_at, k.last_used_at,
             p.suspended_at is not null as "is_suspended!", p.closing_at is not null as "is_closing!",
             p.age_confirmed_at is not null as "is_confirmed!"
           from api_keys k
             join people p on p.id = k.person_id
             join account_links l on l.person_id = k.person_id
           where k.key_hash = $1 and k.revoked_at is null"#,
        key_hash
    )
    .fetch_optional(conn)
    .await
}

pub async fn is_live(conn: impl PgExecutor<'_>, id: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (
             select from api_keys k join people p on p.id = k.person_id
             where k.id = $1 and k.revoked_at is null and p.suspended_at is null and p.closing_at is null
           ) as "is_live!""#,
        id
    )
    .fetch_one(conn)
    .await
}

/// Tells every process to ask about the keys of a person: something about the person changed.
pub async fn announce_all(conn: impl PgExecutor<'_>, person_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into revocations (session_id) select id from api_keys where person_id = $1 and revoked_at is null",
        person_id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Never back in time: two processes write what each has seen.
pub async fn note_uses(conn: impl PgExecutor<'_>, ids: &[Uuid], at: &[DateTime<Utc>]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update api_keys k set last_used_at = greatest(k.last_used_at, used.at)
         from unnest($1::uuid[], $2::timestamptz[]) as used (id, at) where k.id = used.id",
        ids,
        at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// When the last key but so many was made, those that ended included; what ended a month ago is forgotten.
pub async fn made_before(
    conn: &mut PgConnection,
    person_id: Uuid,
    later_keys: i64,
) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar!(
        "select created_at from api_keys where person_id = $1 order by created_at desc, id desc offset $2 limit 1",
        person_id,
        later_keys
    )
    .fetch_optional(conn)
    .await
}

/// Those that have expired, too: until they are revoked, or a month is over.
pub async fn count(conn: &mut PgConnection, person_id: Uuid) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from api_keys
           where person_id = $1 and revoked_at is null"#,
        person_id
    )
    .fetch_one(conn)
    .await
}

pub async fn add(conn: &mut PgConnection, person_id: Uuid, key: &ApiKey, hash: &[u8]) -> Result<(), sqlx::Error> {
    let scopes: Vec<String> = key.scopes.iter().map(|scope| scope.name().to_owned()).collect();
    sqlx::query!(
        "insert into api_keys
           (id, person_id, name, start, key_hash, scopes, daily_gems, free_gems_only, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        key.id,
        person_id,
        key.name,
        key.start,
        hash,
        &scopes,
        key.daily_gems,
        key.free_gems_only,
        key.created_at,
        key.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Newest first; one that expired stays in sight until it is revoked.
pub async fn list(
    conn: &mut PgConnection,
    person_id: Uuid,
    from: Keyset,
    rows: i64,
) -> Result<Vec<ApiKey>, sqlx::Error> {
    let rows = sqlx::query!(
        "select id, name, start, scopes, daily_gems, free_gems_only, created_at, expires_at, last_used_at from api_keys
         where person_id = $1 and revoked_at is null and (created_at, id) < ($2, $3)
         order by created_at desc, id desc limit $4",
        person_id,
        from.before_at,
        from.before_id,
        rows
    )
    .fetch_all(conn)
    .await?;
    let keys = rows.into_iter().map(|row| ApiKey {
        id: row.id,
        name: row.name,
        start: row.start,
        key: None,
        scopes: row.scopes.iter().filter_map(|name| Scope::from_name(name)).collect(),
        daily_gems: row.daily_gems,
        free_gems_only: row.free_gems_only,
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
    });
    Ok(keys.collect())
}

/// Ends one key, and tells every process. False: it had ended before, or is not to be seen.
pub async fn revoke(
    conn: &mut PgConnection,
    person_id: Uuid,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update api_keys set revoked_at = $3 where person_id = $1 and id = $2 and revoked_at is null",
        person_id,
        id,
        now
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!("insert into revocations (session_id) values ($1)", id).execute(conn).await?;
    Ok(true)
}

/// What ended a month ago serves nobody any more.
pub async fn sweep(conn: &mut PgConnection, ended_before: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query!("delete from api_keys where revoked_at < $1 or expires_at < $1", ended_before);
    Ok(gone.execute(conn).await?.rows_affected())
}
