//! A job that is claimed piece by piece until the process stops: archives and erasures. Each piece is under a lease of its own
//! and gives it back when it is stopped.
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::app::App;

const POLL: Duration = Duration::from_secs(1);

/// Ends when the process stops.
pub type Stopped = BoxFuture<'static, ()>;

pub struct Rounds {
    /// Claims one and takes it as far as it goes; false when none waits.
    pub step: for<'a> fn(&'a App, Stopped) -> BoxFuture<'a, Result<bool, sqlx::Error>>,
    /// Ends when somebody asked for one; all are found within a second anyway.
    pub woken: for<'a> fn(&'a App) -> BoxFuture<'a, ()>,
    /// What the log says when none can be claimed.
    pub trouble: &'static str,
}

impl Rounds {
    pub async fn keep(self, app: Arc<App>, mut open: watch::Receiver<bool>) {
        tokio::select! {
            () = app.clock.measured() => {}
            _ = open.wait_for(|is_open| !is_open) => return,
        }
        while *open.borrow() {
            let mut stop = open.clone();
            let stopped = Box::pin(async move {
                let _ = stop.wait_for(|is_open| !is_open).await;
            });
            match (self.step)(&app, stopped).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "{} and will be tried again", self.trouble),
            }
            tokio::select! {
                () = (self.woken)(&app) => {}
                () = tokio::time::sleep(POLL) => {}
                _ = open.changed() => {}
            }
        }
    }
}
