//! Routes of exports. A zip comes from the storage by a presigned link, never through here. No API key comes in: one that
//! leaked must not take everything along.
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use lapidary_contract::{Export, ImageArchive, List, Problem};
use uuid::Uuid;

use crate::app::App;
use crate::archives::ask::ask;
use crate::archives::kind::Kind;
use crate::archives::queries::{self, NewArchive};
use crate::auth::CurrentUser;
use crate::http::error::ApiResult;
use crate::http::extract::{IdempotencyKey, fingerprint};
use crate::http::paging::{self, Listed, PageQuery};
use crate::http::request_log::RequestId;

/// Exports of one person that may wait or be made.
const UNFINISHED_MAX: i64 = 2;

/// Ask for everything that is known about you, as one zip: images, uploads, and every row as JSON and CSV.
///
/// It is made by a job: read it again, or hear of it from `GET /v1/events`. It can be downloaded for seven days. Two may be
/// unfinished at a time. Needs a session; API keys are refused.
#[utoipa::path(tag = "me", operation_id = "create_export",
    params(("Idempotency-Key" = Option<String>, Header, description = "Your own; asked again with it, you get the same export.")),
    responses(
        (status = 202, body = Export, description = "Queued, or the earlier one with this key as it is now.",
            headers(("Location" = String))),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/me/exports")]
pub async fn create_export(
    app: web::Data<App>,
    user: CurrentUser,
    request: HttpRequest,
    request_id: RequestId,
) -> ApiResult<HttpResponse> {
    let key = IdempotencyKey::if_given(&request)?.map(|key| key.0);
    let new = NewArchive {
        id: Uuid::now_v7(),
        kind: Kind::Everything,
        key: key.as_deref(),
        fingerprint: &fingerprint(&())?,
        request_id: &request_id.0,
        now: app.clock.now(),
    };
    let mut tx = app.db.begin_as(user.actor()).await?;
    let id = ask(&mut tx, user.person_id, &new, UNFINISHED_MAX, async |_| Ok(Vec::new())).await?;
    let export = queries::get(&mut tx, &app.store, user.person_id, Kind::Everything, id).await?;
    tx.commit().await?;
    app.live.nudge(user.person_id);
    let location = format!("/v1/me/exports/{id}");
    Ok(HttpResponse::Accepted().insert_header((header::LOCATION, location)).json(shown(export)))
}

/// Your exports, newest first; those that are gone too, for 30 days.
#[utoipa::path(tag = "me", operation_id = "list_exports", params(PageQuery), responses(
    (status = 200, body = List<Export>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/me/exports")]
pub async fn list_exports(
    app: web::Data<App>,
    user: CurrentUser,
    page: web::Query<PageQuery>,
) -> ApiResult<Listed<Export>> {
    let (limit, from) = (page.limit()?, page.keyset()?);
    let mut tx = app.db.begin_as(user.actor()).await?;
    let exports = queries::list(&mut tx, &app.store, user.person_id, Kind::Everything, from, limit + 1).await?;
    tx.commit().await?;
    let exports = exports.into_iter().map(shown).collect();
    Ok(paging::list(exports, limit, |export: &Export| (export.created_at, export.id)))
}

/// One export; its link is there while it is ready, and fresh at each reading.
#[utoipa::path(tag = "me", operation_id = "get_export", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Export),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/me/exports/{id}")]
pub async fn get_export(app: web::Data<App>, user: CurrentUser, id: web::Path<Uuid>) -> ApiResult<web::Json<Export>> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let export = queries::get(&mut tx, &app.store, user.person_id, Kind::Everything, *id).await?;
    tx.commit().await?;
    Ok(web::Json(shown(export)))
}

/// Stop making it, or throw the zip away. What it is of stays.
#[utoipa::path(tag = "me", operation_id = "delete_export", params(("id" = Uuid, Path)), responses(
    (status = 204, description = "It is gone, now or already."),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[delete("/v1/me/exports/{id}")]
pub async fn delete_export(app: web::Data<App>, user: CurrentUser, id: web::Path<Uuid>) -> ApiResult<HttpResponse> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let is_first = queries::delete(&mut tx, user.person_id, Kind::Everything, *id, app.clock.now()).await?;
    if !is_first {
        queries::get(&mut tx, &app.store, user.person_id, Kind::Everything, *id).await?;
    }
    tx.commit().await?;
    if is_first {
        app.live.nudge(user.person_id);
    }
    Ok(HttpResponse::NoContent().finish())
}

/// The row of an archive as the export that it is.
pub fn shown(archive: ImageArchive) -> Export {
    let ImageArchive { id, status, image_count, done_count, bytes, url, url_expires_at, .. } = archive;
    let ImageArchive { failure, created_at, finished_at, expires_at, .. } = archive;
    Export {
        id,
        status,
        image_count,
        done_count,
        bytes,
        url,
        url_expires_at,
        failure,
        created_at,
        finished_at,
        expires_at,
    }
}
