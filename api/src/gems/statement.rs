//! The statement: each ledger row as a person reads it, on a page or as a file. The file is read in pieces, a short
//! transaction each, so that a slow reader holds nothing; the remaining gems are carried on from piece to piece.
use std::collections::VecDeque;

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use futures_util::stream;
use lapidary_contract::{Transfer, TransferKind};

use super::csv;
use super::queries::{self, CountedFrom, TransferRow};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::{ApiError, ApiResult};
use crate::http::paging::Keyset;
use crate::http::request_log::chain;

/// Rows of one piece of the file.
const PIECE: i64 = 1_000;

const COLUMNS: &[&str] =
    &["created_at", "kind", "change", "remaining_after", "amount", "gems", "about", "reference", "id"];

pub fn transfer(row: TransferRow) -> ApiResult<Transfer> {
    let kind = TransferKind::from_name(&row.kind)
        .ok_or_else(|| ApiError::internal(format!("unknown transfer kind {}", row.kind)))?;
    Ok(Transfer {
        id: row.id,
        kind,
        amount: row.amount,
        change: row.change,
        is_free: row.debit.ends_with("free") || row.credit.ends_with("free"),
        reference: row.reference,
        about: row.about,
        remaining_after: row.remaining_after,
        created_at: row.created_at,
    })
}

/// Everything, as CSV.
pub async fn file(app: web::Data<App>, user: CurrentUser) -> ApiResult<HttpResponse> {
    let name = format!("attachment; filename=\"lapidary-gems-{}.csv\"", app.clock.now().format("%Y-%m-%d"));
    let mut pieces = Pieces { app, user, from: Some(CountedFrom::now()), said: VecDeque::new() };
    pieces.said.push_back(Bytes::from(csv::line(COLUMNS.iter().copied().map(csv::Field::Plain))));
    // What fails here is still a problem and not half a file.
    pieces.read().await?;
    let body = stream::unfold(pieces, |mut pieces| async move {
        if pieces.said.is_empty()
            && let Err(error) = pieces.read().await
        {
            tracing::error!(error = %chain(&error), "a statement ends too early");
            pieces.from = None;
            return Some((Err(error), pieces));
        }
        let bytes = pieces.said.pop_front()?;
        Some((Ok(bytes), pieces))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8; header=present")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::VARY, "Accept"))
        .streaming(body))
}

struct Pieces {
    app: web::Data<App>,
    user: CurrentUser,
    /// Where the next piece begins; `None` after the last.
    from: Option<CountedFrom>,
    said: VecDeque<Bytes>,
}

impl Pieces {
    async fn read(&mut self) -> ApiResult<()> {
        let Some(from) = self.from.take() else { return Ok(()) };
        let mut tx = self.app.db.begin_as(self.user.actor()).await?;
        let rows = queries::transfers(&mut tx, self.user.account_id, from.keyset, from, PIECE).await?;
        tx.commit().await?;
        let is_last = i64::try_from(rows.len()).map_or(true, |read| read < PIECE);
        self.from = rows.last().filter(|_| !is_last).map(|row| CountedFrom {
            keyset: Keyset { before_at: row.created_at, before_id: row.id },
            remaining: Some(row.remaining_after - row.change),
        });
        let mut text = String::new();
        for row in rows {
            text.push_str(&line(&transfer(row)?));
        }
        if !text.is_empty() {
            self.said.push_back(text.into());
        }
        Ok(())
    }
}

fn line(row: &Transfer) -> String {
    use csv::Field::{Plain, Text};
    let at = row.created_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let (change, remaining) = (row.change.to_string(), row.remaining_after.to_string());
    let (amount, reference, id) = (row.amount.to_string(), row.reference.to_string(), row.id.to_string());
    csv::line([
        Plain(&at),
        Plain(row.kind.name()),
        Plain(&change),
        Plain(&remaining),
        Plain(&amount),
        Plain(if row.is_free { "free" } else { "bought" }),
        Text(row.about.as_deref().unwrap_or_default()),
        Plain(&reference),
        Plain(&id),
    ])
}
