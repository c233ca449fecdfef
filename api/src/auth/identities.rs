//! The ways a signed-in person signs in: listed, joined, taken away. The last one stays.
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use lapidary_contract::{Identity, LinkStarted, List, Problem};
use uuid::Uuid;

use super::identity_queries::{self as queries, IdentityRow};
use super::providers::Refusal;
use super::routes::with_cookie;
use super::secret::random_secret;
use super::sign_in::{self, Departure, Trouble};
use super::{Auth, CurrentUser, address};
use crate::app::App;
use crate::http::error::{ApiError, ApiResult};

/// The ways to sign in to this account, oldest first.
#[utoipa::path(tag = "me", operation_id = "list_identities", responses(
    (status = 200, body = List<Identity>),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/me/identities")]
pub async fn list_identities(app: web::Data<App>, user: CurrentUser) -> ApiResult<web::Json<List<Identity>>> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let rows = queries::identities(&mut *tx, user.person_id).await?;
    tx.commit().await?;
    let data = rows.iter().map(|row| Identity {
        id: row.id,
        provider: row.provider.clone(),
        provider_name: app.auth.provider_name(&row.provider),
        email: row.email.clone(),
        linked_at: row.created_at,
        last_used_at: row.last_used_at,
        can_be_unlinked: stays_open(&app.auth, &rows, row.id),
    });
    Ok(web::Json(List { data: data.collect(), next_cursor: None }))
}

/// Whether a way in remains without this one. One whose provider is not configured any more leads nowhere.
fn stays_open(auth: &Auth, all: &[IdentityRow], without: Uuid) -> bool {
    all.iter().any(|row| row.id != without && auth.provider(&row.provider).is_ok())
}

/// Starts linking another way to sign in: answers where the browser goes. It must go there within ten minutes, with the
/// cookie of this answer and signed in to this session; it comes back to `/account?linked={provider}`, or to
/// `/account?failure=…&request_id=…` with nothing changed. An identity of another account is never moved.
#[utoipa::path(tag = "me", operation_id = "start_linking", params(("provider" = String, Path)), responses(
    (status = 200, body = LinkStarted),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "No such provider.", body = Problem, content_type = "application/problem+json"),
    (status = 502, description = "The provider does not answer.", body = Problem,
        content_type = "application/problem+json")))]
#[post("/v1/me/identities/{provider}/link")]
pub async fn start_linking(
    app: web::Data<App>,
    user: CurrentUser,
    provider: web::Path<String>,
    request: HttpRequest,
) -> ApiResult<HttpResponse> {
    let provider = app.auth.provider(&provider)?;
    let browser = match app.auth.cookies.sign_in_of(&request) {
        Some(secret) => secret,
        None => random_secret().map_err(ApiError::internal)?,
    };
    let asked = Departure {
        browser: &browser,
        return_to: &format!("/account?linked={}", provider.id),
        login_hint: None,
        takes_pending: false,
        session_id: Some(user.session_id),
    };
    match sign_in::begin(&app.db, provider, &asked, app.clock.now()).await {
        Ok(url) => {
            let answer = HttpResponse::Ok()
                .insert_header((actix_web::http::header::CACHE_CONTROL, "no-store"))
                .json(LinkStarted { authorization_url: url.into() });
            Ok(with_cookie(answer, app.auth.cookies.sign_in(&browser)))
        }
        Err(Trouble::Ours(error)) => Err(error),
        Err(Trouble::Refused(Refusal { reason, .. })) => {
            Err(ApiError::VendorFailed { vendor: "The sign-in provider", source: reason.into() })
        }
    }
}

/// Takes a way to sign in away. Sessions go on, whichever way they were signed in: it is the same person. Ending them is
/// `DELETE /v1/me/sessions`.
#[utoipa::path(tag = "me", operation_id = "unlink_identity", params(("id" = Uuid, Path)), responses(
    (status = 204),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "It is the last one.", body = Problem, content_type = "application/problem+json")))]
#[delete("/v1/me/identities/{id}")]
pub async fn unlink_identity(app: web::Data<App>, user: CurrentUser, id: web::Path<Uuid>) -> ApiResult<HttpResponse> {
    let id = id.into_inner();
    let mut tx = app.db.begin_as(user.actor()).await?;
    // Two at once must not each see the other's.
    queries::lock_person(&mut *tx, user.person_id).await?;
    let all = queries::identities(&mut *tx, user.person_id).await?;
    let Some(gone) = all.iter().find(|row| row.id == id) else { return Err(ApiError::NotFound) };
    if !stays_open(&app.auth, &all, id) {
        return Err(ApiError::IllegalTransition(
            "This is the only way to sign in to this account. Link another one first.",
        ));
    }
    queries::delete(&mut *tx, user.person_id, id).await?;
    // Nobody would learn any more that an address changed whose sign-in method is gone: the oldest one that stays gives
    // theirs, unless another one still vouches for it.
    let mut staying = all.iter().filter(|row| row.id != id);
    if !staying.clone().any(|row| row.email == gone.email)
        && let Some((row, email)) = staying.find_map(|row| Some((row, address::normalise(&row.email)?)))
    {
        queries::replace_email(&mut *tx, user.person_id, &gone.email, &row.email, &email).await?;
    }
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}
