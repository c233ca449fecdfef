//! Routes of generations.
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use lapidary_contract::{Availability, CreateGeneration, Generation, List, Problem};
use uuid::Uuid;

use super::{cancel, estimate, queries, submit};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::catalogue::deprecation;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{IdempotencyKey, Json};
use crate::http::paging::{self, Listed, PageQuery};
use crate::http::request_log::RequestId;
use crate::telemetry;

/// Ask for images. Their gems are held now and taken only for what is stored.
#[utoipa::path(tag = "generations", operation_id = "create_generation", request_body = CreateGeneration,
    params(("Idempotency-Key" = String, Header, example = "my-first-picture", description = "Yours, up to 255 characters; the same key is the same request for as long as the generation exists.")),
    responses(
        (status = 202, body = Generation, description = "Queued, or the earlier request with this key as it is now.",
            headers(("Location" = String), ("Gems-Cost" = i64, description = "Gems held."), ("Gems-Remaining" = i64),
                ("Deprecation" = String, description = "`@` and the second since when the model you named is on its way out."),
                ("Sunset" = String, description = "When it ends: from then on its replacement answers."))),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 402, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/generations")]
pub async fn create_generation(
    app: web::Data<App>,
    user: CurrentUser,
    key: IdempotencyKey,
    request_id: RequestId,
    request: HttpRequest,
    body: Json<CreateGeneration>,
) -> ApiResult<HttpResponse> {
    let traceparent = telemetry::traceparent(request.headers());
    let origin = submit::Origin { request_id: &request_id.0, traceparent: traceparent.as_deref(), call: None };
    let submitted = submit::submit(&app, &user, &key.0, origin, &body.0).await?;
    let mut answer = HttpResponse::Accepted();
    if let Some(standing) = submitted.standing {
        standing.say_first(&mut answer);
    }
    let mut answer = answer
        .insert_header((header::LOCATION, format!("/v1/generations/{}", submitted.generation.id)))
        .insert_header(("Gems-Cost", submitted.generation.price_gems))
        .insert_header(("Gems-Remaining", submitted.gems.remaining))
        .json(submitted.generation);
    deprecation::say(&mut answer, &app.catalogue, body.0.model.as_deref(), app.clock.today());
    Ok(answer)
}

/// Your generations, newest first.
#[utoipa::path(tag = "generations", operation_id = "list_generations", params(PageQuery), responses(
    (status = 200, body = List<Generation>), (status = 401, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/generations")]
pub async fn list_generations(
    app: web::Data<App>,
    user: CurrentUser,
    page: web::Query<PageQuery>,
) -> ApiResult<Listed<Generation>> {
    let (limit, from) = (page.limit()?, page.keyset()?);
    let mut tx = app.db.begin_as(user.actor()).await?;
    let mut rows = queries::list(&mut tx, &app, user.person_id, from, limit + 1).await?;
    tx.commit().await?;
    estimate::fill(&app, user.person_id, rows.iter_mut().collect()).await?;
    Ok(paging::list(rows, limit, |row| (row.created_at, row.id)))
}

/// One generation as it is now.
#[utoipa::path(tag = "generations", operation_id = "get_generation", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Generation), (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/generations/{id}")]
pub async fn get_generation(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
) -> ApiResult<web::Json<Generation>> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let found = queries::get(&mut tx, &app, user.person_id, *id).await?;
    tx.commit().await?;
    let mut generation = found.ok_or(ApiError::NotFound)?;
    estimate::fill(&app, user.person_id, vec![&mut generation]).await?;
    Ok(web::Json(generation))
}

/// Stop it. What is stored by then is kept and taken, the rest goes back.
#[utoipa::path(tag = "generations", operation_id = "cancel_generation", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Generation), (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/generations/{id}/cancel")]
pub async fn cancel_generation(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
) -> ApiResult<web::Json<Generation>> {
    Ok(web::Json(cancel::cancel(&app, &user, *id).await?))
}

/// What does not work at the moment although we do. Needs no sign-in; live streams say every change.
#[utoipa::path(tag = "catalogue", operation_id = "get_status", security(()), responses((status = 200, body = Availability)))]
#[get("/v1/status")]
pub async fn get_status(app: web::Data<App>) -> HttpResponse {
    let status = app.providers.status().borrow().clone();
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(status)
}
