//! `POST /v1/stripe/webhook`: judges the signature over the raw bytes, finds the purchase, and answers 200 only when what it
//! heard is committed. Lenient about what it does not know: the vendor adds kinds and members at will.
use actix_web::{HttpRequest, HttpResponse, post, web};
use chrono::DateTime;
use lapidary_contract::Problem;
use uuid::Uuid;

use super::fulfil::{FulfilError, fulfil};
use super::post::Heard;
use super::stripe::{Event, PURCHASE, Stripe};
use super::{EVENT_KINDS, Payments, post_queries, queries};
use crate::app::App;
use crate::http::error::{ApiError, ApiResult};
use crate::metrics;

/// Bytes of a delivery.
const EVENT_MAX: usize = 1024 * 1024;

/// What the payment vendor has to tell. Only what is signed with STRIPE_WEBHOOK_SECRET is read.
#[utoipa::path(tag = "payments", operation_id = "receive_stripe_event", security(()),
    request_body(content = serde_json::Value, description = "An event, as the vendor wrote it."),
    params(("Stripe-Signature" = String, Header)),
    responses((status = 200, description = "Done, or nothing of ours."),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nothing is sold here.", body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "Not done: tell it again.", body = Problem, content_type = "application/problem+json")))]
#[post("/v1/stripe/webhook")]
pub async fn receive_stripe_event(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> ApiResult<HttpResponse> {
    let payments = app.payments.as_ref().ok_or(ApiError::NotFound)?;
    let body = payload
        .to_bytes_limited(EVENT_MAX)
        .await
        .map_err(|_| ApiError::PayloadTooLarge { max_bytes: EVENT_MAX })?
        .map_err(|error| ApiError::Malformed(error.to_string()))?;
    let event = judged(&app, payments, &request, &body).inspect_err(|_| metrics::payment_event("refused"))?;
    let Some(event) = event else {
        metrics::payment_event("ignored");
        return Ok(HttpResponse::Ok().finish());
    };
    let done = hear(&app, &payments.stripe, &event, "webhook").await;
    metrics::payment_event(match &done {
        Ok(Told::Posted { .. }) => "posted",
        Ok(Told::Known) => "known",
        Ok(Told::NotOurs) => "ignored",
        Err(_) => "failed",
    });
    done?;
    Ok(HttpResponse::Ok().finish())
}

/// The event, if it is one for us.
fn judged(app: &App, payments: &Payments, request: &HttpRequest, body: &[u8]) -> ApiResult<Option<Event>> {
    let header = request.headers().get("stripe-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    // By the clock that vendors go by.
    payments.secrets.verify(header, body, app.clock.real()).map_err(|refusal| {
        tracing::warn!(%refusal, "a delivery to the payment webhook was refused");
        ApiError::Malformed(format!("This is not from the payment vendor: {refusal}."))
    })?;
    let envelope: Envelope = serde_json::from_slice(body).map_err(|error| ApiError::Malformed(error.to_string()))?;
    if !EVENT_KINDS.contains(&envelope.kind.as_str()) {
        return Ok(None);
    }
    if envelope.livemode != payments.stripe.is_live() {
        tracing::warn!(event_id = envelope.id, livemode = envelope.livemode, "an event of the other mode was ignored");
        return Ok(None);
    }
    // Of our kinds, so it must be readable: what cannot be read now is told again later.
    serde_json::from_slice(body).map(Some).map_err(ApiError::internal)
}

/// What every event has, whatever it is about.
#[derive(serde::Deserialize)]
struct Envelope {
    #[serde(default)]
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    livemode: bool,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Posted {
        /// It changed something.
        has_changed: bool,
    },
    /// It was heard before.
    Known,
    NotOurs,
}

/// Acts on one event, once it is known to be the vendor's: told by itself, or found in its list.
pub async fn hear(app: &App, stripe: &Stripe, event: &Event, by: &'static str) -> Result<Told, FulfilError> {
    if post_queries::is_known(app.db.house(), &event.id).await? {
        return Ok(Told::Known);
    }
    let Some((purchase_id, session)) = purchase_of(app, stripe, event).await? else { return Ok(Told::NotOurs) };
    let created_at = DateTime::from_timestamp(event.created, 0).unwrap_or_else(|| app.clock.real());
    let heard = Heard { id: &event.id, kind: &event.kind, by, created_at };
    match fulfil(app, stripe, purchase_id, session, Some(heard)).await {
        Ok(done) => Ok(Told::Posted { has_changed: done.posted.is_some_and(|posted| posted.has_changed) }),
        Err(FulfilError::Unknown) => Ok(Told::NotOurs),
        Err(error) => Err(error),
    }
}

/// By our own reference, or by the payment; never by an e-mail address.
async fn purchase_of<'a>(
    app: &App,
    stripe: &Stripe,
    event: &'a Event,
) -> Result<Option<(Uuid, Option<&'a str>)>, FulfilError> {
    let subject = &event.data.object;
    let is_session = event.kind.starts_with("checkout.session.");
    let session = subject.id.as_deref().filter(|_| is_session);
    let intent = subject.payment_intent.as_ref().map(super::stripe::Expandable::id);
    let named = subject.client_reference_id.as_deref().or(subject.metadata.get(PURCHASE).map(String::as_str));
    let named = named.and_then(|id| id.parse::<Uuid>().ok());
    if let Some(id) = queries::find(app.db.house(), named, session, intent).await? {
        return Ok(Some((id, session)));
    }
    // Its payment is new to us: what was told of its page got lost.
    let (false, None, Some(intent)) = (is_session, named, intent) else { return Ok(None) };
    let intent = match stripe.intent(intent).await {
        Err(error) if error.is_missing() => return Ok(None),
        intent => intent?,
    };
    let Some(id) = intent.metadata.get(PURCHASE).and_then(|id| id.parse::<Uuid>().ok()) else { return Ok(None) };
    Ok(queries::find(app.db.house(), Some(id), None, None).await?.map(|id| (id, None)))
}
