//! The worker: claims while it has free slots, and polls once a second whatever wakes it. What it cannot finish before
//! the process ends it gives back.
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::{Id, JoinSet};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::queue::{self, Claimed, Lease};
use crate::app::App;
use crate::generation::run;
use crate::stop::Stage;
use crate::telemetry;

const POLL: Duration = Duration::from_secs(1);
/// Giving back is one short transaction; a database that does not answer must not hold up the end.
const GIVING_BACK: Duration = Duration::from_secs(3);

/// Claims and runs one generation to its end; false when nothing waits. Tests step the worker with this.
pub async fn step(app: &App) -> Result<bool, sqlx::Error> {
    let asked = Instant::now();
    let Some(job) = queue::claim(app).await? else { return Ok(false) };
    Box::pin(run::run(app, &job)).instrument(span_of(&job, asked)).await?;
    Ok(true)
}

/// Every line that a run logs has its ids from here, whatever LOG_FILTER lets through; its trace is the request's.
fn span_of(job: &Claimed, asked: Instant) -> Span {
    let claim_millis = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
    let span = tracing::error_span!(
        parent: None,
        "run",
        request_id = job.request_id,
        generation_id = %job.id,
        attempt = job.attempt,
        claim_millis,
        model_request_id = Empty
    );
    telemetry::go_on(&span, job.traceparent.as_deref());
    span
}

/// What runs now, by task.
#[derive(Default)]
struct Runs {
    tasks: JoinSet<()>,
    leases: HashMap<Id, Lease>,
}

impl Runs {
    fn forget_ended(&mut self) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.leases.remove(&id_of(&ended));
        }
    }

    async fn finish(&mut self) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.leases.remove(&id_of(&ended));
        }
    }

    /// Ends what still runs; gives the leases it had.
    async fn cut(mut self) -> Vec<Lease> {
        self.tasks.abort_all();
        // One that ended by itself just now has settled: giving back is fenced by its status.
        while self.tasks.join_next().await.is_some() {}
        self.leases.into_values().collect()
    }
}

fn id_of(ended: &Result<(Id, ()), tokio::task::JoinError>) -> Id {
    match ended {
        Ok((id, ())) => *id,
        Err(error) => error.id(),
    }
}

/// Until the process is told to stop.
pub async fn work(app: Arc<App>) {
    let slots = Arc::new(Semaphore::new(app.settings.worker_slots));
    let mut runs = Runs::default();
    // A lease given by a wrong clock would be stolen by others, or steal from them.
    tokio::select! {
        () = app.clock.measured() => {}
        () = app.stop.reached(Stage::Ending) => return,
    }
    while app.stop.is_serving() {
        runs.forget_ended();
        let slot = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot,
            // Full of runs that take minutes: a stop must neither wait for one nor claim another.
            () = app.stop.reached(Stage::Ending) => break,
        };
        let Ok(slot) = slot else { break };
        let asked = Instant::now();
        match queue::claim(&app).await {
            Ok(Some(job)) => {
                let lease = Lease { id: job.id, attempt: job.attempt };
                let (app, span) = (Arc::clone(&app), span_of(&job, asked));
                let run = async move {
                    if let Err(error) = run::run(&app, &job).await {
                        tracing::error!(generation_id = %job.id, %error, "a run could not be settled; its lease will end");
                    }
                    drop(slot);
                };
                let task = runs.tasks.spawn(run.instrument(span));
                runs.leases.insert(task.id(), lease);
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "the queue cannot be read"),
        }
        drop(slot);
        tokio::select! {
            () = app.wake.wait() => {}
            () = tokio::time::sleep(POLL) => {}
            () = app.stop.reached(Stage::Ending) => {}
        }
    }
    end(&app, runs).await;
}

/// What is nearly done may finish; the rest waits again at once, for another process.
async fn end(app: &App, mut runs: Runs) {
    let time = Duration::from_secs(app.settings.stop_seconds);
    tokio::select! {
        _ = tokio::time::timeout(time, runs.finish()) => {}
        () = app.stop.reached(Stage::Now) => {}
    }
    let leases = runs.cut().await;
    if leases.is_empty() {
        return;
    }
    match tokio::time::timeout(GIVING_BACK, queue::give_back(app, &leases)).await {
        Ok(Ok(given)) => tracing::info!(generations = given, "what did not finish is back in the queue"),
        Ok(Err(error)) => tracing::error!(%error, "what did not finish waits until its lease ends"),
        Err(error) => tracing::error!(%error, "what did not finish waits until its lease ends"),
    }
}
