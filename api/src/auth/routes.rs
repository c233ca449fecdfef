//! Signing in, staying signed in, signing out.
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use lapidary_contract::{AccessToken, AuthProvider, List, Problem, REFRESH_HEADER, SignInFailure};
use serde::{Deserialize, Serialize};

use super::failure::{link_redirect, redirect, see_other};
use super::keys::PublicJwk;
use super::link::{self, Asking};
use super::providers::{Provider, Refusal};
use super::secret::{hash, random_secret};
use super::session::{self, Refreshed};
use super::sign_in::{self, Arrival, Departure, SignedIn, Trouble};
use super::token::{LIFETIME, Subject};
use super::{address, picture, queries};
use crate::app::App;
use crate::http::error::{ApiError, ApiResult};
use crate::http::request_log::RequestId;

const HINT_MAX: usize = 200;

/// Who can vouch for a person here.
#[utoipa::path(tag = "auth", operation_id = "list_providers", security(()), responses(
    (status = 200, body = List<AuthProvider>)))]
#[get("/v1/auth/providers")]
pub async fn list_providers(app: web::Data<App>) -> web::Json<List<AuthProvider>> {
    web::Json(List { data: app.auth.providers.iter().map(Provider::public).collect(), next_cursor: None })
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LoginQuery {
    /// A path of this site to come back to.
    return_to: Option<String>,
    /// Who to preselect at the provider.
    login_hint: Option<String>,
    /// After `email_in_use`: sign in the first way and link the identity that waits.
    #[serde(default)]
    link: bool,
}

/// Sends the browser to a provider.
#[utoipa::path(tag = "auth", operation_id = "start_login", security(()),
    params(("provider" = String, Path), LoginQuery), responses(
    (status = 303, description = "To the provider, or to `/sign-in?failure=…` when it cannot be reached."),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/auth/{provider}/login")]
pub async fn start_login(
    app: web::Data<App>,
    provider: web::Path<String>,
    query: web::Query<LoginQuery>,
    request: HttpRequest,
    request_id: RequestId,
) -> ApiResult<HttpResponse> {
    let provider = app.auth.provider(&provider)?;
    // One secret a browser, so that attempts in two tabs can both end well.
    let browser = match app.auth.cookies.sign_in_of(&request) {
        Some(secret) => secret,
        None => random_secret().map_err(ApiError::internal)?,
    };
    let return_to = address::return_to(query.return_to.as_deref());
    let asked = Departure {
        browser: &browser,
        return_to: &return_to,
        login_hint: query.login_hint.as_deref().filter(|hint| !hint.is_empty() && hint.len() <= HINT_MAX),
        takes_pending: query.link,
        session_id: None,
    };
    Ok(match sign_in::begin(&app.db, provider, &asked, app.clock.now()).await {
        Ok(url) => with_cookie(see_other(url.as_str()), app.auth.cookies.sign_in(&browser)),
        Err(trouble) => redirect(trouble, provider.id, Some(&return_to), &request_id),
    })
}

pub fn with_cookie(mut answer: HttpResponse, cookie: actix_web::cookie::Cookie<'static>) -> HttpResponse {
    // Fails only for cookies that cannot be a header; ours are letters and digits.
    if let Err(error) = answer.add_cookie(&cookie) {
        tracing::error!(%error, "a cookie could not be set");
    }
    answer
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CallbackQuery {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// Where the provider sends the browser back to.
#[utoipa::path(tag = "auth", operation_id = "finish_login", security(()),
    params(("provider" = String, Path), CallbackQuery), responses(
    (status = 303, description = "Signed in: to `return_to`. Otherwise to `/sign-in?failure=…&request_id=…`. Of a link: to `/account`."),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/auth/{provider}/callback")]
pub async fn finish_login(
    app: web::Data<App>,
    provider: web::Path<String>,
    query: web::Query<CallbackQuery>,
    request: HttpRequest,
    request_id: RequestId,
) -> ApiResult<HttpResponse> {
    let provider = app.auth.provider(&provider)?;
    let state_hash = hash(query.state.as_deref().unwrap_or_default());
    let browser = app.auth.cookies.sign_in_of(&request);
    let attempt = match queries::take_attempt(app.db.house(), &state_hash, provider.id).await {
        Ok(Some(attempt)) => attempt,
        Ok(None) => {
            let refusal = Refusal::new(SignInFailure::AttemptUnknown, "no attempt has this state");
            let return_to = last_return_to(&app, browser.as_deref(), provider.id).await;
            return Ok(redirect(refusal.into(), provider.id, return_to.as_deref(), &request_id));
        }
        Err(error) => return Ok(redirect(error.into(), provider.id, None, &request_id)),
    };
    let arrival = Arrival {
        code: query.code.as_deref(),
        error: query.error.as_deref(),
        issuer: query.iss.as_deref(),
        browser: browser.as_deref(),
        user_agent: user_agent(&request),
    };
    let now = app.clock.now();
    if let Some(session_id) = attempt.session_id {
        let refresh_token = app.auth.cookies.session_of(&request);
        let asking = Asking { session_id, refresh_token: refresh_token.as_deref() };
        return Ok(match link::finish(&app.auth, &app.db, provider, &attempt, &arrival, &asking, now).await {
            Ok(()) => see_other(&attempt.return_to),
            Err(trouble) => link_redirect(trouble, provider.id, &request_id),
        });
    }
    match sign_in::finish(&app.auth, &app.db, provider, &attempt, &arrival, now).await {
        Ok(signed_in) => {
            let answer = see_other(&attempt.return_to);
            Ok(welcome(&app, &request, signed_in, provider.is_local(), answer).await)
        }
        Err(trouble) => Ok(redirect(trouble, provider.id, Some(&attempt.return_to), &request_id)),
    }
}

/// The state is not one of ours; what this browser asked for itself still is. Not worth a failure of its own.
async fn last_return_to(app: &App, browser: Option<&str>, provider: &str) -> Option<String> {
    let browser_hash = hash(browser?);
    queries::last_return_to(app.db.house(), &browser_hash, provider, app.clock.now()).await.ok().flatten()
}

fn user_agent(request: &HttpRequest) -> &str {
    request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Sets the session's cookie, and ends what this browser was signed in with before.
async fn welcome(
    app: &web::Data<App>,
    request: &HttpRequest,
    signed_in: SignedIn,
    provider_is_local: bool,
    answer: HttpResponse,
) -> HttpResponse {
    if let Some(before) = app.auth.cookies.session_of(request) {
        match session::end_by_token(&app.db, &before, app.clock.now()).await {
            Ok(ended) => ended.into_iter().for_each(|session| app.auth.revocations.add(session)),
            Err(error) => tracing::warn!(%error, "the session before could not be ended"),
        }
    }
    let SignedIn { session, identity, has_picture } = signed_in;
    if !has_picture {
        picture::fetch(app.clone(), session.person_id, identity.picture_url, provider_is_local).await;
    }
    // The other cookie runs out by itself: another tab may be on its way back too.
    with_cookie(answer, app.auth.cookies.session(&session.refresh_token, session.lifetime))
}

/// A second account for an e-mail address that has one already; it never gets welcome gems.
#[utoipa::path(tag = "auth", operation_id = "create_separate_account", security(()),
    params(("X-Lapidary-Refresh" = String, Header, description = "Always `1`.")), responses(
    (status = 204, description = "Signed in to the new account; the session's cookie is set."),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "A person with this address is suspended.", body = Problem,
        content_type = "application/problem+json"),
    (status = 409, description = "No sign-in waits for this choice.", body = Problem,
        content_type = "application/problem+json")))]
#[post("/v1/auth/separate-account")]
pub async fn create_separate_account(app: web::Data<App>, request: HttpRequest) -> ApiResult<HttpResponse> {
    demand_own_page(&app, &request)?;
    let browser = app.auth.cookies.sign_in_of(&request).ok_or(NOTHING_WAITS)?;
    let now = app.clock.now();
    match sign_in::separate_account(&app.db, &browser, user_agent(&request), now).await {
        Ok(signed_in) => {
            let is_local = app.auth.provider(&signed_in.identity.provider).is_ok_and(Provider::is_local);
            let mut answer = HttpResponse::NoContent();
            answer.insert_header((header::CACHE_CONTROL, "no-store"));
            Ok(welcome(&app, &request, signed_in, is_local, answer.finish()).await)
        }
        Err(Trouble::Ours(error)) => Err(error),
        // Somebody used the identity in the meantime, or its address is none any more.
        Err(Trouble::Refused(_)) => Err(NOTHING_WAITS),
    }
}

const NOTHING_WAITS: ApiError = ApiError::IllegalTransition("No sign-in waits for a choice. Sign in again.");

/// Requests that live on the cookie alone must come from our own page: a header no form can set, and our Origin.
fn demand_own_page(app: &App, request: &HttpRequest) -> ApiResult<()> {
    let value = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let is_ours = value(REFRESH_HEADER) == Some("1") && value("origin") == Some(app.settings.origin().as_str());
    if is_ours { Ok(()) } else { Err(ApiError::Unauthenticated) }
}

/// A new access token for the cookie of this browser. The cookie changes with it.
#[utoipa::path(tag = "auth", operation_id = "refresh_session", security(()),
    params(("X-Lapidary-Refresh" = String, Header, description = "Always `1`.")), responses(
    (status = 200, body = AccessToken),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/auth/refresh")]
pub async fn refresh_session(
    app: web::Data<App>,
    request: HttpRequest,
    request_id: RequestId,
) -> ApiResult<HttpResponse> {
    demand_own_page(&app, &request)?;
    let presented = app.auth.cookies.session_of(&request).ok_or(ApiError::Unauthenticated)?;
    let refreshed = session::refresh(&app.db, &presented, app.clock.now()).await?;
    match refreshed {
        Refreshed::Granted { subject, successor } => {
            let answer = HttpResponse::Ok()
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .json(access_token(&app, &subject).await?);
            Ok(match successor {
                Some((token, lifetime)) => with_cookie(answer, app.auth.cookies.session(&token, lifetime)),
                None => answer,
            })
        }
        Refreshed::Refused | Refreshed::Suspended | Refreshed::Reused { .. } => {
            if let Refreshed::Reused { session_id } = refreshed {
                app.auth.revocations.add(session_id);
                tracing::warn!(request_id = request_id.0, %session_id, "a spent refresh token came back: its session ends");
            }
            let answer = refreshed.problem().response(&request_id.0);
            Ok(with_cookie(answer, app.auth.cookies.no_session()))
        }
    }
}

async fn access_token(app: &App, subject: &Subject) -> ApiResult<AccessToken> {
    let now = app.clock.now();
    let key = app.auth.keys.signing(&app.db, now).await?;
    Ok(AccessToken {
        access_token: app.auth.tokens.issue(&key, subject, now).map_err(ApiError::internal)?,
        token_type: "Bearer".into(),
        expires_in: LIFETIME.num_seconds().unsigned_abs(),
    })
}

/// Ends the session of this browser; fine when there is none.
#[utoipa::path(tag = "auth", operation_id = "end_current_session", security(()),
    params(("X-Lapidary-Refresh" = String, Header, description = "Always `1`.")), responses(
    (status = 204),
    (status = 401, description = "Not asked by our own page.", body = Problem,
        content_type = "application/problem+json")))]
#[post("/v1/auth/logout")]
pub async fn end_current_session(app: web::Data<App>, request: HttpRequest) -> ApiResult<HttpResponse> {
    demand_own_page(&app, &request)?;
    if let Some(presented) = app.auth.cookies.session_of(&request) {
        let ended = session::end_by_token(&app.db, &presented, app.clock.now()).await?;
        ended.into_iter().for_each(|session| app.auth.revocations.add(session));
    }
    let mut answer = HttpResponse::NoContent();
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(answer.cookie(app.auth.cookies.no_session()).finish())
}

/// Public keys, by which anyone can check our access tokens.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PublicKeys {
    pub keys: Vec<PublicJwk>,
}

/// The public keys of access tokens (RFC 7517).
#[utoipa::path(tag = "auth", operation_id = "list_public_keys", security(()), responses(
    (status = 200, body = PublicKeys)))]
#[get("/.well-known/jwks.json")]
pub async fn list_public_keys(app: web::Data<App>) -> ApiResult<HttpResponse> {
    let keys = app.auth.keys.published(&app.db, app.clock.now()).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "public, max-age=300")).json(PublicKeys { keys }))
}
