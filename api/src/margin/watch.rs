//! Warns the operator where a model's newest images cost more than their gems bring: once a day, a line and a number each.
use chrono::{DateTime, TimeDelta, Utc};
use lapidary_domain::cost::GemWorth;

use super::queries;
use crate::app::App;
use crate::metrics;
use crate::work::daily_queries;

/// Name of the trace.
const KIND: &str = "margins";
/// Images of each model that are looked at, and how far back.
const NEWEST: i64 = 200;
const SINCE: TimeDelta = TimeDelta::days(30);

/// Gives the models at a loss. Once a day in the whole cluster; otherwise nothing is said.
pub async fn daily(app: &App, now: DateTime<Utc>) -> Result<Vec<String>, sqlx::Error> {
    let Some(worth) = GemWorth::of(&app.catalogue) else { return Ok(Vec::new()) };
    if !daily_queries::is_due(app.db.house(), KIND, now).await? {
        return Ok(Vec::new());
    }
    let recent = queries::recent(app.db.house(), now - SINCE, NEWEST).await?;
    let seen = i64::try_from(recent.len()).unwrap_or(i64::MAX);
    if !daily_queries::leave(app.db.house(), KIND, seen, now).await? {
        return Ok(Vec::new());
    }
    let mut at_loss = Vec::new();
    for of in recent {
        let worth_microusd = worth.microusd(of.gems);
        if of.cost_microusd > worth_microusd {
            metrics::model_at_loss(&of.model);
            tracing::warn!(
                model = of.model,
                images = of.images,
                cost_microusd = of.cost_microusd,
                worth_microusd,
                "a model's newest images cost more than their gems bring: raise its price in the catalogue"
            );
            at_loss.push(of.model);
        }
    }
    Ok(at_loss)
}
