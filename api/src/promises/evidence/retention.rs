//! Traces of the jobs that delete, and whether anything is still there that should have gone: a trace alone proves little.
use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use lapidary_contract::domain::limits::{REQUEST_LOG_DAYS, TRASH_DAYS};

use super::jobs::promises_of;
use super::{Blind, Seen, queries};
use crate::app::App;
use crate::auth::UNCONFIRMED_KEPT;
use crate::promises::retention::trace_queries::{self, Trace};
use crate::promises::retention::{JOBS, Job, Standing};
use crate::requests::days;

/// Housekeeping comes every few minutes; a process that is replaced, or a database that was away, is made up for.
const LATE: TimeDelta = TimeDelta::hours(2);

/// A trace of a run that came to its end, and when.
type Ended<'a> = (&'a Trace, DateTime<Utc>);

pub async fn look(app: &App, now: DateTime<Utc>) -> Result<Vec<Seen>, Blind> {
    let traces = trace_queries::last(app.db.house()).await?;
    let ended = traces.iter().filter_map(|trace| Some((trace.kind.as_str(), (trace, trace.finished_at?))));
    let newest: HashMap<&str, Ended<'_>> = ended.collect();
    let since = queries::schema(app.db.house()).await?.changed_at;
    let mut seen: Vec<Seen> = JOBS.iter().map(|job| of_job(job, newest.get(job.kind).copied(), since, now)).collect();
    seen.extend(newest.get("objects").map(|sweep| missing(*sweep)));
    seen.extend(newest.get("objects").map(|sweep| unknown(*sweep)));
    Ok(seen)
}

/// `since`: when this version's schema came; until a job's time has passed since then it may not have run.
fn of_job(job: &Job, trace: Option<Ended<'_>>, since: DateTime<Utc>, now: DateTime<Utc>) -> Seen {
    let (of, what) = (promises_of(job.kind), job.removes);
    let Some((trace, at)) = trace else {
        return match now - since <= job.at_least_every {
            true => Seen::kept(of, what, "Has not run yet, and is not due"),
            false => Seen::stale(of, what, "Has never run"),
        };
    };
    let failed =
        if trace.failed > 0 { format!(", {} could not be and are tried again", trace.failed) } else { String::new() };
    let value = format!("{} looked at, {} deleted{failed}", trace.seen, trace.deleted);
    let seen = match job.standing(Some(at), now) {
        Standing::Kept => Seen::kept(of, what, value),
        _ => Seen::stale(of, what, format!("Has not run for too long; then: {value}")),
    };
    seen.at(Some(at))
}

/// The sweep in its other direction: rows whose objects are gone.
fn missing((sweep, at): Ended<'_>) -> Seen {
    let value = match sweep.missing {
        0 => "None".to_owned(),
        some => format!("{some}; they are to be restored from a copy"),
    };
    Seen::judged(&["P2"], "Pictures that storage has lost", sweep.missing == 0, value).at(Some(at))
}

fn unknown((sweep, at): Ended<'_>) -> Seen {
    let value = match sweep.unknown {
        0 => "None".to_owned(),
        some => format!("{some} objects of a shape that nothing here makes"),
    };
    Seen::judged(&["P9"], "Objects that nobody knows", sweep.unknown == 0, value).at(Some(at))
}

pub async fn overdue(app: &App, now: DateTime<Utc>) -> Result<Vec<Seen>, Blind> {
    let overdue = queries::overdue(
        app.db.house(),
        now - UNCONFIRMED_KEPT - LATE,
        now - TimeDelta::days(TRASH_DAYS) - LATE,
        now - LATE,
    )
    .await?;
    let gone = |of: &'static [&'static str], what: &str, is_there: bool| {
        Seen::judged(of, what, !is_there, if is_there { "Some are still there" } else { "None is there" })
    };
    let mut conn = app.db.house().acquire().await?;
    let oldest = days::known(&mut conn).await?.into_iter().min();
    Ok(vec![
        gone(&["P12"], "People who did not say how old they are in time", overdue.unconfirmed),
        gone(&["P10"], "Pictures that are in the trash for too long", overdue.trashed),
        gone(&["P9", "P10"], "Archives whose days are over", overdue.archived),
        log(oldest, now.date_naive()),
    ])
}

/// A day more than the log's own: it goes as a whole when it is over.
fn log(oldest: Option<NaiveDate>, today: NaiveDate) -> Seen {
    let of = &["P4", "P10"];
    let Some(oldest) = oldest else { return Seen::kept(of, "The oldest day of the log", "There is none yet") };
    let age = (today - oldest).num_days();
    let is_kept = u64::try_from(age).unwrap_or(0) <= REQUEST_LOG_DAYS.saturating_add(1);
    Seen::judged(of, "The oldest day of the log", is_kept, oldest.to_string())
}
