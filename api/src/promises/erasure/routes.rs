//! Routes of erasure: what would go, asking for it, taking it back, and the receipt for whoever has its token.
use actix_web::cookie::Cookie;
use actix_web::http::header;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, delete, get, web};
use lapidary_contract::{Erasure, ErasureKind, ErasureOutlook, ErasureReceipt, Problem};
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::begin::{self, Asked, Begun};
use super::{SIGN_IN_AGE, begin_queries as queries, stays, work};
use crate::app::App;
use crate::auth::secret::{hash, is_secret};
use crate::auth::{AnyUser, CurrentUser, session, session_queries};
use crate::http::error::{ApiError, ApiResult};
use crate::http::request_log::Caller;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EraseQuery {
    /// Without the days in which it can be undone.
    #[serde(default)]
    at_once: bool,
}

/// Have everything of you erased, and your account with it: for ever.
///
/// It begins after the days in which you can undo it, or at once. Until then you can sign in, look at everything and take it
/// along; work, API keys, share links and webhooks stop now, and every other session ends. Remaining gems are forfeited.
/// Needs a sign-in that is five minutes old at most. Asked again it may only become sooner, and the receipt has a new address.
/// An operator's is refused, since what they did would be nobody's: `lapidary people remove-operator` first.
#[utoipa::path(tag = "me", operation_id = "erase_me", params(EraseQuery), responses(
    (status = 202, body = Erasure, description = "It waits until `at`, or has begun. `receipt_url` is told this once."),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "`sign-in-too-old`, or a key.", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "An operator's account.", body = Problem, content_type = "application/problem+json")))]
#[delete("/v1/me")]
pub async fn erase_me(
    app: web::Data<App>,
    user: AnyUser,
    query: web::Query<EraseQuery>,
    request: HttpRequest,
) -> ApiResult<HttpResponse> {
    demand_fresh(&app, user.session_id).await?;
    if queries::is_operator(app.db.house(), user.person_id).await? {
        return Err(ApiError::IllegalTransition(
            "You are an operator: the audit log must say whose acts they were. Have somebody run `lapidary people \
             remove-operator` first.",
        ));
    }
    // What was asked before is in the log by now, and goes with the rest.
    app.request_log.catch_up(&app.db).await;
    let undo_days = if query.at_once { 0 } else { app.settings.erasure.erasure_undo_days };
    let has_cookie = app.auth.cookies().session_of(&request).is_some();
    let (begun, cookie) = begin_account(&app, &user, undo_days, has_cookie).await?;
    if begun.is_at_once(app.clock.now()) {
        // Nor may this request name them.
        request.extensions_mut().remove::<Caller>();
    }
    let mut answer = HttpResponse::Accepted();
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    if let Some(cookie) = cookie {
        answer.cookie(cookie);
    }
    Ok(answer.json(begun.erasure))
}

/// Begun, committed and told. Whoever stays signed in gets a session that knows of it, in the place of this one.
async fn begin_account(
    app: &App,
    user: &AnyUser,
    undo_days: u32,
    has_cookie: bool,
) -> ApiResult<(Begun, Option<Cookie<'static>>)> {
    let now = app.clock.now();
    let mut tx = app.db.begin_house().await?;
    let asked = Asked { kind: ErasureKind::Account, person_id: user.person_id, undo_days };
    let begun = begin::begin(&mut tx, asked, &app.settings.origin(), now).await?;
    let cookie = match (has_cookie, begun.is_at_once(now)) {
        (false, _) => None,
        (true, true) => Some(app.auth.cookies().no_session()),
        (true, false) => {
            let started = session::replace(&mut tx, user.session_id, now).await?;
            started.map(|started| app.auth.cookies().session(&started.refresh_token, started.lifetime))
        }
    };
    tx.commit().await?;
    told(app, &begun, user.person_id).await;
    Ok((begun, cookie))
}

/// After the commit. What cannot be stopped now is ended by the job.
async fn told(app: &App, begun: &Begun, person_id: Uuid) {
    begun.ended.iter().for_each(|session| app.auth.revocations.add(*session));
    app.erasures.notify_one();
    if begun.erasure.kind == ErasureKind::Account
        && let Err(error) = work::stop(app, person_id).await
    {
        tracing::warn!(erasure_id = %begun.erasure.id, %error, "work of a closing account goes on");
    }
    app.live.nudge(person_id);
}

/// For who said that they are under 13 after all: at once, whenever they signed in. Gives where the receipt is.
pub async fn begin_at_once(app: &App, user: &AnyUser) -> ApiResult<Option<String>> {
    let (begun, _) = begin_account(app, user, 0, false).await?;
    Ok(begun.erasure.receipt_url)
}

async fn demand_fresh(app: &App, session_id: Uuid) -> ApiResult<()> {
    if is_fresh(app, session_id).await? { Ok(()) } else { Err(ApiError::SignInTooOld) }
}

async fn is_fresh(app: &App, session_id: Uuid) -> ApiResult<bool> {
    let signed_in_at = session_queries::signed_in_at(app.db.house(), session_id).await?;
    Ok(signed_in_at.is_some_and(|at| at > app.clock.now() - SIGN_IN_AGE))
}

/// What would go with your account or with all images, what would stay and why, and which erasure waits.
#[utoipa::path(tag = "me", operation_id = "get_erasure_outlook", responses(
    (status = 200, body = ErasureOutlook),
    (status = 401, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/me/erasure")]
pub async fn get_erasure_outlook(app: web::Data<App>, user: AnyUser) -> ApiResult<HttpResponse> {
    let may_begin = is_fresh(&app, user.session_id).await?;
    let mut tx = app.db.begin_as(user.actor()).await?;
    let outlook = outlook(&app, &mut tx, &user, may_begin).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "private, no-store")).json(outlook))
}

async fn outlook(app: &App, conn: &mut PgConnection, user: &AnyUser, may_begin: bool) -> ApiResult<ErasureOutlook> {
    let would_go = queries::would_go(conn, user.person_id, user.account_id).await?;
    Ok(ErasureOutlook {
        pending: queries::pending(conn, user.person_id, ErasureKind::Account, would_go.gems).await?,
        images_pending: queries::pending(conn, user.person_id, ErasureKind::Images, 0).await?,
        undo_days: app.settings.erasure.erasure_undo_days,
        may_begin,
        would_go,
        account_keeps: stays::of(ErasureKind::Account),
        images_keep: stays::of(ErasureKind::Images),
    })
}

/// Keep your account after all: everything works again as before, your API keys too. Possible until the erasure begins.
#[utoipa::path(tag = "me", operation_id = "undo_erasure", responses(
    (status = 204, description = "Nothing is erased."),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "No erasure waits, or it has begun.", body = Problem,
        content_type = "application/problem+json")))]
#[delete("/v1/me/erasure")]
pub async fn undo_erasure(app: web::Data<App>, user: AnyUser) -> ApiResult<HttpResponse> {
    let mut tx = app.db.begin_house().await?;
    begin::undo(&mut tx, user.person_id).await?;
    tx.commit().await?;
    app.live.nudge(user.person_id);
    Ok(HttpResponse::NoContent().finish())
}

/// Have every image erased, also those in the trash, with thumbnails, archives, share links and uploads; your account stays.
/// At once, and for ever.
///
/// Needs a sign-in that is five minutes old at most. What is made after it was asked for stays.
#[utoipa::path(tag = "images", operation_id = "erase_images", responses(
    (status = 202, body = Erasure, description = "It has begun. `receipt_url` is told this once."),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "`sign-in-too-old`, or a key.", body = Problem, content_type = "application/problem+json")))]
#[delete("/v1/images")]
pub async fn erase_images(app: web::Data<App>, user: CurrentUser) -> ApiResult<HttpResponse> {
    demand_fresh(&app, user.session_id).await?;
    let mut tx = app.db.begin_house().await?;
    let asked = Asked { kind: ErasureKind::Images, person_id: user.person_id, undo_days: 0 };
    let begun = begin::begin(&mut tx, asked, &app.settings.origin(), app.clock.now()).await?;
    tx.commit().await?;
    told(&app, &begun, user.person_id).await;
    Ok(HttpResponse::Accepted().insert_header((header::CACHE_CONTROL, "no-store")).json(begun.erasure))
}

/// How far an erasure is, and when it is finished what went, what stays and why. For whoever has the token, which was told
/// once; until 30 days after the end.
#[utoipa::path(tag = "me", operation_id = "get_erasure_receipt", security(()), params(("token" = String, Path)), responses(
    (status = 200, body = ErasureReceipt),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/erasures/{token}")]
pub async fn get_erasure_receipt(app: web::Data<App>, token: web::Path<String>) -> ApiResult<HttpResponse> {
    if !is_secret(&token) {
        return Err(ApiError::NotFound);
    }
    let contact = app.settings.support_contact.clone();
    let receipt = queries::receipt(app.db.house(), &hash(&token), contact).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header(("X-Robots-Tag", "noindex, nofollow"))
        .json(receipt))
}
