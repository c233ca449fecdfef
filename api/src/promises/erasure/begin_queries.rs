//! SQL of asking for an erasure and taking it back, and of what is told about one. Written by the house; a person reads
//! their own, and whoever has the token the receipt.
use chrono::{DateTime, Utc};
use lapidary_contract::{Erasure, ErasureKind, ErasureReceipt, ErasureStatus, ErasureStep, WouldGo};
use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use super::stays;
use crate::http::error::{ApiError, ApiResult};

pub struct New<'a> {
    pub id: Uuid,
    pub kind: ErasureKind,
    pub token_hash: &'a [u8],
    pub person_id: Uuid,
    pub account_id: Uuid,
    pub due_at: DateTime<Utc>,
    pub now: DateTime<Utc>,
}

/// One that waits already is brought forward where this one is sooner, and has this token from then on. False: one is
/// running.
pub async fn add(conn: &mut PgConnection, new: &New<'_>) -> Result<bool, sqlx::Error> {
    let added = sqlx::query!(
        "insert into erasures as e
           (id, kind, status, token_hash, person_id, account_id, step, created_at, due_at, next_try_at)
         values ($1, $2, 'waiting', $3, $4, $5, 'work', $6, $7, $7)
         on conflict (person_id, kind) where person_id is not null
         do update set due_at = least(e.due_at, excluded.due_at), next_try_at = least(e.due_at, excluded.due_at),
           token_hash = excluded.token_hash
         where e.status = 'waiting'",
        new.id,
        new.kind.name(),
        new.token_hash,
        new.person_id,
        new.account_id,
        new.now,
        new.due_at
    )
    .execute(conn)
    .await?;
    Ok(added.rows_affected() == 1)
}

/// The account that belongs to somebody, both locked, in the order in which everybody locks them.
pub async fn lock(conn: &mut PgConnection, person_id: Uuid) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query!(
        "select id from gem_accounts where id = (select account_id from account_links where person_id = $1)
         for no key update",
        person_id
    )
    .fetch_optional(&mut *conn)
    .await?;
    sqlx::query_scalar!(
        "select l.account_id from people p join account_links l on l.person_id = p.id where p.id = $1 for update of p",
        person_id
    )
    .fetch_optional(conn)
    .await
}

pub async fn set_closing(
    conn: &mut PgConnection,
    person_id: Uuid,
    closing_at: Option<DateTime<Utc>>,
) -> Result<(), sqlx::Error> {
    sqlx::query!("update people set closing_at = $2 where id = $1", person_id, closing_at).execute(conn).await?;
    Ok(())
}

/// False: none waits, or it has begun.
pub async fn undo(conn: &mut PgConnection, person_id: Uuid) -> Result<bool, sqlx::Error> {
    let undone = sqlx::query!(
        "delete from erasures where person_id = $1 and kind = 'account' and status = 'waiting'",
        person_id
    )
    .execute(conn)
    .await?;
    Ok(undone.rows_affected() == 1)
}

pub async fn is_operator(conn: impl PgExecutor<'_>, person_id: Uuid) -> Result<bool, sqlx::Error> {
    let known = sqlx::query_scalar!("select is_operator from people where id = $1", person_id);
    Ok(known.fetch_optional(conn).await?.unwrap_or(false))
}

/// Gems that go with an account.
pub async fn gems(conn: &mut PgConnection, account_id: Uuid) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select free + bought + held_free + held_bought as "gems!" from gem_accounts where id = $1"#,
        account_id
    )
    .fetch_one(conn)
    .await
}

/// What is not finished yet, of a kind.
pub async fn pending(
    conn: &mut PgConnection,
    person_id: Uuid,
    kind: ErasureKind,
    gems: i64,
) -> ApiResult<Option<Erasure>> {
    let found = sqlx::query!(
        "select id, status, due_at from erasures where person_id = $1 and kind = $2 and finished_at is null",
        person_id,
        kind.name()
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = found else { return Ok(None) };
    let status = ErasureStatus::from_name(&row.status).ok_or_else(|| unreadable(row.id))?;
    let gems_forfeited = if kind == ErasureKind::Account { gems } else { 0 };
    Ok(Some(Erasure { id: row.id, kind, status, at: row.due_at, gems_forfeited, receipt_url: None }))
}

fn unreadable(id: Uuid) -> ApiError {
    ApiError::internal(format!("what erasure {id} says of itself cannot be read"))
}

/// Counts of everything that is there; each is a look along one index.
pub async fn would_go(conn: &mut PgConnection, person_id: Uuid, account_id: Uuid) -> Result<WouldGo, sqlx::Error> {
    sqlx::query_as!(
        WouldGo,
        r#"select
             (select count(*) from images where person_id = $1) as "images!",
             (select count(*) from reference_images where person_id = $1 and deleted_at is null and not is_passing)
               as "references!",
             (select count(*) from generations where person_id = $1 and status in ('queued', 'running')) as "unfinished!",
             (select count(*) from share_links where person_id = $1 and revoked_at is null) as "share_links!",
             (select count(id) from api_keys where person_id = $1 and revoked_at is null) as "api_keys!",
             (select count(*) from purchases where account_id = $2 and status in ('open', 'pending')) as "open_purchases!",
             a.free + a.bought + a.held_free + a.held_bought as "gems!", a.bought + a.held_bought as "bought_gems!",
             a.debt as "debt!"
           from gem_accounts a where a.id = $2"#,
        person_id,
        account_id
    )
    .fetch_one(conn)
    .await
}

/// What whoever has the token reads.
pub async fn receipt(house: &PgPool, token_hash: &[u8], support_contact: Option<String>) -> ApiResult<ErasureReceipt> {
    let row = sqlx::query!(
        "select id, kind, status, step, created_at, due_at, started_at, finished_at, tries, gems_forfeited, erased_rows,
           erased_objects
         from erasures where token_hash = $1",
        token_hash
    )
    .fetch_optional(house)
    .await?
    .ok_or(ApiError::NotFound)?;
    let kind = ErasureKind::from_name(&row.kind).ok_or_else(|| unreadable(row.id))?;
    Ok(ErasureReceipt {
        kind,
        status: ErasureStatus::from_name(&row.status).ok_or_else(|| unreadable(row.id))?,
        step: ErasureStep::from_name(&row.step).ok_or_else(|| unreadable(row.id))?,
        asked_at: row.created_at,
        at: row.due_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        tries: row.tries,
        gems_forfeited: row.gems_forfeited,
        rows: stays::counts(&row.erased_rows),
        objects: stays::counts(&row.erased_objects),
        keeps: stays::of(kind),
        support_contact,
    })
}
