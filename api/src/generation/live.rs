//! One feed per process: who has news. Streams read their own rows; a lost wake costs a second, never an event.
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;
use tokio::sync::{broadcast, watch};
use uuid::Uuid;

use crate::work::bell::{News, Outbox};

/// Wakes kept for a slow stream; more means that it reads everything anyway.
const BACKLOG: usize = 1024;

/// Streams that one person may have open at this process: each of their devices and programs needs one.
const STREAMS_MAX: u32 = 32;

type Streams = Arc<Mutex<HashMap<Uuid, u32>>>;

/// One open stream; dropped with it.
pub struct StreamPlace {
    person_id: Uuid,
    streams: Streams,
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = streams.get_mut(&self.person_id) {
            *open -= 1;
            if *open == 0 {
                streams.remove(&self.person_id);
            }
        }
    }
}

pub struct Live {
    streams: Streams,
    news: broadcast::Sender<Uuid>,
    cancels: broadcast::Sender<Uuid>,
    open: watch::Sender<bool>,
    /// What other processes are told.
    pub outbox: Outbox,
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Live {
    pub fn new() -> Self {
        Self {
            streams: Streams::default(),
            news: broadcast::channel(BACKLOG).0,
            cancels: broadcast::channel(BACKLOG).0,
            open: watch::channel(true).0,
            outbox: Outbox::default(),
        }
    }

    /// `None`: they have too many open. However many keys there are, a stream costs memory and a look at rows each second.
    pub fn place(&self, person_id: Uuid) -> Option<StreamPlace> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let open = streams.entry(person_id).or_default();
        if *open >= STREAMS_MAX {
            return None;
        }
        *open += 1;
        Some(StreamPlace { person_id, streams: Arc::clone(&self.streams) })
    }

    /// This person's rows changed; say so after the commit.
    pub fn nudge(&self, person_id: Uuid) {
        self.heard_news(person_id);
        self.outbox.put(News::Person(person_id));
    }

    /// As [`Live::nudge`], by another process: it is not told on.
    pub fn heard_news(&self, person_id: Uuid) {
        let _ = self.news.send(person_id);
    }

    pub fn news(&self) -> broadcast::Receiver<Uuid> {
        self.news.subscribe()
    }

    /// This generation is to stop, wherever it runs.
    pub fn cancel(&self, generation_id: Uuid) {
        self.heard_cancel(generation_id);
        self.outbox.put(News::Cancel(generation_id));
    }

    /// As [`Live::cancel`], by another process.
    pub fn heard_cancel(&self, generation_id: Uuid) {
        let _ = self.cancels.send(generation_id);
    }

    pub fn cancels(&self) -> broadcast::Receiver<Uuid> {
        self.cancels.subscribe()
    }

    /// Ends all streams: the process stops.
    pub fn close(&self) {
        self.open.send_replace(false);
    }

    pub fn open(&self) -> watch::Receiver<bool> {
        self.open.subscribe()
    }
}

/// Finds the news that other processes made.
#[derive(Default)]
pub struct Feed {
    seen: HashSet<i64>,
    since: Option<DateTime<Utc>>,
}

impl Feed {
    /// Reads the last seconds again: an event with a smaller id may become visible later than one with a greater.
    pub async fn poll(&mut self, house: &PgPool, live: &Live) -> Result<(), sqlx::Error> {
        let rows = sqlx::query!(
            "select id, person_id, created_at from events
             where created_at > coalesce($1::timestamptz, now() - interval '30 seconds') order by id",
            self.since
        )
        .fetch_all(house)
        .await?;
        let newest = rows.iter().map(|row| row.created_at).max();
        let fresh: HashSet<Uuid> =
            rows.iter().filter(|row| !self.seen.contains(&row.id)).map(|row| row.person_id).collect();
        self.seen = rows.iter().map(|row| row.id).collect();
        if let Some(newest) = newest {
            self.since = Some(newest - TimeDelta::seconds(30));
        }
        for person_id in fresh {
            live.heard_news(person_id);
        }
        Ok(())
    }
}
