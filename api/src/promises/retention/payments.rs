//! What is kept of payments for seven years, and then goes. The ledger stays: it knows gems and no money. Never removes a purchase
//! whose money, events or gems moved since, so that nothing that can still change is lost.
use chrono::{DateTime, TimeDelta, Utc};

use super::{Done, payment_queries as queries};
use crate::app::App;

/// Seven years, and never a day less: two of them have a day more. `gems::audit` asks of no older transfer for its purchase.
pub const KEPT: TimeDelta = TimeDelta::days(7 * 365 + 2);
/// Purchases of one statement.
const PIECE: i64 = 500;

/// Purchases with their events first, then events of no purchase, then customers who have no purchase left.
pub async fn forget(app: &App, now: DateTime<Utc>) -> Result<Done, sqlx::Error> {
    let (house, before) = (app.db.house(), now - KEPT);
    let mut gone = 0;
    loop {
        let rows = queries::forget_purchases(house, before, PIECE).await?
            + queries::forget_events(house, before, PIECE).await?
            + queries::forget_customers(house, before, PIECE).await?;
        if rows == 0 {
            return Ok(Done::all(gone));
        }
        gone += rows;
    }
}
