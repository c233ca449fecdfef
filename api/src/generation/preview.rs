//! Shows a picture while it is made: each partial one made small, stored under the person's previews, and told to whoever
//! watches. Whatever fails here harms nothing and delays nothing: the generation never waits for it.
use std::sync::Arc;

use tokio::sync::watch;

use super::image_model::Partial;
use super::queries::record_event;
use super::scraps::Scraps;
use crate::app::App;
use crate::images::derive;
use crate::images::mark::DigitalSourceType;
use crate::work::queue::Claimed;

#[derive(Debug, thiserror::Error)]
enum PreviewError {
    #[error(transparent)]
    NotAnImage(#[from] derive::NotAnImage),
    #[error(transparent)]
    Store(#[from] crate::images::store::StoreError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error("the process ends")]
    Ending,
}

/// Shows the newest, one after the other, until the answer is there: then a preview is worth nothing any more.
pub async fn show_all(app: &App, job: &Claimed, scraps: &Scraps, mut partials: watch::Receiver<Option<Partial>>) {
    while partials.changed().await.is_ok() && partials.has_changed().is_ok() {
        let partial = partials.borrow_and_update().clone();
        if let Some(partial) = partial
            && let Err(error) = show(app, job, scraps, partial).await
        {
            tracing::warn!(generation_id = %job.id, request_id = job.request_id, %error, "a preview is not shown");
        }
    }
}

async fn show(app: &App, job: &Claimed, scraps: &Scraps, partial: Partial) -> Result<(), PreviewError> {
    let Partial { index, bytes } = partial;
    let has_references = job.has_references();
    let decoder = Arc::clone(&app.decoders).acquire_owned().await.map_err(|_| PreviewError::Ending)?;
    let decode = move || {
        // Also when nobody waits for it any more.
        let _decoder = decoder;
        derive::sketch(&bytes, DigitalSourceType::of(has_references))
    };
    let small = tokio::task::spawn_blocking(decode).await.map_err(|_| PreviewError::Ending)??;
    let key = format!("users/{}/previews/{}/{}-{index}.webp", job.person_id, job.id, job.attempt);
    scraps.add([key.clone()]);
    app.store.put(&key, small, "image/webp").await?;
    let mut tx = app.db.begin_house().await?;
    let shown = sqlx::query!(
        "update generations set preview_key = $3 where id = $1 and attempt = $2 and status = 'running'",
        job.id,
        job.attempt,
        key
    )
    .execute(&mut *tx)
    .await?;
    if shown.rows_affected() == 0 {
        return Ok(());
    }
    record_event(&mut tx, job.person_id, job.id).await?;
    tx.commit().await?;
    app.live.nudge(job.person_id);
    Ok(())
}
