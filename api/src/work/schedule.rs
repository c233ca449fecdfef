//! What happens by the clock: sweeps, the feed of other processes' news, and housekeeping. Jobs do not know each other:
//! one that fails is told and tried again, and the next ones run.
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::queue;
use crate::app::App;
use crate::generation::give_up::give_up;
use crate::generation::live::Feed;
use crate::payments::reconcile;
use crate::promises::{erasure, retention};
use crate::refinement;

const SWEEP: Duration = Duration::from_secs(5);
const FEED: Duration = Duration::from_secs(1);
const ESTIMATES: Duration = Duration::from_secs(30);
const HOUSEKEEPING: Duration = Duration::from_secs(300);
const CLOCK: Duration = Duration::from_secs(60);
const CLOCK_AGAIN: Duration = Duration::from_secs(1);
/// A job that hangs, behind a connection whose other end is gone without a word, must not stop the others.
const JOB_LIMIT: Duration = Duration::from_secs(30);
/// After an outage the holders of leases come first: so many times the sweep only looks whether the database is back.
const LOOKS: u8 = 2;

/// Keeps this process on the database's time.
pub async fn follow_clock(app: Arc<App>, mut open: watch::Receiver<bool>) {
    while *open.borrow() {
        let wait = match app.clock.follow(app.db.house()).await {
            Ok(()) => CLOCK,
            Err(error) => {
                tracing::debug!(%error, "the database was not asked for the time");
                CLOCK_AGAIN
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = open.wait_for(|is_open| !is_open) => {}
        }
    }
}

pub async fn keep(app: Arc<App>, mut open: watch::Receiver<bool>) {
    let (mut sweep, mut feed_beat, mut estimates) = (beat(SWEEP), beat(FEED), beat(ESTIMATES));
    let (mut feed, mut looks) = (Feed::default(), 0);
    loop {
        let (job, done) = tokio::select! {
            _ = open.changed() => return,
            // Until the time is known no lease can be called over.
            _ = sweep.tick(), if app.clock.is_measured() => {
                told("giving up on providers", in_time(give_up(&app)).await);
                told("the sweep of work that nobody may start", in_time(erasure::sweep(&app)).await);
                told("the sweep of refinements", in_time(refinement::settle::sweep(&app)).await);
                ("the sweep of leases", sweep_leases(&app, &mut looks).await)
            }
            _ = feed_beat.tick() => {
                told("the state of the providers", in_time(app.providers.poll(&app)).await);
                ("the feed of news", in_time(feed.poll(app.db.house(), &app.live)).await)
            }
            _ = estimates.tick() => ("the history of durations", in_time(app.estimates.refresh(&app)).await),
        };
        told(job, done);
    }
}

async fn sweep_leases(app: &App, looks: &mut u8) -> Result<(), sqlx::Error> {
    let done = match *looks {
        0 => in_time(queue::sweep(app)).await,
        _ => in_time(app.clock.follow(app.db.house())).await,
    };
    *looks = if done.is_err() { LOOKS } else { looks.saturating_sub(1) };
    done
}

async fn in_time<T>(job: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    tokio::time::timeout(JOB_LIMIT, job).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

/// Beside the others: a storage that answers slowly must not delay the sweep of leases.
pub async fn housekeeping(app: Arc<App>, mut open: watch::Receiver<bool>) {
    let (mut beat, mut is_start) = (beat(HOUSEKEEPING), true);
    // By a clock that is days ahead, what was deleted yesterday would be due.
    tokio::select! {
        () = app.clock.measured() => {}
        _ = open.wait_for(|is_open| !is_open) => return,
    }
    loop {
        tokio::select! {
            _ = open.changed() => return,
            _ = beat.tick() => {}
        }
        let round = async {
            keep_house(&app).await;
            if std::mem::take(&mut is_start) {
                // The first look at the promises may have come before what it looks for was done.
                app.promises.look(&app, app.clock.now()).await;
            }
        };
        tokio::select! {
            () = round => {}
            // What it was at goes on at the next start: every piece is complete by itself.
            _ = open.wait_for(|is_open| !is_open) => return,
        }
    }
}

/// Beside the others: the payment vendor may answer slowly.
pub async fn follow_payments(app: Arc<App>, mut open: watch::Receiver<bool>) {
    let (mut beat, mut is_start) = (beat(HOUSEKEEPING), true);
    tokio::select! {
        () = app.clock.measured() => {}
        _ = open.wait_for(|is_open| !is_open) => return,
    }
    loop {
        tokio::select! {
            _ = open.changed() => return,
            _ = beat.tick() => {}
        }
        tokio::select! {
            done = reconcile::when_due(&app, is_start) => told("the reconciliation of payments", done),
            // Each posting is complete by itself; another process takes over when the run's lease is over.
            _ = open.wait_for(|is_open| !is_open) => return,
        }
        is_start = false;
    }
}

/// After a stall one tick is enough.
fn beat(every: Duration) -> tokio::time::Interval {
    let mut beat = tokio::time::interval(every);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    beat
}

/// Deletes what nobody needs any more, a bounded piece at a time, and looks after what is daily.
pub async fn keep_house(app: &App) {
    told("the cutting of words for the search", crate::images::words::cut_old(app).await);
    let now = app.clock.now();
    told("the look at models that end", crate::catalogue::life::daily(app, now).await);
    told("the look at margins", crate::margin::watch::daily(app, now).await.map(drop));
    told("telling of policies", crate::promises::policy::tell::tell(app, now).await);
    told("the audit of the ledger", crate::promises::evidence::audit::daily(app, now).await);
    retention::run::all(app).await;
}

fn told<E: std::fmt::Display>(job: &'static str, done: Result<(), E>) {
    if let Err(error) = done {
        tracing::warn!(job, %error, "a job failed and will be tried again");
    }
}
