//! Deletes what rows lead to a person, a bounded piece in each transaction, from whatever tables there are.
use serde_json::{Value, json};
use uuid::Uuid;

use super::job_queries::{self as jobs, Job};
use super::person_queries as queries;
use super::run::EraseError;
use crate::app::App;

/// Rows of each table in one transaction; of images fewer, for each is counted out of the facets.
const PIECE: i32 = 1_000;
const IMAGES: i64 = 500;
/// What the end needs, and deletes itself: who may not have welcome gems again, whose sessions must end everywhere, what an
/// operator looked at, and whose the account is.
pub const LAST: [&str; 4] = ["account_links", "flags", "identities", "sessions"];

/// All that is not needed for the end.
pub async fn delete(app: &App, job: &Job, person_id: Uuid) -> Result<(), EraseError> {
    loop {
        let mut tx = app.db.begin_house().await?;
        // Their shares stay with the generations while those are there: the books add up after each piece.
        let gone = queries::erase_images(&mut tx, person_id, app.clock.now(), IMAGES).await?;
        if gone == 0 {
            break;
        }
        commit(tx, job, &json!({ "images": gone })).await?;
    }
    delete_but(app, job, person_id, &LAST).await
}

/// Whatever is left or came late.
pub async fn delete_but(app: &App, job: &Job, person_id: Uuid, kept: &[&str]) -> Result<(), EraseError> {
    loop {
        let mut tx = app.db.begin_house().await?;
        let gone = queries::erase_rows(&mut tx, person_id, PIECE, kept).await?;
        if gone.as_object().is_none_or(serde_json::Map::is_empty) {
            return Ok(());
        }
        commit(tx, job, &gone).await?;
    }
}

async fn commit(mut tx: sqlx::Transaction<'static, sqlx::Postgres>, job: &Job, gone: &Value) -> Result<(), EraseError> {
    if !jobs::count(&mut *tx, job, gone, &json!({})).await? {
        return Err(EraseError::Lost);
    }
    Ok(tx.commit().await?)
}
