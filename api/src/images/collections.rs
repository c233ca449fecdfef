//! Collections: images that a person groups under a name. An image may stand in many; deleting one deletes no image.
use actix_web::{HttpResponse, delete, get, patch, post, web};
use lapidary_contract::domain::limits::{BULK_MAX, COLLECTIONS_MAX};
use lapidary_contract::domain::{Violation, ViolationCode, parse_title};
use lapidary_contract::{ChangedImages, Collection, CollectionImages, List, NameCollection, Problem};
use uuid::Uuid;

use super::collection_queries as queries;
use crate::app::App;
use crate::auth::CurrentUser;
use crate::gems;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::Json;

/// All your collections, by name.
#[utoipa::path(tag = "images", operation_id = "list_collections", responses(
    (status = 200, body = List<Collection>),
    (status = 401, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/collections")]
pub async fn list_collections(app: web::Data<App>, user: CurrentUser) -> ApiResult<web::Json<List<Collection>>> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let rows = queries::list(&mut tx, user.person_id, None).await?;
    tx.commit().await?;
    let mut data = Vec::with_capacity(rows.len());
    for row in rows {
        data.push(shown(&app, row).await?);
    }
    Ok(web::Json(List { data, next_cursor: None }))
}

/// Make a collection. You can have 500; a name that is taken, in any case of letters, is a 422 at `/name`.
#[utoipa::path(tag = "images", operation_id = "create_collection", request_body = NameCollection, responses(
    (status = 201, body = Collection),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/collections")]
pub async fn create_collection(
    app: web::Data<App>,
    user: CurrentUser,
    body: Json<NameCollection>,
) -> ApiResult<HttpResponse> {
    let name = parse_title(&body.0.name, "/name").map_err(|wrong| vec![wrong])?;
    let now = app.clock.now();
    let mut tx = app.db.begin_as(user.actor()).await?;
    gems::queries::take_turns(&mut tx, user.account_id).await?;
    if queries::count(&mut tx, user.person_id).await? >= COLLECTIONS_MAX {
        return Err(vec![Violation::new("", ViolationCode::TooMany)].into());
    }
    let id = Uuid::now_v7();
    if !queries::add(&mut tx, user.person_id, id, &name, now).await? {
        return Err(taken());
    }
    tx.commit().await?;
    let made = Collection { id, name, image_count: 0, cover_url: None, cover_thumbhash: None, created_at: now };
    Ok(HttpResponse::Created().json(made))
}

/// Give it another name.
#[utoipa::path(tag = "images", operation_id = "rename_collection", params(("id" = Uuid, Path)),
    request_body = NameCollection, responses(
    (status = 200, body = Collection),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[patch("/v1/collections/{id}")]
pub async fn rename_collection(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
    body: Json<NameCollection>,
) -> ApiResult<web::Json<Collection>> {
    let name = parse_title(&body.0.name, "/name").map_err(|wrong| vec![wrong])?;
    let mut tx = app.db.begin_as(user.actor()).await?;
    if !queries::rename(&mut tx, user.person_id, *id, &name).await? {
        return Err(taken());
    }
    let row = queries::list(&mut tx, user.person_id, Some(*id)).await?.pop().ok_or(ApiError::NotFound)?;
    tx.commit().await?;
    Ok(web::Json(shown(&app, row).await?))
}

/// Delete the collection; its images stay in the gallery.
#[utoipa::path(tag = "images", operation_id = "delete_collection", params(("id" = Uuid, Path)), responses(
    (status = 204, description = "It is gone; no image is."),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[delete("/v1/collections/{id}")]
pub async fn delete_collection(app: web::Data<App>, user: CurrentUser, id: web::Path<Uuid>) -> ApiResult<HttpResponse> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let is_gone = queries::remove(&mut tx, user.person_id, *id).await?;
    tx.commit().await?;
    if is_gone { Ok(HttpResponse::NoContent().finish()) } else { Err(ApiError::NotFound) }
}

/// Put images into it. What is in the trash, not yours, or in it already is passed over and not counted.
#[utoipa::path(tag = "images", operation_id = "add_collection_images", params(("id" = Uuid, Path)),
    request_body = CollectionImages, responses(
    (status = 200, body = ChangedImages),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/collections/{id}/images")]
pub async fn add_collection_images(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
    body: Json<CollectionImages>,
) -> ApiResult<web::Json<ChangedImages>> {
    let images = bounded(&body.0.image_ids)?;
    let mut tx = app.db.begin_as(user.actor()).await?;
    queries::lock(&mut tx, user.person_id, *id).await?;
    let changed = queries::add_images(&mut tx, user.person_id, *id, images, app.clock.now()).await?;
    tx.commit().await?;
    Ok(web::Json(ChangedImages { changed }))
}

/// Take images out of it; they stay in the gallery.
#[utoipa::path(tag = "images", operation_id = "remove_collection_images", params(("id" = Uuid, Path)),
    request_body = CollectionImages, responses(
    (status = 200, body = ChangedImages),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[delete("/v1/collections/{id}/images")]
pub async fn remove_collection_images(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
    body: Json<CollectionImages>,
) -> ApiResult<web::Json<ChangedImages>> {
    let images = bounded(&body.0.image_ids)?;
    let mut tx = app.db.begin_as(user.actor()).await?;
    queries::lock(&mut tx, user.person_id, *id).await?;
    let changed = queries::remove_images(&mut tx, user.person_id, *id, images).await?;
    tx.commit().await?;
    Ok(web::Json(ChangedImages { changed }))
}

fn bounded(images: &[Uuid]) -> ApiResult<&[Uuid]> {
    let code = match images.len() {
        0 => ViolationCode::Required,
        count if count > BULK_MAX => ViolationCode::TooMany,
        _ => return Ok(images),
    };
    Err(vec![Violation::new("/image_ids", code)].into())
}

fn taken() -> ApiError {
    vec![Violation::new("/name", ViolationCode::Duplicate)].into()
}

async fn shown(app: &App, row: queries::Row) -> ApiResult<Collection> {
    let cover_url = match &row.cover {
        Some(cover) => Some(app.store.presigned(&cover.thumbnail()).await?.url),
        None => None,
    };
    Ok(Collection {
        id: row.id,
        name: row.name,
        image_count: row.image_count,
        cover_url,
        cover_thumbhash: row.cover_thumbhash,
        created_at: row.created_at,
    })
}
