//! The Ed25519 keys that sign access tokens: made at first need, sealed in the database, changed every 90 days.
//! Private halves never leave this file unsealed.
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::secret::MasterKey;
use crate::db::Db;
use crate::http::error::ApiError;

const SIGNS_FOR: TimeDelta = TimeDelta::days(90);
/// Twice the life of a token.
const PUBLISHED_AFTERWARDS: TimeDelta = TimeDelta::minutes(20);
/// How often an unknown key id may make us look for another process's new key.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const JWKS_LIFETIME: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error("a signing key cannot be made or sealed")]
    Crypto(#[from] Unspecified),
    #[error("a signing key is not one: {0}")]
    Rejected(#[from] KeyRejected),
}

impl From<KeyError> for ApiError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Database(error) => error.into(),
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
    created_at: DateTime<Utc>,
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
}

impl Keys {
    pub fn new(master: Arc<MasterKey>) -> Self {
        Self { master, ring: RwLock::default() }
    }

    /// The key that signs now.
    pub async fn signing(&self, db: &Db, now: DateTime<Utc>) -> Result<SigningKey, KeyError> {
        if let Some(key) = self.ring().signing.clone().filter(|key| now - key.created_at < SIGNS_FOR) {
            return Ok(key);
        }
        let (ring, signing) = load_or_make(db, &self.master, now).await?;
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        Ok(signing)
    }

    /// The key of this id, as long as tokens it signed may live.
    pub async fn verifying(&self, db: &Db, id: &str, now: DateTime<Utc>) -> Result<Option<DecodingKey>, KeyError> {
        if let Some(found) = find(&self.ring(), id, now) {
            return Ok(Some(found));
        }
        self.reload(db, LOOK_AGAIN, now).await?;
        Ok(find(&self.ring(), id, now))
    }

    /// Every public key that may have signed a living token.
    pub async fn published(&self, db: &Db, now: DateTime<Utc>) -> Result<Vec<PublicJwk>, KeyError> {
        self.signing(db, now).await?;
        self.reload(db, JWKS_LIFETIME, now).await?;
        let ring = self.ring();
        let living = ring.known.values().filter(|known| known.is_published(now));
        Ok(living.map(|known| known.public.clone()).collect())
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn reload(&self, db: &Db, at_most_every: Duration, now: DateTime<Utc>) -> Result<(), KeyError> {
        if self.ring().loaded_at.is_some_and(|at| at.elapsed() < at_most_every) {
            return Ok(());
        }
        let mut conn = db.house().acquire().await?;
        let ring = load(&mut conn, &self.master, now).await?;
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        Ok(())
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

/// Two processes in need at once: the second waits, and finds the first one's key.
async fn load_or_make(db: &Db, master: &MasterKey, now: DateTime<Utc>) -> Result<(Ring, SigningKey), KeyError> {
    let mut tx = db.house().begin().await?;
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('lapidary signing keys', 0))")
        .execute(&mut *tx)
        .await?;
    let ring = load(&mut tx, master, now).await?;
    if let Some(signing) = ring.signing.clone() {
        return Ok((ring, signing));
    }
    sqlx::query!(
        "update signing_keys set retired_at = $1 where retired_at is null and created_at <= $2",
        now,
        now - SIGNS_FOR
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!("delete from signing_keys where retired_at < $1", now - TimeDelta::days(1)).execute(&mut *tx).await?;
    let signing = make(&mut tx, master, now).await?;
    let ring = load(&mut tx, master, now).await?;
    tx.commit().await?;
    Ok((ring, signing))
}

async fn make(conn: &mut PgConnection, master: &MasterKey, now: DateTime<Utc>) -> Result<SigningKey, KeyError> {
    let pair = Ed25519KeyPair::generate()?;
    let private = pair.to_pkcs8()?;
    let id = Uuid::now_v7().to_string();
    sqlx::query!(
        "insert into signing_keys (id, sealed, public_key, created_at) values ($1, $2, $3, $4)",
        id,
        master.seal(&id, private.as_ref())?,
        pair.public_key().as_ref(),
        now
    )
    .execute(conn)
    .await?;
    tracing::info!(kid = %id, "a new key signs access tokens");
    Ok(SigningKey { key: EncodingKey::from_ed_der(private.as_ref()), id, created_at: now })
}

async fn load(conn: &mut PgConnection, master: &MasterKey, now: DateTime<Utc>) -> Result<Ring, KeyError> {
    let rows =
        sqlx::query!("select id, sealed, public_key, created_at, retired_at from signing_keys order by created_at")
            .fetch_all(conn)
            .await?;
    let mut ring = Ring { loaded_at: Some(Instant::now()), ..Ring::default() };
    for row in rows {
        if row.retired_at.is_none() && now - row.created_at < SIGNS_FOR {
            match master.open(&row.id, &row.sealed) {
                Ok(private) => {
                    let key = EncodingKey::from_ed_der(&private);
                    ring.signing = Some(SigningKey { id: row.id.clone(), key, created_at: row.created_at });
                }
                // Its public half still verifies what others sign with it.
                Err(Unspecified) => tracing::warn!(kid = %row.id, "MASTER_KEY does not open this signing key"),
            }
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
    Ok(ring)
}
