//! The queue: generations themselves, claimed fairly, leased, swept. Nothing is lost when a worker is.
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lapidary_contract::FailureCode;
use lapidary_contract::domain::Hold;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::app::App;
use crate::gems::ledger;
use crate::generation::probe;
use crate::generation::queries::{record_end, record_event};

/// How long a claim holds without a heartbeat.
pub const LEASE_SECONDS: i64 = 30;
pub const HEARTBEAT: Duration = Duration::from_secs(5);
/// Claims of one generation, whatever became of the workers.
const CLAIMS_MAX: i32 = 6;

/// A generation that this process runs now.
pub struct Claimed {
    pub id: Uuid,
    pub person_id: Uuid,
    pub account_id: Uuid,
    pub request_id: String,
    pub prompt: String,
    pub composed_prompt: String,
    /// As the table keeps them.
    pub attributes: serde_json::Value,
    pub model: String,
    pub width: i32,
    pub height: i32,
    pub quality: String,
    pub count: i32,
    pub share_gems: i64,
    pub attempt: i32,
    /// The trace of the request, where somebody traces.
    pub traceparent: Option<String>,
    pub background: Option<String>,
    pub output_format: Option<String>,
    /// What it is made from, as the table keeps it.
    pub made_from: serde_json::Value,
    pub mask_id: Option<Uuid>,
    /// Attempts that count: one that ended with its process does not.
    pub tries: i32,
}

impl Claimed {
    /// How many images it is made from.
    pub fn references(&self) -> usize {
        self.made_from.as_array().map_or(0, Vec::len)
    }

    pub fn has_references(&self) -> bool {
        self.references() > 0
    }
}

/// The next one in fairness: of the person with the fewest running, the one that waits longest; nothing of who is suspended
/// or leaves. What its provider does not deliver waits; only a probe of that provider is claimed.
pub async fn claim(app: &App) -> Result<Option<Claimed>, sqlx::Error> {
    let now = app.clock.now();
    for (origin, models) in app.providers.due(now) {
        let mut tx = app.db.begin_house().await?;
        if let Some(until) = probe::win(&mut tx, &origin, now).await?
            && let Some(job) = claim_probe(app, &mut tx, &models, now).await?
        {
            tx.commit().await?;
            app.providers.probing(&origin, job.id, until);
            app.live.nudge(job.person_id);
            return Ok(Some(job));
        }
        app.providers.look_later(now);
    }
    let claimed = claim_among(app, &app.providers.paused_models(), now).await?;
    if let Some(job) = &claimed {
        app.live.nudge(job.person_id);
    }
    Ok(claimed)
}

/// Of all models but these. One statement, its event included, and so a transaction by itself.
async fn claim_among(app: &App, passed_over: &[String], now: DateTime<Utc>) -> Result<Option<Claimed>, sqlx::Error> {
    sqlx::query_as!(
        Claimed,
        r#"with recursive waiting as (
             (select person_id from generations where status = 'queued' order by person_id limit 1)
             union all
             select (select g.person_id from generations g
                     where g.status = 'queued' and g.person_id > w.person_id order by g.person_id limit 1)
             from waiting w where w.person_id is not null
           ),
           heads as (
             select h.id, h.created_at, r.running
             from waiting w
             join people p on p.id = w.person_id and p.suspended_at is null and p.closing_at is null
             cross join lateral (
               select count(*) as running from generations g where g.person_id = w.person_id and g.status = 'running'
             ) r
             cross join lateral (
               select g.id, g.created_at from generations g
               where g.person_id = w.person_id and g.status = 'queued' and g.available_at <= $1
                 and not g.model = any($4)
               order by g.created_at limit 1
             ) h
             where r.running < $3
             order by r.running, h.created_at limit 16
           ),
           chosen as (
             select g.id from heads h join generations g on g.id = h.id
             where g.status = 'queued'
             order by h.running, h.created_at limit 1
             for update of g skip locked
           ),
           claimed as (
             update generations g
             set status = 'running', attempt = g.attempt + 1, lease_until = $2, started_at = coalesce(g.started_at, $1)
             from chosen where g.id = chosen.id
             returning g.id, g.person_id, g.account_id, g.request_id, g.prompt, g.composed_prompt, g.attributes, g.model, g.width,
               g.height, g.quality, g.count, g.share_gems, g.attempt, g.traceparent, g.background, g.output_format, g.made_from,
               g.mask_id, g.attempt - g.forgiven_attempts as tries
           ),
           told as materialized (select record_event(person_id, 'generation', id) from claimed)
           select id, person_id, account_id, request_id, prompt, composed_prompt, attributes, model, width, height, quality,
             count, share_gems, attempt, traceparent, background, output_format, made_from, mask_id, tries as "tries!" from claimed, told"#,
        now,
        now + TimeDelta::seconds(LEASE_SECONDS),
        app.settings.running_per_person,
        passed_over
    )
    .fetch_optional(app.db.house())
    .await
}

/// One of these models, for everybody: what failed least is asked next, or one whose fault is its own would be asked again
/// and again. Sees all that waits, which happens once a pause.
async fn claim_probe(
    app: &App,
    conn: &mut PgConnection,
    models: &[String],
    now: DateTime<Utc>,
) -> Result<Option<Claimed>, sqlx::Error> {
    let claimed = sqlx::query_as!(
        Claimed,
        r#"with chosen as (
             select g.id from generations g
             join people p on p.id = g.person_id and p.suspended_at is null and p.closing_at is null
             cross join lateral (
               select count(*) as running from generations o where o.person_id = g.person_id and o.status = 'running'
             ) r
             where g.status = 'queued' and g.available_at <= $1 and g.model = any($4) and r.running < $3
             order by g.model_calls, r.running, g.created_at limit 1
             for update of g skip locked
           )
           update generations g
           set status = 'running', attempt = g.attempt + 1, lease_until = $2, started_at = coalesce(g.started_at, $1)
           from chosen where g.id = chosen.id
           returning g.id, g.person_id, g.account_id, g.request_id, g.prompt, g.composed_prompt, g.attributes, g.model, g.width,
             g.height, g.quality, g.count, g.share_gems, g.attempt, g.traceparent, g.background, g.output_format, g.made_from, g.mask_id,
             g.attempt - g.forgiven_attempts as "tries!""#,
        now,
        now + TimeDelta::seconds(LEASE_SECONDS),
        app.settings.running_per_person,
        models
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(job) = &claimed {
        record_event(conn, job.person_id, job.id).await?;
    }
    Ok(claimed)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    GoOn,
    Cancelled,
    /// The lease went to somebody else.
    Lost,
}

pub async fn heartbeat(app: &App, job: &Claimed) -> Result<Beat, sqlx::Error> {
    let row = sqlx::query!(
        r#"update generations set lease_until = $3 where id = $1 and attempt = $2 and status = 'running'
           returning cancel_requested_at is not null as "cancelled!""#,
        job.id,
        job.attempt,
        app.clock.now() + TimeDelta::seconds(LEASE_SECONDS)
    )
    .fetch_optional(app.db.house())
    .await?;
    Ok(match row {
        None => Beat::Lost,
        Some(row) if row.cancelled => Beat::Cancelled,
        Some(_) => Beat::GoOn,
    })
}

/// What a process holds: fenced by the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub id: Uuid,
    pub attempt: i32,
}

/// Back into the queue at once, because this process ends: it costs no attempt. What was cancelled meanwhile is left to
/// the sweep, now. Gives how many wait again.
pub async fn give_back(app: &App, leases: &[Lease]) -> Result<usize, sqlx::Error> {
    let (ids, attempts): (Vec<Uuid>, Vec<i32>) = leases.iter().map(|lease| (lease.id, lease.attempt)).unzip();
    let now = app.clock.now();
    let mut tx = app.db.begin_house().await?;
    let mut given = sqlx::query!(
        "update generations g
         set status = 'queued', lease_until = null, available_at = $3, forgiven_attempts = g.forgiven_attempts + 1
         from unnest($1::uuid[], $2::integer[]) as held (id, attempt)
         where g.id = held.id and g.attempt = held.attempt and g.status = 'running' and g.cancel_requested_at is null
         returning g.id, g.person_id",
        &ids,
        &attempts,
        now
    )
    .fetch_all(&mut *tx)
    .await?;
    sqlx::query!(
        "update generations g set lease_until = $3
         from unnest($1::uuid[], $2::integer[]) as held (id, attempt)
         where g.id = held.id and g.attempt = held.attempt and g.status = 'running'",
        &ids,
        &attempts,
        now
    )
    .execute(&mut *tx)
    .await?;
    given.sort_by_key(|row| row.person_id);
    for row in &given {
        record_event(&mut tx, row.person_id, row.id).await?;
    }
    tx.commit().await?;
    for row in &given {
        app.live.nudge(row.person_id);
    }
    app.wake.queued();
    Ok(given.len())
}

/// What lost its worker waits again; what lost too many, or was cancelled meanwhile, ends with its gems back.
pub async fn sweep(app: &App) -> Result<(), sqlx::Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin_house().await?;
    let mut lost = sqlx::query!(
        r#"select id, person_id, account_id, request_id, held_free, held_bought, attempt,
             attempt - forgiven_attempts as "tries!", cancel_requested_at is not null as "cancelled!"
           from generations where status = 'running' and lease_until < $1
           order by lease_until limit 100 for update skip locked"#,
        now
    )
    .fetch_all(&mut *tx)
    .await?;
    // Accounts first and in order, then events by person, as everyone locks: a submit or another sweep must not cross this.
    lost.sort_by_key(|row| row.account_id);
    let mut moved = Vec::with_capacity(lost.len());
    for row in &lost {
        let has_ended = row.cancelled || row.tries >= CLAIMS_MAX;
        if has_ended {
            let (status, failure) =
                if row.cancelled { ("cancelled", None) } else { ("failed", Some(FailureCode::Internal.name())) };
            let hold = Hold { free: row.held_free, bought: row.held_bought };
            let unmade = Unmade { id: row.id, account_id: row.account_id, hold, status, failure };
            if !end_unmade(&mut tx, &unmade, now).await? {
                continue;
            }
        } else {
            sqlx::query!(
                "update generations set status = 'queued', lease_until = null, available_at = $2 where id = $1",
                row.id,
                now
            )
            .execute(&mut *tx)
            .await?;
        }
        moved.push((row.person_id, row.id, has_ended));
        crate::metrics::lease_lost();
        tracing::warn!(generation_id = %row.id, request_id = row.request_id, attempt = row.attempt,
            "a lease ended without its worker");
    }
    moved.sort_unstable();
    for (person_id, id, has_ended) in &moved {
        match has_ended {
            true => record_end(&mut tx, *person_id, *id, now).await?,
            false => record_event(&mut tx, *person_id, *id).await?,
        }
    }
    tx.commit().await?;
    for (person_id, ..) in &moved {
        app.live.nudge(*person_id);
    }
    if !moved.is_empty() {
        app.wake.queued();
    }
    Ok(())
}

/// A generation that ends without a worker, and with nothing made.
pub struct Unmade {
    pub id: Uuid,
    pub account_id: Uuid,
    pub hold: Hold,
    pub status: &'static str,
    pub failure: Option<&'static str>,
}

/// Ends it with all its gems back. False where its own rows do not allow it: that is an alarm, and no reason to hold up
/// the others.
pub async fn end_unmade(conn: &mut PgConnection, one: &Unmade, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let mut savepoint = conn.begin().await?;
    sqlx::query!(
        "update generations set status = $2, failure_code = $3, finished_at = $4, lease_until = null where id = $1",
        one.id,
        one.status,
        one.failure,
        now
    )
    .execute(&mut *savepoint)
    .await?;
    match ledger::settle(&mut savepoint, one.account_id, one.hold, 0, one.id, now).await {
        Err(error) if is_about_its_rows(&error) => {
            savepoint.rollback().await?;
            tracing::error!(generation_id = %one.id, %error, "a generation cannot be ended: its gems do not add up");
            Ok(false)
        }
        settled => {
            settled?;
            savepoint.commit().await?;
            Ok(true)
        }
    }
}

/// Values, constraints and triggers; not locks, time or the connection.
fn is_about_its_rows(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| ["22", "23", "P0"].iter().any(|class| code.starts_with(class)))
}
