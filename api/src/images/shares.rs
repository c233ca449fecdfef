//! Share links: whoever has one sees one image, and nothing else of its person, until it is revoked or expires.
//! A token is found by its hash; the sealed one beside it lets its person copy the link again.
use actix_web::http::header;
use actix_web::{HttpResponse, delete, get, post, web};
use lapidary_contract::domain::limits::SHARE_LINKS_MAX;
use lapidary_contract::domain::{Violation, ViolationCode};
use lapidary_contract::{CreateShareLink, List, Problem, ShareLink, SharedImage};
use uuid::Uuid;

use super::share_queries::{self as queries, NewShareLink};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::auth::secret::{MasterKey, hash, is_secret, random_secret};
use crate::db::Db;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::Json;

/// Rows of one round.
const PIECE: i64 = 500;

/// Make a link by which anyone sees this image. Up to 20 links of an image work at a time; what is in the trash cannot be
/// shared.
#[utoipa::path(tag = "images", operation_id = "create_share_link", params(("id" = Uuid, Path)),
    request_body = CreateShareLink, responses(
    (status = 201, body = ShareLink),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/images/{id}/shares")]
pub async fn create_share_link(
    app: web::Data<App>,
    user: CurrentUser,
    image_id: web::Path<Uuid>,
    body: Json<CreateShareLink>,
) -> ApiResult<HttpResponse> {
    let (now, CreateShareLink { shows_prompt, expires_at }) = (app.clock.now(), body.0);
    if expires_at.is_some_and(|at| at <= now) {
        return Err(vec![Violation::new("/expires_at", ViolationCode::OutOfRange)].into());
    }
    let (id, token) = (Uuid::now_v7(), random_secret().map_err(ApiError::internal)?);
    let sealed = app.auth.master().seal(&label(id), token.as_bytes()).map_err(ApiError::internal)?;
    let new = NewShareLink { id, image_id: *image_id, hash: &hash(&token), sealed: &sealed, shows_prompt, expires_at };
    let mut tx = app.db.begin_as(user.actor()).await?;
    if queries::lock_image(&mut tx, user.person_id, *image_id).await? {
        return Err(ApiError::IllegalTransition("It is in the trash: take it out first."));
    }
    if queries::count_active(&mut tx, user.person_id, *image_id, now).await? >= SHARE_LINKS_MAX {
        return Err(vec![Violation::new("", ViolationCode::TooMany)].into());
    }
    queries::add(&mut tx, user.person_id, &new, now).await?;
    let row = queries::list(&mut tx, user.person_id, *image_id, Some(id)).await?.pop().ok_or(ApiError::NotFound)?;
    tx.commit().await?;
    Ok(HttpResponse::Created().json(shown(&app, row, token)))
}

/// The links of an image, newest first, also those that do not work any more.
#[utoipa::path(tag = "images", operation_id = "list_share_links", params(("id" = Uuid, Path)), responses(
    (status = 200, body = List<ShareLink>),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/images/{id}/shares")]
pub async fn list_share_links(
    app: web::Data<App>,
    user: CurrentUser,
    image_id: web::Path<Uuid>,
) -> ApiResult<web::Json<List<ShareLink>>> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    queries::lock_image(&mut tx, user.person_id, *image_id).await?;
    let mut data = Vec::new();
    for row in queries::list(&mut tx, user.person_id, *image_id, None).await? {
        let opened = app.auth.master().open(&label(row.id), &row.token_sealed).map_err(ApiError::internal)?;
        let token = String::from_utf8(opened.plain).map_err(ApiError::internal)?;
        // The master key is being replaced: what the old one sealed must outlive it.
        if opened.is_by_previous {
            let sealed = app.auth.master().seal(&label(row.id), token.as_bytes()).map_err(ApiError::internal)?;
            queries::seal_again(&mut tx, user.person_id, row.id, &sealed).await?;
        }
        data.push(shown(&app, row, token));
    }
    tx.commit().await?;
    Ok(web::Json(List { data, next_cursor: None }))
}

/// End it at once. Links to the picture itself that it gave out work for ten minutes at most.
#[utoipa::path(tag = "images", operation_id = "revoke_share_link", params(("id" = Uuid, Path)), responses(
    (status = 204, description = "It does not work any more."),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[delete("/v1/shares/{id}")]
pub async fn revoke_share_link(app: web::Data<App>, user: CurrentUser, id: web::Path<Uuid>) -> ApiResult<HttpResponse> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let is_known = queries::revoke(&mut tx, user.person_id, *id, app.clock.now()).await?;
    tx.commit().await?;
    if is_known { Ok(HttpResponse::NoContent().finish()) } else { Err(ApiError::NotFound) }
}

/// What a link shows, to anyone who has it. Each look is counted; who looked is not kept.
#[utoipa::path(tag = "images", operation_id = "get_shared_image", security(()), params(("token" = String, Path)), responses(
    (status = 200, body = SharedImage, headers(("X-Robots-Tag" = String, description = "Not to be indexed."))),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/shared/{token}")]
pub async fn get_shared_image(app: web::Data<App>, token: web::Path<String>) -> ApiResult<HttpResponse> {
    if !is_secret(&token) {
        return Err(ApiError::NotFound);
    }
    let row = queries::look(app.db.house(), &hash(&token), app.clock.now()).await?;
    let unreadable =
        |_| ApiError::internal(format!("a shared image has an unreadable size: {}x{}", row.width, row.height));
    let (original, preview) = (
        app.store.presigned_briefly(&row.objects.original()).await?,
        app.store.presigned_briefly(&row.objects.preview()).await?,
    );
    let seen = SharedImage {
        url: original.url,
        preview_url: preview.url,
        url_expires_at: original.expires_at,
        width: u32::try_from(row.width).map_err(unreadable)?,
        height: u32::try_from(row.height).map_err(unreadable)?,
        content_type: row.content_type,
        thumbhash: row.thumbhash,
        has_content_credentials: row.has_content_credentials,
        digital_source_type: row.digital_source_type,
        made_on: row.created_at.date_naive(),
        prompt: row.prompt,
        attributes: serde_json::from_value(row.attributes).map_err(ApiError::internal)?,
        model: row.model,
    };
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header(("X-Robots-Tag", "noindex, nofollow"))
        .json(seen))
}

/// Puts what MASTER_KEY_PREVIOUS sealed under MASTER_KEY; gives how many. What neither opens stays as it is: such a link works
/// and can be revoked, and not be copied again.
pub async fn reseal(db: &Db, master: &MasterKey) -> Result<u64, sqlx::Error> {
    let (mut after, mut moved) = (Uuid::nil(), 0);
    loop {
        let rows = queries::sealed_after(db.house(), after, PIECE).await?;
        let Some(last) = rows.last() else { return Ok(moved) };
        after = last.id;
        for row in &rows {
            let label = label(row.id);
            let Ok(opened) = master.open(&label, &row.token_sealed) else { continue };
            if opened.is_by_previous
                && let Ok(sealed) = master.seal(&label, &opened.plain)
            {
                moved += queries::replace_seal(db.house(), row.id, &row.token_sealed, &sealed).await?;
            }
        }
    }
}

fn label(id: Uuid) -> String {
    format!("share link {id}")
}

fn shown(app: &App, row: queries::Row, token: String) -> ShareLink {
    let is_expired = row.expires_at.is_some_and(|at| at <= app.clock.now());
    ShareLink {
        id: row.id,
        image_id: row.image_id,
        url: format!("{}/s/{token}", app.settings.origin()),
        shows_prompt: row.shows_prompt,
        view_count: row.view_count,
        is_active: row.revoked_at.is_none() && !is_expired && !row.is_in_trash,
        created_at: row.created_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        last_viewed_at: row.last_viewed_at,
    }
}
