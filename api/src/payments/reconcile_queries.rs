//! SQL of the reconcile job. Everybody's purchases, as the house.
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::reconcile::Run;

/// Whether this run may go: none was begun since `rested`, and none is under way that was begun since `alive`.
pub async fn begin(
    conn: &mut PgConnection,
    id: Uuid,
    now: DateTime<Utc>,
    rested: DateTime<Utc>,
    alive: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    // Two processes that ask at once take turns.
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('reconcile', 7))").fetch_one(&mut *conn).await?;
    let begun = sqlx::query!(
        "insert into reconcile_runs (id, started_at)
         select $1, $2
         where not exists (
           select from reconcile_runs where started_at > $3 or (finished_at is null and started_at > $4))",
        id,
        now,
        rested,
        alive
    )
    .execute(conn)
    .await?;
    Ok(begun.rows_affected() > 0)
}

pub async fn events_until(conn: &mut PgConnection) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar!("select max(events_until) from reconcile_runs").fetch_one(conn).await
}

pub async fn end(
    house: impl PgExecutor<'_>,
    id: Uuid,
    now: DateTime<Utc>,
    events_until: Option<DateTime<Utc>>,
    run: Run,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update reconcile_runs set finished_at = $2, events_until = $3, events_read = $4, purchases_read = $5, mended = $6,
           failures = $7
         where id = $1",
        id,
        now,
        events_until,
        run.events_read,
        run.purchases_read,
        run.mended,
        run.failures
    )
    .execute(house)
    .await?;
    Ok(())
}

/// Which of these events were heard.
pub async fn known(house: impl PgExecutor<'_>, ids: &[String]) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!("select id from payment_events where id = any($1)", ids).fetch_all(house).await
}

/// Nobody can pay what has no page; the vendor would have closed it by now.
pub async fn expire_pageless(house: impl PgExecutor<'_>, before: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    let expired = sqlx::query!(
        "update purchases set status = 'expired' where status = 'open' and checkout_session is null and created_at < $1",
        before
    )
    .execute(house)
    .await?;
    Ok(expired.rows_affected())
}

/// It was looked for; one that is still open after its page would have been closed is over.
pub async fn mark_missing(
    house: impl PgExecutor<'_>,
    id: Uuid,
    now: DateTime<Utc>,
    before: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update purchases
         set read_at = $2, status = case when status = 'open' and created_at < $3 then 'expired' else status end
         where id = $1",
        id,
        now,
        before
    )
    .execute(house)
    .await?;
    Ok(())
}

/// Open or on its way, longest unread first.
pub async fn unfinished(
    house: impl PgExecutor<'_>,
    before: DateTime<Utc>,
    rows: i64,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "select id from purchases
         where status in ('open', 'pending') and checkout_session is not null and created_at < $1
           and (read_at is null or read_at < $1)
         order by read_at nulls first, created_at limit $2",
        before,
        rows
    )
    .fetch_all(house)
    .await
}

/// Paid, not read since `before`, and young enough for a refund or a dispute.
pub async fn paid(
    house: impl PgExecutor<'_>,
    before: DateTime<Utc>,
    begun_after: DateTime<Utc>,
    rows: i64,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "select id from purchases where status = 'paid' and read_at < $1 and created_at > $2 order by read_at limit $3",
        before,
        begun_after,
        rows
    )
    .fetch_all(house)
    .await
}
