//! Flags on the operator's screen, and closing one, by screen or command line.
use actix_web::{HttpResponse, get, post, web};
use chrono::{DateTime, Utc};
use lapidary_contract::{Flag, List, OperatorAct, Problem};
use serde::Deserialize;
use uuid::Uuid;

use super::queries::{self, FlagRow};
use crate::app::App;
use crate::auth::CurrentOperator;
use crate::db::Db;
use crate::http::error::{ApiError, ApiResult};
use crate::http::paging::{self, Listed, PageQuery};
use crate::http::request_log::RequestId;
use crate::operator::audit::{self, By, Done};

/// Says that somebody has looked; again changes nothing. False: there is none of this id.
pub async fn close(db: &Db, id: Uuid, by: By<'_>, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let mut tx = db.begin_house().await?;
    let is_there = queries::close(&mut *tx, id, now).await?;
    if is_there {
        audit::record(&mut tx, &Done::new(by, OperatorAct::CloseFlag, id), now).await?;
    }
    tx.commit().await?;
    Ok(is_there)
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FlagsQuery {
    /// Those that are closed too.
    #[serde(default)]
    pub closed: bool,
}

/// Who was refused again and again and for what, newest first: the open ones, unless closed ones are asked for too. Never a
/// prompt.
#[utoipa::path(tag = "operator", operation_id = "list_flags", params(PageQuery, FlagsQuery), responses(
    (status = 200, body = List<Flag>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "Only for operators.", body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/admin/flags")]
pub async fn list_flags(
    app: web::Data<App>,
    operator: CurrentOperator<(web::Query<PageQuery>, web::Query<FlagsQuery>)>,
) -> ApiResult<Listed<Flag>> {
    let (page, query) = operator.given;
    let (limit, before) = (page.limit()?, page.keyset()?);
    let rows = queries::flags(app.db.house(), query.closed, before, limit + 1).await?;
    let flags = rows.into_iter().map(Flag::from).collect();
    Ok(paging::list(flags, limit, |flag: &Flag| (flag.created_at, flag.id)))
}

/// Say that you have looked: what was refused until now counts no more. Again changes nothing.
#[utoipa::path(tag = "operator", operation_id = "close_flag", params(("id" = Uuid, Path)), responses(
    (status = 204),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "Only for operators.", body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/admin/flags/{id}/close")]
pub async fn close_flag(
    app: web::Data<App>,
    operator: CurrentOperator<web::Path<Uuid>>,
    request_id: RequestId,
) -> ApiResult<HttpResponse> {
    let by = By::Screen { operator_id: operator.person_id, request_id: &request_id.0 };
    if !close(&app.db, *operator.given, by, app.clock.now()).await? {
        return Err(ApiError::NotFound);
    }
    Ok(HttpResponse::NoContent().finish())
}

impl From<FlagRow> for Flag {
    fn from(row: FlagRow) -> Self {
        Self {
            id: row.id,
            person_id: row.person_id,
            email: row.email,
            kind: row.kind,
            refusals: row.refusals,
            categories: row.categories,
            created_at: row.created_at,
            updated_at: row.updated_at,
            closed_at: row.closed_at,
        }
    }
}
