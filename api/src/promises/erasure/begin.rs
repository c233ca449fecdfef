//! Asking for an erasure and taking it back. From the moment it is asked for nothing works for the account but looking: its
//! sessions end, its keys are refused, what waits in the queue is cancelled. Deletes nothing itself.
use chrono::{DateTime, TimeDelta, Utc};
use lapidary_contract::{Erasure, ErasureKind, ErasureStatus};
use sqlx::PgConnection;
use uuid::Uuid;

use super::begin_queries::{self as queries, New};
use crate::auth::secret::{hash, random_secret};
use crate::auth::{api_keys, session_queries};
use crate::http::error::{ApiError, ApiResult};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub kind: ErasureKind,
    pub person_id: Uuid,
    /// Days in which it may be undone; 0: at once.
    pub undo_days: u32,
}

/// What to tell, and whom.
#[derive(Debug)]
pub struct Begun {
    pub erasure: Erasure,
    /// Sessions that ended with it.
    pub ended: Vec<Uuid>,
}

impl Begun {
    pub fn is_at_once(&self, now: DateTime<Utc>) -> bool {
        self.erasure.at <= now
    }
}

/// The caller commits it, and tells.
pub async fn begin(conn: &mut PgConnection, asked: Asked, origin: &str, now: DateTime<Utc>) -> ApiResult<Begun> {
    let token = random_secret().map_err(ApiError::internal)?;
    let account_id = queries::lock(conn, asked.person_id).await?.ok_or(ApiError::NotFound)?;
    let due_at = now + TimeDelta::days(i64::from(asked.undo_days));
    let new = New {
        id: Uuid::now_v7(),
        kind: asked.kind,
        token_hash: &hash(&token),
        person_id: asked.person_id,
        account_id,
        due_at,
        now,
    };
    let is_new = queries::add(conn, &new).await?;
    let gems = queries::gems(conn, account_id).await?;
    let pending = queries::pending(conn, asked.person_id, asked.kind, gems).await?.ok_or(ApiError::NotFound)?;
    let mut ended = Vec::new();
    if asked.kind == ErasureKind::Account && pending.status == ErasureStatus::Waiting {
        queries::set_closing(conn, asked.person_id, Some(pending.at)).await?;
        ended = session_queries::end_all(conn, asked.person_id, None).await?;
        // Not ended: whoever undoes it has them again.
        api_keys::queries::announce_all(&mut *conn, asked.person_id).await?;
    }
    let receipt_url = is_new.then(|| format!("{origin}/erased#{token}"));
    Ok(Begun { erasure: Erasure { receipt_url, ..pending }, ended })
}

/// Everything works as before, but for the sessions that ended. The caller commits it.
pub async fn undo(conn: &mut PgConnection, person_id: Uuid) -> ApiResult<()> {
    queries::lock(conn, person_id).await?.ok_or(ApiError::NotFound)?;
    if !queries::undo(conn, person_id).await? {
        return Err(ApiError::NotFound);
    }
    queries::set_closing(conn, person_id, None).await?;
    api_keys::queries::announce_all(conn, person_id).await?;
    Ok(())
}
