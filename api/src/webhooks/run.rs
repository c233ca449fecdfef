//! Claims what is due and sends it, many at a time: a receiver that does not answer occupies its own places and nobody
//! else's. What a process was sending when it died is sent again, under the same id.
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use super::deliver::deliver;
use super::work_queries::{self as queries, Bounds, Claimed};
use crate::app::App;

const POLL: Duration = Duration::from_secs(1);
/// Longer than any attempt, its look-up and its writing down.
pub const LEASE: TimeDelta = TimeDelta::seconds(60);
/// In one process.
const SENDING: usize = 64;
/// Of these, to endpoints that fail, are slow or were never quick: the others always have places left.
const TROUBLED: usize = 32;
const BOUNDS: Bounds = Bounds { per_endpoint: 4, per_person: 8, per_person_troubled: 4 };
const LAST_MOMENTS: Duration = Duration::from_secs(2);

/// What is on its way, by task.
#[derive(Default)]
struct Sending {
    tasks: JoinSet<()>,
    held: HashMap<Id, Held>,
}

struct Held {
    lease: (uuid::Uuid, i32),
    is_troubled: bool,
}

impl Sending {
    fn start(&mut self, app: &Arc<App>, job: Claimed) {
        let app = Arc::clone(app);
        let held = Held { lease: (job.id, job.attempt), is_troubled: job.is_troubled };
        let task = self.tasks.spawn(async move {
            if let Err(error) = deliver(&app, &job).await {
                tracing::warn!(delivery_id = %job.id, %error, "what came of a webhook could not be written: it is sent again");
            }
        });
        self.held.insert(task.id(), held);
    }

    /// Waits for one to end; for ever where none is on its way.
    async fn one_ended(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => drop(self.held.remove(&id)),
            Some(Err(error)) => drop(self.held.remove(&error.id())),
            None => std::future::pending().await,
        }
    }

    fn troubled(&self) -> usize {
        self.held.values().filter(|held| held.is_troubled).count()
    }

    /// What is answered in a moment counts; the rest goes back.
    async fn end(mut self, app: &App) -> Result<(), sqlx::Error> {
        let all = async {
            while !self.tasks.is_empty() {
                self.one_ended().await;
            }
        };
        if tokio::time::timeout(LAST_MOMENTS, all).await.is_ok() {
            return Ok(());
        }
        self.tasks.abort_all();
        let leases: Vec<_> = self.held.into_values().map(|held| held.lease).collect();
        queries::give_back(app.db.house(), &leases).await
    }
}

/// Until the process stops.
pub async fn work(app: Arc<App>, mut open: watch::Receiver<bool>) {
    if app.settings.worker_slots == 0 {
        return;
    }
    tokio::select! {
        () = app.clock.measured() => {}
        _ = open.wait_for(|is_open| !is_open) => return,
    }
    let mut sending = Sending::default();
    while *open.borrow() {
        let free = SENDING - sending.tasks.len().min(SENDING);
        let mut claimed = 0;
        if free > 0 {
            match claim(&app, free, TROUBLED.saturating_sub(sending.troubled())).await {
                Ok(jobs) => {
                    claimed = jobs.len();
                    jobs.into_iter().for_each(|job| sending.start(&app, job));
                }
                Err(error) => tracing::warn!(%error, "webhooks cannot be claimed and will be tried again"),
            }
        }
        if claimed > 0 && claimed == free {
            continue;
        }
        tokio::select! {
            () = sending.one_ended() => {}
            () = tokio::time::sleep(POLL) => {}
            _ = open.changed() => {}
        }
    }
    if let Err(error) = sending.end(&app).await {
        tracing::warn!(%error, "webhooks that were on their way wait until their leases end");
    }
}

async fn claim(app: &App, rows: usize, troubled: usize) -> Result<Vec<Claimed>, sqlx::Error> {
    let [rows, troubled] = [rows, troubled].map(|places| i64::try_from(places).unwrap_or(i64::MAX));
    queries::claim(app.db.house(), app.clock.now(), LEASE, BOUNDS, rows, troubled).await
}

/// Sends what is due now, each once, and says how many that were. Tests step with this.
pub async fn step(app: &App) -> Result<usize, sqlx::Error> {
    let jobs = claim(app, SENDING, SENDING).await?;
    for done in join_all(jobs.iter().map(|job| deliver(app, job))).await {
        done?;
    }
    Ok(jobs.len())
}
