//! `GET /v1/catalogue` and `POST /v1/quotes`: no sign-in, no database.
use actix_web::{HttpResponse, get, post, web};
use lapidary_contract::domain::GenerationSpec;
use lapidary_contract::{CatalogueBody, CreateGeneration, Problem, Quote};

use super::deprecation;
use crate::app::App;
use crate::http::error::ApiResult;
use crate::http::extract::Json;

/// Models, prices and built-in attributes.
#[utoipa::path(tag = "catalogue", operation_id = "get_catalogue", security(()), responses((status = 200, body = CatalogueBody)))]
#[get("/v1/catalogue")]
pub async fn get_catalogue(app: web::Data<App>) -> web::Json<CatalogueBody> {
    web::Json(CatalogueBody::new(&app.catalogue, app.clock.today()))
}

/// What a generation would cost and what the model would read. Same rules as asking for it; nothing is held.
#[utoipa::path(tag = "catalogue", operation_id = "create_quote", security(()), request_body = CreateGeneration, responses(
    (status = 200, body = Quote, headers(
        ("Deprecation" = String, description = "`@` and the second since when the model you named is on its way out."),
        ("Sunset" = String, description = "When it ends: from then on its replacement answers."))),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/quotes")]
pub async fn create_quote(app: web::Data<App>, body: Json<CreateGeneration>) -> ApiResult<HttpResponse> {
    let today = app.clock.today();
    let spec = GenerationSpec::parse(&body.0.input(), &app.catalogue, today)?;
    let mut answer = HttpResponse::Ok().json(Quote {
        price_gems: spec.price_gems(),
        composed_prompt: spec.composed_prompt,
        model: spec.model,
        size: spec.size.to_string(),
        quality: spec.quality,
        count: spec.count,
    });
    deprecation::say(&mut answer, &app.catalogue, body.0.model.as_deref(), today);
    Ok(answer)
}
