//! One attempt: the message is signed, sent, and what came of it is written down. Nothing of an answer is kept but its status.
use std::time::Instant;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use lapidary_contract::{NoticeKind, WebhookAttempt, WebhookDisabledReason};
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Serialize;

use super::plan::{self, Next, Outcome};
use super::work_queries::{self as queries, Claimed, Line};
use super::{secret, sign};
use crate::app::App;
use crate::generation::model_error::Hints;
use crate::http::fetch::FetchError;
use crate::http::public::NotReachable;
use crate::{metrics, notices};

/// Whoever takes longer waits behind the others next time.
const SLOW_MS: u32 = 5_000;

/// What is sent; the same bytes at every attempt.
#[derive(Serialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    timestamp: String,
    data: &'a serde_json::Value,
}

pub async fn deliver(app: &App, job: &Claimed) -> Result<(), sqlx::Error> {
    let (at, started) = (app.clock.now(), Instant::now());
    let outcome = send(app, job, at).await;
    let took_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
    settle(app, job, at, took_ms, &outcome).await
}

async fn send(app: &App, job: &Claimed, now: DateTime<Utc>) -> Outcome {
    let Ok(url) = Url::parse(&job.url) else { return Outcome::Failed("Its address cannot be read.") };
    let Some(secrets) = secret::open_all(app.auth.master(), job.endpoint_id, &job.sealed) else {
        return Outcome::Failed("Its secret cannot be opened any more. Replace it.");
    };
    let timestamp = job.created_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let message = Message { event_type: &job.event_type, timestamp, data: &job.data };
    let Ok(body) = serde_json::to_vec(&message) else { return Outcome::Failed("It could not be written.") };
    let (id, seconds) = (job.id.to_string(), now.timestamp());
    let signatures = sign::signatures(&secrets, &id, seconds, &body);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("webhook-timestamp", HeaderValue::from(seconds));
    for (name, value) in [("webhook-id", &id), ("webhook-signature", &signatures)] {
        let Ok(value) = HeaderValue::from_str(value) else { return Outcome::Failed("It could not be written.") };
        headers.insert(name, value);
    }
    match app.webhooks.post(&url, headers, body).await {
        Ok(answer) => {
            let wish = Hints::read(&answer.headers, now).retry_after;
            let retry_after = wish.map(|wish| TimeDelta::from_std(wish).unwrap_or(TimeDelta::MAX));
            Outcome::Answered { status: answer.status, retry_after }
        }
        Err(error) => {
            tracing::debug!(delivery_id = %job.id, %error, "a webhook did not arrive");
            Outcome::Failed(words(&error))
        }
    }
}

fn words(error: &FetchError) -> &'static str {
    match error {
        FetchError::Scheme => "Its address is not one that may be sent to.",
        FetchError::NotReachable(NotReachable::NotPublic) => "Its address is not public.",
        FetchError::NotReachable(NotReachable::Unresolved) => "Its name does not resolve.",
        FetchError::Http(error) if error.is_timeout() && error.is_connect() => {
            "No connection could be made within 5 seconds."
        }
        FetchError::Http(error) if error.is_timeout() => "It did not answer within 15 seconds.",
        FetchError::Http(error) if error.is_connect() => {
            "No connection could be made, or its certificate is not valid."
        }
        FetchError::Http(_) | FetchError::Status(_) | FetchError::TooLarge(_) => "The connection broke off.",
    }
}

async fn settle(
    app: &App,
    job: &Claimed,
    at: DateTime<Utc>,
    took_ms: u32,
    outcome: &Outcome,
) -> Result<(), sqlx::Error> {
    let now = app.clock.now();
    let (error, is_slow) = (outcome.error(), took_ms >= SLOW_MS);
    let attempt = WebhookAttempt { at, response_status: outcome.status(), took_ms, error };
    let line = serde_json::to_value(&attempt).unwrap_or_default();
    let next = plan::next(outcome, job.tries, job.id, now);
    let ended = match next {
        Next::Delivered => {
            queries::delivered(app.db.house(), job, &line, is_slow, now).await?;
            "delivered"
        }
        Next::Again(again_at) => {
            queries::failed(app.db.house(), job, &line, Some(again_at), is_slow, now).await?;
            "again"
        }
        Next::GiveUp | Next::Gone => {
            give_up(app, job, &line, next == Next::Gone, is_slow, now).await?;
            "failed"
        }
    };
    metrics::webhook_sent(ended, f64::from(took_ms) / 1_000.0);
    tracing::info!(delivery_id = %job.id, endpoint_id = %job.endpoint_id, event_type = job.event_type,
        attempt = job.attempt, status = outcome.status(), took_ms, ended, "a webhook was sent");
    Ok(())
}

/// The delivery ends, and its endpoint with it where it says so itself or has had nothing for long: then its person is told.
async fn give_up(
    app: &App,
    job: &Claimed,
    line: &Line,
    is_gone: bool,
    is_slow: bool,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let mut tx = app.db.begin_house().await?;
    let since = queries::failed(&mut *tx, job, line, None, is_slow, now).await?;
    let reason = match (is_gone, since) {
        (_, None) => None,
        (true, Some(_)) => Some(WebhookDisabledReason::Gone),
        (false, since) => plan::has_failed_for_long(since, now).then_some(WebhookDisabledReason::Failing),
    };
    let mut is_off = false;
    if let Some(reason) = reason
        && queries::disable(&mut tx, job.endpoint_id, reason, now).await?
    {
        // Each time anew: it may have been switched on again since the last one.
        let part = i32::try_from(now.timestamp() % i64::from(i32::MAX)).unwrap_or(i32::MAX);
        let (kind, subject) = (NoticeKind::WebhookDisabled, Some(job.endpoint_id));
        notices::add(&mut tx, job.person_id, kind, subject, None, part, now).await?;
        is_off = true;
    }
    tx.commit().await?;
    if let Some(reason) = reason.filter(|_| is_off) {
        metrics::webhook_disabled(reason.name());
        app.live.nudge(job.person_id);
        tracing::info!(endpoint_id = %job.endpoint_id, reason = reason.name(), "a webhook was switched off");
    }
    Ok(())
}
