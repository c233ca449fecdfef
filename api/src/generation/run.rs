//! Runs one claimed generation: model, pictures, storage, then the settlement. No transaction is open while it waits.
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::{FusedFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use lapidary_contract::FailureCode;
use lapidary_contract::domain::Model;
use tokio::sync::watch;
use tracing::{Instrument, Span, info_span};

use super::image_model::{Hears, ModelError, Order, Partial};
use super::model_answer::{Answer, Call};
use super::originals::Originals;
use super::retry::{self, Verdict};
use super::scraps::Scraps;
use super::settle::{self, Delivered, Outcome};
use super::{keep, originals, preview, provider};
use crate::app::App;
use crate::telemetry::PHASE;
use crate::work::queue::{self, Claimed};

/// For a preview that is still on its way into storage at the end; the sweep of orphans finds it otherwise.
const LAST_PREVIEW: Duration = Duration::from_secs(5);
/// Pictures that are made and stored wait for the database so long, the lease renewed whenever it answers.
const SETTLE_PATIENCE: Duration = Duration::from_secs(300);
/// One try, however silent the database is: with the pause and a heartbeat it is shorter than a lease.
const SETTLE_LIMIT: Duration = Duration::from_secs(15);
const SETTLE_AGAIN: Duration = Duration::from_secs(1);
/// Behind a connection whose other end is gone without a word even a heartbeat would wait for ever.
const BEAT_LIMIT: Duration = Duration::from_secs(8);

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

/// What was made is paid for: a database that is away for minutes must not throw it away. The fence makes every further
/// try safe, also after one whose end nobody heard.
async fn end(app: &App, job: &Claimed, delivered: &Delivered, outcome: &Outcome) -> Result<(), sqlx::Error> {
    let began = Instant::now();
    loop {
        let Err(error) = settle_once(app, job, delivered, outcome).await else { return Ok(()) };
        if began.elapsed() >= SETTLE_PATIENCE {
            return Err(error);
        }
        tracing::warn!(generation_id = %job.id, %error, "a settlement is tried again");
        tokio::time::sleep(SETTLE_AGAIN).await;
        if matches!(beat(app, job).await, Ok(queue::Beat::Lost)) {
            // It may be lost because the last try came through after all: a settlement says which.
            return settle_once(app, job, delivered, outcome).await;
        }
    }
}

async fn settle_once(app: &App, job: &Claimed, delivered: &Delivered, outcome: &Outcome) -> Result<(), sqlx::Error> {
    let settled = tokio::time::timeout(SETTLE_LIMIT, Box::pin(settle::settle(app, job, delivered, outcome))).await;
    settled.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

async fn beat(app: &App, job: &Claimed) -> Result<queue::Beat, sqlx::Error> {
    let beat = tokio::time::timeout(BEAT_LIMIT, queue::heartbeat(app, job)).await;
    beat.unwrap_or(Err(sqlx::Error::PoolTimedOut))
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
    let originals = match originals::find(app, job).await {
        Ok(originals) => originals,
        Err(error) => {
            tracing::warn!(generation_id = %job.id, request_id = job.request_id, detail = error.detail,
                "what it should be made from cannot be handed on");
            return Outcome::NotYet(error);
        }
    };
    let Answer { images, shortfall } =
        match order(app, job, (model, originals.as_ref()), partial, &mut delivered.calls).await {
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
    (model, originals): (&Model, Option<&Originals>),
    partial: watch::Sender<Option<Partial>>,
    calls: &mut Vec<Call>,
) -> Result<Answer, ModelError> {
    let order = Order {
        model,
        prompt: &job.composed_prompt,
        size: format!("{}x{}", job.width, job.height),
        quality: &job.quality,
        count: u32::try_from(job.count).unwrap_or(1),
        background: job.background.as_deref(),
        output_format: job.output_format.as_deref(),
        originals,
        person_id: job.person_id,
    };
    // Boxed, as all that is large here: what waits for it would hold a place for it in each of its branches.
    let call = Box::pin(app.image_model.generate(&order, Hears { partial: &partial, calls }));
    provider::ask(app, job, call).await
}

/// Ends when the person cancelled it, here or through another process.
async fn stopped(app: &App, job: &Claimed) {
    let mut cancels = app.live.cancels();
    let mut beats = tokio::time::interval(queue::HEARTBEAT);
    beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    beats.tick().await;
    loop {
        tokio::select! {
            // The word only says where to look: the row knows who asked for what.
            told = cancels.recv() => if matches!(told, Ok(id) if id != job.id) { continue },
            _ = beats.tick() => {}
        }
        match beat(app, job).await {
            Ok(queue::Beat::GoOn) => {}
            Ok(queue::Beat::Cancelled) => return,
            // Another worker has it now: nothing that this one makes may count.
            Ok(queue::Beat::Lost) => return,
            Err(error) => tracing::warn!(generation_id = %job.id, %error, "a lease could not be renewed"),
        }
    }
}

fn log_refusal(job: &Claimed, error: &ModelError) {
    let model_request_id = error.request_id.as_deref().unwrap_or("-");
    match error.code {
        FailureCode::OperatorQuota | FailureCode::ModelGone => {
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
