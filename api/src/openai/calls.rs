//! What this process remembers of calls alike, so that a retry finds its own generation among them: which tries were refused
//! before there was any, and with which generations somebody is being served, or was to the end. Another process does not
//! know it, and guesses by what the database says alone.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::generation::calls::WINDOW;

/// A client that was told when to come again has come by then.
const REFUSED_FOR: TimeDelta = TimeDelta::minutes(2);

/// What makes calls alike: who called, and the fingerprint of the call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Alike(pub Uuid, pub Vec<u8>);

#[derive(Default)]
struct Known {
    /// After how many tries, and when.
    refused: Vec<(u32, DateTime<Utc>)>,
    served: Vec<(Uuid, DateTime<Utc>)>,
}

impl Known {
    fn forget(&mut self, now: DateTime<Utc>) -> bool {
        self.refused.retain(|(_, at)| now - *at < REFUSED_FOR);
        self.served.retain(|(_, at)| now - *at < WINDOW);
        !(self.refused.is_empty() && self.served.is_empty())
    }
}

/// What is over is looked for among all of them this often, and among those alike each time.
const SWEPT_EVERY: TimeDelta = TimeDelta::seconds(10);

#[derive(Default)]
struct Remembered {
    known: HashMap<Alike, Known>,
    swept_at: DateTime<Utc>,
}

#[derive(Default)]
pub struct Calls {
    remembered: Mutex<Remembered>,
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, alike: &Alike, now: DateTime<Utc>, does: impl FnOnce(&mut Known) -> T) -> T {
        let mut all = self.lock();
        if now - all.swept_at >= SWEPT_EVERY {
            all.known.retain(|_, known| known.forget(now));
            all.swept_at = now;
        }
        let known = all.known.entry(alike.clone()).or_default();
        known.forget(now);
        does(known)
    }

    /// The next try of this call has nothing of its own to join.
    pub fn refused(&self, alike: &Alike, tries: u32, now: DateTime<Utc>) {
        self.with(alike, now, |known| known.refused.push((tries, now)));
    }

    /// Whether the try before this one was refused; told once for each.
    pub fn takes_refusal(&self, alike: &Alike, tries: u32, now: DateTime<Utc>) -> bool {
        self.with(alike, now, |known| {
            let at = known.refused.iter().position(|(before, _)| before.checked_add(1) == Some(tries));
            at.map(|at| known.refused.swap_remove(at)).is_some()
        })
    }

    pub fn served(&self, alike: &Alike, now: DateTime<Utc>) -> Vec<Uuid> {
        self.with(alike, now, |known| known.served.iter().map(|(id, _)| *id).collect())
    }

    /// From now on somebody waits for this one.
    pub fn serve(self: &Arc<Self>, alike: Alike, id: Uuid, now: DateTime<Utc>) -> Served {
        self.with(&alike, now, |known| known.served.push((id, now)));
        Served { calls: Arc::clone(self), alike, id, is_told: false }
    }
}

/// Held while somebody waits for a generation. Dropped before everything was told, it is as if nobody had.
pub struct Served {
    calls: Arc<Calls>,
    alike: Alike,
    id: Uuid,
    is_told: bool,
}

impl Served {
    pub fn told(mut self) {
        self.is_told = true;
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.is_told {
            return;
        }
        let mut all = self.calls.lock();
        if let Some(known) = all.known.get_mut(&self.alike)
            && let Some(at) = known.served.iter().position(|(id, _)| *id == self.id)
        {
            known.served.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(byte: u8) -> Alike {
        Alike(Uuid::nil(), vec![byte])
    }

    #[test]
    fn a_refusal_is_taken_once_by_the_next_try_of_a_call_like_it_and_soon() {
        let (calls, now) = (Calls::default(), Utc::now());
        calls.refused(&alike(1), 1, now);
        assert!(!calls.takes_refusal(&alike(2), 2, now) && !calls.takes_refusal(&alike(1), 1, now));
        assert!(calls.takes_refusal(&alike(1), 2, now) && !calls.takes_refusal(&alike(1), 2, now));
        calls.refused(&alike(1), 0, now);
        assert!(!calls.takes_refusal(&alike(1), 1, now + REFUSED_FOR));
        let later = now + REFUSED_FOR + SWEPT_EVERY;
        assert!(calls.served(&alike(2), later).is_empty());
        assert!(!calls.lock().known.contains_key(&alike(1)), "nothing is kept for ever");
    }

    #[test]
    fn who_was_told_everything_stays_served_and_who_went_away_is_not() {
        let (calls, now) = (Arc::new(Calls::default()), Utc::now());
        let (told, cut) = (Uuid::now_v7(), Uuid::now_v7());
        let (first, second) = (calls.serve(alike(1), told, now), calls.serve(alike(1), cut, now));
        assert_eq!(calls.served(&alike(1), now), [told, cut]);
        first.told();
        drop(second);
        assert_eq!(calls.served(&alike(1), now), [told]);
        assert!(calls.served(&alike(1), now + WINDOW).is_empty());
    }
}
