//! Receipts are read for a month, and then they go, too.
use chrono::{DateTime, TimeDelta, Utc};

use super::job_queries as queries;
use crate::app::App;
use crate::promises::retention::Done;

/// From the end of the erasure on.
pub const RECEIPT_KEPT: TimeDelta = TimeDelta::days(30);

pub async fn forget(app: &App, now: DateTime<Utc>) -> Result<Done, sqlx::Error> {
    Ok(Done::all(queries::forget(app.db.house(), now - RECEIPT_KEPT).await?))
}
