//! Routes of archives. A zip comes from the storage by a presigned link, never through here.
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use lapidary_contract::domain::limits::ARCHIVE_IMAGES_MAX;
use lapidary_contract::domain::{Violation, ViolationCode};
use lapidary_contract::{CreateImageArchive, ImageArchive, List, Problem};
use sqlx::PgConnection;
use uuid::Uuid;

use super::ask::ask;
use super::kind::Kind;
use super::queries::{self, NewArchive};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::ApiResult;
use crate::http::extract::{IdempotencyKey, Json, fingerprint};
use crate::http::paging::{self, Listed, PageQuery};
use crate::http::request_log::RequestId;

/// Archives of one person that may wait or be made.
const UNFINISHED_MAX: i64 = 5;

/// Ask for a zip of up to 10,000 images with a manifest, by their ids or by a collection.
///
/// It is made by a job: read it again, or hear of it from `GET /v1/events`. Images that are not yours or in the trash are
/// left out. Five may be unfinished at a time.
#[utoipa::path(tag = "images", operation_id = "create_image_archive", request_body = CreateImageArchive,
    params(("Idempotency-Key" = Option<String>, Header, description = "Your own; asked again with it, you get the same archive.")),
    responses(
        (status = 202, body = ImageArchive, description = "Queued, or the earlier one with this key as it is now.",
            headers(("Location" = String))),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/image-archives")]
pub async fn create_image_archive(
    app: web::Data<App>,
    user: CurrentUser,
    request: HttpRequest,
    request_id: RequestId,
    body: Json<CreateImageArchive>,
) -> ApiResult<HttpResponse> {
    let key = IdempotencyKey::if_given(&request)?.map(|key| key.0);
    let new = NewArchive {
        id: Uuid::now_v7(),
        kind: Kind::Images,
        key: key.as_deref(),
        fingerprint: &fingerprint(&body.0)?,
        request_id: &request_id.0,
        now: app.clock.now(),
    };
    let mut tx = app.db.begin_as(user.actor()).await?;
    let images = async |conn: &mut PgConnection| asked_for(conn, &user, &body.0).await;
    let id = ask(&mut tx, user.person_id, &new, UNFINISHED_MAX, images).await?;
    let archive = queries::get(&mut tx, &app.store, user.person_id, Kind::Images, id).await?;
    tx.commit().await?;
    app.live.nudge(user.person_id);
    let location = format!("/v1/image-archives/{id}");
    Ok(HttpResponse::Accepted().insert_header((header::LOCATION, location)).json(archive))
}

async fn asked_for(conn: &mut PgConnection, user: &CurrentUser, body: &CreateImageArchive) -> ApiResult<Vec<Uuid>> {
    let violation = |pointer: &str, code| Err(vec![Violation::new(pointer, code)].into());
    let limit = i64::try_from(ARCHIVE_IMAGES_MAX).unwrap_or(i64::MAX);
    let (pointer, ids) = match (&body.image_ids, body.collection_id) {
        (Some(ids), None) if ids.len() > ARCHIVE_IMAGES_MAX => return violation("/image_ids", ViolationCode::TooMany),
        (Some(ids), None) => ("/image_ids", queries::known_images(conn, user.person_id, ids).await?),
        (None, Some(id)) => {
            ("/collection_id", queries::images_of_collection(conn, user.person_id, id, limit + 1).await?)
        }
        (None, None) => return violation("/image_ids", ViolationCode::Required),
        (Some(_), Some(_)) => return violation("/collection_id", ViolationCode::Duplicate),
    };
    match ids.len() {
        0 => violation(pointer, ViolationCode::Required),
        1..=ARCHIVE_IMAGES_MAX => Ok(ids),
        _ => violation(pointer, ViolationCode::TooMany),
    }
}

/// Your archives, newest first; those that are gone too, for 30 days.
#[utoipa::path(tag = "images", operation_id = "list_image_archives", params(PageQuery), responses(
    (status = 200, body = List<ImageArchive>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/image-archives")]
pub async fn list_image_archives(
    app: web::Data<App>,
    user: CurrentUser,
    page: web::Query<PageQuery>,
) -> ApiResult<Listed<ImageArchive>> {
    let (limit, from) = (page.limit()?, page.keyset()?);
    let mut tx = app.db.begin_as(user.actor()).await?;
    let archives = queries::list(&mut tx, &app.store, user.person_id, Kind::Images, from, limit + 1).await?;
    tx.commit().await?;
    Ok(paging::list(archives, limit, |archive| (archive.created_at, archive.id)))
}

/// One archive; its link is there while it is ready, and fresh at each reading.
#[utoipa::path(tag = "images", operation_id = "get_image_archive", params(("id" = Uuid, Path)), responses(
    (status = 200, body = ImageArchive),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/image-archives/{id}")]
pub async fn get_image_archive(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
) -> ApiResult<web::Json<ImageArchive>> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let archive = queries::get(&mut tx, &app.store, user.person_id, Kind::Images, *id).await?;
    tx.commit().await?;
    Ok(web::Json(archive))
}

/// Stop making it, or throw the zip away. The images stay.
#[utoipa::path(tag = "images", operation_id = "delete_image_archive", params(("id" = Uuid, Path)), responses(
    (status = 204, description = "It is gone, now or already."),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[delete("/v1/image-archives/{id}")]
pub async fn delete_image_archive(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
) -> ApiResult<HttpResponse> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let is_first = queries::delete(&mut tx, user.person_id, Kind::Images, *id, app.clock.now()).await?;
    if !is_first {
        queries::get(&mut tx, &app.store, user.person_id, Kind::Images, *id).await?;
    }
    tx.commit().await?;
    if is_first {
        app.live.nudge(user.person_id);
    }
    Ok(HttpResponse::NoContent().finish())
}
