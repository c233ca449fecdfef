//! SQL of the job itself: its lease, how far it is and what it counted. House only; every write is fenced by the attempt.
use chrono::{DateTime, TimeDelta, Utc};
use lapidary_contract::{ErasureKind, ErasureStep};
use serde_json::Value;
use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

/// An erasure that this process goes on with.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: Uuid,
    pub kind: ErasureKind,
    pub step: ErasureStep,
    /// Nobody any more, once the person is gone for good.
    pub person_id: Option<Uuid>,
    pub customer: Option<String>,
    /// Images that came later stay.
    pub asked_at: DateTime<Utc>,
    pub attempt: i32,
    pub tries: i32,
}

/// What is due and nobody is at, or whose process is gone.
pub async fn claim(house: &PgPool, now: DateTime<Utc>, lease: TimeDelta) -> Result<Option<Job>, sqlx::Error> {
    let row = sqlx::query!(
        "update erasures e
         set status = 'running', attempt = e.attempt + 1, lease_until = $2, started_at = coalesce(e.started_at, $1)
         where e.id = (
           select id from erasures
           where finished_at is null and due_at <= $1 and next_try_at <= $1 and (lease_until is null or lease_until < $1)
           order by due_at limit 1 for update skip locked
         )
         returning id, kind, step, person_id, customer, created_at, attempt, tries",
        now,
        now + lease
    )
    .fetch_optional(house)
    .await?;
    let unreadable = |what: &str| sqlx::Error::Decode(format!("an erasure has an unknown {what}").into());
    row.map(|row| {
        Ok(Job {
            id: row.id,
            kind: ErasureKind::from_name(&row.kind).ok_or_else(|| unreadable("kind"))?,
            step: ErasureStep::from_name(&row.step).ok_or_else(|| unreadable("step"))?,
            person_id: row.person_id,
            customer: row.customer,
            asked_at: row.created_at,
            attempt: row.attempt,
            tries: row.tries,
        })
    })
    .transpose()
}

/// False: it is another's now.
pub async fn beat(house: &PgPool, job: &Job, until: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let kept = sqlx::query!(
        "update erasures set lease_until = $3 where id = $1 and attempt = $2 and status = 'running'",
        job.id,
        job.attempt,
        until
    )
    .execute(house)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// In the transaction of what is counted. False: it is another's now, and nothing may be committed.
pub async fn count(conn: impl PgExecutor<'_>, job: &Job, rows: &Value, objects: &Value) -> Result<bool, sqlx::Error> {
    let counted = sqlx::query!(
        "update erasures
         set erased_rows = add_counts(erased_rows, $3), erased_objects = add_counts(erased_objects, $4)
         where id = $1 and attempt = $2 and status = 'running'",
        job.id,
        job.attempt,
        rows,
        objects
    )
    .execute(conn)
    .await?;
    Ok(counted.rows_affected() == 1)
}

/// The next step stands, and a failure of the last one does not slow it down. False: it is another's now.
pub async fn advance(house: &PgPool, job: &Job, next: ErasureStep) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query!(
        "update erasures set step = $3 where id = $1 and attempt = $2 and status = 'running'",
        job.id,
        job.attempt,
        next.name()
    )
    .execute(house)
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// From here on nothing leads from it to its person.
pub async fn part(house: &PgPool, job: &Job, next: ErasureStep) -> Result<bool, sqlx::Error> {
    let parted = sqlx::query!(
        "update erasures set step = $3, person_id = null, account_id = null
         where id = $1 and attempt = $2 and status = 'running'",
        job.id,
        job.attempt,
        next.name()
    )
    .execute(house)
    .await?;
    Ok(parted.rows_affected() == 1)
}

pub async fn customer(house: &PgPool, id: Uuid) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("select customer from erasures where id = $1", id).fetch_one(house).await
}

pub async fn finish(house: &PgPool, job: &Job, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let finished = sqlx::query!(
        "update erasures
         set status = 'finished', step = 'done', finished_at = $3, lease_until = null, person_id = null, account_id = null,
           customer = null
         where id = $1 and attempt = $2 and status = 'running'",
        job.id,
        job.attempt,
        now
    )
    .execute(house)
    .await?;
    Ok(finished.rows_affected() == 1)
}

/// For another try, later.
pub async fn put_back(house: &PgPool, job: &Job, next_try_at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update erasures set lease_until = null, tries = tries + 1, next_try_at = $3
         where id = $1 and attempt = $2 and status = 'running'",
        job.id,
        job.attempt,
        next_try_at
    )
    .execute(house)
    .await?;
    Ok(())
}

/// For another process, now: this one stops.
pub async fn put_down(house: &PgPool, job: &Job) -> Result<(), sqlx::Error> {
    sqlx::query!("update erasures set lease_until = null where id = $1 and attempt = $2", job.id, job.attempt)
        .execute(house)
        .await?;
    Ok(())
}

/// Receipts that are old enough; how many.
pub async fn forget(house: &PgPool, before: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query!("delete from erasures where finished_at < $1", before).execute(house).await?;
    Ok(gone.rows_affected())
}
