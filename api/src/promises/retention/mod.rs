//! Retention: what goes, after how long, and the jobs that see to it, each with a dated trace that people can read. A job takes
//! `now`, works in pieces that are complete by themselves, and never touches what a person may still have.
pub mod command;
pub mod forget;
mod payment_queries;
pub mod payments;
mod queries;
pub mod references;
pub mod report;
pub mod run;
pub mod tables;
pub mod trace_queries;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use lapidary_contract::domain::limits::{ARCHIVE_DAYS, REQUEST_LOG_DAYS, TRASH_DAYS, WEBHOOK_DELIVERY_DAYS};

use crate::app::App;
use crate::images::orphans::{self, SweepError};
use crate::images::store::StoreError;
use crate::moderation::refusals;
use crate::promises::erasure;
use crate::{archives, auth, images, requests, webhooks};

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// What was looked at, or was over.
    pub seen: i64,
    pub deleted: i64,
    /// What could not go now, and is tried again.
    pub failed: i64,
}

impl Done {
    /// All of it went.
    pub fn all(rows: u64) -> Self {
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        Self { seen: rows, deleted: rows, failed: 0 }
    }
}

impl std::ops::Add for Done {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            seen: self.seen.saturating_add(other.seen),
            deleted: self.deleted.saturating_add(other.deleted),
            failed: self.failed.saturating_add(other.failed),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Storage(#[from] StoreError),
    #[error(transparent)]
    Sweep(#[from] SweepError),
}

type Running<'a, T> = BoxFuture<'a, Result<T, JobError>>;

/// How a job runs, and where its trace comes from.
#[derive(Clone, Copy)]
pub enum Run {
    /// What it did is added to the day's row of its kind.
    Traced(for<'a> fn(&'a App, DateTime<Utc>) -> Running<'a, Done>),
    /// It takes many rounds, and each of its runs has a row of its own.
    InRounds(for<'a> fn(&'a App, DateTime<Utc>) -> Running<'a, ()>),
    /// Another job does it along the way and leaves the trace.
    Within(&'static str),
}

pub struct Job {
    /// Of its traces.
    pub kind: &'static str,
    /// What goes, for people.
    pub removes: &'static str,
    /// How long it stays before that.
    pub after: TimeDelta,
    /// How often it must run at least; without a run for longer its promise is stale.
    pub at_least_every: TimeDelta,
    pub run: Run,
}

/// One that is late is made up for by the next round of housekeeping: minutes. Hours of silence are a fault.
const SOON: TimeDelta = TimeDelta::hours(2);
/// The bucket is looked through once a day, which may take hours.
const DAILY: TimeDelta = TimeDelta::hours(50);

/// In the order in which they run: what is large and slow comes last. A new table needs a line here or in [`tables::TABLES`].
pub const JOBS: &[Job] = &[
    Job {
        kind: "request_log",
        removes: "Entries of the request log, a day at a time",
        after: TimeDelta::days(REQUEST_LOG_DAYS.cast_signed()),
        at_least_every: SOON,
        run: Run::Traced(|app, now| Box::pin(async move { Ok(requests::days::keep(app, now).await?) })),
    },
    Job {
        kind: "events",
        removes: "News for open pages: which generation or image changed",
        after: forget::EVENTS_KEPT,
        at_least_every: SOON,
        run: Run::Traced(|app, now| Box::pin(async move { Ok(forget::events(app, now).await?) })),
    },
    Job {
        kind: "sign_in",
        removes: "Sessions nobody used for a week or that are a month old, their refresh tokens, and attempts to sign in",
        after: auth::SESSION_IDLE,
        at_least_every: SOON,
        run: Run::Traced(|app, now| Box::pin(async move { Ok(auth::sweep(app, now).await?) })),
    },
    Job {
        kind: "unconfirmed",
        removes: "People who signed in and did not confirm their age",
        after: auth::age::UNCONFIRMED_KEPT,
        at_least_every: SOON,
        run: Run::Traced(|app, now| Box::pin(async move { Ok(auth::sweep_unconfirmed(app, now).await?) })),
    },
    Job {
        kind: "api_keys",
        removes: "API keys that were revoked or expired",
        after: auth::API_KEYS_KEPT,
        at_least_every: SOON,
        run: Run::Traced(|app, now| Box::pin(async move { Ok(auth::sweep_api_keys(app, now).await?) })),
    },
    Job {
        kind: "shares",
        removes: "Share links that were revoked or expired",
        after: forget::SHARES_KEPT,
        at_least_every: SOON,
        run: Run::Traced(|app, now| Box::pin(async move { Ok(forget::shares(app, now).await?) })),
    },
    Job {
        kind: "notices",
        removes: "Notices that were read, but those of a policy",
        after: forget::NOTICES_KEPT,
        at_least_every: SOON,
        run: Run::Traced(|app, now| Box::pin(async move { Ok(forget::notices(app, now).await?) })),
    },
    Job {
        kind: "refusals",
        removes: "What was refused, which never held the prompt",
        after: refusals::KEPT,
        at_least_every: SOON,
        run: Run::Traced(|app, now| Box::pin(async move { Ok(refusals::forget(app, now).await?) })),
    },
    Job {
        kind: "flags",
        removes: "Flags of repeated refusals that an operator closed",
        after: forget::FLAGS_KEPT,
        at_least_every: SOON,
        run: Run::Traced(|app, now| Box::pin(async move { Ok(forget::flags(app, now).await?) })),
    },
    Job {
        kind: "webhook_deliveries",
        removes: "The log of deliveries to your programs, and secrets that were replaced a day ago",
        after: TimeDelta::days(WEBHOOK_DELIVERY_DAYS),
        at_least_every: SOON,
        run: Run::Traced(|app, now| Box::pin(async move { Ok(webhooks::forget::forget(app, now).await?) })),
    },
    Job {
        kind: "erasures",
        removes: "Receipts of erasures, which lead to nobody",
        after: erasure::forget::RECEIPT_KEPT,
        at_least_every: SOON,
        run: Run::Traced(|app, now| Box::pin(async move { Ok(erasure::forget::forget(app, now).await?) })),
    },
    Job {
        kind: "trash",
        removes: "Images in the trash",
        after: TimeDelta::days(TRASH_DAYS),
        at_least_every: SOON,
        run: Run::Traced(|app, now| Box::pin(images::trash::empty(app, now))),
    },
    Job {
        kind: "archives",
        removes: "Archives to download",
        after: TimeDelta::days(ARCHIVE_DAYS),
        at_least_every: SOON,
        run: Run::Traced(|app, now| Box::pin(archives::expire::expire(app, now))),
    },
    Job {
        kind: "references",
        removes: "Masks, and pictures that came along with a request and were not used again",
        after: references::UNUSED_KEPT,
        at_least_every: SOON,
        run: Run::Traced(|app, now| Box::pin(references::forget(app, now))),
    },
    Job {
        kind: "payments",
        removes: "Purchases and what the payment vendor told of them, counted from the last movement of their money",
        after: payments::KEPT,
        at_least_every: SOON,
        run: Run::Traced(|app, now| Box::pin(async move { Ok(payments::forget(app, now).await?) })),
    },
    Job {
        kind: "audit_log",
        removes: "What operators did",
        after: payments::KEPT,
        at_least_every: SOON,
        run: Run::Traced(|app, now| Box::pin(async move { Ok(forget::acts(app, now).await?) })),
    },
    Job {
        kind: "traces",
        removes: "These traces themselves, but the newest of each kind",
        after: forget::TRACES_KEPT,
        at_least_every: SOON,
        run: Run::Traced(|app, now| Box::pin(async move { Ok(forget::traces(app, now).await?) })),
    },
    Job {
        kind: "objects",
        removes: "Objects in storage that belong to nothing",
        after: orphans::MARGIN,
        at_least_every: DAILY,
        run: Run::InRounds(|app, _| Box::pin(async move { Ok(orphans::daily(app).await?) })),
    },
    Job {
        kind: "previews",
        removes: "First looks at pictures that are made by now, where they outlived the making",
        after: orphans::MARGIN,
        at_least_every: DAILY,
        run: Run::Within("objects"),
    },
];

/// Whether a promise was kept lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Kept,
    /// It has not run for longer than it may be silent, or failed since.
    Stale,
    /// It never ran to its end here.
    NotYet,
}

impl Job {
    pub fn of(kind: &str) -> Option<&'static Self> {
        JOBS.iter().find(|job| job.kind == kind)
    }

    pub fn standing(&self, finished_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Standing {
        match finished_at {
            None => Standing::NotYet,
            Some(at) if now - at > self.at_least_every => Standing::Stale,
            Some(_) => Standing::Kept,
        }
    }
}
