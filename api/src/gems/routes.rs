//! Routes of the balance and of what moved it.
use actix_web::http::header::{self, Header};
use actix_web::{HttpRequest, HttpResponse, Responder, get, web};
use lapidary_contract::{GemBalance, List, Problem, Transfer};
use serde::Deserialize;

use super::queries::{self, CountedFrom};
use super::statement;
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::ApiResult;
use crate::http::paging::{self, PageQuery};

/// The balance.
#[utoipa::path(tag = "gems", operation_id = "get_gems", responses(
    (status = 200, body = GemBalance), (status = 401, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/gems")]
pub async fn get_gems(app: web::Data<App>, user: CurrentUser) -> ApiResult<web::Json<GemBalance>> {
    Ok(web::Json(app.db.read_as(async |conn| queries::own_balance(conn, user.actor()).await).await?))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Json,
    Csv,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FormatQuery {
    /// `csv`: the whole statement as a file, whatever `limit` and `cursor` say; as `Accept: text/csv`.
    #[param(inline)]
    pub format: Option<Format>,
}

/// Every gem that moved, newest first, with what remained after it.
#[utoipa::path(tag = "gems", operation_id = "list_transfers", params(PageQuery, FormatQuery), responses(
    (status = 200, content((List<Transfer> = "application/json"), (String = "text/csv"))),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/gems/transfers")]
pub async fn list_transfers(
    app: web::Data<App>,
    user: CurrentUser,
    page: web::Query<PageQuery>,
    format: web::Query<FormatQuery>,
    request: HttpRequest,
) -> ApiResult<HttpResponse> {
    let (limit, from) = (page.limit()?, page.keyset()?);
    if format.format.unwrap_or_else(|| preferred(&request)) == Format::Csv {
        return statement::file(app, user).await;
    }
    let mut tx = app.db.begin_as(user.actor()).await?;
    let rows = queries::transfers(&mut tx, user.account_id, from, CountedFrom::now(), limit + 1).await?;
    tx.commit().await?;
    let rows = rows.into_iter().map(statement::transfer).collect::<ApiResult<Vec<_>>>()?;
    let list = paging::list(rows, limit, |row| (row.created_at, row.id));
    let mut answer = list.respond_to(&request);
    answer.headers_mut().insert(header::VARY, header::HeaderValue::from_static("Accept"));
    Ok(answer)
}

/// Of the two, the one that the client names first; JSON where it names neither.
fn preferred(request: &HttpRequest) -> Format {
    let ranked = header::Accept::parse(request).map(|accept| accept.ranked()).unwrap_or_default();
    let named = ranked.iter().find_map(|kind| match kind.essence_str() {
        "text/csv" => Some(Format::Csv),
        "application/json" | "application/*" | "*/*" => Some(Format::Json),
        _ => None,
    });
    named.unwrap_or(Format::Json)
}
