//! Runs one claimed generation: model, pictures, storage, then the settlement. No transaction is open while it waits.
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapidary_contract::FailureCode;
use lapidary_contract::domain::Model;
use tokio::sync::watch;

use super::image_model::{Hears, ModelError, Order};
use super::model_answer::{Answer, Call};
use super::retry::{self, Verdict};
use super::scraps::Scraps;
use super::settle::{self, Delivered, Outcome};
use super::{keep, preview, provider};
use crate::app::App;
use crate::work::queue::{self, Claimed};

/// Seconds before a settlement is tried again; together they end before the lease does.
const SETTLE_AGAIN_SECONDS: [u64; 3] = [1, 2, 4];

/// Takes it to its end, or back into the queue. Errors are the database's: then the lease ends and it is claimed again.
pub async fn run(app: &App, job: &Claimed) -> Result<(), sqlx::Error> {
    let (mut delivered, scraps) = (Delivered::default(), Scraps::default());
    let outcome = tokio::select! {
        outcome = make(app, job, &mut delivered, &scraps) => outcome,
        () = stopped(app, job) => Outcome::Cancelled,
    };
    let outcome = match outcome {
        Outcome::NotYet(error) => match retry::put_back(app, job, &error, &delivered.calls).await? {
            Verdict::Waits => None,
            Verdict::Over => Some(Outcome::Failed(error.code)),
            Verdict::Stopped => Some(Outcome::Cancelled),
        },
        outcome => Some(outcome),
    };
    let ended = match outcome {
        Some(outcome) => end(app, job, &delivered, &outcome).await,
        None => Ok(()),
    };
    scraps.throw_away(app, job).await;
    ended
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
async fn make(app: &App, job: &Claimed, delivered: &mut Delivered, scraps: &Scraps) -> Outcome {
    let Some(model) = app.catalogue.model(&job.model) else {
        return Outcome::Failed(FailureCode::ModelGone);
    };
    let Answer { images, shortfall } = match order(app, job, model, scraps, &mut delivered.calls).await {
        Ok(answer) => answer,
        Err(error) => {
            log_refusal(job, &error);
            return Outcome::NotYet(error);
        }
    };
    if let Some(error) = &shortfall {
        log_refusal(job, error);
    }
    let mut failure = shortfall.map(|error| error.code);
    // All at once: decoding takes turns by itself, and uploads wait for nobody.
    let mut stored: FuturesUnordered<_> =
        images.into_iter().enumerate().map(|(position, image)| keep::keep(app, job, scraps, position, image)).collect();
    while let Some(image) = stored.next().await {
        match image {
            Ok(image) => delivered.images.push(image),
            Err(code) => failure = Some(code),
        }
    }
    if delivered.images.is_empty() {
        return Outcome::Failed(failure.unwrap_or(FailureCode::BadAnswer));
    }
    Outcome::Made { failure }
}

async fn order(
    app: &App,
    job: &Claimed,
    model: &Model,
    scraps: &Scraps,
    calls: &mut Vec<Call>,
) -> Result<Answer, ModelError> {
    let order = Order {
        model,
        prompt: &job.composed_prompt,
        size: format!("{}x{}", job.width, job.height),
        quality: &job.quality,
        count: u32::try_from(job.count).unwrap_or(1),
        person_id: job.person_id,
    };
    let (partial, partials) = watch::channel(None);
    let call = app.image_model.generate(&order, Hears { partial: &partial, calls });
    tokio::select! {
        biased;
        answer = provider::ask(app, job, call) => answer,
        never = preview::show_all(app, job, scraps, partials) => match never {},
    }
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
            tracing::error!(generation_id = %job.id, request_id = job.request_id, model_request_id, model = job.model,
                code = error.code.name(), detail = error.detail,
                "the model's provider refuses this service: only its operator can help");
        }
        _ => {
            tracing::warn!(generation_id = %job.id, request_id = job.request_id, model_request_id, model = job.model,
                code = error.code.name(), detail = error.detail, attempt = job.attempt, "the model gave no image");
        }
    }
}
