//! Background work: wakes, the worker loop and the schedule of jobs.
pub mod queue;
pub mod schedule;
pub mod worker;

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::app::App;
use crate::auth::Auth;

/// Wakes this process's workers and streams after a commit. Nothing depends on it: both also poll.
#[derive(Default)]
pub struct Wake {
    queue: Notify,
}

impl Wake {
    /// Something was queued.
    pub fn queued(&self) {
        self.queue.notify_one();
    }

    pub async fn wait(&self) {
        self.queue.notified().await;
    }
}

/// Everything that runs beside the server.
pub struct Background {
    open: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    app: Arc<App>,
}

impl Background {
    pub fn start(app: Arc<App>) -> Self {
        let (open, _) = watch::channel(true);
        let mut tasks = vec![
            tokio::spawn(schedule::keep(Arc::clone(&app), open.subscribe())),
            tokio::spawn(schedule::housekeeping(Arc::clone(&app), open.subscribe())),
            Auth::keep(Arc::clone(&app), open.subscribe()),
        ];
        if app.settings.worker_slots > 0 {
            tasks.push(tokio::spawn(worker::work(Arc::clone(&app), open.subscribe())));
        }
        Self { open, tasks, app }
    }

    /// Says `false` to claim nothing more while the server still finishes its requests.
    pub fn open(&self) -> watch::Sender<bool> {
        self.open.clone()
    }

    /// Ends streams, lets running generations finish, and returns when all is quiet.
    pub async fn stop(self) {
        self.app.live.close();
        self.open.send_replace(false);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}
