//! Whether a model is asked again, and when: back-off, the provider's own hints, and a budget of calls and of time. Claims
//! are no part of it: a lost worker must not use up the patience with a busy model, nor the other way round.
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::model_answer::Call;
use super::model_error::{Again, ModelError};
use super::queries::record_event;
use crate::app::App;
use crate::work::queue::Claimed;

/// Calls that may bring nothing before it fails.
const CALLS_MAX: i32 = 4;
/// From the first call that brought nothing until the last one may begin; a person waits for it.
const BUDGET: TimeDelta = TimeDelta::minutes(5);
/// Before the second call; each further one waits twice as long.
const BACKOFF: Duration = Duration::from_secs(2);
/// Before a call after one that broke in the middle.
const AFTER_CUT: Duration = Duration::from_secs(1);

/// How it went so far, the call that just ended included.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub calls: i32,
    /// Calls that broke in the middle before this one.
    pub cuts: i32,
    pub failing_since: DateTime<Utc>,
}

/// What became of a generation whose model gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is back in the queue.
    Waits,
    /// Asking again cannot help, or not in time: it fails now.
    Over,
    /// The person cancelled it, or another worker has it.
    Stopped,
}

/// How long to wait before another call; `None` where none is worth it. `spread` is any number: not everybody at once.
pub fn wait(error: &ModelError, asked: Asked, now: DateTime<Utc>, spread: u16) -> Option<Duration> {
    let doublings = u32::try_from(asked.calls.saturating_sub(1)).unwrap_or(0).min(6);
    let spread = f64::from(spread) / f64::from(u16::MAX);
    let wait = match error.again {
        Again::Never => return None,
        Again::Once if asked.cuts > 0 => return None,
        Again::Once => AFTER_CUT,
        Again::Later => {
            // Up to a quarter earlier than the back-off, up to a tenth later than the hint, never earlier than it.
            let backoff = (BACKOFF * (1 << doublings)).mul_f64(1.0 - spread / 4.0);
            let hint = error.retry_after.unwrap_or_default();
            backoff.max(hint.checked_add(hint / 10).map_or(hint, |late| hint + (late - hint).mul_f64(spread)))
        }
    };
    // A provider that asks for more than is left is told apart now, not in five minutes: the gems go back at once.
    let left = BUDGET - (now - asked.failing_since);
    let is_in_time = TimeDelta::from_std(wait).is_ok_and(|wait| wait <= left);
    (asked.calls < CALLS_MAX && is_in_time).then_some(wait)
}

/// The same for the same call of the same generation, and different for others.
pub fn spread(id: Uuid, calls: i32) -> u16 {
    let (_, tail) = id.as_u64_pair();
    let mixed = tail.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(u32::try_from(calls).unwrap_or(0) * 7);
    u16::try_from(mixed & u64::from(u16::MAX)).unwrap_or(0)
}

/// Back into the queue, where another call is worth it; counts the calls in the same transaction.
pub async fn put_back(app: &App, job: &Claimed, error: &ModelError, calls: &[Call]) -> Result<Verdict, sqlx::Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin_house().await?;
    let row = sqlx::query!(
        r#"select model_calls, model_cuts, model_failing_since, cancel_requested_at is not null as "cancelled!"
           from generations where id = $1 and attempt = $2 and status = 'running' for update"#,
        job.id,
        job.attempt
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row.filter(|row| !row.cancelled) else { return Ok(Verdict::Stopped) };
    let asked = Asked {
        calls: row.model_calls.saturating_add(i32::try_from(calls.len()).unwrap_or(i32::MAX)),
        cuts: row.model_cuts,
        failing_since: row.model_failing_since.unwrap_or(now),
    };
    let wait = match wait(error, asked, now, spread(job.id, asked.calls)) {
        Some(wait) => wait,
        // While its provider is paused it waits for the probe; what waits too long is ended with all the others. One that
        // asked for everybody and used up its own calls ends: the fault may be its own.
        None if error.again == Again::Later
            && app.providers.is_paused(&job.model)
            && !(asked.calls >= CALLS_MAX && app.providers.was_probe(job)) =>
        {
            BACKOFF
        }
        None => return Ok(Verdict::Over),
    };
    // This claim ended in good order: it says nothing about our workers.
    sqlx::query!(
        "update generations set status = 'queued', lease_until = null, available_at = $2,
           forgiven_attempts = forgiven_attempts + 1, model_calls = $3, model_cuts = model_cuts + $4,
           model_failing_since = $5, model_answers = model_answers || $6,
           model_request_id = coalesce($7, model_request_id)
         where id = $1",
        job.id,
        now + TimeDelta::from_std(wait).unwrap_or(BUDGET),
        asked.calls,
        cuts(calls),
        asked.failing_since,
        record(calls),
        last_request_id(calls)
    )
    .execute(&mut *tx)
    .await?;
    record_event(&mut tx, job.person_id, job.id).await?;
    tx.commit().await?;
    app.live.nudge(job.person_id);
    let wait_millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(generation_id = %job.id, request_id = job.request_id, calls = asked.calls, wait_millis,
        "the model is asked again later");
    Ok(Verdict::Waits)
}

fn cuts(calls: &[Call]) -> i32 {
    i32::try_from(calls.iter().filter(|call| call.was_cut).count()).unwrap_or(i32::MAX)
}

/// As the table keeps it.
pub fn record(calls: &[Call]) -> serde_json::Value {
    let entries = calls
        .iter()
        .map(|call| serde_json::json!({"request_id": call.request_id, "outcome": call.outcome, "usage": call.usage}));
    entries.collect()
}

pub fn last_request_id(calls: &[Call]) -> Option<&str> {
    calls.iter().rev().find_map(|call| call.request_id.as_deref())
}

#[cfg(test)]
mod tests {
    use lapidary_contract::FailureCode;

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-23T10:00:00Z".parse().expect("a time")
    }

    fn busy(hint_seconds: Option<u64>) -> ModelError {
        let retry_after = hint_seconds.map(Duration::from_secs);
        ModelError { retry_after, ..ModelError::new(FailureCode::ModelBusy, "busy") }
    }

    fn waits(error: &ModelError, calls: i32, failing_seconds: i64, spread: u16) -> Option<u128> {
        let asked = Asked { calls, cuts: 0, failing_since: now() - TimeDelta::seconds(failing_seconds) };
        wait(error, asked, now(), spread).map(|wait| wait.as_millis())
    }

    #[test]
    fn each_wait_doubles_and_the_fourth_call_is_the_last() {
        let all: Vec<_> = (1..=4).map(|calls| waits(&busy(None), calls, 0, 0)).collect();
        assert_eq!(all, [Some(2_000), Some(4_000), Some(8_000), None]);
        assert_eq!(waits(&busy(None), 1, 0, u16::MAX), Some(1_500), "up to a quarter earlier");
    }

    #[test]
    fn a_hint_is_honoured_and_never_undercut() {
        assert_eq!(waits(&busy(Some(51)), 1, 0, 0), Some(51_000));
        assert_eq!(waits(&busy(Some(50)), 1, 0, u16::MAX), Some(55_000), "up to a tenth later");
        assert_eq!(waits(&busy(Some(0)), 1, 0, 0), Some(2_000), "a hint of nothing is no reason to hurry");
    }

    #[test]
    fn a_hint_beyond_the_budget_ends_it_at_once() {
        assert_eq!(waits(&busy(Some(301)), 1, 0, 0), None);
        assert_eq!(waits(&busy(Some(100)), 2, 201, 0), None);
        assert!(waits(&busy(Some(100)), 2, 199, 0).is_some());
        assert_eq!(waits(&busy(Some(u64::MAX)), 1, 0, 0), None);
        assert_eq!(waits(&busy(None), 2, 300, 0), None, "time is part of the budget");
    }

    #[test]
    fn a_broken_line_is_worth_one_more_call_and_a_refusal_none() {
        let cut = ModelError::broke_off("cut");
        let asked = Asked { calls: 1, cuts: 0, failing_since: now() };
        assert_eq!(wait(&cut, asked, now(), 0), Some(AFTER_CUT));
        assert_eq!(wait(&cut, Asked { cuts: 1, ..asked }, now(), 0), None);
        assert_eq!(wait(&ModelError::new(FailureCode::Timeout, "late"), asked, now(), 0), None);
        assert_eq!(wait(&ModelError::new(FailureCode::Refused, "no"), asked, now(), 0), None);
    }
}
