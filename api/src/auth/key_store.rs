//! Signing keys as the database has them: sealed, one that signs, others until their last token ended. Knows nothing of
//! what a process remembers.
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::EncodingKey;
use sqlx::PgConnection;
use uuid::Uuid;

use super::keys::{KeyError, SIGNS_FOR, SigningKey};
use super::secret::MasterKey;

pub struct KeyRow {
    pub id: String,
    pub sealed: Vec<u8>,
    pub public_key: Vec<u8>,
    pub created_at: DateTime<Utc>,
    pub retired_at: Option<DateTime<Utc>>,
}

/// Until the transaction ends no other process makes, retires or seals again.
pub async fn lock(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('lapidary signing keys', 0))").execute(conn).await?;
    Ok(())
}

/// Oldest first.
pub async fn all(conn: &mut PgConnection) -> Result<Vec<KeyRow>, sqlx::Error> {
    sqlx::query_as!(
        KeyRow,
        "select id, sealed, public_key, created_at, retired_at from signing_keys order by created_at, id"
    )
    .fetch_all(conn)
    .await
}

/// Retires what signs, or only what has signed for long enough, and forgets what was retired a day ago.
pub async fn retire(conn: &mut PgConnection, even_young_ones: bool, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update signing_keys set retired_at = $1 where retired_at is null and (created_at <= $2 or $3)",
        now,
        now - SIGNS_FOR,
        even_young_ones
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("delete from signing_keys where retired_at < $1", now - TimeDelta::days(1)).execute(conn).await?;
    Ok(())
}

pub async fn make(conn: &mut PgConnection, master: &MasterKey, now: DateTime<Utc>) -> Result<SigningKey, KeyError> {
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

/// What a change of MASTER_KEY came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Was under MASTER_KEY_PREVIOUS and is under MASTER_KEY now.
    pub moved: u64,
    /// Neither opens it.
    pub lost: u64,
}

/// Puts everything that MASTER_KEY_PREVIOUS sealed under MASTER_KEY. The caller holds the lock.
pub async fn reseal(conn: &mut PgConnection, master: &MasterKey) -> Result<Resealed, KeyError> {
    let mut done = Resealed::default();
    let signing =
        sqlx::query!("select id, sealed from signing_keys where retired_at is null").fetch_all(&mut *conn).await?;
    for row in signing {
        let Some(sealed) = again(master, &row.id, &row.sealed, &mut done)? else { continue };
        sqlx::query!("update signing_keys set sealed = $2 where id = $1", row.id, sealed).execute(&mut *conn).await?;
    }
    let others = sqlx::query!("select id, sealed from sealed_keys for update").fetch_all(&mut *conn).await?;
    for row in others {
        let Some(sealed) = again(master, &row.id.to_string(), &row.sealed, &mut done)? else { continue };
        sqlx::query!("update sealed_keys set sealed = $2 where id = $1", row.id, sealed).execute(&mut *conn).await?;
    }
    Ok(done)
}

/// Keys that count, and how MASTER_KEY does with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seals {
    pub all: u64,
    /// Only MASTER_KEY_PREVIOUS opens them.
    pub by_previous: u64,
    /// Neither opens them.
    pub lost: u64,
}

/// Opens everything, and keeps nothing of it.
pub async fn judge_seals(conn: &mut PgConnection, master: &MasterKey) -> Result<Seals, sqlx::Error> {
    let signing =
        sqlx::query!("select id, sealed from signing_keys where retired_at is null").fetch_all(&mut *conn).await?;
    let others = sqlx::query!("select id, sealed from sealed_keys").fetch_all(conn).await?;
    let signing = signing.into_iter().map(|row| (row.id, row.sealed));
    let mut seals = Seals::default();
    for (label, sealed) in signing.chain(others.into_iter().map(|row| (row.id.to_string(), row.sealed))) {
        seals.all += 1;
        match master.open(&label, &sealed) {
            Ok(opened) if opened.is_by_previous => seals.by_previous += 1,
            Ok(_) => {}
            Err(_) => seals.lost += 1,
        }
    }
    Ok(seals)
}

fn again(master: &MasterKey, label: &str, sealed: &[u8], done: &mut Resealed) -> Result<Option<Vec<u8>>, KeyError> {
    match master.open(label, sealed) {
        Ok(opened) if opened.is_by_previous => {
            done.moved += 1;
            Ok(Some(master.seal(label, &opened.plain)?))
        }
        Ok(_) => Ok(None),
        Err(_) => {
            done.lost += 1;
            Ok(None)
        }
    }
}
