//! Ends a generation in one transaction, fenced by its attempt: images, gems, status, event. Late results are dropped.
use lapidary_contract::domain::{GenerationStatus, Hold};
use lapidary_contract::{FailureCode, Refusal};
use sqlx::PgConnection;
use uuid::Uuid;

use super::cost::{self, Cost};
use super::model_answer::Call;
use super::model_error::ModelError;
use super::queries::record_end;
use super::retry;
use crate::app::App;
use crate::gems::ledger;
use crate::images::mark::DigitalSourceType;
use crate::images::queries::Objects;
use crate::images::words;
use crate::metrics;
use crate::moderation::refusals::{self, Refused};
use crate::notices;
use crate::work::queue::Claimed;

/// How a run went.
pub enum Outcome {
    Made {
        /// Why some are missing.
        failure: Option<FailureCode>,
    },
    /// The model gave nothing; asking it again may help.
    NotYet(ModelError),
    Failed(FailureCode),
    Cancelled,
}

/// What is safe so far, and what the provider said beside it.
#[derive(Default)]
pub struct Delivered {
    pub images: Vec<StoredImage>,
    pub calls: Vec<Call>,
}

/// An image whose objects are in storage and whose row is not written yet.
pub struct StoredImage {
    pub id: Uuid,
    pub position: i32,
    pub object_prefix: String,
    pub extension: &'static str,
    pub content_type: &'static str,
    pub bytes: i64,
    pub width: u32,
    pub height: u32,
    pub thumbhash: String,
    pub has_content_credentials: bool,
    pub revised_prompt: Option<String>,
    /// As the provider says it, for the call that made it.
    pub usage: Option<serde_json::Value>,
    /// Which of the calls that was.
    pub call: usize,
}

/// Captures what is stored and gives the rest back. May be called again after an error: what is settled stays so.
pub async fn settle(app: &App, job: &Claimed, delivered: &Delivered, outcome: &Outcome) -> Result<(), sqlx::Error> {
    let now = app.clock.now();
    let asked = u32::try_from(job.count).unwrap_or(1);
    let (failure, cancelled) = match outcome {
        Outcome::Made { failure } => (*failure, false),
        Outcome::NotYet(error) => (Some(error.code), false),
        Outcome::Failed(code) => (Some(*code), false),
        Outcome::Cancelled => (None, true),
    };
    let kept = u32::try_from(delivered.images.len()).unwrap_or(asked).min(asked);
    let status = if cancelled { GenerationStatus::Cancelled } else { GenerationStatus::ended(kept, asked) };
    let failure = match status {
        GenerationStatus::Failed | GenerationStatus::PartlySucceeded => failure.or(Some(FailureCode::BadAnswer)),
        _ => None,
    };
    let refusal = refusal(failure, &delivered.calls);
    let captured = job.share_gems * i64::from(kept);
    let model_request_id = retry::last_request_id(&delivered.calls);
    let tokens = if delivered.images.is_empty() { Vec::new() } else { words::of_generation(job) };
    let mut tx = app.db.begin_house().await?;
    // The fence. Its preview goes with its state: the table sees to that.
    let ended = sqlx::query!(
        "update generations set status = $3, finished_at = $4, lease_until = null, captured_gems = $5, failure_code = $6,
           model_request_id = coalesce($7, model_request_id), model_calls = model_calls + $8,
           model_answers = model_answers || $9, refusal = $10
         where id = $1 and attempt = $2 and status = 'running'
         returning held_free, held_bought",
        job.id,
        job.attempt,
        status.name(),
        now,
        captured,
        failure.map(FailureCode::name),
        model_request_id,
        i32::try_from(delivered.calls.len()).unwrap_or(i32::MAX),
        retry::record(&delivered.calls),
        refusal.as_ref().and_then(|refusal| serde_json::to_value(refusal).ok())
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(ended) = ended else {
        tracing::info!(generation_id = %job.id, attempt = job.attempt, "a late result was dropped");
        return forget_late(&mut tx, app, job, delivered).await;
    };
    let costs = cost::of_images(app.catalogue.model(&job.model), job, &delivered.images);
    for (image, cost) in delivered.images.iter().zip(&costs) {
        insert_image(&mut tx, job, image, &tokens, *cost, now).await?;
    }
    let hold = Hold { free: ended.held_free, bought: ended.held_bought };
    let gems = ledger::settle(&mut tx, job.account_id, hold, captured, job.id, now).await?;
    notices::gems_low(&mut tx, job.person_id, gems, captured, now).await?;
    if let Some(refusal) = &refusal {
        record_refusal(&mut tx, app, job, refusal, now).await?;
    }
    record_end(&mut tx, job.person_id, job.id, now).await?;
    tx.commit().await?;
    app.live.nudge(job.person_id);
    // A place became free: somebody else's may start.
    app.wake.queued();
    let failure = failure.map(FailureCode::name);
    metrics::generation_ended(status.name(), failure);
    metrics::provider_cost(&job.model, costs.iter().flatten().map(|cost| cost.microusd).sum());
    tracing::info!(generation_id = %job.id, request_id = job.request_id, model_request_id, status = status.name(), failure,
        captured_gems = captured, attempt = job.attempt, "generation ended");
    Ok(())
}

/// Its person was erased meanwhile: what was stored for them must not wait for the sweep of orphans. Where the row is still
/// there, its images may be these: a settlement is tried again when nobody heard that it came through.
async fn forget_late(
    conn: &mut PgConnection,
    app: &App,
    job: &Claimed,
    delivered: &Delivered,
) -> Result<(), sqlx::Error> {
    let known = sqlx::query!("select id from generations where id = $1", job.id).fetch_optional(conn).await?;
    if known.is_some() || delivered.images.is_empty() {
        return Ok(());
    }
    let objects = |image: &StoredImage| Objects::at(image.object_prefix.clone(), image.extension.to_owned()).keys();
    let keys: Vec<String> = delivered.images.iter().flat_map(objects).collect();
    if let Err(error) = app.store.delete_many(&keys).await {
        tracing::warn!(generation_id = %job.id, %error, "objects of somebody who is gone are left to the sweep");
    }
    Ok(())
}

/// What the last call that was refused was told.
fn refusal(failure: Option<FailureCode>, calls: &[Call]) -> Option<Refusal> {
    let of_call = || calls.iter().rev().find_map(|call| call.refusal.clone());
    failure.filter(|code| *code == FailureCode::Refused).and_then(|_| of_call())
}

async fn record_refusal(
    conn: &mut PgConnection,
    app: &App,
    job: &Claimed,
    refusal: &Refusal,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), sqlx::Error> {
    let generation_id = Some(job.id);
    let refused = Refused { person_id: job.person_id, generation_id, request_id: &job.request_id, refusal };
    refusals::record(conn, app, &refused, now).await?;
    metrics::refused(refusals::stage_name(refusal.stage));
    Ok(())
}

async fn insert_image(
    conn: &mut PgConnection,
    job: &Claimed,
    image: &StoredImage,
    tokens: &[String],
    cost: Option<Cost>,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into images (id, generation_id, person_id, position, object_prefix, extension, content_type, bytes, width,
           height, thumbhash, revised_prompt, price_gems, usage, created_at, prompt, attributes, model, quality, search,
           digital_source_type, has_content_credentials, cost_microusd, cost_source)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
           array_to_tsvector($20), $21, $22, $23, $24)",
        image.id,
        job.id,
        job.person_id,
        image.position,
        image.object_prefix,
        image.extension,
        image.content_type,
        image.bytes,
        i32::try_from(image.width).unwrap_or(i32::MAX),
        i32::try_from(image.height).unwrap_or(i32::MAX),
        image.thumbhash,
        image.revised_prompt,
        job.share_gems,
        image.usage.as_ref(),
        now,
        job.prompt,
        job.attributes,
        job.model,
        job.quality,
        tokens,
        DigitalSourceType::of(job.has_references()).name(),
        image.has_content_credentials,
        cost.map(|cost| cost.microusd),
        cost.map(|cost| cost.source.name())
    )
    .execute(conn)
    .await?;
    Ok(())
}
