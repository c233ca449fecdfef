//! Tokens whose signature this process has checked: a signature costs more than everything else about a request's token.
//! Remembers what was said, never that it still counts: time, key and session are asked about at every use.
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};

use super::Subject;

/// Half of what is kept at most; an entry weighs about 200 bytes.
const HALF: usize = 4_096;

/// A token that was in order when it was first seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub subject: Subject,
    /// The key that signed it: the token counts only as long as the key does.
    pub key_id: String,
    pub ends_at: i64,
}

/// By hash: who reads this process's memory finds no tokens here.
type Half = HashMap<[u8; 32], Known>;

/// When the younger half is full it becomes the older one, and the older one is forgotten.
#[derive(Default)]
pub struct Verified {
    halves: RwLock<(Half, Half)>,
}

impl Verified {
    pub fn get(&self, token: &str, now: DateTime<Utc>) -> Option<Known> {
        let hash = hash(token)?;
        let halves = self.halves.read().unwrap_or_else(PoisonError::into_inner);
        let known = halves.0.get(&hash).or_else(|| halves.1.get(&hash))?;
        (now.timestamp() < known.ends_at).then(|| known.clone())
    }

    pub fn add(&self, token: &str, known: Known) {
        let Some(hash) = hash(token) else { return };
        let mut halves = self.halves.write().unwrap_or_else(PoisonError::into_inner);
        if halves.0.len() >= HALF {
            halves.1 = std::mem::take(&mut halves.0);
        }
        halves.0.insert(hash, known);
    }
}

/// All of it, the signature too: a token with another signature is another token.
fn hash(token: &str) -> Option<[u8; 32]> {
    digest::digest(&digest::SHA256, token.as_bytes()).as_ref().try_into().ok()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn known(ends_at: i64) -> Known {
        let id = Uuid::now_v7();
        let subject = Subject { person_id: id, account_id: id, session_id: id, is_confirmed: true, is_closing: false };
        Known { subject, key_id: "one".into(), ends_at }
    }

    #[test]
    fn what_ended_is_not_known_any_more() {
        let (verified, now) = (Verified::default(), Utc::now());
        verified.add("token", known(now.timestamp() + 1));
        assert!(verified.get("token", now).is_some());
        assert_eq!(verified.get("token", now + chrono::TimeDelta::seconds(1)), None);
        assert_eq!(verified.get("token.", now), None, "another token");
    }

    #[test]
    fn however_many_tokens_come_the_newest_are_kept_and_memory_is_bounded() {
        let (verified, now) = (Verified::default(), Utc::now());
        for number in 0..5 * HALF {
            verified.add(&number.to_string(), known(now.timestamp() + 600));
            let halves = verified.halves.read().unwrap();
            assert!(halves.0.len() <= HALF && halves.1.len() <= HALF);
        }
        let newest = 4 * HALF..5 * HALF;
        assert!(newest.clone().all(|number| verified.get(&number.to_string(), now).is_some()));
        assert_eq!(verified.get("0", now), None);
    }
}
