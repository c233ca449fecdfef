//! Secrets of endpoints: sealed by MASTER_KEY, opened only to sign, and sealed anew where that key is replaced.
use uuid::Uuid;

use super::{secret_queries as queries, sign};
use crate::auth::secret::MasterKey;
use crate::db::Db;
use crate::http::error::{ApiError, ApiResult};

/// Rows of one round.
const PIECE: i64 = 500;

fn label(endpoint_id: Uuid) -> String {
    format!("webhook {endpoint_id}")
}

/// A new one, to be shown this once and to be stored sealed.
pub struct Fresh {
    pub shown: String,
    pub sealed: Vec<u8>,
}

pub fn fresh(master: &MasterKey, endpoint_id: Uuid) -> ApiResult<Fresh> {
    let secret = sign::new_secret().map_err(|_| ApiError::internal("no randomness"))?;
    let sealed =
        master.seal(&label(endpoint_id), &secret).map_err(|_| ApiError::internal("a secret could not be sealed"))?;
    Ok(Fresh { shown: sign::shown(&secret), sealed })
}

/// Those that open, the current one first. `None` where that one does not: MASTER_KEY is not the one that sealed it. One that
/// it replaced is missed by nobody who has it.
pub fn open_all(master: &MasterKey, endpoint_id: Uuid, sealed: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    let mut opened = sealed.iter().map(|one| master.open(&label(endpoint_id), one).ok().map(|opened| opened.plain));
    let current = opened.next()??;
    Some(std::iter::once(current).chain(opened.flatten()).collect())
}

/// Puts what MASTER_KEY_PREVIOUS sealed under MASTER_KEY; gives how many. What neither opens stays as it is.
pub async fn reseal(db: &Db, master: &MasterKey) -> Result<u64, sqlx::Error> {
    let (mut after, mut moved, mut lost) = (Uuid::nil(), 0, 0_u64);
    loop {
        let rows = queries::sealed_after(db.house(), after, PIECE).await?;
        let Some(last) = rows.last() else { break };
        after = last.id;
        for row in &rows {
            let label = label(row.endpoint_id);
            match master.open(&label, &row.sealed) {
                Ok(opened) if opened.is_by_previous => {
                    let Ok(sealed) = master.seal(&label, &opened.plain) else { continue };
                    moved += queries::replace(db.house(), row.id, &row.sealed, &sealed).await?;
                }
                Ok(_) => {}
                Err(_) => lost += 1,
            }
        }
    }
    if lost > 0 {
        tracing::warn!(lost, "secrets of webhooks do not open: their owners have to replace them");
    }
    Ok(moved)
}
