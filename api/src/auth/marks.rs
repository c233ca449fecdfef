//! Keyed hashes that recognise a returning identity or address and tell nobody which it was. Their key is sealed in the
//! database: it must outlive every MASTER_KEY. Never makes another one beside a key that is there but does not open:
//! that one would forget who had welcome gems.
use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::keys::KeyError;
use super::secret::MasterKey;

const PURPOSE: &str = "welcome marks";

/// One; versions before made another where the first did not open. A mark under any of them counts.
pub struct MarkKeys(Vec<hmac::Key>);

impl MarkKeys {
    /// The caller's is a transaction. Fails where a key is there and nothing opens it: a MASTER_KEY that is wrong, or
    /// being replaced process by process while this one has the old one still.
    pub async fn load(conn: &mut PgConnection, master: &MasterKey, now: DateTime<Utc>) -> Result<Self, KeyError> {
        let known = opened(&mut *conn, master).await?;
        if !known.is_empty() {
            return Ok(Self(known));
        }
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended('lapidary welcome marks', 0))")
            .execute(&mut *conn)
            .await?;
        let known = opened(&mut *conn, master).await?;
        if known.is_empty() { Ok(Self(vec![make(conn, master, now).await?])) } else { Ok(Self(known)) }
    }

    /// Removes what does not open, and says which keys those were. Marks under them recognise nobody from then on.
    pub async fn forget_unreadable(conn: &mut PgConnection, master: &MasterKey) -> Result<Vec<Uuid>, KeyError> {
        let rows = sqlx::query!("select id, sealed from sealed_keys where purpose = $1 for update", PURPOSE)
            .fetch_all(&mut *conn)
            .await?;
        let lost = rows.iter().filter(|row| master.open(&row.id.to_string(), &row.sealed).is_err());
        let lost: Vec<Uuid> = lost.map(|row| row.id).collect();
        sqlx::query!("delete from sealed_keys where id = any($1)", &lost).execute(conn).await?;
        Ok(lost)
    }

    /// One mark under each key.
    pub fn marks(&self, kind: &str, parts: &[&str]) -> Vec<Vec<u8>> {
        self.0.iter().map(|key| mark(key, kind, parts)).collect()
    }
}

async fn opened(conn: &mut PgConnection, master: &MasterKey) -> Result<Vec<hmac::Key>, KeyError> {
    let rows = sqlx::query!("select id, sealed from sealed_keys where purpose = $1 order by created_at", PURPOSE)
        .fetch_all(conn)
        .await?;
    let opened = rows.iter().filter_map(|row| master.open(&row.id.to_string(), &row.sealed).ok());
    let known: Vec<hmac::Key> = opened.map(|opened| hmac::Key::new(hmac::HMAC_SHA256, &opened.plain)).collect();
    if known.is_empty() && !rows.is_empty() { Err(KeyError::MarksSealed) } else { Ok(known) }
}

/// It is what marks were keyed with before they had a key of their own. Another process's signing key that does not open
/// tells that this MASTER_KEY is not the one they were keyed with.
async fn make(conn: &mut PgConnection, master: &MasterKey, now: DateTime<Utc>) -> Result<hmac::Key, KeyError> {
    let signing =
        sqlx::query!("select id, sealed from signing_keys where retired_at is null").fetch_all(&mut *conn).await?;
    if signing.iter().any(|row| master.open(&row.id, &row.sealed).is_err()) {
        return Err(KeyError::MarksSealed);
    }
    let key = master.first_mark_key();
    let id = Uuid::now_v7();
    sqlx::query!(
        "insert into sealed_keys (id, purpose, sealed, created_at) values ($1, $2, $3, $4)",
        id,
        PURPOSE,
        master.seal(&id.to_string(), key)?,
        now
    )
    .execute(conn)
    .await?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, key))
}

fn mark(key: &hmac::Key, kind: &str, parts: &[&str]) -> Vec<u8> {
    let mut context = hmac::Context::with_key(key);
    for part in std::iter::once(&kind).chain(parts) {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part.as_bytes());
    }
    context.sign().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_tell_their_parts_apart() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        assert_ne!(mark(&key, "identity", &["ab", "c"]), mark(&key, "identity", &["a", "bc"]));
        assert_ne!(mark(&key, "identity", &["a"]), mark(&key, "email", &["a"]));
        assert_eq!(mark(&key, "email", &["a"]), mark(&key, "email", &["a"]));
    }
}
