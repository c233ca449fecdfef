//! The audit log: every act of an operator, by screen or command line, written in the act's own transaction. Nothing here
//! changes or deletes a row, and the database would refuse it; after seven years a job forgets.
use actix_web::{get, web};
use lapidary_contract::{AuditEntry, List, OperatorAct, Problem};
use serde::Deserialize;
use uuid::Uuid;

use super::audit_queries as queries;
pub use super::audit_queries::record;
use crate::app::App;
use crate::auth::CurrentOperator;
use crate::http::error::ApiResult;
use crate::http::paging::{self, Listed, PageQuery};

/// Who did it.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// Somebody who has the database's own password.
    CommandLine,
    Screen {
        operator_id: Uuid,
        request_id: &'a str,
    },
}

/// What was done.
#[derive(Clone, Copy, Debug)]
pub struct Done<'a> {
    pub by: By<'a>,
    pub act: OperatorAct,
    /// A person, a flag, a code, a key.
    pub subject: Uuid,
    pub reason: Option<&'a str>,
    pub gems: Option<i64>,
}

impl<'a> Done<'a> {
    pub fn new(by: By<'a>, act: OperatorAct, subject: Uuid) -> Self {
        Self { by, act, subject, reason: None, gems: None }
    }
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only what was done about this person, flag, code or key.
    pub subject: Option<Uuid>,
}

/// What operators did in the last seven years, newest first. Rows are never changed, but when whom they name is erased.
#[utoipa::path(tag = "operator", operation_id = "list_operator_acts", params(PageQuery, AuditQuery), responses(
    (status = 200, body = List<AuditEntry>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "Only for operators.", body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/admin/audit-log")]
pub async fn list_operator_acts(
    app: web::Data<App>,
    operator: CurrentOperator<(web::Query<PageQuery>, web::Query<AuditQuery>)>,
) -> ApiResult<Listed<AuditEntry>> {
    let (page, query) = operator.given;
    let (limit, before) = (page.limit()?, page.keyset()?);
    let mut conn = app.db.house().acquire().await?;
    let rows = queries::list(&mut conn, query.subject, before, limit + 1).await?;
    Ok(paging::list(rows, limit, |row| (row.created_at, row.id)))
}
