//! Room for answers that are told with their bytes: so many at a time, and of one person not all of them. Who takes the
//! bytes too slowly keeps a connection, not a place. And how many calls wait for an answer.
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// Answers told at the same time. Each holds one piece of one picture.
const ANSWERS_MAX: usize = 128;
/// Of one person.
const THEIRS_MAX: usize = 16;
/// For a place among those that are told.
const FOR_A_PLACE: Duration = Duration::from_secs(20);
/// An answer's time without its bytes.
const GRACE: Duration = Duration::from_secs(30);
/// A megabit: nobody is expected to be slower.
const BYTES_PER_SECOND: u64 = 125_000;

pub struct Answers {
    all: Arc<Semaphore>,
    theirs: Mutex<HashMap<Uuid, Weak<Semaphore>>>,
    for_a_place: Duration,
    grace: Duration,
    waiting: AtomicU32,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(ANSWERS_MAX)),
            theirs: Mutex::default(),
            for_a_place: FOR_A_PLACE,
            grace: GRACE,
            waiting: AtomicU32::new(0),
        }
    }
}

/// Given back when dropped, or when its time is over.
pub struct Place {
    timer: tokio::task::JoinHandle<()>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.timer.abort();
    }
}

impl Answers {
    /// For an answer with so many bytes of pictures. None came free in time.
    pub async fn place(&self, person_id: Uuid, bytes: u64) -> Option<Place> {
        let theirs = self.theirs(person_id);
        let both = async {
            let own = theirs.acquire_owned().await?;
            Ok::<_, AcquireError>((own, Arc::clone(&self.all).acquire_owned().await?))
        };
        let held = tokio::time::timeout(self.for_a_place, both).await.ok()?.ok()?;
        Some(Place { timer: tokio::spawn(hold(held, self.longest(bytes))) })
    }

    /// Calls that wait in this process, with one more.
    pub fn waits(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    pub fn waits_no_more(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Three bytes are four letters.
    fn longest(&self, bytes: u64) -> Duration {
        self.grace.saturating_add(Duration::from_secs(bytes.saturating_mul(4) / 3 / BYTES_PER_SECOND))
    }

    fn theirs(&self, person_id: Uuid) -> Arc<Semaphore> {
        let mut theirs = self.theirs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = theirs.get(&person_id).and_then(Weak::upgrade) {
            return known;
        }
        theirs.retain(|_, places| places.strong_count() > 0);
        let new = Arc::new(Semaphore::new(THEIRS_MAX));
        theirs.insert(person_id, Arc::downgrade(&new));
        new
    }
}

async fn hold(_held: (OwnedSemaphorePermit, OwnedSemaphorePermit), longest: Duration) {
    tokio::time::sleep(longest).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: u64 = 50_000_000;

    #[tokio::test]
    async fn one_person_leaves_room_for_others_and_keeps_no_place_for_ever() {
        let short = Duration::from_millis(200);
        let answers = Answers { for_a_place: short, ..Answers::default() };
        let (greedy, other) = (Uuid::now_v7(), Uuid::now_v7());
        let mut held = Vec::new();
        for _ in 0..THEIRS_MAX {
            held.push(answers.place(greedy, LARGE).await.expect("a place"));
        }
        assert!(answers.place(greedy, 0).await.is_none());
        assert!(answers.place(other, 0).await.is_some());
        held.pop();
        held.push(answers.place(greedy, LARGE).await.expect("what was dropped is free"));
        let answers = Answers { grace: short, ..Answers::default() };
        for _ in 0..=THEIRS_MAX {
            held.push(answers.place(greedy, 0).await.expect("a place, if only when another one's time is over"));
        }
        // Ten megabytes at a megabit a second.
        assert_eq!(Answers::default().longest(10_000_000).as_secs(), 30 + 106);
    }
}
