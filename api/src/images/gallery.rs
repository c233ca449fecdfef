//! Routes of the gallery as a whole: what is in it, how it is cut into blocks, what stands beside an image, and one change to
//! many images.
use actix_web::{HttpRequest, get, post, web};
use chrono::TimeDelta;
use lapidary_contract::domain::limits::{BULK_MAX, TRASH_DAYS};
use lapidary_contract::domain::{Violation, ViolationCode};
use lapidary_contract::{ChangeImages, ChangedImages, ImageBlocks, ImageFacets, ImageNeighbours, Problem};
use uuid::Uuid;

use super::filter::{self, FilterQuery};
use super::gallery_queries as queries;
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::ApiResult;
use crate::http::extract::Json;

/// What stands in the images that are asked for, counted.
///
/// At most 60 sections with 100 values each, the most used of them.
#[utoipa::path(tag = "images", operation_id = "get_image_facets", params(FilterQuery), responses(
    (status = 200, body = ImageFacets),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/images/facets")]
pub async fn get_image_facets(
    app: web::Data<App>,
    user: CurrentUser,
    request: HttpRequest,
) -> ApiResult<web::Json<ImageFacets>> {
    let filter = filter::read(request.query_string())?;
    let mut tx = app.db.begin_as(user.actor()).await?;
    let facets = queries::facets(&mut tx, user.person_id, &filter).await?;
    tx.commit().await?;
    Ok(web::Json(facets))
}

/// The whole list that is asked for, cut at each hundred.
///
/// In the trash, times are those at which images came there.
#[utoipa::path(tag = "images", operation_id = "get_image_blocks", params(FilterQuery), responses(
    (status = 200, body = ImageBlocks),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/images/blocks")]
pub async fn get_image_blocks(
    app: web::Data<App>,
    user: CurrentUser,
    request: HttpRequest,
) -> ApiResult<web::Json<ImageBlocks>> {
    let filter = filter::read(request.query_string())?;
    let mut tx = app.db.begin_as(user.actor()).await?;
    let blocks = queries::blocks(&mut tx, user.person_id, &filter).await?;
    tx.commit().await?;
    Ok(web::Json(blocks))
}

/// The images on either side of one in the list that is asked for.
#[utoipa::path(tag = "images", operation_id = "get_image_neighbours", params(("id" = Uuid, Path), FilterQuery), responses(
    (status = 200, body = ImageNeighbours),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/images/{id}/neighbours")]
pub async fn get_image_neighbours(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
    request: HttpRequest,
) -> ApiResult<web::Json<ImageNeighbours>> {
    let filter = filter::read(request.query_string())?;
    let mut tx = app.db.begin_as(user.actor()).await?;
    let neighbours = queries::neighbours(&mut tx, user.person_id, &filter, *id).await?;
    tx.commit().await?;
    Ok(web::Json(neighbours))
}

/// One change to up to 500 images. Those that are not yours, or are so already, are passed over.
///
/// Live streams say `image_changed` of each of a few, and `reset` once where there are more than 20.
#[utoipa::path(tag = "images", operation_id = "change_images", request_body = ChangeImages, responses(
    (status = 200, body = ChangedImages),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/images/bulk")]
pub async fn change_images(
    app: web::Data<App>,
    user: CurrentUser,
    body: Json<ChangeImages>,
) -> ApiResult<web::Json<ChangedImages>> {
    let ChangeImages { action, image_ids } = body.0;
    let violation = |code| Err(vec![Violation::new("/image_ids", code)].into());
    match image_ids.len() {
        0 => return violation(ViolationCode::Required),
        1..=BULK_MAX => {}
        _ => return violation(ViolationCode::TooMany),
    }
    let now = app.clock.now();
    let erased_before = now - TimeDelta::days(TRASH_DAYS);
    let mut tx = app.db.begin_as(user.actor()).await?;
    let changed = queries::change(&mut tx, user.person_id, action, &image_ids, now, erased_before).await?;
    tx.commit().await?;
    if changed > 0 {
        app.live.nudge(user.person_id);
    }
    Ok(web::Json(ChangedImages { changed }))
}
