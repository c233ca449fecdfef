//! Warns the operator before a model ends: a line for each at the start of a process and once a day. What people get is decided
//! in `domain`, never here.
use chrono::{DateTime, NaiveDate, Utc};
use lapidary_domain::{Catalogue, life};

use crate::app::App;
use crate::work::daily_queries;

/// Name of the trace.
const KIND: &str = "models_that_end";

/// Gives how many lines it wrote.
pub fn warn(catalogue: &Catalogue, today: NaiveDate) -> usize {
    let endings = life::endings(catalogue, today);
    for ending in &endings {
        let days = ending.retires.map(|(_, days)| days);
        tracing::warn!(
            model = ending.model.id,
            days,
            heir = ending.heir.map(|heir| heir.id.as_str()),
            "{}. {}",
            ending.sentence(),
            ending.advice()
        );
    }
    endings.len()
}

/// Once a day in the whole cluster.
pub async fn daily(app: &App, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    let today = now.date_naive();
    let seen = i64::try_from(life::endings(&app.catalogue, today).len()).unwrap_or(i64::MAX);
    if daily_queries::leave(app.db.house(), KIND, seen, now).await? {
        warn(&app.catalogue, today);
    }
    Ok(())
}
