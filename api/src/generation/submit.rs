//! Accepts a generation: the row is the idempotency record and the job, and its gems are held in the same transaction.
use aws_lc_rs::digest;
use lapidary_contract::domain::{Attribute, GenerationSpec, limits};
use lapidary_contract::{CreateGeneration, GemBalance, Generation};
use uuid::Uuid;

use super::queries::{self, NewGeneration};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::db::PersonTx;
use crate::gems;
use crate::http::error::{ApiError, ApiResult};

pub struct Submitted {
    pub generation: Generation,
    pub gems: GemBalance,
}

/// What leads from a generation back to its request.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    pub request_id: &'a str,
    pub traceparent: Option<&'a str>,
}

/// Charges nothing yet; a retry with the same key answers with the generation as it is now.
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
            return match queries::by_key(&mut tx, user.person_id, key).await? {
                Some(earlier) if earlier.fingerprint == fingerprint => replay(app, user, tx, earlier.id).await,
                _ => Err(violations.into()),
            };
        }
    };
    let id = Uuid::now_v7();
    let new = NewGeneration {
        id,
        key,
        fingerprint: &fingerprint,
        request_id: origin.request_id,
        traceparent: origin.traceparent,
        spec: &spec,
        attributes: attributes_json(&spec.attributes)?,
        catalogue_version: &app.catalogue.version,
        now,
    };
    let mut tx = app.db.begin_as(user.actor()).await?;
    if !queries::insert(&mut tx, user.actor(), &new).await? {
        let earlier = queries::by_key(&mut tx, user.person_id, key).await?.ok_or(ApiError::NotFound)?;
        if earlier.fingerprint != fingerprint {
            return Err(ApiError::IdempotencyKeyReused);
        }
        return replay(app, user, tx, earlier.id).await;
    }
    let price = spec.price_gems();
    let Some(hold) = gems::ledger::hold(&mut tx, user.account_id, price, id, now).await? else {
        let gems = gems::queries::balance(&mut tx, user.account_id).await?;
        return Err(ApiError::InsufficientGems { required: price, available: gems.available(), debt: gems.debt });
    };
    let waiting = queries::queued(&mut tx, user.person_id, id, hold).await?;
    if waiting > limits::WAITING_MAX {
        return Err(ApiError::TooManyWaiting { max: limits::WAITING_MAX, retry_after_seconds: 30 });
    }
    let generation = queries::get(&mut tx, app, user.person_id, id).await?.ok_or(ApiError::NotFound)?;
    let gems = gems::queries::balance(&mut tx, user.account_id).await?;
    tx.commit().await?;
    app.wake.queued();
    app.live.nudge(user.person_id);
    Ok(Submitted { generation, gems })
}

async fn replay(app: &App, user: &CurrentUser, mut tx: PersonTx, id: Uuid) -> ApiResult<Submitted> {
    let generation = queries::get(&mut tx, app, user.person_id, id).await?.ok_or(ApiError::NotFound)?;
    let gems = gems::queries::balance(&mut tx, user.account_id).await?;
    tx.commit().await?;
    Ok(Submitted { generation, gems })
}

/// SHA-256 of the parsed request before defaults: white space and field order do not matter.
fn fingerprint(request: &CreateGeneration) -> ApiResult<Vec<u8>> {
    let canonical = serde_json::to_vec(request).map_err(ApiError::internal)?;
    Ok(digest::digest(&digest::SHA256, &canonical).as_ref().to_vec())
}

fn attributes_json(attributes: &[Attribute]) -> ApiResult<serde_json::Value> {
    serde_json::to_value(attributes).map_err(ApiError::internal)
}
