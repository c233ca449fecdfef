//! Gems that an operator gives or takes, with a reason: the row of the adjustment is the idempotency record, the ledger moves
//! the gems, the audit log says why. All three or none.
use actix_web::{HttpResponse, post, web};
use lapidary_contract::domain::limits::ADJUSTMENT_MAX;
use lapidary_contract::domain::{Violation, ViolationCode};
use lapidary_contract::{AdjustGems, GemAdjustment, OperatorAct, Problem};
use uuid::Uuid;

use super::adjust_queries::{self as queries, NewAdjustment};
use super::audit::{self, By, Done};
use super::{checked_reason, people_queries};
use crate::app::App;
use crate::auth::CurrentOperator;
use crate::gems::{ledger, queries as gem_queries};
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{IdempotencyKey, Json, fingerprint};
use crate::http::request_log::RequestId;
use crate::notices;

/// Give a person free gems, or take gems, free ones first. They see it in their statement, without the reason.
///
/// More than they have is a 422 at `/gems`: nobody's balance goes below zero. What is owed is settled by neither.
#[utoipa::path(tag = "operator", operation_id = "adjust_gems", request_body = AdjustGems,
    params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header, example = "ticket-4712", description = "Yours, up to 255 characters; the same key is the same adjustment for ever.")),
    responses(
    (status = 201, body = GemAdjustment, description = "The gems have moved."),
    (status = 200, body = GemAdjustment, description = "They moved when this key was used first: nothing moved now."),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "Only for operators.", body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "Nobody adjusts their own.", body = Problem,
        content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/admin/people/{id}/gem-adjustments")]
pub async fn adjust_gems(
    app: web::Data<App>,
    operator: CurrentOperator<(web::Path<Uuid>, IdempotencyKey, Json<AdjustGems>)>,
    request_id: RequestId,
) -> ApiResult<HttpResponse> {
    let (id, IdempotencyKey(key), Json(asked)) = operator.given;
    if *id == operator.person_id {
        return Err(ApiError::IllegalTransition("You cannot adjust your own gems. Ask another operator."));
    }
    let by = By::Screen { operator_id: operator.person_id, request_id: &request_id.0 };
    let (adjustment, is_new) = adjust(&app, operator.person_id, by, *id, &key, &asked).await?;
    let mut answer = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(answer.json(adjustment))
}

/// And whether it moved anything now.
async fn adjust(
    app: &App,
    operator_id: Uuid,
    by: By<'_>,
    person_id: Uuid,
    key: &str,
    asked: &AdjustGems,
) -> ApiResult<(GemAdjustment, bool)> {
    let (reason, now) = (checked(asked)?, app.clock.now());
    let mut tx = app.db.begin_house().await?;
    let person = people_queries::get(&mut tx, person_id).await?.ok_or(ApiError::NotFound)?;
    let account_id = person.account_id;
    let fingerprint = fingerprint(&(person_id, asked))?;
    let new = NewAdjustment {
        id: Uuid::now_v7(),
        account_id,
        gems: asked.gems,
        operator_id,
        key,
        fingerprint: &fingerprint,
        now,
    };
    // Whoever sent the same key a moment ago is waited for here.
    let is_new = queries::add(&mut tx, &new).await?;
    if is_new {
        if !ledger::adjust(&mut tx, account_id, new.id, asked.gems, now).await? {
            return Err(vec![Violation::new("/gems", ViolationCode::OutOfRange)].into());
        }
        let done = Done::new(by, OperatorAct::AdjustGems, person_id);
        audit::record(&mut tx, &Done { reason: Some(reason), gems: Some(asked.gems), ..done }, now).await?;
        queries::tell(&mut tx, person_id, new.id).await?;
        let left = gem_queries::balance(&mut tx, account_id).await?;
        notices::gems_low(&mut tx, person_id, left.remaining + left.held, -asked.gems, now).await?;
    }
    let row = queries::by_key(&mut tx, operator_id, key).await?.ok_or(ApiError::NotFound)?;
    if row.fingerprint != fingerprint {
        return Err(ApiError::IdempotencyKeyReused);
    }
    let balance = gem_queries::balance(&mut tx, account_id).await?;
    tx.commit().await?;
    if is_new {
        app.live.nudge(person_id);
    }
    Ok((GemAdjustment { id: row.id, gems: row.gems, balance, created_at: row.created_at }, is_new))
}

/// The reason, trimmed.
fn checked(asked: &AdjustGems) -> ApiResult<&str> {
    let mut violations = Vec::new();
    if asked.gems == 0 || asked.gems.unsigned_abs() > ADJUSTMENT_MAX.unsigned_abs() {
        violations.push(Violation::new("/gems", ViolationCode::OutOfRange));
    }
    match checked_reason(&asked.reason) {
        Ok(reason) if violations.is_empty() => Ok(reason),
        checked => {
            violations.extend(checked.err());
            Err(violations.into())
        }
    }
}
