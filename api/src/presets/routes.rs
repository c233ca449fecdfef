//! Routes of presets.
use actix_web::{HttpResponse, delete, get, patch, post, web};
use lapidary_contract::domain::limits::{PRESETS_MAX, TITLE_MAX};
use lapidary_contract::domain::{Attribute, Violation, ViolationCode, attribute};
use lapidary_contract::{CreatePreset, List, Preset, Problem, UpdatePreset};
use uuid::Uuid;

use super::queries::{self, Written};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::gems;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::Json;

/// Your presets by name, all of them.
#[utoipa::path(tag = "generations", operation_id = "list_presets", responses(
    (status = 200, body = List<Preset>), (status = 401, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/presets")]
pub async fn list_presets(app: web::Data<App>, user: CurrentUser) -> ApiResult<web::Json<List<Preset>>> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let data = queries::list(&mut tx, user.person_id).await?;
    tx.commit().await?;
    Ok(web::Json(List { data, next_cursor: None }))
}

/// Keep attributes under a name. You may have 200.
#[utoipa::path(tag = "generations", operation_id = "create_preset", request_body = CreatePreset, responses(
    (status = 201, body = Preset),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/presets")]
pub async fn create_preset(
    app: web::Data<App>,
    user: CurrentUser,
    body: Json<CreatePreset>,
) -> ApiResult<HttpResponse> {
    let mut violations = Vec::new();
    let name = parse_name(&body.0.name, &mut violations);
    let attributes = parse_attributes(&body.0.attributes, &mut violations);
    if !violations.is_empty() {
        return Err(violations.into());
    }
    let now = app.clock.now();
    let preset = Preset { id: Uuid::now_v7(), name, attributes, created_at: now, updated_at: now };
    let mut tx = app.db.begin_as(user.actor()).await?;
    gems::queries::take_turns(&mut tx, user.account_id).await?;
    if queries::count(&mut tx, user.person_id).await? >= PRESETS_MAX {
        return Err(vec![Violation::new("", ViolationCode::TooMany)].into());
    }
    if queries::add(&mut tx, user.person_id, &preset).await? == Written::NameTaken {
        return Err(name_taken());
    }
    tx.commit().await?;
    Ok(HttpResponse::Created().json(preset))
}

/// Rename a preset, or replace its attributes.
#[utoipa::path(tag = "generations", operation_id = "update_preset", params(("id" = Uuid, Path)),
    request_body = UpdatePreset, responses(
    (status = 200, body = Preset),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[patch("/v1/presets/{id}")]
pub async fn update_preset(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
    body: Json<UpdatePreset>,
) -> ApiResult<web::Json<Preset>> {
    let mut violations = Vec::new();
    let name = body.0.name.as_deref().map(|name| parse_name(name, &mut violations));
    let attributes = body.0.attributes.as_deref().map(|chosen| parse_attributes(chosen, &mut violations));
    if !violations.is_empty() {
        return Err(violations.into());
    }
    let mut tx = app.db.begin_as(user.actor()).await?;
    let mut preset = queries::lock(&mut tx, user.person_id, *id).await?.ok_or(ApiError::NotFound)?;
    preset.name = name.unwrap_or(preset.name);
    preset.attributes = attributes.unwrap_or(preset.attributes);
    preset.updated_at = app.clock.now();
    if queries::replace(&mut tx, user.person_id, &preset).await? == Written::NameTaken {
        return Err(name_taken());
    }
    tx.commit().await?;
    Ok(web::Json(preset))
}

/// Forget a preset. Nothing that was made with it changes.
#[utoipa::path(tag = "generations", operation_id = "delete_preset", params(("id" = Uuid, Path)), responses(
    (status = 204),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[delete("/v1/presets/{id}")]
pub async fn delete_preset(app: web::Data<App>, user: CurrentUser, id: web::Path<Uuid>) -> ApiResult<HttpResponse> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let was_there = queries::delete(&mut tx, user.person_id, *id).await?;
    tx.commit().await?;
    if was_there { Ok(HttpResponse::NoContent().finish()) } else { Err(ApiError::NotFound) }
}

fn name_taken() -> ApiError {
    vec![Violation::new("/name", ViolationCode::Duplicate)].into()
}

fn parse_name(name: &str, violations: &mut Vec<Violation>) -> String {
    let name = name.trim();
    attribute::check(name, TITLE_MAX, "/name".into(), violations);
    name.to_owned()
}

fn parse_attributes(attributes: &[Attribute], violations: &mut Vec<Violation>) -> Vec<Attribute> {
    if attributes.is_empty() {
        violations.push(Violation::new("/attributes", ViolationCode::Required));
    }
    attribute::parse(attributes, violations)
}
