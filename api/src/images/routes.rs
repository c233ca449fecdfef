//! Routes of images. Bytes come from the storage by presigned links, never through here.
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use chrono::TimeDelta;
use lapidary_contract::domain::limits::TRASH_DAYS;
use lapidary_contract::{DownloadUrl, Image, List, Problem, UpdateImage};
use serde::Deserialize;
use uuid::Uuid;

use super::filter::{self, FilterQuery};
use super::queries;
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::Json;
use crate::http::paging::{self, Listed, PageQuery};

/// Characters of the prompt that name a downloaded file.
const FILENAME_WORDS_MAX: usize = 60;

/// Your images, newest first, or those of them that are asked for: each filter that is given must hold.
#[utoipa::path(tag = "images", operation_id = "list_images", params(PageQuery, FilterQuery), responses(
    (status = 200, body = List<Image>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/images")]
pub async fn list_images(app: web::Data<App>, user: CurrentUser, request: HttpRequest) -> ApiResult<Listed<Image>> {
    let (filter, page) = filter::read_page(request.query_string())?;
    let (limit, from) = (page.limit()?, page.keyset()?);
    let mut tx = app.db.begin_as(user.actor()).await?;
    let images = queries::list(&mut tx, &app.store, user.person_id, &filter, from, limit + 1).await?;
    tx.commit().await?;
    let at = |image: &Image| image.deleted_at.filter(|_| filter.trash).unwrap_or(image.created_at);
    Ok(paging::list(images, limit, |image| (at(image), image.id)))
}

/// One image, also from the trash.
#[utoipa::path(tag = "images", operation_id = "get_image", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Image), (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/images/{id}")]
pub async fn get_image(app: web::Data<App>, user: CurrentUser, id: web::Path<Uuid>) -> ApiResult<web::Json<Image>> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let image = queries::get(&mut tx, &app.store, user.person_id, *id).await?;
    tx.commit().await?;
    Ok(web::Json(image))
}

/// Make it a favourite, or not.
#[utoipa::path(tag = "images", operation_id = "update_image", params(("id" = Uuid, Path)), request_body = UpdateImage,
    responses(
        (status = 200, body = Image), (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json")))]
#[patch("/v1/images/{id}")]
pub async fn update_image(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
    body: Json<UpdateImage>,
) -> ApiResult<web::Json<Image>> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let changed = match body.0.is_favourite {
        Some(is_favourite) => queries::set_favourite(&mut tx, user.person_id, *id, is_favourite).await?,
        None => false,
    };
    let image = queries::get(&mut tx, &app.store, user.person_id, *id).await?;
    tx.commit().await?;
    if changed {
        app.live.nudge(user.person_id);
    }
    Ok(web::Json(image))
}

/// Put it in the trash, where it stays for 30 days.
#[utoipa::path(tag = "images", operation_id = "delete_image", params(("id" = Uuid, Path)), responses(
    (status = 204, description = "It is in the trash, now or already."),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[delete("/v1/images/{id}")]
pub async fn delete_image(app: web::Data<App>, user: CurrentUser, id: web::Path<Uuid>) -> ApiResult<HttpResponse> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let changed = queries::discard(&mut tx, user.person_id, *id, app.clock.now()).await?;
    if !changed {
        queries::stored(&mut tx, user.person_id, *id).await?;
    }
    tx.commit().await?;
    if changed {
        app.live.nudge(user.person_id);
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Take it out of the trash.
#[utoipa::path(tag = "images", operation_id = "restore_image", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Image, description = "It is among your images, again or still."),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/images/{id}/restore")]
pub async fn restore_image(app: web::Data<App>, user: CurrentUser, id: web::Path<Uuid>) -> ApiResult<web::Json<Image>> {
    let erased_before = app.clock.now() - TimeDelta::days(TRASH_DAYS);
    let mut tx = app.db.begin_as(user.actor()).await?;
    let changed = queries::restore(&mut tx, user.person_id, *id, erased_before).await?;
    let image = queries::get(&mut tx, &app.store, user.person_id, *id).await?;
    tx.commit().await?;
    if image.deleted_at.is_some() {
        return Err(ApiError::IllegalTransition("Its 30 days in the trash are over: it is being erased."));
    }
    if changed {
        app.live.nudge(user.person_id);
    }
    Ok(web::Json(image))
}

/// The original, unaltered.
#[utoipa::path(tag = "images", operation_id = "get_image_content", params(("id" = Uuid, Path)), responses(
    (status = 303, description = "Where the bytes are.", headers(("Location" = String))),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/images/{id}/content")]
pub async fn get_image_content(app: web::Data<App>, user: CurrentUser, id: web::Path<Uuid>) -> ApiResult<HttpResponse> {
    let stored = stored(&app, &user, *id).await?;
    Ok(see_other(app.store.presigned(&stored.objects.original()).await?.url))
}

#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThumbnailSize {
    #[default]
    Thumbnail,
    Preview,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ThumbnailQuery {
    /// Longer edge at most 512 pixels, or 1,280 as `preview`.
    #[serde(default)]
    #[param(inline)]
    size: ThumbnailSize,
}

/// A small WebP of it.
#[utoipa::path(tag = "images", operation_id = "get_image_thumbnail", params(("id" = Uuid, Path), ThumbnailQuery), responses(
    (status = 303, description = "Where the bytes are.", headers(("Location" = String))),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/images/{id}/thumbnail")]
pub async fn get_image_thumbnail(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
    query: web::Query<ThumbnailQuery>,
) -> ApiResult<HttpResponse> {
    let objects = stored(&app, &user, *id).await?.objects;
    let key = match query.size {
        ThumbnailSize::Thumbnail => objects.thumbnail(),
        ThumbnailSize::Preview => objects.preview(),
    };
    Ok(see_other(app.store.presigned(&key).await?.url))
}

/// A link that saves the original, unaltered, under a name made of its prompt.
#[utoipa::path(tag = "images", operation_id = "get_image_download_url", params(("id" = Uuid, Path)), responses(
    (status = 200, body = DownloadUrl), (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/images/{id}/download-url")]
pub async fn get_image_download_url(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
) -> ApiResult<web::Json<DownloadUrl>> {
    let stored = stored(&app, &user, *id).await?;
    let filename = filename(&stored.prompt, *id, &stored.extension);
    let link = app.store.presigned_download(&stored.objects.original(), &filename, &stored.content_type).await?;
    Ok(web::Json(DownloadUrl { url: link.url, url_expires_at: link.expires_at }))
}

async fn stored(app: &App, user: &CurrentUser, id: Uuid) -> ApiResult<queries::Stored> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let stored = queries::stored(&mut tx, user.person_id, id).await?;
    tx.commit().await?;
    Ok(stored)
}

fn see_other(url: String) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, url))
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .finish()
}

/// Whole words of the prompt, and the end of the id, which is random.
pub fn filename(prompt: &str, id: Uuid, extension: &str) -> String {
    let mut words = String::new();
    for word in prompt.split_whitespace() {
        if words.chars().count() + word.chars().count() >= FILENAME_WORDS_MAX {
            break;
        }
        words.push_str(word);
        words.push(' ');
    }
    if words.is_empty() {
        words = prompt.chars().filter(|letter| !letter.is_whitespace()).take(FILENAME_WORDS_MAX).collect();
        words.push(' ');
    }
    let id = id.simple().to_string();
    let end = id.get(id.len() - 6..).unwrap_or_default();
    format!("{words}{end}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_downloaded_file_is_named_by_whole_words_in_any_script() {
        let id: Uuid = "0191b2c3-0000-7000-8000-0000000abcde".parse().expect("an id");
        assert_eq!(filename("A fox\n in  snow", id, "png"), "A fox in snow 0abcde.png");
        let long = filename(&"word ".repeat(100), id, "webp");
        assert!(long.ends_with("word 0abcde.webp") && long.len() < 80, "{long}");
        assert_eq!(filename(&"雪".repeat(100), id, "jpg"), format!("{} 0abcde.jpg", "雪".repeat(60)));
    }
}
