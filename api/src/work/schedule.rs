//! What happens by the clock: sweeps, the feed of other processes' news, and housekeeping. Jobs do not know each other:
//! one that fails is told and tried again, and the next ones run.
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::watch;

use super::queue;
use crate::app::App;
use crate::generation::give_up::give_up;
use crate::generation::live::Feed;

const SWEEP: Duration = Duration::from_secs(5);
const FEED: Duration = Duration::from_secs(1);
const ESTIMATES: Duration = Duration::from_secs(30);
const HOUSEKEEPING: Duration = Duration::from_secs(300);
const CLOCK: Duration = Duration::from_secs(60);
const CLOCK_AGAIN: Duration = Duration::from_secs(1);

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
    let mut feed = Feed::default();
    loop {
        let (job, done) = tokio::select! {
            _ = open.changed() => return,
            // Until the time is known no lease can be called over.
            _ = sweep.tick(), if app.clock.is_measured() => {
                told("giving up on providers", give_up(&app).await);
                ("the sweep of leases", queue::sweep(&app).await)
            }
            _ = feed_beat.tick() => {
                told("the state of the providers", app.providers.poll(&app).await);
                ("the feed of news", feed.poll(app.db.house(), &app.live).await)
            }
            _ = estimates.tick() => ("the history of durations", app.estimates.refresh(&app).await),
        };
        told(job, done);
    }
}

/// Beside the others: a storage that answers slowly must not delay the sweep of leases.
pub async fn housekeeping(app: Arc<App>, mut open: watch::Receiver<bool>) {
    let mut beat = beat(HOUSEKEEPING);
    loop {
        tokio::select! {
            _ = open.changed() => return,
            _ = beat.tick() => {}
        }
        tokio::select! {
            () = keep_house(&app) => {}
            // What it was at goes on at the next start: every piece is complete by itself.
            _ = open.wait_for(|is_open| !is_open) => return,
        }
    }
}

/// After a stall one tick is enough.
fn beat(every: Duration) -> tokio::time::Interval {
    let mut beat = tokio::time::interval(every);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    beat
}

/// Deletes what nobody needs any more, a bounded piece at a time.
pub async fn keep_house(app: &App) {
    told("the removal of old events", forget_events(app).await);
    told("the removal of what expired in sign-in", crate::auth::sweep(app, app.clock.now()).await);
    told("the trash", crate::images::trash::empty(app).await);
    told("the sweep of objects", crate::images::orphans::daily(app).await);
}

async fn forget_events(app: &App) -> Result<(), sqlx::Error> {
    let before = app.clock.now() - TimeDelta::days(1);
    sqlx::query!("delete from events where created_at < $1", before).execute(app.db.house()).await?;
    Ok(())
}

fn told<E: std::fmt::Display>(job: &'static str, done: Result<(), E>) {
    if let Err(error) = done {
        tracing::warn!(job, %error, "a job failed and will be tried again");
    }
}
