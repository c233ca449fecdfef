//! How often anyone may ask this process: token buckets in memory for keys, people and addresses. What costs is limited
//! exactly by the database (`gems/ledger`); this keeps a loop from taking everybody's connections. Memory is bounded.
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::{HttpMessage, HttpRequest};
use uuid::Uuid;

use super::client_address::{self, Network};
use super::error::{ApiError, ApiResult};
use super::rate::{Rate, Standing};
use crate::config::Settings;

const SHARDS: usize = 16;
/// Of each shard; an entry weighs about 60 bytes.
const ENTRIES_MAX: usize = 8_192;

/// What all keys of a person have together, in allowances of one: many programs, and no way around.
const KEYS_TOGETHER: u32 = 4;
/// Refusals of one caller that the log has room for in a minute.
const REFUSALS_LOGGED: u32 = 10;

/// Whose bucket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    Key(Uuid),
    /// All keys of a person.
    KeysOf(Uuid),
    Person(Uuid),
    Address(u128),
    /// A person's, for what is sent to their receivers because they ask.
    Sender(Uuid),
    /// Tokens and keys from an address that nobody has looked at yet.
    Proofs(u128),
    /// Of a person or a key, for asking too often.
    Refusals(Uuid),
}

/// Webhooks that somebody asks for, a minute.
const BY_HAND: u32 = 10;

pub struct Limits {
    signed_in: Rate,
    keys_together: Rate,
    signed_out: Rate,
    by_hand: Rate,
    refusals: Rate,
    /// What costs: the rate is here, its time is in the database.
    pub spends: Rate,
    trusted: Vec<Network>,
    started: Instant,
    hasher: RandomState,
    /// Until when what was asked uses the allowance up, in microseconds since the start.
    shards: Vec<Mutex<HashMap<Who, i64>>>,
}

impl Limits {
    pub fn new(settings: &Settings) -> Self {
        let limits = &settings.limits;
        Self {
            signed_in: Rate::new("requests", limits.requests_per_minute),
            keys_together: Rate::new("keys", limits.requests_per_minute.saturating_mul(KEYS_TOGETHER)),
            refusals: Rate::new("refusals", REFUSALS_LOGGED),
            signed_out: Rate::new("requests", limits.requests_per_minute_signed_out),
            by_hand: Rate::new("webhooks", BY_HAND),
            spends: Rate::new("spends", limits.spends_per_minute),
            trusted: limits.trusted_proxies.clone(),
            started: Instant::now(),
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    fn rate(&self, who: Who) -> Rate {
        match who {
            Who::Key(_) | Who::Person(_) => self.signed_in,
            Who::KeysOf(_) => self.keys_together,
            Who::Address(_) | Who::Proofs(_) => self.signed_out,
            Who::Refusals(_) => self.refusals,
            Who::Sender(_) => self.by_hand,
        }
    }

    fn shard(&self, who: Who) -> Option<&Mutex<HashMap<Who, i64>>> {
        let at = self.hasher.hash_one(who) % u64::try_from(SHARDS).unwrap_or(1);
        self.shards.get(usize::try_from(at).unwrap_or(0))
    }

    /// One request more. The error is the standing of whoever has to wait.
    fn take(&self, who: Who, now: Instant) -> Result<Standing, Standing> {
        let rate = self.rate(who);
        let now = i64::try_from(now.saturating_duration_since(self.started).as_micros()).unwrap_or(i64::MAX / 2);
        let Some(shard) = self.shard(who) else { return Ok(rate.standing(0)) };
        let mut entries = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = entries.get(&who).map_or(0, |until| until - now);
        let Some(after) = rate.one_more(ahead) else { return Err(rate.standing(ahead)) };
        if entries.len() >= ENTRIES_MAX && !entries.contains_key(&who) {
            make_room(&mut entries, now);
        }
        entries.insert(who, now + after);
        Ok(rate.standing(after))
    }

    fn give_back(&self, who: Who) {
        let Some(shard) = self.shard(who) else { return };
        if let Some(until) = shard.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&who) {
            *until -= self.rate(who).step();
        }
    }

    /// Once a request, whichever extractor asks first. Its answer says where whoever asks stands.
    pub fn admit(&self, request: &HttpRequest, who: Who) -> ApiResult<()> {
        if request.extensions().get::<Standing>().is_some() {
            return Ok(());
        }
        settle(request, self.take(who, Instant::now()))
    }

    /// As [`Limits::admit`], for a key and all keys of its person: a new key is no new allowance. Says the tighter one.
    pub fn admit_key(&self, request: &HttpRequest, key_id: Uuid, person_id: Uuid) -> ApiResult<()> {
        settle(request, self.take_key(key_id, person_id, Instant::now()))
    }

    /// What one key may not ask any more it does not take from the others.
    fn take_key(&self, key_id: Uuid, person_id: Uuid, now: Instant) -> Result<Standing, Standing> {
        let own = self.take(Who::Key(key_id), now)?;
        let together = self.take(Who::KeysOf(person_id), now)?;
        Ok(if together.remaining < own.remaining { together } else { own })
    }

    /// Looks at a token or key that nobody knows yet, unless its address has shown too many wrong ones or waits for as many
    /// answers: each is a signature or a question to the database. What was right is given back.
    pub async fn prove<T>(&self, request: &HttpRequest, look: impl Future<Output = ApiResult<T>>) -> ApiResult<T> {
        let Some(address) = self.address(request) else { return look.await };
        let who = Who::Proofs(client_address::place(address));
        if let Err(standing) = self.take(who, Instant::now()) {
            settle(request, Err(standing))?;
        }
        let found = look.await?;
        self.give_back(who);
        Ok(found)
    }

    /// Whether one more refusal of this person or key is worth a row of the log.
    pub fn logs_refusal(&self, of: Uuid) -> bool {
        self.take(Who::Refusals(of), Instant::now()).is_ok()
    }

    /// One webhook more that this person asks for, whichever of their endpoints it goes to.
    pub fn send_by_hand(&self, person_id: Uuid) -> ApiResult<()> {
        let taken = self.take(Who::Sender(person_id), Instant::now());
        taken.map(drop).map_err(|late| ApiError::RateLimited { retry_after_seconds: late.retry_after_seconds() })
    }

    /// As [`Limits::admit`], for somebody nobody knows.
    pub fn admit_address(&self, request: &HttpRequest) -> ApiResult<()> {
        match self.address(request) {
            Some(address) => self.admit(request, Who::Address(client_address::place(address))),
            None => Ok(()),
        }
    }

    /// Where a request comes from, as far as trusted proxies say.
    pub fn address(&self, request: &HttpRequest) -> Option<IpAddr> {
        client_address::of(request, &self.trusted)
    }
}

/// The answer will say the standing, whichever it is.
fn settle(request: &HttpRequest, taken: Result<Standing, Standing>) -> ApiResult<()> {
    let (Ok(standing) | Err(standing)) = taken;
    request.extensions_mut().insert(standing);
    match taken {
        Ok(_) => Ok(()),
        Err(_) => Err(ApiError::RateLimited { retry_after_seconds: standing.retry_after_seconds() }),
    }
}

/// Who asked least goes first: an allowance that is nearly whole is soon as if nobody had asked.
fn make_room(entries: &mut HashMap<Who, i64>, now: i64) {
    let mut least = now;
    while entries.len() >= ENTRIES_MAX {
        entries.retain(|_, until| *until > least);
        least += 5_000_000;
    }
}

/// Says on an answer where whoever asked stands.
pub fn say(response: &mut ServiceResponse<BoxBody>) {
    let standing = response.request().extensions().get::<Standing>().copied();
    if let Some(standing) = standing {
        standing.say(response.headers_mut());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limits(per_minute: u32) -> Limits {
        Limits {
            signed_in: Rate::new("requests", per_minute),
            keys_together: Rate::new("keys", per_minute * KEYS_TOGETHER),
            signed_out: Rate::new("requests", per_minute),
            by_hand: Rate::new("webhooks", 1),
            refusals: Rate::new("refusals", REFUSALS_LOGGED),
            spends: Rate::new("spends", 1),
            trusted: Vec::new(),
            started: Instant::now(),
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    #[test]
    fn a_bucket_is_somebodys_own_and_fills_again() {
        let limits = limits(3);
        let (now, id) = (Instant::now(), Uuid::now_v7());
        for left in [2, 1, 0] {
            assert_eq!(limits.take(Who::Key(id), now).unwrap().remaining, left);
        }
        let refused = limits.take(Who::Key(id), now).unwrap_err();
        assert_eq!(refused.retry_after_seconds(), 20);
        assert!(limits.take(Who::Person(id), now).is_ok(), "a person's own is another one");
        assert!(limits.take(Who::Sender(id), now).is_ok() && limits.take(Who::Sender(id), now).is_err());
        assert!(limits.take(Who::Key(id), now + Duration::from_secs(19)).is_err());
        assert!(limits.take(Who::Key(id), now + Duration::from_secs(20)).is_ok());
        assert!(limits.take(Who::Key(id), now + Duration::from_secs(20)).is_err());
    }

    #[test]
    fn however_many_keys_a_person_makes_they_have_four_allowances_together() {
        let limits = limits(3);
        let (now, person) = (Instant::now(), Uuid::now_v7());
        let busy = Uuid::now_v7();
        while limits.take_key(busy, person, now).is_ok() {}
        // What a key could not ask any more took nothing from the others.
        let let_in = (0..100).filter(|_| limits.take_key(Uuid::now_v7(), person, now).is_ok()).count();
        assert_eq!(let_in, 9);
        let refused = limits.take_key(Uuid::now_v7(), person, now).unwrap_err();
        assert_eq!((refused.remaining, refused.retry_after_seconds()), (0, 5));
        assert!(limits.take_key(Uuid::now_v7(), Uuid::now_v7(), now).is_ok(), "somebody else's are theirs");
        assert!(limits.take(Who::Person(person), now).is_ok(), "the page goes on");
    }

    #[test]
    fn however_many_addresses_come_memory_is_bounded_and_who_is_refused_stays_so() {
        let limits = limits(10);
        let now = Instant::now();
        let busy = Who::Address(u128::MAX);
        while limits.take(busy, now).is_ok() {}
        for number in 0..3 * u128::try_from(SHARDS * ENTRIES_MAX).unwrap() {
            assert!(limits.take(Who::Address(number), now).is_ok());
        }
        let entries: usize = limits.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(entries <= SHARDS * ENTRIES_MAX);
        assert!(limits.take(busy, now).is_err(), "a flood of others does not free it");
    }
}
