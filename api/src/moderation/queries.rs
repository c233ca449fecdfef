//! SQL of refusals and flags. Runs as the house: no person may read or write what counts against anybody.
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::http::paging::Keyset;

/// Rows that go at once.
const PIECE: i64 = 10_000;

pub struct NewRefusal<'a> {
    pub id: Uuid,
    pub person_id: Uuid,
    pub stage: &'a str,
    pub categories: serde_json::Value,
    pub generation_id: Option<Uuid>,
    pub request_id: &'a str,
    pub now: DateTime<Utc>,
}

/// Whoever else is refused as this person waits from here on: two at once must not both be the last but one.
pub async fn add(conn: &mut PgConnection, new: &NewRefusal<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 8))", new.person_id)
        .fetch_one(&mut *conn)
        .await?;
    sqlx::query!(
        "insert into refusals (id, person_id, stage, categories, generation_id, request_id, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        new.id,
        new.person_id,
        new.stage,
        new.categories,
        new.generation_id,
        new.request_id,
        new.now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts one more with the open flag; false where none is open.
pub async fn count_on(
    conn: &mut PgConnection,
    person_id: Uuid,
    kind: &str,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let open = sqlx::query!(
        "update flags set refusals = refusals + 1, updated_at = $3
         where person_id = $1 and kind = $2 and closed_at is null",
        person_id,
        kind,
        now
    )
    .execute(conn)
    .await?;
    Ok(open.rows_affected() > 0)
}

/// Since a moment, and since an operator last closed a flag: what was looked at counts no more.
pub async fn counted(
    conn: &mut PgConnection,
    person_id: Uuid,
    kind: &str,
    since: DateTime<Utc>,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from refusals
           where person_id = $1
             and created_at > greatest($3::timestamptz, (select max(closed_at) from flags where person_id = $1 and kind = $2))"#,
        person_id,
        kind,
        since
    )
    .fetch_one(conn)
    .await
}

pub async fn raise(
    conn: &mut PgConnection,
    person_id: Uuid,
    kind: &str,
    refusals: i64,
    now: DateTime<Utc>,
) -> Result<Uuid, sqlx::Error> {
    sqlx::query_scalar!(
        "insert into flags (id, person_id, kind, refusals, created_at, updated_at) values ($1, $2, $3, $4, $5, $5)
         returning id",
        Uuid::now_v7(),
        person_id,
        kind,
        i32::try_from(refusals).unwrap_or(i32::MAX),
        now
    )
    .fetch_one(conn)
    .await
}

pub struct FlagRow {
    pub id: Uuid,
    pub person_id: Uuid,
    pub email: String,
    pub kind: String,
    pub refusals: i32,
    /// What for, from a day before it was raised on.
    pub categories: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
}

/// Newest first; those that are closed only where they are asked for.
pub async fn flags(
    house: impl PgExecutor<'_>,
    with_closed: bool,
    before: Keyset,
    rows: i64,
) -> Result<Vec<FlagRow>, sqlx::Error> {
    sqlx::query_as!(
        FlagRow,
        r#"select f.id, f.person_id, p.email, f.kind, f.refusals, f.created_at, f.updated_at, f.closed_at,
             array(select distinct c.category from refusals r, jsonb_array_elements_text(r.categories) c (category)
                   where r.person_id = f.person_id and r.created_at >= f.created_at - interval '1 day'
                     and r.created_at <= coalesce(f.closed_at, f.updated_at)
                   order by 1) as "categories!"
           from flags f join people p on p.id = f.person_id
           where (f.closed_at is null or $1) and (f.created_at, f.id) < ($2, $3)
           order by f.created_at desc, f.id desc limit $4"#,
        with_closed,
        before.before_at,
        before.before_id,
        rows
    )
    .fetch_all(house)
    .await
}

/// Again changes nothing. False: there is none of this id.
pub async fn close(house: impl PgExecutor<'_>, id: Uuid, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!("update flags set closed_at = coalesce(closed_at, $2) where id = $1", id, now)
        .execute(house)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives how many went.
pub async fn forget(house: impl PgExecutor<'_>, before: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query!(
        "delete from refusals where id in (select id from refusals where created_at < $1 limit $2)",
        before,
        PIECE
    )
    .execute(house)
    .await?;
    Ok(gone.rows_affected())
}
