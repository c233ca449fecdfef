//! Which sessions ended before their access tokens did, and which API keys changed. Every process reads the feed once a second; one whose feed is
//! stale asks the database at each request. Never lets a token pass because the feed is silent.
use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::session_queries as queries;
use crate::db::Db;

const POLL: Duration = Duration::from_secs(1);
const POLL_PATIENCE: Duration = Duration::from_secs(3);
const STALE: Duration = Duration::from_secs(5);
/// Ids are given before their transaction commits: a lower one may become visible after a higher one.
const OVERLAP: Duration = Duration::from_secs(30);
/// A token lives ten minutes; after this nobody can hold one of the session's.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);

#[derive(Default)]
pub struct Revocations {
    heard: Heard,
    hurry: Notify,
    added: Notify,
}

#[derive(Default)]
struct Heard {
    sessions: RwLock<HashSet<Uuid>>,
    /// When each was heard of, oldest first.
    order: Mutex<VecDeque<(Instant, Uuid)>>,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    heard_at: Option<Instant>,
    /// The newest id at each poll of the last half minute.
    newest: VecDeque<(Instant, i64)>,
}

impl Revocations {
    /// Reads the feed once a second until `open` says no.
    pub async fn listen(&self, db: &Db, mut open: watch::Receiver<bool>) {
        let mut is_silent = false;
        while *open.borrow() {
            match tokio::time::timeout(POLL_PATIENCE, self.poll(db)).await {
                Ok(Ok(())) => is_silent = false,
                Ok(Err(_)) | Err(_) if is_silent => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the feed of revocations is silent; requests ask the database");
                    is_silent = true;
                }
                Err(error) => {
                    tracing::warn!(%error, "the feed of revocations is slow; requests ask the database");
                    is_silent = true;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = self.hurry.notified() => {}
                _ = open.wait_for(|is_open| !is_open) => {}
            }
        }
    }

    /// Reads the feed now.
    pub async fn poll(&self, db: &Db) -> Result<(), sqlx::Error> {
        let asked_at = Instant::now();
        let rows = queries::revocations_after(db.house(), self.heard.known_for_sure(asked_at)).await?;
        let newest = rows.iter().map(|(id, _)| *id).max();
        for (_, session_id) in rows {
            self.heard.add(session_id, asked_at);
        }
        self.heard.forget(asked_at);
        self.heard.note(asked_at, newest);
        Ok(())
    }

    /// Whether tokens of this session still count, as this process knows; `None` when its feed is stale. Asks nobody.
    pub fn known(&self, session_id: Uuid) -> Option<bool> {
        if self.heard.has(session_id) {
            return Some(false);
        }
        self.heard.is_fresh(Instant::now()).then_some(true)
    }

    /// Whether something was heard of this session or key in the last quarter of an hour.
    pub fn has(&self, id: Uuid) -> bool {
        self.heard.has(id)
    }

    /// Whether the feed was read in the last seconds.
    pub fn is_fresh(&self) -> bool {
        self.heard.is_fresh(Instant::now())
    }

    /// What this process itself has ended; others hear of it from the feed.
    pub fn add(&self, session_id: Uuid) {
        self.heard.add(session_id, Instant::now());
        self.added.notify_one();
    }

    /// Another process ended a session: the feed is read now instead of within a second.
    pub fn hurry(&self) {
        self.hurry.notify_one();
    }

    /// Returns when this process ended one since the last time.
    pub async fn added(&self) {
        self.added.notified().await;
    }

    /// Whether tokens of this session still count.
    pub async fn allows(&self, db: &Db, session_id: Uuid) -> Result<bool, sqlx::Error> {
        match self.known(session_id) {
            Some(is_live) => Ok(is_live),
            None => queries::is_session_live(db.house(), session_id).await,
        }
    }
}

impl Heard {
    fn add(&self, session_id: Uuid, now: Instant) {
        let is_new = self.sessions.write().unwrap_or_else(PoisonError::into_inner).insert(session_id);
        if is_new {
            self.order.lock().unwrap_or_else(PoisonError::into_inner).push_back((now, session_id));
        }
    }

    fn has(&self, session_id: Uuid) -> bool {
        self.sessions.read().unwrap_or_else(PoisonError::into_inner).contains(&session_id)
    }

    fn is_fresh(&self, now: Instant) -> bool {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.heard_at.is_some_and(|at| now.saturating_duration_since(at) < STALE)
    }

    /// The highest id below which nothing can appear any more.
    fn known_for_sure(&self, now: Instant) -> i64 {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |at: &Instant| now.saturating_duration_since(*at) >= OVERLAP;
        progress.newest.front().filter(|(at, _)| is_old(at)).map_or(0, |(_, id)| *id)
    }

    fn note(&self, now: Instant, newest: Option<i64>) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.heard_at = Some(now);
        let before = progress.newest.back().map_or(0, |(_, id)| *id);
        progress.newest.push_back((now, newest.unwrap_or(before).max(before)));
        // The front stays until another one is old enough to take its place.
        while progress.newest.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= OVERLAP) {
            progress.newest.pop_front();
        }
    }

    fn forget(&self, now: Instant) {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        while let Some((_, session_id)) = order.pop_front_if(|(at, _)| now.saturating_duration_since(*at) >= REMEMBERED)
        {
            sessions.remove(&session_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_that_was_not_heard_for_five_seconds_is_stale() {
        let heard = Heard::default();
        let now = Instant::now();
        assert!(!heard.is_fresh(now));
        heard.note(now, None);
        assert!(heard.is_fresh(now + Duration::from_secs(4)));
        assert!(!heard.is_fresh(now + Duration::from_secs(5)));
    }

    #[test]
    fn an_id_is_read_again_until_no_slower_transaction_can_appear_below_it() {
        let heard = Heard::default();
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        heard.note(start, Some(10));
        assert_eq!(heard.known_for_sure(after(29)), 0);
        assert_eq!(heard.known_for_sure(after(30)), 10);
        heard.note(after(20), Some(12));
        heard.note(after(50), Some(14));
        assert_eq!(heard.known_for_sure(after(51)), 12);
        heard.note(after(60), None);
        assert_eq!(heard.known_for_sure(after(90)), 12);
        heard.note(after(90), None);
        assert_eq!(heard.known_for_sure(after(91)), 14);
    }

    #[test]
    fn an_ended_session_is_remembered_longer_than_its_tokens_live() {
        let heard = Heard::default();
        let (now, session) = (Instant::now(), Uuid::now_v7());
        heard.add(session, now);
        heard.forget(now + Duration::from_secs(11 * 60));
        assert!(heard.has(session));
        heard.forget(now + REMEMBERED);
        assert!(!heard.has(session));
    }
}
