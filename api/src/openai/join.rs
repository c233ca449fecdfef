//! Which generation answers a call: a new one, or the one that an earlier try of the same call began. SDKs send no idempotency
//! key and try again when they lose patience; that must cost once.
use actix_web::HttpRequest;
use chrono::TimeDelta;
use lapidary_contract::{CreateGeneration, GemBalance, Generation};
use uuid::Uuid;

use super::queries;
use crate::app::App;
use crate::auth::CurrentUser;
use crate::gems;
use crate::generation::submit::{self, Call, Origin, Submitted};
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::IdempotencyKey;
use crate::http::rate::Standing;
use crate::telemetry;

/// An SDK's own patience is ten minutes. Counts anew with each try that found it.
const WINDOW: TimeDelta = TimeDelta::minutes(15);

/// How a call came.
pub struct Asked {
    /// Given by whoever has one, and kept apart from those of our own wire.
    key: Option<String>,
    /// How many tries of this call came before, as the SDK counts them.
    tries: u32,
    traceparent: Option<String>,
}

impl Asked {
    pub fn of(request: &HttpRequest) -> ApiResult<Self> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let key = IdempotencyKey::if_given(request)?.map(|key| key.0);
        let tries = header("x-stainless-retry-count").and_then(|count| count.parse().ok()).unwrap_or(0);
        Ok(Self { key, tries, traceparent: telemetry::traceparent(request.headers()) })
    }
}

pub struct Taken {
    pub generation: Generation,
    pub gems: GemBalance,
    /// It was there before.
    pub is_joined: bool,
    /// Where the person stands with what they may ask for; absent where it was there before.
    pub standing: Option<Standing>,
}

impl Taken {
    fn of(Submitted { generation, gems, standing }: Submitted, is_joined: bool) -> Self {
        Self { generation, gems, is_joined, standing }
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
        let is_joined = submitted.generation.request_id != request_id;
        return Ok(Taken::of(submitted, is_joined));
    }
    if asked.tries > 0
        && let Some(taken) = join(app, user, fingerprint).await?
    {
        return Ok(taken);
    }
    let key = format!("openai:{}", Uuid::now_v7());
    let origin = Origin { call: Some(Call { fingerprint, by: user.session_id }), ..origin };
    let submitted = submit::submit(app, user, &key, origin, request).await?;
    Ok(Taken::of(submitted, false))
}

async fn join(app: &App, user: &CurrentUser, fingerprint: &[u8]) -> ApiResult<Option<Taken>> {
    let now = app.clock.now();
    let mut tx = app.db.begin_as(user.actor()).await?;
    // Also behind the first try, where that is being accepted at this moment: its row is seen below.
    gems::queries::take_turns(&mut tx, user.account_id).await?;
    let Some(id) = queries::join(&mut tx, user, fingerprint, now - WINDOW, now).await? else {
        tx.commit().await?;
        return Ok(None);
    };
    let generation = crate::generation::queries::get(&mut tx, app, user.person_id, id).await?;
    let generation = generation.ok_or(ApiError::NotFound)?;
    let gems = gems::queries::balance(&mut tx, user.account_id).await?;
    tx.commit().await?;
    tracing::info!(generation_id = %id, "a call was tried again, and joins what it began");
    Ok(Some(Taken { generation, gems, is_joined: true, standing: None }))
}
