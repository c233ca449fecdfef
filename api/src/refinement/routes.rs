//! Routes of refinements.
use actix_web::{HttpResponse, get, post, web};
use lapidary_contract::{CreateRefinement, Problem, Refinement};
use uuid::Uuid;

use super::{queries, suggest};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{IdempotencyKey, Json};
use crate::http::request_log::RequestId;

/// Ask a language model for three new sections of ten attributes. Answers within a minute; a refinement that failed cost
/// nothing, whatever the reason.
#[utoipa::path(tag = "generations", operation_id = "create_refinement", request_body = CreateRefinement,
    params(("Idempotency-Key" = String, Header, example = "my-first-refinement", description = "Yours, up to 255 characters; the same key is the same request for as long as the refinement exists.")),
    responses(
        (status = 200, body = Refinement, description = "Succeeded or failed; or the earlier request with this key as it is now, which may still be running.",
            headers(("Gems-Cost" = i64, description = "Gems taken, or held while it runs."), ("Gems-Remaining" = i64))),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 402, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/refinements")]
pub async fn create_refinement(
    app: web::Data<App>,
    user: CurrentUser,
    key: IdempotencyKey,
    request_id: RequestId,
    body: Json<CreateRefinement>,
) -> ApiResult<HttpResponse> {
    let suggested = suggest::suggest(&app.into_inner(), &user, &key.0, &request_id.0, &body.0).await?;
    let cost = match suggested.refinement.finished_at {
        Some(_) => suggested.refinement.captured_gems,
        None => suggested.refinement.price_gems,
    };
    let mut answer = HttpResponse::Ok();
    if let Some(standing) = suggested.standing {
        standing.say_first(&mut answer);
    }
    Ok(answer
        .insert_header(("Gems-Cost", cost))
        .insert_header(("Gems-Remaining", suggested.gems.remaining))
        .json(suggested.refinement))
}

/// One refinement as it is now.
#[utoipa::path(tag = "generations", operation_id = "get_refinement", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Refinement), (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/refinements/{id}")]
pub async fn get_refinement(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
) -> ApiResult<web::Json<Refinement>> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let found = queries::get(&mut tx, user.person_id, *id).await?;
    tx.commit().await?;
    found.map(web::Json).ok_or(ApiError::NotFound)
}
