//! Which generation answers a call: a new one, or the one that another try of the same call began. SDKs send no idempotency
//! key and try again when they lose patience; that must cost once.
use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use lapidary_contract::{CreateGeneration, GemBalance, Generation};
use uuid::Uuid;

use super::calls::{Alike, Served};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::generation::calls::{self, Begun, Call};
use crate::generation::submit::{self, Origin, Submitted};
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::IdempotencyKey;
use crate::http::rate::Standing;
use crate::telemetry;

/// How a call came.
pub struct Asked {
    /// Given by whoever has one, and kept apart from those of our own wire.
    key: Option<String>,
    /// How many tries of this call came before, as the SDK counts them.
    tries: u32,
    arrived_at: DateTime<Utc>,
    traceparent: Option<String>,
}

impl Asked {
    pub fn of(request: &HttpRequest, now: DateTime<Utc>) -> ApiResult<Self> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let key = IdempotencyKey::if_given(request)?.map(|key| key.0);
        let tries = header("x-stainless-retry-count").and_then(|count| count.parse().ok()).unwrap_or(0);
        Ok(Self { key, tries, arrived_at: now, traceparent: telemetry::traceparent(request.headers()) })
    }
}

pub struct Taken {
    pub generation: Generation,
    pub gems: GemBalance,
    /// It was there before.
    pub is_joined: bool,
    /// Where the person stands with what they may ask for; absent where it was there before.
    pub standing: Option<Standing>,
    /// Absent where it came with a key of its own: that is told apart by it alone.
    pub served: Option<Served>,
}

impl Taken {
    fn of(Submitted { generation, gems, standing }: Submitted, request_id: &str) -> Self {
        let is_joined = generation.request_id != request_id;
        Self { generation, gems, is_joined, standing, served: None }
    }
}

/// `fingerprint` is of the whole call as it came, whatever of it we use.
pub async fn take(
    app: &App,
    user: &CurrentUser,
    asked: &Asked,
    request_id: &str,
    fingerprint: &[u8],
    request: &CreateGeneration,
) -> ApiResult<Taken> {
    let origin = Origin { request_id, traceparent: asked.traceparent.as_deref(), call: None };
    if let Some(key) = &asked.key {
        let submitted = submit::submit(app, user, &format!("openai-key:{key}"), origin, request).await?;
        return Ok(Taken::of(submitted, request_id));
    }
    let (alike, now) = (Alike(user.session_id, fingerprint.to_vec()), app.clock.now());
    let served = app.openai_calls.served(&alike, now);
    let mut call = Call::new(fingerprint, user.session_id, asked.tries, asked.arrived_at);
    call.served = &served;
    call.was_refused = call.is_retry() && app.openai_calls.takes_refusal(&alike, asked.tries, now);
    let taken = accept(app, user, Origin { call: Some(call), ..origin }, call, request).await;
    if taken.as_ref().is_err_and(was_refused) {
        app.openai_calls.refused(&alike, asked.tries, now);
    }
    let taken = Taken::of(taken?, request_id);
    let served = app.openai_calls.serve(alike, taken.generation.id, now);
    Ok(Taken { served: Some(served), ..taken })
}

async fn accept(
    app: &App,
    user: &CurrentUser,
    origin: Origin<'_>,
    call: Call<'_>,
    request: &CreateGeneration,
) -> ApiResult<Submitted> {
    // What is there is found before anything is looked at again; what is accepted meanwhile, when this one would be.
    if call.is_retry() {
        match calls::begin(app, user, Some(&call)).await? {
            Begun::Joined(submitted) => return Ok(*submitted),
            Begun::Alone(tx) => tx.rollback().await?,
        }
    }
    let tried = if call.is_retry() && !call.was_refused { "openai-again" } else { "openai" };
    submit::submit(app, user, &format!("{tried}:{}", Uuid::now_v7()), origin, request).await
}

/// Told to come again, with nothing that could be found then. Where the database broke off nobody knows what it kept.
fn was_refused(error: &ApiError) -> bool {
    use ApiError::{RateLimited, SpendsLimited, TooManyWaiting, Unavailable};
    matches!(error, TooManyWaiting { .. } | RateLimited { .. } | SpendsLimited { .. } | Unavailable { .. })
}
