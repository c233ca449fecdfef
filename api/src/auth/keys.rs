//! The Ed25519 keys that sign access tokens, as this process knows them: read again once a minute, made where none
//! signs, changed every 90 days. A private half never leaves memory unsealed.
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use aws_lc_rs::error::{KeyRejected, Unspecified};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{DecodingKey, EncodingKey};
use lapidary_contract::OperatorAct;
use serde::Serialize;
use sqlx::PgConnection;
use tokio::sync::{Mutex, watch};
use uuid::Uuid;

use super::key_store::{self, KeyRow, Resealed};
use super::marks::MarkKeys;
use super::secret::MasterKey;
use crate::clock::Clock;
use crate::db::Db;
use crate::http::error::ApiError;
use crate::operator::audit::{self, By, Done};

pub const SIGNS_FOR: TimeDelta = TimeDelta::days(90);
/// Twice the life of a token.
pub const PUBLISHED_AFTERWARDS: TimeDelta = TimeDelta::minutes(20);
/// How often unknown key ids may make us look for another process's new key.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Within this time every process signs with the newest key; the one before it is published for much longer.
const REMEMBERED: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error("a signing key cannot be made or sealed")]
    Crypto(#[from] Unspecified),
    #[error("a signing key is not one: {0}")]
    Rejected(#[from] KeyRejected),
    #[error("MASTER_KEY does not open the keys of this database, and so not who had welcome gems")]
    MarksSealed,
}

impl From<KeyError> for ApiError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Database(error) => error.into(),
            // A process that is replaced next, or an operator's mistake: it passes, and nothing is granted meanwhile.
            KeyError::MarksSealed => {
                tracing::error!(
                    "{error}: ages cannot be confirmed. If it was replaced, this process needs the new one"
                );
                Self::Unavailable { retry_after_seconds: 60 }
            }
            other @ (KeyError::Crypto(_) | KeyError::Rejected(_)) => Self::internal(other),
        }
    }
}

/// A public key as `/.well-known/jwks.json` shows it (RFC 8037).
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PublicJwk {
    pub kid: String,
    pub kty: &'static str,
    pub crv: &'static str,
    pub alg: &'static str,
    #[serde(rename = "use")]
    pub usage: &'static str,
    /// The key itself, base64url.
    pub x: String,
}

#[derive(Clone)]
pub struct SigningKey {
    pub id: String,
    pub key: EncodingKey,
    pub created_at: DateTime<Utc>,
}

#[cfg(test)]
impl SigningKey {
    pub fn for_tests(id: &str, key: EncodingKey, created_at: DateTime<Utc>) -> Self {
        Self { id: id.into(), key, created_at }
    }
}

struct KnownKey {
    key: DecodingKey,
    public: PublicJwk,
    retired_at: Option<DateTime<Utc>>,
}

#[derive(Default)]
struct Ring {
    signing: Option<SigningKey>,
    known: HashMap<String, KnownKey>,
    loaded_at: Option<Instant>,
}

pub struct Keys {
    master: Arc<MasterKey>,
    ring: RwLock<Arc<Ring>>,
    /// One reads at a time; whoever waited for it looks at what it found.
    turn: Mutex<()>,
    loads: AtomicU64,
    /// How many keys did not open when that was last said.
    lost: AtomicU64,
}

impl Keys {
    pub fn new(master: Arc<MasterKey>) -> Self {
        let (loads, lost) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { master, ring: RwLock::default(), turn: Mutex::default(), loads, lost }
    }

    /// The key that signs now.
    pub async fn signing(&self, db: &Db, now: DateTime<Utc>) -> Result<SigningKey, KeyError> {
        if let Some(key) = self.remembered(now) {
            return Ok(key);
        }
        let _turn = self.turn.lock().await;
        match self.remembered(now) {
            Some(key) => Ok(key),
            None => self.read_or_make(db, now).await,
        }
    }

    /// The key of this id, as long as tokens it signed may live. An unknown one may be another process's new key: the
    /// database is asked, once for all who wait, and at most once a second whatever ids are sent.
    pub async fn verifying(&self, db: &Db, id: &str, now: DateTime<Utc>) -> Result<Option<DecodingKey>, KeyError> {
        let asked_at = Instant::now();
        if let Some(found) = find(&self.ring(), id, now) {
            return Ok(Some(found));
        }
        // Ours are UUIDs: nothing else is worth a look.
        if Uuid::try_parse(id).is_err() {
            return Ok(None);
        }
        let _turn = self.turn.lock().await;
        let read_at = self.ring().loaded_at;
        if read_at.is_none_or(|at| at < asked_at) {
            if let Some(at) = read_at {
                tokio::time::sleep_until((at + LOOK_AGAIN).into()).await;
            }
            let mut conn = db.house().acquire().await?;
            let ring = self.load(&mut conn, now).await?;
            self.remember(ring);
        }
        Ok(find(&self.ring(), id, now))
    }

    /// Every public key that may have signed a living token.
    pub async fn published(&self, db: &Db, now: DateTime<Utc>) -> Result<Vec<PublicJwk>, KeyError> {
        self.signing(db, now).await?;
        let ring = self.ring();
        let living = ring.known.values().filter(|known| known.is_published(now));
        Ok(living.map(|known| known.public.clone()).collect())
    }

    /// Once a minute: hears of others' keys, changes a key that signed long enough, seals with MASTER_KEY what
    /// MASTER_KEY_PREVIOUS had sealed.
    pub async fn keep(&self, db: &Db, clock: &Clock, mut open: watch::Receiver<bool>) {
        while *open.borrow() {
            if let Err(error) = self.tend(db, clock.now()).await {
                tracing::debug!(%error, "the signing keys cannot be looked after");
            }
            tokio::select! {
                () = tokio::time::sleep(REMEMBERED) => {}
                _ = open.wait_for(|is_open| !is_open) => {}
            }
        }
    }

    /// One round of [`Self::keep`].
    pub async fn tend(&self, db: &Db, now: DateTime<Utc>) -> Result<(), KeyError> {
        let _turn = self.turn.lock().await;
        self.read_or_make(db, now).await?;
        let Resealed { moved, lost } = self.reseal(db, now).await?;
        if moved > 0 {
            tracing::info!(moved, "what MASTER_KEY_PREVIOUS sealed is under MASTER_KEY now");
        }
        // Once, and not at every round.
        if self.lost.swap(lost, Ordering::Relaxed) != lost && lost > 0 {
            tracing::error!(lost, "keys of the database do not open: MASTER_KEY is not the one that sealed them");
        }
        Ok(())
    }

    /// Retires the key that signs, whatever its age, and makes another. Written down as an operator's act.
    pub async fn rotate(&self, db: &Db, now: DateTime<Utc>) -> Result<SigningKey, KeyError> {
        let _turn = self.turn.lock().await;
        let mut tx = db.begin_house().await?;
        key_store::lock(&mut tx).await?;
        key_store::retire(&mut tx, true, now).await?;
        let made = key_store::make(&mut tx, &self.master, now).await?;
        let subject: Uuid = made.id.parse().unwrap_or_default();
        audit::record(&mut tx, &Done::new(By::CommandLine, OperatorAct::RotateKeys, subject), now).await?;
        let ring = self.load(&mut tx, now).await?;
        tx.commit().await?;
        self.remember(ring);
        Ok(made)
    }

    /// Puts what MASTER_KEY_PREVIOUS sealed under MASTER_KEY. The key of the marks is made before, where there is none:
    /// afterwards nobody may have the MASTER_KEY any more that it comes from.
    pub async fn reseal(&self, db: &Db, now: DateTime<Utc>) -> Result<Resealed, KeyError> {
        let mut tx = db.begin_house().await?;
        key_store::lock(&mut tx).await?;
        match MarkKeys::load(&mut tx, &self.master, now).await {
            // Counted with whatever else is lost.
            Ok(_) | Err(KeyError::MarksSealed) => {}
            Err(error) => return Err(error),
        }
        let mut done = key_store::reseal(&mut tx, &self.master).await?;
        tx.commit().await?;
        // Many, in pieces of their own, and only while there is something to do.
        if self.master.is_replacing() {
            done.moved += crate::webhooks::secret::reseal(db, &self.master).await?;
            done.moved += crate::images::shares::reseal(db, &self.master).await?;
        }
        Ok(done)
    }

    /// Gives up what neither MASTER_KEY nor MASTER_KEY_PREVIOUS opens of the keys of the marks. False: nothing.
    pub async fn forget_unreadable(&self, db: &Db, now: DateTime<Utc>) -> Result<bool, KeyError> {
        let mut tx = db.begin_house().await?;
        let forgotten = MarkKeys::forget_unreadable(&mut tx, &self.master).await?;
        for id in &forgotten {
            audit::record(&mut tx, &Done::new(By::CommandLine, OperatorAct::ForgetKey, *id), now).await?;
        }
        MarkKeys::load(&mut tx, &self.master, now).await?;
        tx.commit().await?;
        Ok(!forgotten.is_empty())
    }

    /// How often the keys were read from the database.
    pub fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn remembered(&self, now: DateTime<Utc>) -> Option<SigningKey> {
        let ring = self.ring();
        let is_recent = ring.loaded_at.is_some_and(|at| at.elapsed() < REMEMBERED);
        ring.signing.clone().filter(|key| is_recent && now - key.created_at < SIGNS_FOR)
    }

    /// Two processes in need at once: the second waits for the first, and finds its key.
    async fn read_or_make(&self, db: &Db, now: DateTime<Utc>) -> Result<SigningKey, KeyError> {
        let mut tx = db.begin_house().await?;
        let ring = self.load(&mut tx, now).await?;
        if let Some(signing) = ring.signing.clone() {
            self.remember(ring);
            return Ok(signing);
        }
        key_store::lock(&mut tx).await?;
        let ring = self.load(&mut tx, now).await?;
        if let Some(signing) = ring.signing.clone() {
            self.remember(ring);
            return Ok(signing);
        }
        key_store::retire(&mut tx, false, now).await?;
        let signing = key_store::make(&mut tx, &self.master, now).await?;
        let ring = self.load(&mut tx, now).await?;
        tx.commit().await?;
        self.remember(ring);
        Ok(signing)
    }

    async fn load(&self, conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Ring, KeyError> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        let loaded_at = Instant::now();
        let rows = key_store::all(conn).await?;
        let before = self.ring().signing.clone();
        Ok(Ring { loaded_at: Some(loaded_at), ..ring_of(rows, &self.master, before.as_ref(), now) })
    }

    /// Only what is committed: a key that nobody else can read must not sign.
    fn remember(&self, ring: Ring) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }
}

impl KnownKey {
    fn is_published(&self, now: DateTime<Utc>) -> bool {
        self.retired_at.is_none_or(|at| now < at + PUBLISHED_AFTERWARDS)
    }
}

fn find(ring: &Ring, id: &str, now: DateTime<Utc>) -> Option<DecodingKey> {
    ring.known.get(id).filter(|known| known.is_published(now)).map(|known| known.key.clone())
}

fn ring_of(rows: Vec<KeyRow>, master: &MasterKey, before: Option<&SigningKey>, now: DateTime<Utc>) -> Ring {
    let mut ring = Ring::default();
    for row in rows {
        if row.retired_at.is_none() && now - row.created_at < SIGNS_FOR {
            ring.signing = signing(&row, master, before).or(ring.signing);
        }
        let public = PublicJwk {
            kid: row.id.clone(),
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            usage: "sig",
            x: URL_SAFE_NO_PAD.encode(&row.public_key),
        };
        let key = DecodingKey::from_ed_der(&row.public_key);
        ring.known.insert(row.id, KnownKey { key, public, retired_at: row.retired_at });
    }
    ring
}

/// A key this process has open stays open: another one may have sealed it again with a MASTER_KEY that is not here yet.
fn signing(row: &KeyRow, master: &MasterKey, before: Option<&SigningKey>) -> Option<SigningKey> {
    if let Some(before) = before.filter(|before| before.id == row.id) {
        return Some(before.clone());
    }
    match master.open(&row.id, &row.sealed) {
        Ok(opened) => {
            let key = EncodingKey::from_ed_der(&opened.plain);
            Some(SigningKey { id: row.id.clone(), key, created_at: row.created_at })
        }
        // Its public half still verifies what others sign with it.
        Err(Unspecified) => {
            tracing::warn!(kid = %row.id, "MASTER_KEY does not open this signing key");
            None
        }
    }
}
