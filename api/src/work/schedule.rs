//! What happens by the clock: sweeps, the feed of other processes' news, and housekeeping.
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::watch;

use super::queue;
use crate::app::App;
use crate::generation::live::Feed;

const SWEEP: Duration = Duration::from_secs(5);
const FEED: Duration = Duration::from_secs(1);
const HOUSEKEEPING: Duration = Duration::from_secs(300);

pub async fn keep(app: Arc<App>, mut open: watch::Receiver<bool>) {
    let (mut sweep, mut feed_beat) = (beat(SWEEP), beat(FEED));
    let mut feed = Feed::default();
    loop {
        let done = tokio::select! {
            _ = open.changed() => return,
            _ = sweep.tick() => queue::sweep(&app).await,
            _ = feed_beat.tick() => feed.poll(app.db.house(), &app.live).await,
        };
        if let Err(error) = done {
            tracing::warn!(%error, "a scheduled job failed and will be tried again");
        }
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
        if let Err(error) = keep_house(&app).await {
            tracing::warn!(%error, "housekeeping failed and will be tried again");
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
pub async fn keep_house(app: &App) -> Result<(), sqlx::Error> {
    let now = app.clock.now();
    sqlx::query!("delete from events where created_at < $1", now - TimeDelta::days(1)).execute(app.db.house()).await?;
    crate::auth::sweep(app, now).await?;
    crate::images::trash::empty(app).await
}
