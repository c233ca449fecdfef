//! Keyed hashes that recognise a returning identity or address and tell nobody which it was. Their key is sealed in the
//! database: it must outlive every MASTER_KEY, or a new one would forget who had welcome gems.
use aws_lc_rs::{hmac, rand};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::keys::KeyError;
use super::secret::MasterKey;

const PURPOSE: &str = "welcome marks";
const KEY_BYTES: usize = 32;

/// Usually one; more after a MASTER_KEY was lost and found again. A mark under any of them counts.
pub struct MarkKeys(Vec<hmac::Key>);

impl MarkKeys {
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
    Ok(opened.map(|opened| hmac::Key::new(hmac::HMAC_SHA256, &opened.plain)).collect())
}

/// The first one ever is what marks were keyed with before; if others are there that we cannot open, a new one.
async fn make(conn: &mut PgConnection, master: &MasterKey, now: DateTime<Utc>) -> Result<hmac::Key, KeyError> {
    let is_first = sqlx::query_scalar!(
        r#"select not exists (select from sealed_keys where purpose = $1) as "is_first!""#,
        PURPOSE
    )
    .fetch_one(&mut *conn)
    .await?;
    let mut key = master.first_mark_key().to_vec();
    if !is_first {
        tracing::error!(
            "MASTER_KEY does not open the key of the welcome marks: who had welcome gems before is not recognised. \
             If it was replaced, set MASTER_KEY_PREVIOUS"
        );
        key = vec![0; KEY_BYTES];
        rand::fill(&mut key)?;
    }
    let id = Uuid::now_v7();
    sqlx::query!(
        "insert into sealed_keys (id, purpose, sealed, created_at) values ($1, $2, $3, $4)",
        id,
        PURPOSE,
        master.seal(&id.to_string(), &key)?,
        now
    )
    .execute(conn)
    .await?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &key))
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
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; KEY_BYTES]);
        assert_ne!(mark(&key, "identity", &["ab", "c"]), mark(&key, "identity", &["a", "bc"]));
        assert_ne!(mark(&key, "identity", &["a"]), mark(&key, "email", &["a"]));
        assert_eq!(mark(&key, "email", &["a"]), mark(&key, "email", &["a"]));
    }
}
