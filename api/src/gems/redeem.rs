//! Redeems a code for free gems: once for each person, and its last use for one of all who try.
use actix_web::{HttpResponse, post, web};
use lapidary_contract::domain::{Violation, ViolationCode};
use lapidary_contract::{Problem, RedeemCode, Redemption};

use super::{code, code_queries, ledger, queries};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::Json;

/// Redeem a code. Its gems are free ones; they settle no debt.
///
/// A code that gives nothing is a 422 at `/code` that says why: `unknown_code`, `expired_code`, `revoked_code` or
/// `used_up_code`.
#[utoipa::path(tag = "gems", operation_id = "redeem_code", request_body = RedeemCode, responses(
    (status = 201, body = Redemption, description = "The gems are there."),
    (status = 200, body = Redemption, description = "You have redeemed it before: nothing new was given."),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/gems/redemptions")]
pub async fn redeem_code(app: web::Data<App>, user: CurrentUser, body: Json<RedeemCode>) -> ApiResult<HttpResponse> {
    let (redemption, is_new) = redeem(&app, &user, &body.0.code).await?;
    let mut answer = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(answer.json(redemption))
}

/// And whether it gave anything now. The code is locked before the account, here as everywhere.
async fn redeem(app: &App, user: &CurrentUser, typed: &str) -> ApiResult<(Redemption, bool)> {
    let now = app.clock.now();
    let code_hash = code::hash(typed).ok_or_else(|| refusal(ViolationCode::UnknownCode))?;
    let mut tx = app.db.begin_house().await?;
    let code = code_queries::lock(&mut tx, &code_hash).await?.ok_or_else(|| refusal(ViolationCode::UnknownCode))?;
    let earlier = code_queries::earlier(&mut tx, code.id, user.account_id).await?;
    let is_new = earlier.is_none();
    let row = match earlier {
        Some(row) => row,
        None => {
            if let Some(why) = code.refusal(now) {
                return Err(refusal(why));
            }
            let row = code_queries::use_once(&mut tx, &code, user.account_id, now).await?;
            ledger::redeem(&mut tx, user.account_id, row.id, row.gems, now).await?;
            code_queries::record_event(&mut tx, user.person_id, row.id).await?;
            row
        }
    };
    let balance = queries::balance(&mut tx, user.account_id).await?;
    tx.commit().await?;
    if is_new {
        app.live.nudge(user.person_id);
        tracing::info!(code_id = %code.id, redemption_id = %row.id, gems = row.gems, "a code was redeemed");
    }
    Ok((Redemption { id: row.id, gems: row.gems, balance, created_at: row.created_at }, is_new))
}

fn refusal(why: ViolationCode) -> ApiError {
    vec![Violation::new("/code", why)].into()
}
