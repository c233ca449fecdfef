//! Routes of uploads. What comes in is a file as it is, the body of the request; what goes out are links.
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use lapidary_contract::{List, Problem, Reference};
use serde::Deserialize;
use uuid::Uuid;

use super::upload::Stay;
use super::{discard, queries, receive, upload};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::ApiResult;
use crate::http::paging::{self, Listed, PageQuery};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UploadPurpose {
    /// A picture to make others from: PNG, WebP or JPEG, less than 50 MB.
    #[default]
    Reference,
    /// What is transparent in it may change: a PNG of less than 4 MB. The newest 100 are kept.
    Mask,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UploadQuery {
    /// `reference` when absent.
    #[serde(default)]
    #[param(inline)]
    purpose: UploadPurpose,
}

/// Upload a picture to make others from: the file itself is the body.
///
/// At most 50 megapixels and 16,384 pixels an edge. It is written anew, turned as it is seen, without EXIF, places, comments
/// and everything else that is not the picture. The same file again is the same reference.
#[utoipa::path(tag = "images", operation_id = "create_reference", params(UploadQuery),
    request_body(content(("image/png"), ("image/webp"), ("image/jpeg")), description = "The file."),
    responses(
        (status = 201, body = Reference, headers(("Location" = String))),
        (status = 200, body = Reference, description = "You have uploaded this file before."),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/references")]
pub async fn create_reference(
    app: web::Data<App>,
    user: CurrentUser,
    query: web::Query<UploadQuery>,
    request: HttpRequest,
    payload: web::Payload,
) -> ApiResult<HttpResponse> {
    let is_mask = query.purpose == UploadPurpose::Mask;
    let received = receive::receive(&app, &request, payload, is_mask).await?;
    let stay = if is_mask { Stay::Mask } else { Stay::Kept };
    let uploaded = upload::keep(&app, &user, received, stay).await?;
    let mut answer = if uploaded.is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(answer
        .insert_header((header::LOCATION, format!("/v1/references/{}", uploaded.reference.id)))
        .json(uploaded.reference))
}

/// Your uploads, newest first, without masks.
#[utoipa::path(tag = "images", operation_id = "list_references", params(PageQuery), responses(
    (status = 200, body = List<Reference>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/references")]
pub async fn list_references(
    app: web::Data<App>,
    user: CurrentUser,
    page: web::Query<PageQuery>,
) -> ApiResult<Listed<Reference>> {
    let (limit, from) = (page.limit()?, page.keyset()?);
    let mut tx = app.db.begin_as(user.actor()).await?;
    let rows = queries::list(&mut tx, user.person_id, from, limit + 1).await?;
    tx.commit().await?;
    let mut references = Vec::with_capacity(rows.len());
    for row in rows {
        references.push(row.shown(&app.store).await?);
    }
    Ok(paging::list(references, limit, |reference| (reference.created_at, reference.id)))
}

/// One upload, also a mask.
#[utoipa::path(tag = "images", operation_id = "get_reference", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Reference), (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/references/{id}")]
pub async fn get_reference(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
) -> ApiResult<web::Json<Reference>> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let row = queries::get(&mut tx, user.person_id, *id).await?;
    tx.commit().await?;
    Ok(web::Json(row.shown(&app.store).await?))
}

/// Delete an upload. What was made from it stays.
#[utoipa::path(tag = "images", operation_id = "delete_reference", params(("id" = Uuid, Path)), responses(
    (status = 204, description = "It is gone."), (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[delete("/v1/references/{id}")]
pub async fn delete_reference(app: web::Data<App>, user: CurrentUser, id: web::Path<Uuid>) -> ApiResult<HttpResponse> {
    discard::discard(&app, &user, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}
