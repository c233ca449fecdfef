//! SQL of jobs that run once a day in the whole cluster: each leaves a dated trace.
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;
use uuid::Uuid;

/// Whether nobody has left a trace within the day before `now`.
pub async fn is_due(house: &PgPool, kind: &str, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select not exists (select from sweep_runs where kind = $1 and started_at > $2) as "is_due!""#,
        kind,
        now - TimeDelta::days(1)
    )
    .fetch_one(house)
    .await
}

/// Leaves the trace of a job that is done with `seen` things; false where one was left within the day before `now`.
pub async fn leave(house: &PgPool, kind: &str, seen: i64, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let left = sqlx::query!(
        "insert into sweep_runs (id, kind, is_dry_run, started_at, finished_at, seen)
         select $1, $2, false, $3, $3, $4
         where not exists (select from sweep_runs where kind = $2 and started_at > $5)",
        Uuid::now_v7(),
        kind,
        now,
        seen,
        now - TimeDelta::days(1)
    )
    .execute(house)
    .await?;
    Ok(left.rows_affected() == 1)
}
