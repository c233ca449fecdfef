//! The audit of the ledger, run once a day by one process of all with a dated trace, and what that trace says. A broken rule
//! is told in the log, by ids.
use chrono::{DateTime, TimeDelta, Utc};

use super::{Blind, Seen, queries};
use crate::app::App;
use crate::gems;
use crate::promises::retention::trace_queries;
use crate::work::daily_queries;

/// Of its traces.
pub const KIND: &str = "ledger";
const LATE: TimeDelta = TimeDelta::hours(50);
/// It comes every hour, and again when a process starts.
const COMPARED_LATE: TimeDelta = TimeDelta::hours(3);
/// Broken rules that are told one by one.
const TOLD: usize = 20;

/// Nothing where it was done within a day.
pub async fn daily(app: &App, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    let house = app.db.house();
    if !daily_queries::is_due(house, KIND, now).await? {
        return Ok(());
    }
    let faults = gems::audit::audit(house).await?;
    for fault in faults.iter().take(TOLD) {
        tracing::error!(fault, "the ledger does not add up");
    }
    let accounts = queries::accounts(house).await?;
    queries::leave_audit(house, KIND, accounts, i64::try_from(faults.len()).unwrap_or(i64::MAX), now).await
}

pub async fn look(app: &App, now: DateTime<Utc>) -> Result<Vec<Seen>, Blind> {
    let house = app.db.house();
    let (of, what) = (&["P3"], "Audit of every balance");
    let traces = trace_queries::last(house).await?;
    let trace = traces.iter().find(|trace| trace.kind == KIND).and_then(|trace| Some((trace, trace.finished_at?)));
    let since = queries::schema(house).await?.changed_at;
    let audited = match trace {
        None if now - since <= LATE => Seen::kept(of, what, "Has not run yet, and is not due"),
        None => Seen::stale(of, what, "Has never run"),
        Some((trace, at)) if trace.failed > 0 => {
            let value = format!("{} rules are broken", trace.failed);
            Seen::broken(of, what, value).at(Some(at))
        }
        Some((trace, at)) => {
            let value = format!("{} accounts, and all of them add up", trace.seen);
            let seen = match now - at <= LATE {
                true => Seen::kept(of, what, value),
                false => Seen::stale(of, what, format!("Has not run for too long; then: {value}")),
            };
            seen.at(Some(at))
        }
    };
    Ok(std::iter::once(audited).chain(compared(app, since, now).await?).collect())
}

/// Only where something is sold.
async fn compared(app: &App, since: DateTime<Utc>, now: DateTime<Utc>) -> Result<Option<Seen>, Blind> {
    if app.payments.is_none() {
        return Ok(None);
    }
    let (of, what) = (&["P5"], "Comparison with the payment provider");
    let at = queries::last_comparison(app.db.house()).await?;
    Ok(Some(match at {
        None if now - since <= COMPARED_LATE => Seen::kept(of, what, "Has not run yet, and is not due"),
        None => Seen::stale(of, what, "Has never run"),
        Some(done) if now - done <= COMPARED_LATE => Seen::kept(of, what, "Done").at(at),
        Some(_) => Seen::stale(of, what, "Has not run for too long").at(at),
    }))
}
