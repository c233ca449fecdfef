//! The jobs whose traces are looked at, and the promises that each of them keeps. What they do is theirs.
use chrono::TimeDelta;

pub struct Job {
    /// Of its traces.
    pub kind: &'static str,
    /// What goes, for people.
    pub removes: &'static str,
    /// Without a run for longer its promises are stale.
    pub at_least_every: TimeDelta,
}

const DAILY: TimeDelta = TimeDelta::hours(50);

const fn job(kind: &'static str, removes: &'static str, at_least_every: TimeDelta) -> Job {
    Job { kind, removes, at_least_every }
}

/// Stands in for the list of the retention jobs until that is here: only those that leave a trace by now.
const JOBS: &[Job] = &[job("objects", "Objects in storage that belong to nothing", DAILY)];

pub fn all() -> impl Iterator<Item = Job> {
    JOBS.iter().map(|it| job(it.kind, it.removes, it.at_least_every))
}

/// Every job keeps P10.
pub fn promises_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "request_log" => &["P4", "P10"],
        "erasures" => &["P8", "P10"],
        "objects" => &["P8", "P9", "P10"],
        "shares" | "archives" | "exports" | "previews" => &["P9", "P10"],
        "unconfirmed" => &["P12", "P10"],
        "refusals" => &["P14", "P10"],
        _ => &["P10"],
    }
}
