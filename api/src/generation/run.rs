//! Runs one claimed generation: model, pictures, storage, then the settlement. No transaction is open while it waits.
use std::time::Duration;

use lapidary_contract::FailureCode;
use lapidary_contract::domain::Model;
use uuid::Uuid;

use super::image_model::{ModelError, ModelImage, Order};
use super::model_answer::Answer;
use super::settle::{self, Delivered, Outcome, StoredImage};
use crate::app::App;
use crate::images::derive;
use crate::work::queue::{self, Claimed};

/// Attempts at one generation before it fails; a refused one is never tried again.
const ATTEMPTS_MAX: i32 = 4;
/// Seconds before the second attempt; each further one waits twice as long.
const BACKOFF_SECONDS: u64 = 2;
/// Seconds before a settlement is tried again; together they end before the lease does.
const SETTLE_AGAIN_SECONDS: [u64; 3] = [1, 2, 4];

/// Takes it to its end, or back into the queue. Errors are the database's: then the lease ends and it is claimed again.
pub async fn run(app: &App, job: &Claimed) -> Result<(), sqlx::Error> {
    let mut delivered = Delivered::default();
    let outcome = tokio::select! {
        outcome = make(app, job, &mut delivered) => outcome,
        () = stopped(app, job) => Outcome::Cancelled,
    };
    match outcome {
        Outcome::Failed { code: FailureCode::ModelBusy, retry_after: Some(hint) } if job.attempt < ATTEMPTS_MAX => {
            let doublings = u32::try_from(job.attempt.saturating_sub(1)).unwrap_or(0).min(6);
            let wait = hint.max(Duration::from_secs(BACKOFF_SECONDS << doublings));
            if queue::put_back(app, job, wait).await? {
                return Ok(());
            }
            end(app, job, &delivered, &Outcome::Cancelled).await
        }
        outcome => end(app, job, &delivered, &outcome).await,
    }
}

/// What was made is paid for: a database that is away for a moment must not throw it away.
async fn end(app: &App, job: &Claimed, delivered: &Delivered, outcome: &Outcome) -> Result<(), sqlx::Error> {
    for seconds in SETTLE_AGAIN_SECONDS {
        match settle::settle(app, job, delivered, outcome).await {
            Err(error) => tracing::warn!(generation_id = %job.id, %error, "a settlement is tried again"),
            settled => return settled,
        }
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
    settle::settle(app, job, delivered, outcome).await
}

/// `delivered` grows as images are safe: a cancellation keeps what is in it.
async fn make(app: &App, job: &Claimed, delivered: &mut Delivered) -> Outcome {
    let Some(model) = app.catalogue.model(&job.model) else {
        return Outcome::failed(FailureCode::ModelGone);
    };
    let answer = match order(app, job, model).await {
        Ok(answer) => answer,
        Err(error) => {
            log_refusal(job, &error);
            delivered.model_request_id = error.request_id;
            return Outcome::Failed { code: error.code, retry_after: error.retry_after };
        }
    };
    let Answer { images, shortfall, usage, request_id } = answer;
    if let Some(error) = &shortfall {
        log_refusal(job, error);
    }
    (delivered.usage, delivered.model_request_id) = (usage, request_id);
    let mut failure = shortfall.map(|error| error.code);
    for (position, image) in images.into_iter().enumerate() {
        match store(app, job, position, image).await {
            Ok(image) => delivered.images.push(image),
            Err(code) => failure = Some(code),
        }
    }
    if delivered.images.is_empty() {
        return Outcome::failed(failure.unwrap_or(FailureCode::BadAnswer));
    }
    Outcome::Made { failure }
}

async fn order(app: &App, job: &Claimed, model: &Model) -> Result<Answer, ModelError> {
    let order = Order {
        model,
        prompt: &job.composed_prompt,
        size: format!("{}x{}", job.width, job.height),
        quality: &job.quality,
        count: u32::try_from(job.count).unwrap_or(1),
        person_id: job.person_id,
    };
    app.image_model.generate(&order).await
}

/// Original untouched, two thumbnails beside it; every attempt has keys of its own.
async fn store(app: &App, job: &Claimed, position: usize, image: ModelImage) -> Result<StoredImage, FailureCode> {
    let ModelImage { bytes, revised_prompt } = image;
    let id = Uuid::now_v7();
    let bytes = std::sync::Arc::new(bytes);
    let source = std::sync::Arc::clone(&bytes);
    let decoder = app.decoders.acquire().await.map_err(|_| FailureCode::Internal)?;
    let derived = tokio::task::spawn_blocking(move || derive::derive(&source)).await;
    drop(decoder);
    let derived = derived.map_err(|_| FailureCode::Internal)?.map_err(|error| {
        tracing::warn!(generation_id = %job.id, %error, "the model's answer is no usable image");
        FailureCode::BadAnswer
    })?;
    let object_prefix = format!("users/{}/images/{}/{}", job.person_id, id, job.attempt);
    let original_key = format!("{object_prefix}/original.{}", derived.extension);
    let size = i64::try_from(bytes.len()).map_err(|_| FailureCode::BadAnswer)?;
    let bytes = std::sync::Arc::try_unwrap(bytes).unwrap_or_else(|shared| shared.to_vec());
    let (thumbnail_key, preview_key) =
        (format!("{object_prefix}/thumbnail.webp"), format!("{object_prefix}/preview.webp"));
    let (original, thumbnail, preview) = tokio::join!(
        app.store.put(&original_key, bytes, derived.content_type),
        app.store.put(&thumbnail_key, derived.thumbnail, "image/webp"),
        app.store.put(&preview_key, derived.preview, "image/webp"),
    );
    for put in [original, thumbnail, preview] {
        if let Err(error) = put {
            tracing::error!(generation_id = %job.id, %error, "an image could not be stored");
            // What did arrive belongs to no image.
            if let Err(error) = app.store.delete_many(&[original_key, thumbnail_key, preview_key]).await {
                tracing::warn!(generation_id = %job.id, %error, "objects of no image are left in storage");
            }
            return Err(FailureCode::Storage);
        }
    }
    Ok(StoredImage {
        id,
        position: i32::try_from(position).unwrap_or(i32::MAX),
        object_prefix,
        extension: derived.extension,
        content_type: derived.content_type,
        bytes: size,
        width: derived.width,
        height: derived.height,
        thumbhash: derived.thumbhash,
        revised_prompt,
    })
}

/// Ends when the person cancelled it, here or through another process.
async fn stopped(app: &App, job: &Claimed) {
    let mut cancels = app.live.cancels();
    let mut beat = tokio::time::interval(queue::HEARTBEAT);
    beat.tick().await;
    loop {
        tokio::select! {
            cancelled = cancels.recv() => if matches!(cancelled, Ok(id) if id == job.id) { return },
            _ = beat.tick() => match queue::heartbeat(app, job).await {
                Ok(queue::Beat::GoOn) => {}
                Ok(queue::Beat::Cancelled) => return,
                // Another worker has it now: nothing that this one makes may count.
                Ok(queue::Beat::Lost) => return,
                Err(error) => tracing::warn!(generation_id = %job.id, %error, "a lease could not be renewed"),
            },
        }
    }
}

fn log_refusal(job: &Claimed, error: &ModelError) {
    let model_request_id = error.request_id.as_deref().unwrap_or("-");
    match error.code {
        FailureCode::OperatorQuota | FailureCode::OperatorConfiguration | FailureCode::ModelGone => {
            tracing::error!(generation_id = %job.id, request_id = job.request_id, model_request_id, detail = error.detail,
                "the model's provider refuses this service: only its operator can help");
        }
        _ => {
            tracing::warn!(generation_id = %job.id, request_id = job.request_id, model_request_id, code = error.code.name(),
                detail = error.detail, attempt = job.attempt, "the model gave no image");
        }
    }
}
