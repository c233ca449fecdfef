//! SQL of the looks at promises. House only; gives counts and times, never whose.
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

pub struct Connection {
    pub is_encrypted: bool,
    pub version: Option<String>,
}

/// As the server sees the very connection that asks.
pub async fn connection(conn: &mut PgConnection) -> Result<Connection, sqlx::Error> {
    let row = sqlx::query_as!(
        Connection,
        r#"select ssl as "is_encrypted!", version from pg_stat_ssl where pid = pg_backend_pid()"#
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.unwrap_or(Connection { is_encrypted: false, version: None }))
}

/// Of our own tables; the days of the request log are parts of one.
pub async fn columns(house: &PgPool) -> Result<Vec<(String, String)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select c.relname::text as "table_name!", a.attname::text as "column_name!"
           from pg_class c join pg_attribute a on a.attrelid = c.oid
           where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
             and a.attnum > 0 and not a.attisdropped and c.relname <> '_sqlx_migrations'
           order by 1, 2"#
    )
    .fetch_all(house)
    .await?;
    Ok(rows.into_iter().map(|row| (row.table_name, row.column_name)).collect())
}

pub struct Schema {
    pub newest: i64,
    pub changed_at: DateTime<Utc>,
}

pub async fn schema(house: &PgPool) -> Result<Schema, sqlx::Error> {
    use sqlx::Row;
    let row = sqlx::query(
        "select max(version) as newest, max(installed_on) as changed_at from _sqlx_migrations where success",
    )
    .fetch_one(house)
    .await?;
    Ok(Schema { newest: row.try_get("newest")?, changed_at: row.try_get("changed_at")? })
}

pub struct SigningKeys {
    pub all: i64,
    pub oldest_at: Option<DateTime<Utc>>,
}

/// Those that sign.
pub async fn signing_keys(conn: &mut PgConnection) -> Result<SigningKeys, sqlx::Error> {
    sqlx::query_as!(
        SigningKeys,
        r#"select count(*) as "all!", min(created_at) as oldest_at from signing_keys where retired_at is null"#
    )
    .fetch_one(conn)
    .await
}

pub struct Picture {
    pub object_prefix: String,
    pub extension: String,
    pub created_at: DateTime<Utc>,
}

/// Ids begin with their time.
pub async fn newest_picture(house: &PgPool) -> Result<Option<Picture>, sqlx::Error> {
    sqlx::query_as!(
        Picture,
        "select object_prefix, extension, created_at from images where deleted_at is null order by id desc limit 1"
    )
    .fetch_optional(house)
    .await
}

pub struct Overdue {
    pub unconfirmed: bool,
    pub trashed: bool,
    pub archived: bool,
}

/// Whether anything is there that should have gone by these times.
pub async fn overdue(
    house: &PgPool,
    unconfirmed_before: DateTime<Utc>,
    trashed_before: DateTime<Utc>,
    archived_before: DateTime<Utc>,
) -> Result<Overdue, sqlx::Error> {
    sqlx::query_as!(
        Overdue,
        r#"select
             exists (
               select from people where age_confirmed_at is null and suspended_at is null and created_at < $1
             ) as "unconfirmed!",
             exists (select from images where deleted_at < $2) as "trashed!",
             exists (select from image_archives where status = 'ready' and expires_at < $3) as "archived!""#,
        unconfirmed_before,
        trashed_before,
        archived_before
    )
    .fetch_one(house)
    .await
}

pub async fn last_comparison(house: &PgPool) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar!("select max(finished_at) from reconcile_runs").fetch_one(house).await
}

/// Leaves the trace of an audit: `failed` rules that were broken.
pub async fn leave_audit(
    house: &PgPool,
    kind: &str,
    seen: i64,
    failed: i64,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into sweep_runs (id, kind, is_dry_run, started_at, finished_at, seen, failed)
         values ($1, $2, false, $3, $3, $4, $5)",
        Uuid::now_v7(),
        kind,
        now,
        seen,
        failed
    )
    .execute(house)
    .await?;
    Ok(())
}

pub async fn accounts(house: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select count(*) as "accounts!" from gem_accounts"#).fetch_one(house).await
}

/// What is known of each promise by all processes; gives when each was last seen kept.
pub async fn remember(
    house: &PgPool,
    ids: &[String],
    states: &[String],
    troubles: &[String],
    now: DateTime<Utc>,
) -> Result<Vec<(String, Option<DateTime<Utc>>)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"insert into promise_looks as known (id, state, trouble, looked_at, kept_at)
           select seen.id, seen.state, nullif(seen.trouble, ''), $4,
             case when seen.state in ('kept', 'declared') then $4::timestamptz end
           from unnest($1::text[], $2::text[], $3::text[]) as seen (id, state, trouble)
           order by seen.id
           on conflict on constraint promise_looks_pk do update
           set state = excluded.state, trouble = excluded.trouble, looked_at = excluded.looked_at,
             kept_at = greatest(known.kept_at, excluded.kept_at)
           returning id, kept_at"#,
        ids,
        states,
        troubles,
        now
    )
    .fetch_all(house)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.kept_at)).collect())
}
