//! Routes of webhook endpoints. An address is judged before a transaction begins: that may ask the network.
use actix_web::http::header;
use actix_web::{HttpResponse, delete, get, patch, post, web};
use chrono::TimeDelta;
use lapidary_contract::domain::limits::{WEBHOOK_DESCRIPTION_MAX, WEBHOOK_ENDPOINTS_MAX, WEBHOOK_URL_MAX};
use lapidary_contract::domain::{Violation, ViolationCode, attribute};
use lapidary_contract::{
    CreateWebhookEndpoint, List, Problem, UpdateWebhookEndpoint, WebhookDisabledReason, WebhookEndpoint,
    WebhookEventType, WebhookStatus,
};
use reqwest::Url;
use uuid::Uuid;

use super::{queries, secret, secret_queries};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::gems;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::Json;
use crate::http::fetch::FetchError;

/// How long a secret signs beside the one that replaced it.
const BOTH_SIGN: TimeDelta = TimeDelta::hours(24);

/// Say where to send what happens. You may have 10. The `secret` in the answer is shown this once: the receiver checks
/// with it that a message is from here. The address must be public; whether it leads anywhere else is looked at now and
/// again at each sending. An API key also needs the scope that reads what it wants to have sent: `generations:read`,
/// `images:read` or `gems:read`. What a key made stays when the key is revoked.
#[utoipa::path(tag = "webhooks", operation_id = "create_webhook_endpoint", request_body = CreateWebhookEndpoint, responses(
    (status = 201, body = WebhookEndpoint, description = "With its `secret`."),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "Or that of what it wants to have sent.", body = Problem,
        content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/webhook-endpoints")]
pub async fn create_webhook_endpoint(
    app: web::Data<App>,
    user: CurrentUser,
    body: Json<CreateWebhookEndpoint>,
) -> ApiResult<HttpResponse> {
    let mut violations = Vec::new();
    let url = parse_url(&app, &body.0.url, &mut violations).await;
    let description = parse_description(&body.0.description, &mut violations);
    let event_types = parse_types(body.0.event_types, &mut violations);
    if !violations.is_empty() {
        return Err(violations.into());
    }
    may_have_sent(&user, &event_types)?;
    let (id, now) = (Uuid::now_v7(), app.clock.now());
    let fresh = secret::fresh(app.auth.master(), id)?;
    let endpoint = WebhookEndpoint {
        id,
        url,
        description,
        event_types,
        status: WebhookStatus::Enabled,
        disabled_reason: None,
        failing_since: None,
        previous_secret_expires_at: None,
        secret: Some(fresh.shown),
        created_at: now,
        updated_at: now,
    };
    let mut tx = app.db.begin_as(user.actor()).await?;
    gems::queries::take_turns(&mut tx, user.account_id).await?;
    if queries::count(&mut tx, user.person_id).await? >= WEBHOOK_ENDPOINTS_MAX {
        return Err(vec![Violation::new("", ViolationCode::TooMany)].into());
    }
    queries::add(&mut tx, user.person_id, &endpoint).await?;
    secret_queries::add(&mut tx, user.person_id, id, &fresh.sealed, now).await?;
    tx.commit().await?;
    Ok(HttpResponse::Created().insert_header((header::CACHE_CONTROL, "no-store")).json(endpoint))
}

/// Your webhook endpoints, newest first, all of them.
#[utoipa::path(tag = "webhooks", operation_id = "list_webhook_endpoints", responses(
    (status = 200, body = List<WebhookEndpoint>),
    (status = 401, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/webhook-endpoints")]
pub async fn list_webhook_endpoints(
    app: web::Data<App>,
    user: CurrentUser,
) -> ApiResult<web::Json<List<WebhookEndpoint>>> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let data = queries::list(&mut tx, user.person_id, None, app.clock.now()).await?;
    tx.commit().await?;
    Ok(web::Json(List { data, next_cursor: None }))
}

/// One endpoint, and how it does.
#[utoipa::path(tag = "webhooks", operation_id = "get_webhook_endpoint", params(("id" = Uuid, Path)), responses(
    (status = 200, body = WebhookEndpoint),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/webhook-endpoints/{id}")]
pub async fn get_webhook_endpoint(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
) -> ApiResult<web::Json<WebhookEndpoint>> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let endpoint = queries::get(&mut tx, user.person_id, *id, app.clock.now()).await?;
    tx.commit().await?;
    Ok(web::Json(endpoint))
}

/// Change where it is or what it hears of, or switch it off and on. What waits when it is switched off counts as failed
/// and can be sent again. An API key that changes the address or the events, or switches it on, needs the scopes as when it
/// is made.
#[utoipa::path(tag = "webhooks", operation_id = "update_webhook_endpoint", params(("id" = Uuid, Path)),
    request_body = UpdateWebhookEndpoint, responses(
    (status = 200, body = WebhookEndpoint),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "Or that of what is sent there.", body = Problem,
        content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[patch("/v1/webhook-endpoints/{id}")]
pub async fn update_webhook_endpoint(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
    body: Json<UpdateWebhookEndpoint>,
) -> ApiResult<web::Json<WebhookEndpoint>> {
    let mut violations = Vec::new();
    let url = match &body.0.url {
        Some(url) => Some(parse_url(&app, url, &mut violations).await),
        None => None,
    };
    let description = body.0.description.as_deref().map(|text| parse_description(text, &mut violations));
    let event_types = body.0.event_types.map(|types| parse_types(types, &mut violations));
    if !violations.is_empty() {
        return Err(violations.into());
    }
    let now = app.clock.now();
    let sends_more = url.is_some() || event_types.is_some() || body.0.status == Some(WebhookStatus::Enabled);
    let mut tx = app.db.begin_as(user.actor()).await?;
    let mut endpoint = queries::lock(&mut tx, user.person_id, *id, now).await?;
    if sends_more {
        may_have_sent(&user, event_types.as_ref().unwrap_or(&endpoint.event_types))?;
    }
    if let Some(url) = url.filter(|url| *url != endpoint.url) {
        (endpoint.url, endpoint.failing_since) = (url, None);
    }
    endpoint.description = description.unwrap_or(endpoint.description);
    endpoint.event_types = event_types.unwrap_or(endpoint.event_types);
    match body.0.status.filter(|status| *status != endpoint.status) {
        Some(WebhookStatus::Disabled) => {
            endpoint.disabled_reason = Some(WebhookDisabledReason::ByPerson);
            endpoint.status = WebhookStatus::Disabled;
            queries::end_waiting(&mut tx, user.person_id, *id, now).await?;
        }
        Some(WebhookStatus::Enabled) => {
            // What was told while it was being switched off came after the end of what waited then.
            queries::end_waiting(&mut tx, user.person_id, *id, now).await?;
            endpoint.status = WebhookStatus::Enabled;
            (endpoint.disabled_reason, endpoint.failing_since) = (None, None);
        }
        None => {}
    }
    endpoint.updated_at = now;
    queries::replace(&mut tx, user.person_id, &endpoint).await?;
    tx.commit().await?;
    Ok(web::Json(endpoint))
}

/// Send there no more, and forget what was sent.
#[utoipa::path(tag = "webhooks", operation_id = "delete_webhook_endpoint", params(("id" = Uuid, Path)), responses(
    (status = 204),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[delete("/v1/webhook-endpoints/{id}")]
pub async fn delete_webhook_endpoint(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
) -> ApiResult<HttpResponse> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let was_there = queries::delete(&mut tx, user.person_id, *id).await?;
    tx.commit().await?;
    if was_there { Ok(HttpResponse::NoContent().finish()) } else { Err(ApiError::NotFound) }
}

/// A new secret, shown this once. For 24 hours both sign, each with a signature of its own, so that a receiver can change
/// without losing anything. Asked for again within that time the one before ends at once.
#[utoipa::path(tag = "webhooks", operation_id = "replace_webhook_secret", params(("id" = Uuid, Path)), responses(
    (status = 200, body = WebhookEndpoint, description = "With its new `secret`."),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/webhook-endpoints/{id}/secret")]
pub async fn replace_webhook_secret(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
) -> ApiResult<HttpResponse> {
    let now = app.clock.now();
    let fresh = secret::fresh(app.auth.master(), *id)?;
    let mut tx = app.db.begin_as(user.actor()).await?;
    queries::lock(&mut tx, user.person_id, *id, now).await?;
    secret_queries::end_current(&mut tx, user.person_id, *id, now + BOTH_SIGN).await?;
    secret_queries::add(&mut tx, user.person_id, *id, &fresh.sealed, now).await?;
    let endpoint = queries::get(&mut tx, user.person_id, *id, now).await?;
    tx.commit().await?;
    let endpoint = WebhookEndpoint { secret: Some(fresh.shown), ..endpoint };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(endpoint))
}

/// A key has nothing sent that it may not read. No types: all of them.
fn may_have_sent(user: &CurrentUser, types: &[WebhookEventType]) -> ApiResult<()> {
    let Some(key) = user.key else { return Ok(()) };
    let types = if types.is_empty() { &WebhookEventType::ALL[..] } else { types };
    let mut needed = types.iter().filter_map(|kind| kind.scope());
    match needed.find(|scope| !key.scopes.has(*scope)) {
        None => Ok(()),
        Some(scope) => Err(ApiError::ScopeMissing { needed: Some(scope) }),
    }
}

/// As it is sent to from then on.
async fn parse_url(app: &App, text: &str, violations: &mut Vec<Violation>) -> String {
    let mut wrong = |code| violations.push(Violation::new("/url", code));
    let text = text.trim();
    if text.is_empty() {
        wrong(ViolationCode::Required);
    } else if text.len() > WEBHOOK_URL_MAX {
        wrong(ViolationCode::TooLong);
    } else {
        let judged = match Url::parse(text) {
            Ok(url) => judge(app, &url).await.map(|()| url),
            Err(_) => Err(ViolationCode::NotHttps),
        };
        match judged {
            // A fragment is for browsers.
            Ok(mut url) => {
                url.set_fragment(None);
                // Written out it may be longer than it came.
                match url.as_str().len() > WEBHOOK_URL_MAX {
                    false => return url.into(),
                    true => wrong(ViolationCode::TooLong),
                }
            }
            Err(code) => wrong(code),
        }
    }
    String::new()
}

async fn judge(app: &App, url: &Url) -> Result<(), ViolationCode> {
    let done = match app.webhooks.check(url) {
        Ok(()) => app.webhooks.resolves(url).await,
        refused => refused,
    };
    done.map_err(|error| match error {
        FetchError::NotReachable(_) => ViolationCode::NotPublic,
        FetchError::Scheme | FetchError::Status(_) | FetchError::TooLarge(_) | FetchError::Http(_) => {
            ViolationCode::NotHttps
        }
    })
}

fn parse_description(text: &str, violations: &mut Vec<Violation>) -> String {
    let text = text.trim();
    if !text.is_empty() {
        attribute::check(text, WEBHOOK_DESCRIPTION_MAX, "/description".into(), violations);
    }
    text.to_owned()
}

fn parse_types(types: Vec<WebhookEventType>, violations: &mut Vec<Violation>) -> Vec<WebhookEventType> {
    for (index, kind) in types.iter().enumerate() {
        if types.iter().take(index).any(|earlier| earlier == kind) {
            violations.push(Violation::new(format!("/event_types/{index}"), ViolationCode::Duplicate));
        }
    }
    types
}
