//! SQL of the traces: one row a kind and day with the day's counts. House only.
use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

use super::Done;

/// Adds a run that came to its end.
pub async fn leave(house: &PgPool, kind: &str, done: Done, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into sweep_runs as r (id, kind, is_dry_run, day, started_at, finished_at, seen, deleted, failed)
         values ($1, $2, false, $3, $4, $4, $5, $6, $7)
         on conflict (kind, day) where day is not null do update
         set finished_at = greatest(r.finished_at, excluded.finished_at), seen = r.seen + excluded.seen,
           deleted = r.deleted + excluded.deleted, failed = r.failed + excluded.failed",
        Uuid::now_v7(),
        kind,
        now.date_naive(),
        now,
        done.seen,
        done.deleted,
        done.failed
    )
    .execute(house)
    .await?;
    Ok(())
}

/// Counts a run that failed, in the newest row of its kind; that says no end of its own. `is_daily`: where there is none, one is
/// made, which no job takes for a run to go on with.
pub async fn fail(house: &PgPool, kind: &str, is_daily: bool, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "with failed as (
           update sweep_runs set failed = failed + 1, failed_at = greatest(failed_at, $3)
           where id = (select id from sweep_runs where kind = $2 order by started_at desc limit 1)
           returning id
         )
         insert into sweep_runs (id, kind, is_dry_run, day, started_at, failed, failed_at)
         select $1, $2, false, $4, $3, 1, $3 where $5 and not exists (select from failed)
         on conflict (kind) where finished_at is null do nothing",
        Uuid::now_v7(),
        kind,
        now,
        now.date_naive(),
        is_daily
    )
    .execute(house)
    .await?;
    Ok(())
}

/// The last of a kind.
#[derive(Clone, Debug)]
pub struct Trace {
    pub kind: String,
    /// When it last came to its end.
    pub finished_at: Option<DateTime<Utc>>,
    pub failed_at: Option<DateTime<Utc>>,
    /// Of the day, or of the run, that ended last.
    pub seen: i64,
    pub deleted: i64,
    pub failed: i64,
    pub unknown: i64,
    pub missing: i64,
}

/// The last of each kind; a kind that never ran has none.
pub async fn last(house: impl PgExecutor<'_>) -> Result<Vec<Trace>, sqlx::Error> {
    sqlx::query_as!(
        Trace,
        r#"select distinct on (kind) kind, finished_at,
             max(failed_at) over (partition by kind) as failed_at, seen, deleted, failed, unknown, missing
           from sweep_runs where not is_dry_run order by kind, finished_at desc nulls last"#
    )
    .fetch_all(house)
    .await
}
