//! The worker: claims while it has free slots, and polls once a second whatever wakes it.
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::queue;
use crate::app::App;
use crate::generation::run;

const POLL: Duration = Duration::from_secs(1);

/// Claims and runs one generation to its end; false when nothing waits. Tests step the worker with this.
pub async fn step(app: &App) -> Result<bool, sqlx::Error> {
    let Some(job) = queue::claim(app).await? else { return Ok(false) };
    run::run(app, &job).await?;
    Ok(true)
}

/// Until `open` says false; then runs end by themselves or are claimed by others.
pub async fn work(app: Arc<App>, mut open: watch::Receiver<bool>) {
    let slots = Arc::new(Semaphore::new(app.settings.worker_slots));
    let mut runs = JoinSet::new();
    while *open.borrow() {
        while runs.try_join_next().is_some() {}
        let slot = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot,
            // Full of runs that take minutes: a stop must neither wait for one nor claim another.
            _ = open.wait_for(|is_open| !is_open) => break,
        };
        let Ok(slot) = slot else { break };
        match queue::claim(&app).await {
            Ok(Some(job)) => {
                let app = Arc::clone(&app);
                runs.spawn(async move {
                    if let Err(error) = run::run(&app, &job).await {
                        tracing::error!(generation_id = %job.id, %error, "a run could not be settled; its lease will end");
                    }
                    drop(slot);
                });
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "the queue cannot be read"),
        }
        drop(slot);
        tokio::select! {
            () = app.wake.wait() => {}
            () = tokio::time::sleep(POLL) => {}
            _ = open.changed() => {}
        }
    }
    // What is nearly done may finish; the rest is claimed again when its lease ends.
    let _ = tokio::time::timeout(Duration::from_secs(15), async { while runs.join_next().await.is_some() {} }).await;
}
