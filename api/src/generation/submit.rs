//! Accepts a generation: the row is the idempotency record and the job, and its gems are held in the same transaction.
use lapidary_contract::domain::{Attribute, GenerationSpec, GenerationStatus, limits};
use lapidary_contract::{CreateGeneration, GemBalance, Generation};
use sqlx::PgConnection;
use uuid::Uuid;

use super::calls::{self, Begun, Call};
use super::materials;
use super::queries::{self, NewGeneration};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::db::PersonTx;
use crate::gems;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::fingerprint;
use crate::http::rate::Standing;
use crate::{metrics, moderation};

pub struct Submitted {
    pub generation: Generation,
    pub gems: GemBalance,
    /// Absent where another try of it was accepted before: that uses no turn.
    pub standing: Option<Standing>,
}

/// What leads from a generation back to its request.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    pub request_id: &'a str,
    pub traceparent: Option<&'a str>,
    /// A call in OpenAI's wire that brought no key: tries of it find each other by this.
    pub call: Option<Call<'a>>,
}

/// Charges nothing yet; a retry with the same key answers with the generation as it is now. Gems first: the account is
/// what one person's submits take turns at, so a duplicate waits there, and the row that follows sees all before it.
pub async fn submit(
    app: &App,
    user: &CurrentUser,
    key: &str,
    origin: Origin<'_>,
    request: &CreateGeneration,
) -> ApiResult<Submitted> {
    let now = app.clock.now();
    let fingerprint = fingerprint(request)?;
    let spec = match GenerationSpec::parse(&request.input(), &app.catalogue, now.date_naive()) {
        Ok(spec) => spec,
        // What was accepted yesterday may not be asked for today: a retry still finds it.
        Err(violations) => {
            let mut tx = app.db.begin_as(user.actor()).await?;
            return match replay(app, user, &mut tx, key, &fingerprint).await {
                Ok(Some(submitted)) => ended(tx, submitted).await,
                Ok(None) | Err(ApiError::IdempotencyKeyReused) => Err(violations.into()),
                Err(error) => Err(error),
            };
        }
    };
    look(app, user, key, origin, &spec).await?;
    let id = Uuid::now_v7();
    let mut new = NewGeneration {
        id,
        key,
        fingerprint: &fingerprint,
        request_id: origin.request_id,
        traceparent: origin.traceparent,
        call: origin.call,
        spec: &spec,
        attributes: attributes_json(&spec.attributes)?,
        made_from: serde_json::Value::Null,
        mask_id: request.mask_id,
        api_key_id: user.key.map(|key| key.id),
        catalogue_version: &app.catalogue.version,
        now,
    };
    let price = spec.price_gems();
    let mut tx = match calls::begin(app, user, origin.call.as_ref()).await? {
        Begun::Joined(submitted) => return Ok(*submitted),
        Begun::Alone(tx) => tx,
    };
    let held = match gems::spend::reserve(&mut tx, app, user, price, id, now).await? {
        Ok(held) => held,
        // What used the gems, a cap or the turns up may have been this very request.
        Err(refusal) => return replay_instead(app, user, tx, key, &fingerprint).await?.ok_or(refusal),
    };
    new.made_from = match materials::resolve(&mut tx, user.person_id, request).await? {
        Ok(made_from) => made_from,
        // What is gone by now was there when this very request was accepted.
        Err(wrong) => return replay_instead(app, user, tx, key, &fingerprint).await?.ok_or_else(|| wrong.into()),
    };
    let Some(waited) = queries::add(&mut tx, user.actor(), &new, held.hold).await? else {
        return replay_instead(app, user, tx, key, &fingerprint).await?.ok_or(ApiError::NotFound);
    };
    if waited >= limits::WAITING_MAX {
        return Err(ApiError::TooManyWaiting { max: limits::WAITING_MAX, retry_after_seconds: 30 });
    }
    let generation = queued(&new);
    tx.commit().await?;
    metrics::gems_moved("hold", price);
    app.wake.queued();
    app.live.nudge(user.person_id);
    Ok(Submitted { generation, gems: held.gems, standing: Some(held.standing) })
}

/// Before anything is held, where the operator has it so. What was accepted once is not looked at again.
async fn look(app: &App, user: &CurrentUser, key: &str, origin: Origin<'_>, spec: &GenerationSpec) -> ApiResult<()> {
    if app.moderation.is_none() {
        return Ok(());
    }
    let mut tx = app.db.begin_as(user.actor()).await?;
    let is_known = queries::by_key(&mut tx, user.person_id, key).await?.is_some();
    tx.commit().await?;
    if is_known { Ok(()) } else { moderation::allow(app, user, origin.request_id, &spec.composed_prompt).await }
}

/// Gives up what was begun, and its hold with it: it was for a generation that is not.
async fn replay_instead(
    app: &App,
    user: &CurrentUser,
    begun: PersonTx,
    key: &str,
    fingerprint: &[u8],
) -> ApiResult<Option<Submitted>> {
    begun.rollback().await?;
    let mut tx = app.db.begin_as(user.actor()).await?;
    let submitted = replay(app, user, &mut tx, key, fingerprint).await?;
    tx.commit().await?;
    Ok(submitted)
}

/// The generation that has used this key, as it is now; an error when it was another request's.
async fn replay(
    app: &App,
    user: &CurrentUser,
    conn: &mut PgConnection,
    key: &str,
    fingerprint: &[u8],
) -> ApiResult<Option<Submitted>> {
    let Some(earlier) = queries::by_key(conn, user.person_id, key).await? else { return Ok(None) };
    if earlier.fingerprint != fingerprint {
        return Err(ApiError::IdempotencyKeyReused);
    }
    let generation = queries::get(conn, app, user.person_id, earlier.id).await?.ok_or(ApiError::NotFound)?;
    let gems = gems::queries::balance(conn, user.account_id).await?;
    Ok(Some(Submitted { generation, gems, standing: None }))
}

async fn ended(tx: PersonTx, submitted: Submitted) -> ApiResult<Submitted> {
    tx.commit().await?;
    Ok(submitted)
}

/// The row as it was just written: a look at it would say the same.
fn queued(new: &NewGeneration<'_>) -> Generation {
    let spec = new.spec;
    Generation {
        id: new.id,
        status: GenerationStatus::Queued,
        prompt: spec.prompt.clone(),
        composed_prompt: spec.composed_prompt.clone(),
        attributes: spec.attributes.clone(),
        model: spec.model.clone(),
        size: spec.size.to_string(),
        quality: spec.quality.clone(),
        count: spec.count,
        background: spec.background.clone(),
        output_format: spec.output_format.clone(),
        references: materials::named(&new.made_from).unwrap_or_default(),
        mask_id: new.mask_id,
        price_gems: spec.price_gems(),
        captured_gems: 0,
        request_id: new.request_id.to_owned(),
        queue_position: None,
        estimated_seconds: None,
        preview_url: None,
        failure: None,
        images: Vec::new(),
        created_at: new.now,
        started_at: None,
        finished_at: None,
    }
}

fn attributes_json(attributes: &[Attribute]) -> ApiResult<serde_json::Value> {
    serde_json::to_value(attributes).map_err(ApiError::internal)
}
