//! Throws away what the log keeps no longer, and secrets that were replaced a day ago; ends what waits at nobody's.
use chrono::{DateTime, TimeDelta, Utc};
use lapidary_contract::domain::limits::WEBHOOK_DELIVERY_DAYS;

use super::work_queries as queries;
use crate::app::App;
use crate::promises::retention::Done;

const PIECE: i64 = 10_000;

/// As of `now`.
pub async fn forget(app: &App, now: DateTime<Utc>) -> Result<Done, sqlx::Error> {
    queries::end_waiting_of_disabled(app.db.house(), now).await?;
    let before = now - TimeDelta::days(WEBHOOK_DELIVERY_DAYS);
    let mut gone = 0;
    loop {
        match queries::forget_deliveries(app.db.house(), before, PIECE).await? {
            0 => break,
            rows => gone += rows,
        }
    }
    Ok(Done::all(gone + queries::forget_secrets(app.db.house(), now).await?))
}
