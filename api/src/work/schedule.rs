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
    let mut sweep = tokio::time::interval(SWEEP);
    let mut feed_beat = tokio::time::interval(FEED);
    let mut housekeeping = tokio::time::interval(HOUSEKEEPING);
    let mut feed = Feed::default();
    loop {
        let done = tokio::select! {
            _ = open.changed() => return,
            _ = sweep.tick() => queue::sweep(&app).await,
            _ = feed_beat.tick() => feed.poll(app.db.house(), &app.live).await,
            _ = housekeeping.tick() => keep_house(&app).await,
        };
        if let Err(error) = done {
            tracing::warn!(%error, "a scheduled job failed and will be tried again");
        }
    }
}

/// Deletes what nobody needs any more, a bounded piece at a time.
pub async fn keep_house(app: &App) -> Result<(), sqlx::Error> {
    let now = app.clock.now();
    sqlx::query!("delete from events where created_at < $1", now - TimeDelta::days(1)).execute(app.db.house()).await?;
    crate::auth::sweep(app, now).await?;
    crate::images::trash::empty(app).await
}
