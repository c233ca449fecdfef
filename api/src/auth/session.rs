//! Sessions: one family of refresh tokens each, rotated at every use. A spent token works until its successor is first
//! used, and for ten seconds more without a cookie; after that its use ends the family, because two hold it.
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::device::USER_AGENT_MAX;
use super::secret::{hash, random_secret};
use super::session_queries::{self as queries, LockedSession, NewSession, TokenRow};
use super::token::Subject;
use crate::db::Db;
use crate::http::error::{ApiError, ApiResult};

/// A session that nobody uses for this long ends.
pub const IDLE: TimeDelta = TimeDelta::days(7);
/// A session ends this long after its sign-in, however much it is used.
pub const ABSOLUTE: TimeDelta = TimeDelta::days(30);
const GRACE: TimeDelta = TimeDelta::seconds(10);

/// A refresh token for the browser, and for how long.
pub struct Started {
    pub person_id: Uuid,
    pub refresh_token: String,
    pub lifetime: TimeDelta,
}

pub async fn start(
    conn: &mut PgConnection,
    person_id: Uuid,
    provider: &str,
    user_agent: &str,
    now: DateTime<Utc>,
) -> Result<Started, sqlx::Error> {
    let user_agent: String = user_agent.chars().filter(|letter| !letter.is_control()).take(USER_AGENT_MAX).collect();
    let session = NewSession {
        id: Uuid::now_v7(),
        person_id,
        provider,
        user_agent: &user_agent,
        created_at: now,
        expires_at: now + ABSOLUTE,
    };
    queries::insert_session(&mut *conn, &session).await?;
    let refresh_token = give_token(conn, session.id, None, now).await?;
    Ok(Started { person_id, refresh_token, lifetime: IDLE })
}

/// A new session in the place of one that ends, as old as that: the tokens of the old one say what is not so any more.
pub async fn replace(
    conn: &mut PgConnection,
    session_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Started>, sqlx::Error> {
    let id = Uuid::now_v7();
    let Some(old) = queries::insert_copy(&mut *conn, id, session_id, now).await? else { return Ok(None) };
    let refresh_token = give_token(conn, id, None, now).await?;
    Ok(Some(Started { person_id: old.person_id, refresh_token, lifetime: IDLE.min(old.expires_at - now) }))
}

async fn give_token(
    conn: &mut PgConnection,
    session_id: Uuid,
    predecessor: Option<&[u8]>,
    now: DateTime<Utc>,
) -> Result<String, sqlx::Error> {
    let token = random_secret().map_err(|error| sqlx::Error::Encode(error.into()))?;
    queries::insert_token(conn, &hash(&token), session_id, predecessor, now).await?;
    Ok(token)
}

/// What a refresh token is good for.
pub enum Refreshed {
    Granted {
        subject: Subject,
        /// The successor and its lifetime; none within the grace.
        successor: Option<(String, TimeDelta)>,
    },
    /// Unknown, ended, or too old.
    Refused,
    /// A spent token came back: its session ended just now.
    Reused {
        session_id: Uuid,
    },
    Suspended,
}

pub async fn refresh(db: &Db, presented: &str, now: DateTime<Utc>) -> ApiResult<Refreshed> {
    let presented = hash(presented);
    let mut tx = db.begin_house().await?;
    let Some(session) = queries::lock_session(&mut *tx, &presented).await? else { return Ok(Refreshed::Refused) };
    if session.is_suspended {
        return Ok(Refreshed::Suspended);
    }
    if session.is_revoked || session.expires_at <= now || session.last_used_at + IDLE <= now {
        return Ok(Refreshed::Refused);
    }
    let Some(token) = queries::token(&mut *tx, &presented).await? else { return Ok(Refreshed::Refused) };
    let successor = match standing(&token, now) {
        Standing::Fresh => {
            queries::spend(&mut tx, &presented, token.predecessor.as_deref(), now).await?;
            Some(give_token(&mut tx, session.id, Some(&presented), now).await?)
        }
        // The answer with the successor may have got lost.
        Standing::SuccessorUnused => Some(give_token(&mut tx, session.id, Some(&presented), now).await?),
        Standing::WithinGrace => None,
        Standing::Reused => {
            queries::end(&mut tx, session.id, now).await?;
            tx.commit().await?;
            return Ok(Refreshed::Reused { session_id: session.id });
        }
    };
    queries::touch(&mut *tx, session.id, now).await?;
    tx.commit().await?;
    let lifetime = IDLE.min(session.expires_at - now);
    Ok(Refreshed::Granted { subject: subject(&session), successor: successor.map(|successor| (successor, lifetime)) })
}

fn subject(session: &LockedSession) -> Subject {
    Subject {
        person_id: session.person_id,
        account_id: session.account_id,
        session_id: session.id,
        is_confirmed: session.is_confirmed,
        is_closing: session.is_closing,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Fresh,
    SuccessorUnused,
    WithinGrace,
    Reused,
}

fn standing(token: &TokenRow, now: DateTime<Utc>) -> Standing {
    match (token.spent_at, token.successor_used_at) {
        (None, _) => Standing::Fresh,
        (Some(_), None) => Standing::SuccessorUnused,
        (Some(_), Some(used_at)) if now < used_at + GRACE => Standing::WithinGrace,
        (Some(_), Some(_)) => Standing::Reused,
    }
}

/// Whether a spent token came back after its grace: somebody else may hold the other one.
pub fn is_reused(token: &TokenRow, now: DateTime<Utc>) -> bool {
    standing(token, now) == Standing::Reused
}

/// Ends the session a refresh token belongs to. Nothing to do is fine too.
pub async fn end_by_token(db: &Db, presented: &str, now: DateTime<Utc>) -> ApiResult<Option<Uuid>> {
    let mut tx = db.begin_house().await?;
    let Some(session_id) = queries::session_of(&mut *tx, &hash(presented)).await? else { return Ok(None) };
    queries::end(&mut tx, session_id, now).await?;
    tx.commit().await?;
    Ok(Some(session_id))
}

impl Refreshed {
    /// The problem of a refresh that did not succeed.
    pub fn problem(&self) -> ApiError {
        match self {
            Self::Suspended => ApiError::Suspended,
            Self::Granted { .. } | Self::Refused | Self::Reused { .. } => ApiError::Unauthenticated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_token_stands_by_its_successors_first_use() {
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let row = |spent_at, successor_used_at| TokenRow { predecessor: None, spent_at, successor_used_at };
        assert_eq!(standing(&row(None, None), now), Standing::Fresh);
        assert_eq!(standing(&row(Some(now), None), now + TimeDelta::days(1)), Standing::SuccessorUnused);
        assert_eq!(standing(&row(Some(now), Some(now)), now + TimeDelta::seconds(9)), Standing::WithinGrace);
        assert_eq!(standing(&row(Some(now), Some(now)), now + TimeDelta::seconds(10)), Standing::Reused);
    }
}
