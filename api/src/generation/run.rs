//! Runs one claimed generation: model, pictures, storage, then the settlement. No transaction is open while it waits.
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{FusedFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use lapidary_contract::FailureCode;
use lapidary_contract::domain::Model;
use tokio::sync::watch;
use tracing::{Instrument, Span, info_span};

use super::image_model::{Hears, ModelError, Order, Partial};
use super::model_answer::{Answer, Call};
use super::retry::{self, Verdict};
use super::scraps::Scraps;
use super::settle::{self, Delivered, Outcome};
use super::{keep, preview, provider};
use crate::app::App;
use crate::telemetry::PHASE;
use crate::work::queue::{self, Claimed};

/// For a preview that is still on its way into storage at the end; the sweep of orphans finds it otherwise.
const LAST_PREVIEW: Duration = Duration::from_secs(5);
/// Seconds before a settlement is tried again; together they end before the lease does.
const SETTLE_AGAIN_SECONDS: [u64; 3] = [1, 2, 4];

/// Takes it to its end, or back into the queue. Errors are the database's: then the lease ends and it is claimed again.
pub async fn run(app: &App, job: &Claimed) -> Result<(), sqlx::Error> {
    let (mut delivered, scraps) = (Delivered::default(), Scraps::default());
    let (partial, partials) = watch::channel(None);
    let mut previews = pin!(preview::show_all(app, job, &scraps, partials).fuse());
    let outcome = {
        let mut making = pin!(make(app, job, &mut delivered, &scraps, partial));
        let mut stopping = pin!(stopped(app, job));
        loop {
            tokio::select! {
                biased;
                outcome = &mut making => break outcome,
                () = &mut stopping => break Outcome::Cancelled,
                () = &mut previews, if !previews.is_terminated() => {}
            }
        }
    };
    Span::current().record("model_request_id", retry::last_request_id(&delivered.calls));
    // One preview may be under way: it holds the row for a moment, and its object must be known before it is thrown away.
    let last_preview = async {
        if !previews.is_terminated() {
            let _ = tokio::time::timeout(LAST_PREVIEW, previews).await;
        }
    };
    let conclude = conclude(app, job, &delivered, outcome).instrument(info_span!(target: PHASE, "settle"));
    let (concluded, ()) = tokio::join!(conclude, last_preview);
    scraps.throw_away(app, job).await;
    concluded
}

async fn conclude(app: &App, job: &Claimed, delivered: &Delivered, outcome: Outcome) -> Result<(), sqlx::Error> {
    let Outcome::NotYet(error) = outcome else {
        return end(app, job, delivered, &outcome).await;
    };
    match retry::put_back(app, job, &error, &delivered.calls).await? {
        Verdict::Waits => Ok(()),
        Verdict::Over => end(app, job, delivered, &Outcome::Failed(error.code)).await,
        Verdict::Stopped => end(app, job, delivered, &Outcome::Cancelled).await,
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
async fn make(
    app: &App,
    job: &Claimed,
    delivered: &mut Delivered,
    scraps: &Scraps,
    partial: watch::Sender<Option<Partial>>,
) -> Outcome {
    let Some(model) = app.catalogue.model(&job.model) else {
        return Outcome::Failed(FailureCode::ModelGone);
    };
    let Answer { images, shortfall } = match order(app, job, model, partial, &mut delivered.calls).await {
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
    let store = |(position, image)| {
        let span = info_span!(target: PHASE, "store", position);
        keep::keep(app, job, scraps, position, image).instrument(span)
    };
    let mut stored: FuturesUnordered<_> = images.into_iter().enumerate().map(store).collect();
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
    partial: watch::Sender<Option<Partial>>,
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
    let call = app.image_model.generate(&order, Hears { partial: &partial, calls });
    provider::ask(app, job, call).await
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
