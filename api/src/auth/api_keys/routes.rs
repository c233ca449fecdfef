//! Routes of API keys. Only a person who is signed in makes and ends them; no key does.
use actix_web::http::header;
use actix_web::{HttpResponse, delete, get, post, web};
use chrono::{DateTime, TimeDelta, Utc};
use lapidary_contract::domain::limits::{API_KEY_DAYS_MAX, API_KEYS_MAX, CAP_MAX, TITLE_MAX};
use lapidary_contract::domain::{Violation, ViolationCode, attribute};
use lapidary_contract::{ApiKey, CreateApiKey, List, Problem};
use uuid::Uuid;

use super::{hash, queries, text};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::gems;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::Json;
use crate::http::paging::{self, Listed, PageQuery};

/// Your API keys, newest first; those that expired stay for a month, or until you revoke them.
#[utoipa::path(tag = "keys", operation_id = "list_api_keys", params(PageQuery), responses(
    (status = 200, body = List<ApiKey>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/me/api-keys")]
pub async fn list_api_keys(
    app: web::Data<App>,
    user: CurrentUser,
    page: web::Query<PageQuery>,
) -> ApiResult<Listed<ApiKey>> {
    let (limit, from) = (page.limit()?, page.keyset()?);
    let mut tx = app.db.begin_as(user.actor()).await?;
    let rows = queries::list(&mut tx, user.person_id, from, limit + 1).await?;
    tx.commit().await?;
    Ok(paging::list(rows, limit, |row| (row.created_at, row.id)))
}

/// Keys of one person in a day, those that were revoked at once included: each leaves a row for a month.
const MADE_A_DAY: i64 = 200;

/// Make an API key. The answer is the only one that holds it: we keep a hash. You may have 50 that you have not revoked; one
/// that expired counts until you do, or a month is over. 200 may be made in a day.
#[utoipa::path(tag = "keys", operation_id = "create_api_key", request_body = CreateApiKey, responses(
    (status = 201, body = ApiKey, description = "With `key`, this once."),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/me/api-keys")]
pub async fn create_api_key(
    app: web::Data<App>,
    user: CurrentUser,
    body: Json<CreateApiKey>,
) -> ApiResult<HttpResponse> {
    let now = app.clock.now();
    let mut made = checked(body.0, now)?;
    let key = text::generate().map_err(ApiError::internal)?;
    let key_hash = hash(&key).ok_or_else(|| ApiError::internal("a hash of another length"))?;
    made.start = text::start(&key);
    let mut tx = app.db.begin_as(user.actor()).await?;
    gems::queries::take_turns(&mut tx, user.account_id).await?;
    if queries::count(&mut tx, user.person_id).await? >= API_KEYS_MAX {
        return Err(vec![Violation::new("", ViolationCode::TooMany)].into());
    }
    let day = TimeDelta::days(1);
    if let Some(at) = queries::made_before(&mut tx, user.person_id, MADE_A_DAY - 1).await?.filter(|at| now - *at < day)
    {
        let wait = (at + day - now).num_seconds() + 1;
        return Err(ApiError::RateLimited { retry_after_seconds: wait.unsigned_abs() });
    }
    queries::add(&mut tx, user.person_id, &made, &key_hash).await?;
    tx.commit().await?;
    tracing::info!(api_key_id = %made.id, "an API key was made");
    made.key = Some(key);
    Ok(HttpResponse::Created().insert_header((header::CACHE_CONTROL, "no-store")).json(made))
}

fn checked(asked: CreateApiKey, now: DateTime<Utc>) -> Result<ApiKey, Vec<Violation>> {
    let CreateApiKey { name, mut scopes, expires_at, daily_gems, free_gems_only } = asked;
    let (name, mut violations) = (name.trim().to_owned(), Vec::new());
    attribute::check(&name, TITLE_MAX, "/name".into(), &mut violations);
    scopes.sort();
    scopes.dedup();
    if scopes.is_empty() {
        violations.push(Violation::new("/scopes", ViolationCode::Required));
    }
    if expires_at.is_some_and(|at| at <= now || at > now + TimeDelta::days(API_KEY_DAYS_MAX)) {
        violations.push(Violation::new("/expires_at", ViolationCode::OutOfRange));
    }
    if daily_gems.is_some_and(|gems| !(1..=CAP_MAX).contains(&gems)) {
        violations.push(Violation::new("/daily_gems", ViolationCode::OutOfRange));
    }
    if !violations.is_empty() {
        return Err(violations);
    }
    let (id, start, key, last_used_at) = (Uuid::now_v7(), String::new(), None, None);
    Ok(ApiKey { id, name, start, key, scopes, daily_gems, free_gems_only, created_at: now, expires_at, last_used_at })
}

/// Revoke an API key. Every process refuses it within a second, and its open streams end; what it asked for goes on.
#[utoipa::path(tag = "keys", operation_id = "revoke_api_key", params(("id" = Uuid, Path)), responses(
    (status = 204),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[delete("/v1/me/api-keys/{id}")]
pub async fn revoke_api_key(app: web::Data<App>, user: CurrentUser, id: web::Path<Uuid>) -> ApiResult<HttpResponse> {
    let id = id.into_inner();
    let mut tx = app.db.begin_as(user.actor()).await?;
    let was_live = queries::revoke(&mut tx, user.person_id, id, app.clock.now()).await?;
    tx.commit().await?;
    if !was_live {
        return Err(ApiError::NotFound);
    }
    app.auth.revocations.add(id);
    Ok(HttpResponse::NoContent().finish())
}
