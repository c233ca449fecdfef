//! Who a key speaks for. What was looked up is remembered for a minute, so that a check costs microseconds; whatever ends
//! a key sooner comes through the feed of revocations, and a process that does not hear it asks the database each time.
pub mod queries;
pub mod routes;
pub mod text;
mod uses;

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use lapidary_contract::Scope;
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use self::uses::Uses;
use super::token::Subject;
use crate::app::App;
use crate::db::Db;
use crate::http::error::{ApiError, ApiResult};

/// A key is asked about again after this time. Shorter than revocations are remembered: no answer outlives one unheard.
const KNOWN_FOR: Duration = Duration::from_secs(60);
const WRITE_EVERY: Duration = Duration::from_secs(15);
/// What a question waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);
/// Half of the keys that are remembered at most; one weighs about 250 bytes.
const HALF: usize = 4_096;

/// What a key allows the request that came with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyGrant {
    pub id: Uuid,
    /// Gems from one of its person's midnights to the next.
    pub daily_gems: Option<i64>,
    pub free_gems_only: bool,
    pub scopes: Scopes,
    pub expires_at: Option<DateTime<Utc>>,
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u16);

impl Scopes {
    /// A scope of a later version is none here.
    fn named(names: &[String]) -> Self {
        names.iter().filter_map(|name| Scope::from_name(name)).fold(Self(0), |all, scope| Self(all.0 | bit(scope)))
    }

    pub fn has(self, scope: Scope) -> bool {
        self.0 & bit(scope) != 0
    }
}

fn bit(scope: Scope) -> u16 {
    let place = Scope::ALL.iter().position(|one| *one == scope).and_then(|at| u32::try_from(at).ok());
    place.and_then(|at| 1_u16.checked_shl(at)).unwrap_or(0)
}

/// One key as it was when it was looked up.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub subject: Subject,
    pub grant: KeyGrant,
    asked_at: Instant,
}

type Hash = [u8; 32];
type Half = HashMap<Hash, Known>;

/// By hash: who reads this process's memory finds no keys here. Only what counted is remembered.
#[derive(Default)]
pub struct ApiKeys {
    /// When the younger half is full it becomes the older one, and the older one is forgotten.
    halves: RwLock<(Half, Half)>,
    uses: Uses,
    asking: Asking,
}

/// Anyone can make up keys that look whole, and each is a question to the database: so many at a time, and what sign-in and
/// the worker need of it stays free.
struct Asking(Semaphore);

impl Default for Asking {
    fn default() -> Self {
        Self(Semaphore::new(2))
    }
}

impl ApiKeys {
    /// 401 for whatever is no key, 403 while its person is suspended or about to be erased, 429 where too many that nobody
    /// knows come from the same address. Does not look at scopes.
    pub async fn find(&self, app: &App, request: &HttpRequest, key: &str) -> ApiResult<Known> {
        let hash = text::is_whole(key).then(|| hash(key)).flatten().ok_or(ApiError::Unauthenticated)?;
        let revocations = &app.auth.revocations;
        let is_sure = |known: &Known| revocations.is_fresh() && !revocations.has(known.grant.id);
        let known = match self.get(&hash, Instant::now()).filter(is_sure) {
            Some(known) => known,
            // It was good a while ago: wrong ones beside it do not hold it back.
            None if self.is_remembered(&hash) => self.ask(app, hash).await?,
            None => app.limits.prove(request, self.ask(app, hash)).await?,
        };
        let now = app.clock.now();
        if known.grant.expires_at.is_some_and(|at| at <= now) {
            return Err(ApiError::Unauthenticated);
        }
        self.uses.note(known.grant.id, now);
        Ok(known)
    }

    async fn ask(&self, app: &App, hash: Hash) -> ApiResult<Known> {
        let turn = tokio::time::timeout(PATIENCE, self.asking.0.acquire()).await;
        let _turn = turn.map_err(|_| ApiError::Unavailable { retry_after_seconds: 1 })?.map_err(ApiError::internal)?;
        // Before the question: what ends the key from here on is heard after it.
        let asked_at = Instant::now();
        let found = let_in(queries::find(app.db.house(), &hash).await?).inspect_err(|_| self.forget(&hash))?;
        let known = Known {
            subject: Subject {
                person_id: found.person_id,
                account_id: found.account_id,
                session_id: found.id,
                is_confirmed: found.is_confirmed,
                is_closing: false,
            },
            grant: KeyGrant {
                id: found.id,
                daily_gems: found.daily_gems,
                free_gems_only: found.free_gems_only,
                scopes: Scopes::named(&found.scopes),
                expires_at: found.expires_at,
            },
            asked_at,
        };
        self.uses.known(found.id, found.last_used_at);
        // While something is heard of it, every request asks: what was remembered now could outlive what is heard next.
        if !app.auth.revocations.has(found.id) {
            self.add(hash, known);
        }
        Ok(known)
    }

    fn get(&self, hash: &Hash, now: Instant) -> Option<Known> {
        let halves = self.halves.read().unwrap_or_else(PoisonError::into_inner);
        let known = halves.0.get(hash).or_else(|| halves.1.get(hash))?;
        (now.saturating_duration_since(known.asked_at) < KNOWN_FOR).then_some(*known)
    }

    /// Whether it was good when it was asked about last, however long ago.
    fn is_remembered(&self, hash: &Hash) -> bool {
        let halves = self.halves.read().unwrap_or_else(PoisonError::into_inner);
        halves.0.contains_key(hash) || halves.1.contains_key(hash)
    }

    fn forget(&self, hash: &Hash) {
        let mut halves = self.halves.write().unwrap_or_else(PoisonError::into_inner);
        halves.0.remove(hash);
        halves.1.remove(hash);
    }

    fn add(&self, hash: Hash, known: Known) {
        let mut halves = self.halves.write().unwrap_or_else(PoisonError::into_inner);
        if halves.0.len() >= HALF {
            halves.1 = std::mem::take(&mut halves.0);
        }
        halves.0.insert(hash, known);
    }

    /// Writes uses now and then until `open` says no, and once more at the end.
    pub async fn keep(&self, db: &Db, mut open: watch::Receiver<bool>) {
        while *open.borrow() {
            tokio::select! {
                () = tokio::time::sleep(WRITE_EVERY) => {}
                _ = open.wait_for(|is_open| !is_open) => {}
            }
            if let Err(error) = self.write_uses(db).await {
                tracing::debug!(%error, "when keys were used was not written");
            }
        }
    }

    /// Writes when keys were used, all of them in one statement.
    pub async fn write_uses(&self, db: &Db) -> Result<(), sqlx::Error> {
        self.uses.write(db).await
    }
}

fn let_in(found: Option<queries::Found>) -> ApiResult<queries::Found> {
    match found {
        None => Err(ApiError::Unauthenticated),
        Some(found) if found.is_suspended => Err(ApiError::Suspended),
        Some(found) if found.is_closing => Err(ApiError::AccountClosing),
        Some(found) => Ok(found),
    }
}

pub fn hash(key: &str) -> Option<Hash> {
    digest::digest(&digest::SHA256, key.as_bytes()).as_ref().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(asked_at: Instant) -> Known {
        let id = Uuid::now_v7();
        let subject = Subject { person_id: id, account_id: id, session_id: id, is_confirmed: true, is_closing: false };
        let scopes = Scopes::default();
        let grant = KeyGrant { id, daily_gems: None, free_gems_only: false, scopes, expires_at: None };
        Known { subject, grant, asked_at }
    }

    #[test]
    fn scopes_are_told_apart_and_unknown_ones_are_none() {
        let some = Scopes::named(&["images:read".into(), "gems:write".into(), "moon:write".into()]);
        let had: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| some.has(*scope)).collect();
        assert_eq!(had, [Scope::ImagesRead, Scope::GemsWrite]);
    }

    #[test]
    fn what_was_asked_a_minute_ago_is_asked_again_and_memory_is_bounded() {
        let (keys, now) = (ApiKeys::default(), Instant::now());
        keys.add([1; 32], known(now));
        assert!(keys.get(&[1; 32], now + Duration::from_secs(59)).is_some());
        assert!(keys.get(&[1; 32], now + KNOWN_FOR).is_none());
        for number in 0..5 * HALF {
            keys.add(hash(&number.to_string()).unwrap(), known(now));
            let halves = keys.halves.read().unwrap();
            assert!(halves.0.len() <= HALF && halves.1.len() <= HALF);
        }
        assert!(keys.get(&hash(&(5 * HALF - 1).to_string()).unwrap(), now).is_some());
        assert!(keys.get(&[1; 32], now).is_none());
    }
}
