//! The record of what was refused, without prompts, and the flag that repeated refusals raise.
use chrono::{DateTime, TimeDelta, Utc};
use lapidary_contract::{Refusal, RefusalStage};
use sqlx::PgConnection;
use uuid::Uuid;

use super::queries::{self, NewRefusal};
use crate::app::App;
use crate::metrics;

/// Refusals of so long count together.
const WINDOW: TimeDelta = TimeDelta::hours(24);
pub const KEPT: TimeDelta = TimeDelta::days(30);
/// What is counted here.
pub const KIND: &str = "refusals";

pub struct Refused<'a> {
    pub person_id: Uuid,
    /// Absent where nothing was made yet.
    pub generation_id: Option<Uuid>,
    pub request_id: &'a str,
    pub refusal: &'a Refusal,
}

/// Writes it down and raises a flag where it is one too many. In the caller's transaction; no account of the person may be
/// locked after it.
pub async fn record(
    conn: &mut PgConnection,
    app: &App,
    refused: &Refused<'_>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let new = NewRefusal {
        id: Uuid::now_v7(),
        person_id: refused.person_id,
        stage: stage_name(refused.refusal.stage),
        categories: serde_json::json!(refused.refusal.categories),
        generation_id: refused.generation_id,
        request_id: refused.request_id,
        now,
    };
    queries::add(conn, &new).await?;
    if queries::count_on(conn, refused.person_id, KIND, now).await? {
        return Ok(());
    }
    let counted = queries::counted(conn, refused.person_id, KIND, now - WINDOW).await?;
    if counted < app.settings.moderation.flag_after_refusals {
        return Ok(());
    }
    let id = queries::raise(conn, refused.person_id, KIND, counted, now).await?;
    metrics::flag_raised(KIND);
    tracing::warn!(flag_id = %id, refusals = counted,
        "somebody is refused again and again: look with `lapidary flags list`");
    Ok(())
}

pub fn stage_name(stage: RefusalStage) -> &'static str {
    match stage {
        RefusalStage::BeforeMaking => "before_making",
        RefusalStage::Input => "input",
        RefusalStage::Output => "output",
        RefusalStage::Unknown => "unknown",
    }
}

/// What is older than a month counts against nobody.
pub async fn forget(app: &App, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    while queries::forget(app.db.house(), now - KEPT).await? > 0 {}
    Ok(())
}
