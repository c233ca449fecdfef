//! Receipts are read for a month, and then they go, too.
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::job_queries as queries;
use crate::app::App;

/// From the end of the erasure on.
pub const RECEIPT_DAYS: i64 = 30;

pub async fn forget(app: &App, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    queries::forget(app.db.house(), now - TimeDelta::days(RECEIPT_DAYS), Uuid::now_v7(), now).await
}
