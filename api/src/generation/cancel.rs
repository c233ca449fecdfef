//! Cancels: what waits ends at once with its gems back; what runs is told, and ends with what is stored by then.
use lapidary_contract::Generation;
use lapidary_contract::domain::{GenerationStatus, Hold};
use uuid::Uuid;

use super::queries;
use crate::app::App;
use crate::auth::CurrentUser;
use crate::gems::ledger;
use crate::http::error::{ApiError, ApiResult};

pub async fn cancel(app: &App, user: &CurrentUser, id: Uuid) -> ApiResult<Generation> {
    let now = app.clock.now();
    let mut tx = app.db.begin_as(user.actor()).await?;
    let row = queries::lock(&mut tx, user.person_id, id).await?.ok_or(ApiError::NotFound)?;
    let status = GenerationStatus::from_name(&row.status).ok_or_else(|| ApiError::internal("unknown status"))?;
    match status {
        GenerationStatus::Queued => {
            queries::cancel_queued(&mut tx, id, now).await?;
            let hold = Hold { free: row.held_free, bought: row.held_bought };
            ledger::settle(&mut tx, user.account_id, hold, 0, id, now).await?;
            queries::record_end(&mut tx, user.person_id, id, now).await?;
        }
        GenerationStatus::Running => queries::request_cancel(&mut tx, id, now).await?,
        // Cancelled twice is cancelled.
        GenerationStatus::Cancelled => {}
        GenerationStatus::Succeeded | GenerationStatus::PartlySucceeded | GenerationStatus::Failed => {
            return Err(ApiError::IllegalTransition("This generation is already finished."));
        }
    }
    let generation = queries::get(&mut tx, app, user.person_id, id).await?.ok_or(ApiError::NotFound)?;
    tx.commit().await?;
    app.live.nudge(user.person_id);
    app.live.cancel(id);
    Ok(generation)
}
