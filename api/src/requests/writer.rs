//! The way into the request log: a bounded queue, and batches of it into the database. Whoever answers a request never waits
//! here: what has no room is dropped and counted. Knows no request, only rows.
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Mutex, Notify, mpsc, watch};
use uuid::Uuid;

use super::{days, queries};
use crate::app::App;
use crate::db::Db;
use crate::metrics;

/// Rows that wait at most: two seconds of ten thousand a second, about 5 MB.
const QUEUE: usize = 20_000;
/// Rows of one statement.
const BATCH: usize = 1_000;
/// How long the first row of a batch waits for more.
pub const GATHER: Duration = Duration::from_millis(250);
/// Between the tries to write a batch; after the last one it is dropped.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];
/// What somebody who reads the log waits for what is on its way into it.
const CATCH_UP: Duration = Duration::from_millis(500);
/// What the end of the process waits for the last rows.
const LAST_MOMENTS: Duration = Duration::from_secs(3);

/// One answered request.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: Uuid,
    pub created_at: DateTime<Utc>,
    pub person_id: Option<Uuid>,
    pub api_key_id: Option<Uuid>,
    pub method: &'static str,
    pub route: String,
    pub status: i16,
    pub latency_micros: i64,
    pub gems: Option<i64>,
    pub problem: Option<&'static str>,
    pub generation_id: Option<Uuid>,
}

pub struct RequestLog {
    queue: mpsc::Sender<Row>,
    outgoing: Mutex<Outgoing>,
    something: Notify,
    much: Notify,
    dropped: AtomicU64,
}

/// What is taken out of the queue stays here until it is written: whoever stops waiting for that loses nothing.
struct Outgoing {
    queue: mpsc::Receiver<Row>,
    batch: Vec<Row>,
}

impl Default for RequestLog {
    fn default() -> Self {
        Self::with_room_for(QUEUE)
    }
}

impl RequestLog {
    pub fn with_room_for(rows: usize) -> Self {
        let (sender, receiver) = mpsc::channel(rows);
        Self {
            queue: sender,
            outgoing: Mutex::new(Outgoing { queue: receiver, batch: Vec::new() }),
            something: Notify::new(),
            much: Notify::new(),
            dropped: AtomicU64::default(),
        }
    }

    /// Never waits.
    pub fn put(&self, row: Row) {
        if self.queue.try_send(row).is_err() {
            return self.lose(1);
        }
        self.something.notify_one();
        if self.waiting() >= BATCH {
            self.much.notify_one();
        }
    }

    /// Rows in the queue.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity().saturating_sub(self.queue.capacity())
    }

    /// Rows of this process that were not written, and never will be.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn lose(&self, rows: usize) {
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        self.dropped.fetch_add(rows, Ordering::Relaxed);
        metrics::request_log_dropped(rows);
    }

    /// Writes what waits now.
    pub async fn flush(&self, db: &Db) -> Result<(), sqlx::Error> {
        let mut outgoing = self.outgoing.lock().await;
        let mut left = outgoing.batch.len().saturating_add(outgoing.queue.len());
        while left > 0 {
            outgoing.fill();
            if outgoing.batch.is_empty() {
                break;
            }
            write(db, &outgoing.batch).await?;
            left = left.saturating_sub(outgoing.batch.len());
            outgoing.batch.clear();
        }
        Ok(())
    }

    /// For whoever is about to read: what this process has answered until now is there, unless the database is too slow.
    pub async fn catch_up(&self, db: &Db) {
        let _ = tokio::time::timeout(CATCH_UP, self.flush(db)).await;
    }

    /// The last rows of a process, after its last answer. What cannot be written by then is dropped and counted.
    pub async fn end(&self, db: &Db) {
        if !matches!(tokio::time::timeout(LAST_MOMENTS, self.flush(db)).await, Ok(Ok(()))) {
            let mut outgoing = self.outgoing.lock().await;
            let left = outgoing.batch.len().saturating_add(outgoing.queue.len());
            outgoing.batch.clear();
            drop(outgoing);
            tracing::warn!(rows = left, "the last requests could not be logged");
            self.lose(left);
        }
    }

    /// Tries again for some seconds; then this batch is lost, so that the next ones are not.
    async fn write_out(&self, db: &Db) {
        let mut pauses = PAUSES.into_iter();
        while let Err(error) = self.flush(db).await {
            let Some(pause) = pauses.next() else {
                let mut outgoing = self.outgoing.lock().await;
                let lost = outgoing.batch.len();
                outgoing.batch.clear();
                tracing::warn!(%error, rows = lost, "requests could not be logged");
                return self.lose(lost);
            };
            tracing::debug!(%error, "requests are not logged yet");
            tokio::time::sleep(pause).await;
        }
    }
}

impl Outgoing {
    fn fill(&mut self) {
        while self.batch.len() < BATCH
            && let Ok(row) = self.queue.try_recv()
        {
            self.batch.push(row);
        }
    }
}

/// Writes batches until `open` says no; what is left then is [`RequestLog::end`]'s.
pub async fn work(app: Arc<App>, mut open: watch::Receiver<bool>) {
    let log = &app.request_log;
    loop {
        tokio::select! {
            () = log.something.notified() => {}
            _ = open.wait_for(|is_open| !is_open) => return,
        }
        tokio::select! {
            () = tokio::time::sleep(GATHER) => {}
            () = log.much.notified() => {}
            _ = open.wait_for(|is_open| !is_open) => return,
        }
        tokio::select! {
            () = log.write_out(&app.db) => {}
            _ = open.wait_for(|is_open| !is_open) => return,
        }
    }
}

/// A day that nobody has made yet, because a clock jumped or the schedule stood still, costs no row.
async fn write(db: &Db, rows: &[Row]) -> Result<(), sqlx::Error> {
    match try_to_write(db, rows).await {
        Err(error) if is_without_a_day(&error) => {
            let days: BTreeSet<_> = rows.iter().map(|row| row.created_at.date_naive()).collect();
            for day in days {
                days::make(db, day).await?;
            }
            try_to_write(db, rows).await
        }
        done => done,
    }
}

async fn try_to_write(db: &Db, rows: &[Row]) -> Result<(), sqlx::Error> {
    let mut tx = db.begin_house().await?;
    queries::add(&mut tx, rows).await?;
    tx.commit().await
}

/// SQLSTATE of a row that fits no partition; the table has no checks.
fn is_without_a_day(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some("23514"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            id: Uuid::now_v7(),
            created_at: Utc::now(),
            person_id: None,
            api_key_id: None,
            method: "GET",
            route: "/v1/me".into(),
            status: 200,
            latency_micros: 1,
            gems: None,
            problem: None,
            generation_id: None,
        }
    }

    #[test]
    fn a_full_queue_drops_and_counts_and_makes_nobody_wait() {
        let log = RequestLog::with_room_for(3);
        (0..10).for_each(|_| log.put(row()));
        assert_eq!((log.waiting(), log.dropped()), (3, 7));
    }
}
