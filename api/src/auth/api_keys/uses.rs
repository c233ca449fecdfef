//! When keys were used: gathered in memory and written in passing, about once a minute for each. A request never waits for
//! it, and a process that dies forgets a minute at most.
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::queries;
use crate::db::Db;

/// What the database says of a key's last use may be so much older than the truth.
const WORTH_WRITING: TimeDelta = TimeDelta::seconds(60);
/// Beyond this the uses of the minute are forgotten first: they only say when.
const KEYS_MAX: usize = 50_000;

#[derive(Clone, Copy, Default)]
struct Use {
    written: Option<DateTime<Utc>>,
    waiting: Option<DateTime<Utc>>,
}

#[derive(Default)]
pub struct Uses(Mutex<HashMap<Uuid, Use>>);

impl Uses {
    /// What the database says of it.
    pub fn known(&self, id: Uuid, written: Option<DateTime<Utc>>) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() >= KEYS_MAX {
            uses.retain(|_, one| one.waiting.is_some());
        }
        if uses.len() < KEYS_MAX {
            let one = uses.entry(id).or_default();
            one.written = one.written.max(written);
        }
    }

    pub fn note(&self, id: Uuid, now: DateTime<Utc>) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(one) = uses.get_mut(&id) else { return };
        if one.written.is_none_or(|at| now - at >= WORTH_WRITING) {
            one.waiting = one.waiting.max(Some(now));
        }
    }

    fn take(&self) -> Vec<(Uuid, DateTime<Utc>)> {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        for (id, one) in uses.iter_mut() {
            if let Some(at) = one.waiting.take() {
                one.written = Some(at);
                taken.push((*id, at));
            }
        }
        taken
    }

    /// What could not be written is written with the next use.
    pub async fn write(&self, db: &Db) -> Result<(), sqlx::Error> {
        let (ids, at): (Vec<Uuid>, Vec<DateTime<Utc>>) = self.take().into_iter().unzip();
        if ids.is_empty() { Ok(()) } else { queries::note_uses(db.house(), &ids, &at).await }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_uses_in_a_minute_are_written_once() {
        let (uses, id, start) = (Uses::default(), Uuid::now_v7(), Utc::now());
        uses.known(id, None);
        let mut written = Vec::new();
        for second in 0..180 {
            for _ in 0..10 {
                uses.note(id, start + TimeDelta::seconds(second));
            }
            written.extend(uses.take());
        }
        let after: Vec<i64> = written.iter().map(|(_, at)| (*at - start).num_seconds()).collect();
        assert_eq!(after, [0, 60, 120]);
    }

    #[test]
    fn another_process_may_have_written_it() {
        let (uses, id, now) = (Uses::default(), Uuid::now_v7(), Utc::now());
        uses.known(id, Some(now - TimeDelta::seconds(59)));
        uses.note(id, now);
        assert!(uses.take().is_empty());
        uses.note(id, now + TimeDelta::seconds(1));
        assert_eq!(uses.take(), [(id, now + TimeDelta::seconds(1))]);
    }
}
