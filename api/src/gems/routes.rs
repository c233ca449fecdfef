//! `GET /v1/gems` and `GET /v1/gems/transfers`.
use actix_web::{get, web};
use lapidary_contract::{GemBalance, List, Problem, Transfer, TransferKind};

use super::queries::{self, TransferRow};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::{ApiError, ApiResult};
use crate::http::paging::{self, PageQuery};

/// The balance.
#[utoipa::path(tag = "gems", operation_id = "get_gems", responses(
    (status = 200, body = GemBalance), (status = 401, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/gems")]
pub async fn get_gems(app: web::Data<App>, user: CurrentUser) -> ApiResult<web::Json<GemBalance>> {
    Ok(web::Json(app.db.read_as(async |conn| queries::own_balance(conn, user.actor()).await).await?))
}

/// Every gem that moved, newest first.
#[utoipa::path(tag = "gems", operation_id = "list_transfers", params(PageQuery), responses(
    (status = 200, body = List<Transfer>), (status = 401, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/gems/transfers")]
pub async fn list_transfers(
    app: web::Data<App>,
    user: CurrentUser,
    page: web::Query<PageQuery>,
) -> ApiResult<web::Json<List<Transfer>>> {
    let (limit, from) = (page.limit()?, page.keyset()?);
    let mut tx = app.db.begin_as(user.actor()).await?;
    let rows = queries::transfers(&mut tx, user.account_id, from, limit + 1).await?;
    tx.commit().await?;
    let rows = rows.into_iter().map(transfer).collect::<ApiResult<Vec<_>>>()?;
    Ok(web::Json(paging::list(rows, limit, |row| (row.created_at, row.id))))
}

fn transfer(row: TransferRow) -> ApiResult<Transfer> {
    let kind = TransferKind::from_name(&row.kind)
        .ok_or_else(|| ApiError::internal(format!("unknown transfer kind {}", row.kind)))?;
    let is_own = |side: &str| matches!(side, "free" | "bought");
    let change = match (is_own(&row.debit), is_own(&row.credit)) {
        (false, true) => row.amount,
        (true, false) => -row.amount,
        _ => 0,
    };
    Ok(Transfer {
        id: row.id,
        kind,
        amount: row.amount,
        change,
        is_free: row.debit.ends_with("free") || row.credit.ends_with("free"),
        reference: row.reference,
        about: row.about,
        created_at: row.created_at,
    })
}
