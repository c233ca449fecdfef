//! `GET` and `PATCH /v1/me`, and the sessions of the signed-in person.
use actix_web::http::header;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, delete, get, patch, web};
use lapidary_contract::domain::{Violation, ViolationCode};
use lapidary_contract::{List, Me, Problem, Session, UpdateMe};
use serde::Deserialize;
use uuid::Uuid;

use super::age::{self, Erased};
use super::current_user::AnyUser;
use super::device::device;
use super::session::IDLE;
use super::{identity_queries, queries, session_queries};
use crate::app::App;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::Json;
use crate::http::request_log::Caller;
use crate::promises::erasure;
use crate::promises::policy::versions;
use lapidary_contract::domain::limits::NAME_MAX;

/// The signed-in person.
#[utoipa::path(tag = "me", operation_id = "get_me", responses(
    (status = 200, body = Me),
    (status = 401, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/me")]
pub async fn get_me(app: web::Data<App>, user: AnyUser) -> ApiResult<HttpResponse> {
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "private, no-cache")).json(read(&app, &user).await?))
}

async fn read(app: &App, user: &AnyUser) -> ApiResult<Me> {
    let policies = versions::ids_in_force(app.clock.now());
    let row = app.db.read_as(async |conn| queries::me(conn, user.actor(), &policies).await).await?;
    let row = row.ok_or(ApiError::Unauthenticated)?;
    Ok(Me {
        id: user.person_id,
        email: row.email,
        name: row.name,
        picture_url: super::picture::url(app, row.picture_key.as_deref()).await,
        age_confirmed: row.is_age_confirmed,
        is_operator: row.is_operator,
        created_at: row.created_at,
        closing_at: row.closing_at,
        support_contact: app.settings.support_contact.clone(),
        policies_to_acknowledge: row.policies,
    })
}

/// Changes the name, or confirms the age. Someone under 13 is erased at once (204).
#[utoipa::path(tag = "me", operation_id = "update_me", request_body = UpdateMe, responses(
    (status = 200, body = Me),
    (status = 204, description = "Erased, or being erased: the person said that they are under 13. `Location` is the receipt of \
        one who had confirmed the opposite."),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[patch("/v1/me")]
pub async fn update_me(
    app: web::Data<App>,
    user: AnyUser,
    body: Json<UpdateMe>,
    request: HttpRequest,
) -> ApiResult<HttpResponse> {
    let Json(update) = body;
    if update.age_confirmed == Some(false) {
        return erase(&app, &user, &request).await;
    }
    if let Some(name) = &update.name {
        let name = checked_name(name)?;
        let mut tx = app.db.begin_as(user.actor()).await?;
        queries::rename(&mut *tx, user.person_id, name).await?;
        tx.commit().await?;
    }
    if update.age_confirmed == Some(true) {
        let (master, welcome_gems) = (&app.auth.master, app.catalogue.welcome_gems);
        age::confirm(&app.db, master, user.person_id, user.account_id, welcome_gems, app.clock.now()).await?;
    }
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "private, no-cache")).json(read(&app, &user).await?))
}

/// `None` removes the name.
fn checked_name(name: &str) -> Result<Option<&str>, Vec<Violation>> {
    let name = name.trim();
    if name.contains('\0') {
        return Err(vec![Violation::new("/name", ViolationCode::ContainsNul)]);
    }
    if name.chars().count() > NAME_MAX {
        return Err(vec![Violation::new("/name", ViolationCode::TooLong)]);
    }
    Ok((!name.is_empty()).then_some(name))
}

async fn erase(app: &App, user: &AnyUser, request: &HttpRequest) -> ApiResult<HttpResponse> {
    // What they asked before is in the log by now, and goes with the rest.
    app.request_log.catch_up(&app.db).await;
    match age::erase(&app.db, user.person_id).await? {
        // There may be pictures, gems and payments: the whole of it, and nothing to undo.
        Erased::ConfirmedBefore => {
            request.extensions_mut().remove::<Caller>();
            let receipt = erasure::routes::begin_at_once(app, user).await?;
            let mut answer = HttpResponse::NoContent();
            answer.insert_header((header::CACHE_CONTROL, "no-store"));
            if let Some(receipt) = receipt {
                answer.insert_header((header::LOCATION, receipt));
            }
            Ok(answer.cookie(app.auth.cookies.no_session()).finish())
        }
        Erased::Gone { sessions, picture_key } => {
            // Nor may this request name them.
            request.extensions_mut().remove::<Caller>();
            sessions.into_iter().for_each(|session| app.auth.revocations.add(session));
            super::picture::remove(app, picture_key.as_deref()).await;
            Ok(HttpResponse::NoContent().cookie(app.auth.cookies.no_session()).finish())
        }
    }
}

/// Where this person is signed in, last used first.
#[utoipa::path(tag = "me", operation_id = "list_sessions", responses(
    (status = 200, body = List<Session>),
    (status = 401, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/me/sessions")]
pub async fn list_sessions(app: web::Data<App>, user: AnyUser) -> ApiResult<web::Json<List<Session>>> {
    let now = app.clock.now();
    let mut tx = app.db.begin_as(user.actor()).await?;
    let rows = session_queries::live_sessions(&mut *tx, user.person_id, now - IDLE, now).await?;
    tx.commit().await?;
    let data = rows.into_iter().map(|row| Session {
        id: row.id,
        device: device(&row.user_agent),
        provider_name: app.auth.provider_name(&row.provider),
        provider: row.provider,
        is_current: row.id == user.session_id,
        created_at: row.created_at,
        last_used_at: row.last_used_at,
    });
    Ok(web::Json(List { data: data.collect(), next_cursor: None }))
}

/// Signs out one device.
#[utoipa::path(tag = "me", operation_id = "end_session", params(("id" = Uuid, Path)), responses(
    (status = 204),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[delete("/v1/me/sessions/{id}")]
pub async fn end_session(
    app: web::Data<App>,
    user: AnyUser,
    id: web::Path<Uuid>,
    request: HttpRequest,
) -> ApiResult<HttpResponse> {
    let id = id.into_inner();
    let mut tx = app.db.begin_as(user.actor()).await?;
    let is_ended = session_queries::end(&mut tx, id, app.clock.now()).await?;
    tx.commit().await?;
    if !is_ended {
        return Err(ApiError::NotFound);
    }
    app.auth.revocations.add(id);
    Ok(ended(&app, &request, id == user.session_id))
}

fn ended(app: &App, request: &HttpRequest, is_own: bool) -> HttpResponse {
    let mut answer = HttpResponse::NoContent();
    if is_own && app.auth.cookies.session_of(request).is_some() {
        answer.cookie(app.auth.cookies.no_session());
    }
    answer.finish()
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EndSessionsQuery {
    /// Stay signed in here, and end all the others.
    #[serde(default)]
    keep_current: bool,
}

/// Signs out everywhere: every session ends, this one too unless it is to be kept, and their access tokens with them.
#[utoipa::path(tag = "me", operation_id = "end_sessions", params(EndSessionsQuery), responses(
    (status = 204),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json")))]
#[delete("/v1/me/sessions")]
pub async fn end_sessions(
    app: web::Data<App>,
    user: AnyUser,
    query: web::Query<EndSessionsQuery>,
    request: HttpRequest,
) -> ApiResult<HttpResponse> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    // A sign-in that is under way comes before or after as a whole.
    identity_queries::lock_person(&mut *tx, user.person_id).await?;
    let but = query.keep_current.then_some(user.session_id);
    let all = session_queries::end_all(&mut tx, user.person_id, but).await?;
    tx.commit().await?;
    all.into_iter().for_each(|session| app.auth.revocations.add(session));
    Ok(ended(&app, &request, !query.keep_current))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_in_scalar_values() {
        assert_eq!(checked_name(" Ada "), Ok(Some("Ada")));
        assert_eq!(checked_name("  "), Ok(None));
        assert!(checked_name(&"é".repeat(NAME_MAX)).is_ok());
        assert!(checked_name(&"é".repeat(NAME_MAX + 1)).is_err());
        assert!(checked_name("a\0").is_err());
    }
}
