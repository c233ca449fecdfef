//! Routes of what was sent: the log, a test, and sending once more.
use actix_web::{HttpResponse, get, post, web};
use lapidary_contract::{List, Problem, WebhookDelivery, WebhookStatus};
use uuid::Uuid;

use super::{delivery_queries as deliveries, queries};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::{ApiError, ApiResult};
use crate::http::paging::{self, Listed, PageQuery};

const OFF: ApiError = ApiError::IllegalTransition("This endpoint is switched off: switch it on first.");

/// Send a `webhook.test` there, whatever types it wants. Ten tests and resends a minute, to all of your endpoints together.
#[utoipa::path(tag = "webhooks", operation_id = "test_webhook_endpoint", params(("id" = Uuid, Path)), responses(
    (status = 202, body = WebhookDelivery),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/webhook-endpoints/{id}/test")]
pub async fn test_webhook_endpoint(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
) -> ApiResult<HttpResponse> {
    let now = app.clock.now();
    let mut tx = app.db.begin_as(user.actor()).await?;
    if queries::lock(&mut tx, user.person_id, *id, now).await?.status == WebhookStatus::Disabled {
        return Err(OFF);
    }
    app.limits.send_by_hand(user.person_id)?;
    let delivery_id = Uuid::now_v7();
    deliveries::add_test(&mut tx, user.person_id, *id, delivery_id, now).await?;
    let delivery = deliveries::get(&mut tx, user.person_id, *id, delivery_id).await?;
    tx.commit().await?;
    Ok(HttpResponse::Accepted().json(delivery))
}

/// What was sent there in the last 30 days, newest first, with every attempt. Neither the message nor the receiver's answer
/// is kept beyond its status.
#[utoipa::path(tag = "webhooks", operation_id = "list_webhook_deliveries", params(("id" = Uuid, Path), PageQuery), responses(
    (status = 200, body = List<WebhookDelivery>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/webhook-endpoints/{id}/deliveries")]
pub async fn list_webhook_deliveries(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
    page: web::Query<PageQuery>,
) -> ApiResult<Listed<WebhookDelivery>> {
    let (limit, from) = (page.limit()?, page.keyset()?);
    let mut tx = app.db.begin_as(user.actor()).await?;
    queries::get(&mut tx, user.person_id, *id, app.clock.now()).await?;
    let rows = deliveries::list(&mut tx, user.person_id, *id, from, limit + 1).await?;
    tx.commit().await?;
    Ok(paging::list(rows, limit, |delivery| (delivery.created_at, delivery.id)))
}

/// One of them. Its id is the `webhook-id` that the receiver saw.
#[utoipa::path(tag = "webhooks", operation_id = "get_webhook_delivery",
    params(("id" = Uuid, Path), ("delivery_id" = Uuid, Path)), responses(
    (status = 200, body = WebhookDelivery),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/webhook-endpoints/{id}/deliveries/{delivery_id}")]
pub async fn get_webhook_delivery(
    app: web::Data<App>,
    user: CurrentUser,
    path: web::Path<(Uuid, Uuid)>,
) -> ApiResult<web::Json<WebhookDelivery>> {
    let (id, delivery_id) = path.into_inner();
    let mut tx = app.db.begin_as(user.actor()).await?;
    let delivery = deliveries::get(&mut tx, user.person_id, id, delivery_id).await?;
    tx.commit().await?;
    Ok(web::Json(delivery))
}

/// Send it once more, whatever became of it: the same bytes under the same `webhook-id`, at once and then as if it were new.
///
/// Ten tests and resends a minute, to all of your endpoints together.
#[utoipa::path(tag = "webhooks", operation_id = "resend_webhook_delivery",
    params(("id" = Uuid, Path), ("delivery_id" = Uuid, Path)), responses(
    (status = 202, body = WebhookDelivery),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/webhook-endpoints/{id}/deliveries/{delivery_id}/resend")]
pub async fn resend_webhook_delivery(
    app: web::Data<App>,
    user: CurrentUser,
    path: web::Path<(Uuid, Uuid)>,
) -> ApiResult<HttpResponse> {
    let ((id, delivery_id), now) = (path.into_inner(), app.clock.now());
    let mut tx = app.db.begin_as(user.actor()).await?;
    if queries::lock(&mut tx, user.person_id, id, now).await?.status == WebhookStatus::Disabled {
        return Err(OFF);
    }
    deliveries::again(&mut tx, user.person_id, id, delivery_id, now).await?;
    let delivery = deliveries::get(&mut tx, user.person_id, id, delivery_id).await?;
    app.limits.send_by_hand(user.person_id)?;
    tx.commit().await?;
    Ok(HttpResponse::Accepted().json(delivery))
}
