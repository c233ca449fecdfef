//! What the traces say of each job of the list. Asks nobody.
use chrono::{DateTime, Utc};

use super::trace_queries::Trace;
use super::{JOBS, Job, Standing};

pub struct Line {
    pub job: &'static Job,
    pub standing: Standing,
    pub trace: Option<Trace>,
}

pub struct Report {
    pub lines: Vec<Line>,
}

impl Report {
    /// As of `now`.
    pub fn of(traces: &[Trace], now: DateTime<Utc>) -> Self {
        let line = |job: &'static Job| {
            let trace = traces.iter().find(|trace| trace.kind == job.kind).cloned();
            let finished_at = trace.as_ref().and_then(|trace| trace.finished_at);
            Line { job, standing: job.standing(finished_at, now), trace }
        };
        Self { lines: JOBS.iter().map(line).collect() }
    }

    pub fn stale(&self) -> Vec<&'static str> {
        self.standing(Standing::Stale)
    }

    pub fn not_yet(&self) -> Vec<&'static str> {
        self.standing(Standing::NotYet)
    }

    fn standing(&self, standing: Standing) -> Vec<&'static str> {
        self.lines.iter().filter(|line| line.standing == standing).map(|line| line.job.kind).collect()
    }

    /// A line a job.
    pub fn text(&self) -> String {
        let lines = self.lines.iter().map(|Line { job, standing, trace }| {
            let mark = match standing {
                Standing::Kept => "✓",
                Standing::Stale => "!",
                Standing::NotYet => "·",
            };
            let days = job.after.num_days();
            let after = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
            let last = match trace {
                Some(Trace { finished_at: Some(at), deleted, failed, .. }) => {
                    format!("last {}, {deleted} gone that day, {failed} failed", at.format("%Y-%m-%d %H:%M UTC"))
                }
                Some(Trace { failed, .. }) => format!("never to its end, {failed} failed"),
                None => "not yet".to_owned(),
            };
            format!("{mark} {:<18} {after:>9}  {last}\n  {}", job.kind, job.removes)
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}
