//! Routes of notices.
use actix_web::{HttpResponse, get, post, web};
use lapidary_contract::{List, Notice, NoticeKind, Problem};
use uuid::Uuid;

use super::message::message;
use super::queries::{self, NoticeRow};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::{ApiError, ApiResult};
use crate::http::paging::{self, Listed, PageQuery};

/// What you should know, newest first. Live streams say how many are unread whenever that changes.
#[utoipa::path(tag = "me", operation_id = "list_notices", params(PageQuery), responses(
    (status = 200, body = List<Notice>),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/me/notices")]
pub async fn list_notices(
    app: web::Data<App>,
    user: CurrentUser,
    page: web::Query<PageQuery>,
) -> ApiResult<Listed<Notice>> {
    let (limit, from) = (page.limit()?, page.keyset()?);
    let mut tx = app.db.begin_as(user.actor()).await?;
    let rows = queries::list(&mut tx, user.person_id, from, limit + 1).await?;
    tx.commit().await?;
    let notices = rows.into_iter().map(notice).collect::<ApiResult<Vec<_>>>()?;
    Ok(paging::list(notices, limit, |notice| (notice.created_at, notice.id)))
}

/// You have read it. Again changes nothing.
#[utoipa::path(tag = "me", operation_id = "read_notice", params(("id" = Uuid, Path)), responses(
    (status = 204),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/me/notices/{id}/read")]
pub async fn read_notice(app: web::Data<App>, user: CurrentUser, id: web::Path<Uuid>) -> ApiResult<HttpResponse> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let is_first = queries::mark_read(&mut tx, user.person_id, *id, app.clock.now()).await?;
    tx.commit().await?;
    if is_first.ok_or(ApiError::NotFound)? {
        app.live.nudge(user.person_id);
    }
    Ok(HttpResponse::NoContent().finish())
}

fn notice(row: NoticeRow) -> ApiResult<Notice> {
    let kind = NoticeKind::from_name(&row.kind)
        .ok_or_else(|| ApiError::internal(format!("notice {}: unknown kind {}", row.id, row.kind)))?;
    Ok(Notice {
        id: row.id,
        kind,
        message: message(kind, row.gems),
        gems: row.gems,
        subject: row.subject,
        created_at: row.created_at,
        read_at: row.read_at,
    })
}
