//! Background work: wakes, the worker loop and the schedule of jobs.
pub mod schedule;
pub mod worker;

use tokio::sync::Notify;

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
