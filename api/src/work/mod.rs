//! Background work: wakes, the worker loop, jobs in rounds and the schedule of the others.
pub mod bell;
pub mod daily_queries;
pub mod queue;
pub mod rounds;
pub mod schedule;
pub mod worker;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use self::bell::{News, Outbox};
use crate::app::App;
use crate::archives;
use crate::auth::Auth;
use crate::catalogue::life;
use crate::promises::{erasure, keeper};
use crate::requests;
use crate::stop::Stage;
use crate::webhooks;

/// What the worker has to give back, and each task to bring to its end, whatever hangs.
const LAST_MOMENTS: Duration = Duration::from_secs(5);

/// Wakes this process's workers, and others', after a commit. Nothing depends on it: all of them poll too.
pub struct Wake {
    queue: Notify,
    outbox: Outbox,
}

impl Wake {
    pub fn new(outbox: Outbox) -> Self {
        Self { queue: Notify::new(), outbox }
    }

    /// Something was queued, or a place became free.
    pub fn queued(&self) {
        self.heard();
        self.outbox.put(News::Queue);
    }

    /// As [`Wake::queued`], by another process.
    pub fn heard(&self) {
        self.queue.notify_one();
    }

    pub async fn wait(&self) {
        self.queue.notified().await;
    }
}

/// Everything that runs beside the server.
pub struct Background {
    open: watch::Sender<bool>,
    worker: Option<JoinHandle<()>>,
    tasks: Vec<JoinHandle<()>>,
    ears: Ears,
    app: Arc<App>,
}

/// What goes on for as long as a request may be answered: hearing whose sessions and keys end, and writing the log.
#[must_use]
pub struct Ears {
    open: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Ears {
    fn begin(app: &Arc<App>) -> Self {
        let (open, _) = watch::channel(true);
        let tasks = vec![
            tokio::spawn(bell::ring(Arc::clone(app), open.subscribe())),
            tokio::spawn(requests::writer::work(Arc::clone(app), open.subscribe())),
            Auth::keep(Arc::clone(app), open.subscribe()),
        ];
        Self { open, tasks }
    }

    /// After the last answer.
    pub async fn end(self) {
        self.open.send_replace(false);
        bring_to_end(self.tasks).await;
    }
}

async fn bring_to_end(tasks: Vec<JoinHandle<()>>) {
    let left: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
    if tokio::time::timeout(LAST_MOMENTS, join_all(tasks)).await.is_err() {
        tracing::warn!("a background job did not end in time and is cut off");
        left.iter().for_each(tokio::task::AbortHandle::abort);
    }
}

impl Background {
    pub fn start(app: Arc<App>) -> Self {
        let (open, _) = watch::channel(true);
        life::warn(&app.catalogue, app.clock.today());
        let tasks = vec![
            tokio::spawn(schedule::follow_clock(Arc::clone(&app), open.subscribe())),
            tokio::spawn(schedule::keep(Arc::clone(&app), open.subscribe())),
            tokio::spawn(schedule::housekeeping(Arc::clone(&app), open.subscribe())),
            tokio::spawn(schedule::follow_payments(Arc::clone(&app), open.subscribe())),
            tokio::spawn(keeper::keep(Arc::clone(&app), open.subscribe())),
            tokio::spawn(archives::run::work(Arc::clone(&app), open.subscribe())),
            tokio::spawn(erasure::run::work(Arc::clone(&app), open.subscribe())),
            tokio::spawn(webhooks::run::work(Arc::clone(&app), open.subscribe())),
        ];
        let ears = Ears::begin(&app);
        let worker = (app.settings.worker_slots > 0).then(|| tokio::spawn(worker::work(Arc::clone(&app))));
        Self { open, worker, tasks, ears, app }
    }

    /// Tells the process to stop, if nobody has yet, and returns when nothing runs any more.
    pub async fn stop(self) {
        self.app.live.close();
        if self.app.stop.is_serving() {
            self.app.stop.go_on();
        }
        self.end().await.end().await;
    }

    /// Returns when nothing runs any more but the ears. The process must have been told to stop: the worker ends by itself then.
    /// Told again, it returns in a moment whatever hangs.
    pub async fn end(self) -> Ears {
        if let Some(mut worker) = self.worker {
            let hurry = async {
                self.app.stop.reached(Stage::Now).await;
                tokio::time::sleep(LAST_MOMENTS).await;
            };
            tokio::select! {
                _ = &mut worker => {}
                () = hurry => worker.abort(),
            }
        }
        self.open.send_replace(false);
        bring_to_end(self.tasks).await;
        self.ears
    }
}
