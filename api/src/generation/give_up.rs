//! Ends what has waited too long for a provider that is away: truthfully, with its gems back. Never touches what runs.
use chrono::TimeDelta;
use lapidary_contract::domain::Hold;

use super::queries::record_end;
use crate::app::App;
use crate::metrics;
use crate::work::queue::{self, Unmade};

/// Longer than most providers are away, and as long as a person may be asked to wait for nothing.
pub const PATIENCE: TimeDelta = TimeDelta::minutes(15);
/// At once; the rest at the next sweep.
const BATCH: i64 = 100;

/// Part of every sweep.
pub async fn give_up(app: &App) -> Result<(), sqlx::Error> {
    let limit = app.clock.now() - PATIENCE;
    for (origin, models, code) in app.providers.paused_since_before(limit) {
        give_up_on(app, &origin, &models, code.name()).await?;
    }
    Ok(())
}

async fn give_up_on(app: &App, origin: &str, models: &[String], code: &'static str) -> Result<(), sqlx::Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin_house().await?;
    // Another process may know better than our memory: the table decides.
    let mut waiting = sqlx::query!(
        "select id, person_id, account_id, held_free, held_bought from generations
         where status = 'queued' and created_at <= $1 and model = any($2)
           and exists (select from providers where origin = $4 and since <= $1)
         order by created_at limit $3 for update skip locked",
        now - PATIENCE,
        models,
        BATCH,
        origin
    )
    .fetch_all(&mut *tx)
    .await?;
    // Accounts first and in order, then events, as everyone locks.
    waiting.sort_by_key(|row| row.account_id);
    let mut ended = Vec::with_capacity(waiting.len());
    for row in &waiting {
        let hold = Hold { free: row.held_free, bought: row.held_bought };
        let unmade = Unmade { id: row.id, account_id: row.account_id, hold, status: "failed", failure: Some(code) };
        if queue::end_unmade(&mut tx, &unmade, now).await? {
            ended.push((row.person_id, row.id));
        }
    }
    ended.sort_unstable();
    for (person_id, id) in &ended {
        record_end(&mut tx, *person_id, *id, now).await?;
    }
    tx.commit().await?;
    for (person_id, _) in &ended {
        metrics::generation_ended("failed", Some(code));
        app.live.nudge(*person_id);
    }
    if !ended.is_empty() {
        tracing::warn!(generations = ended.len(), code, "waited too long for a provider that is away");
    }
    Ok(())
}
