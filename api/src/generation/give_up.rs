//! Ends what has waited too long for a provider that is away: truthfully, with its gems back. Never touches what runs.
use chrono::TimeDelta;
use lapidary_contract::domain::Hold;

use super::queries::record_event;
use crate::app::App;
use crate::gems::ledger;
use crate::metrics;

/// Longer than most providers are away, and as long as a person may be asked to wait for nothing.
pub const PATIENCE: TimeDelta = TimeDelta::minutes(15);
/// At once; the rest at the next sweep.
const BATCH: i64 = 100;

/// Part of every sweep.
pub async fn give_up(app: &App) -> Result<(), sqlx::Error> {
    let limit = app.clock.now() - PATIENCE;
    for (models, code) in app.providers.paused_since_before(limit) {
        give_up_on(app, &models, code.name()).await?;
    }
    Ok(())
}

async fn give_up_on(app: &App, models: &[String], code: &'static str) -> Result<(), sqlx::Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin_house().await?;
    let mut waiting = sqlx::query!(
        "select id, person_id, account_id, held_free, held_bought from generations
         where status = 'queued' and created_at <= $1 and model = any($2)
         order by created_at limit $3 for update skip locked",
        now - PATIENCE,
        models,
        BATCH
    )
    .fetch_all(&mut *tx)
    .await?;
    // Accounts first and in order, then events, as everyone locks.
    waiting.sort_by_key(|row| (row.account_id, row.person_id));
    for row in &waiting {
        sqlx::query!(
            "update generations set status = 'failed', failure_code = $2, finished_at = $3 where id = $1",
            row.id,
            code,
            now
        )
        .execute(&mut *tx)
        .await?;
        let hold = Hold { free: row.held_free, bought: row.held_bought };
        ledger::settle(&mut tx, row.account_id, hold, 0, row.id, now).await?;
    }
    for row in &waiting {
        record_event(&mut tx, row.person_id, row.id).await?;
    }
    tx.commit().await?;
    for row in &waiting {
        metrics::generation_ended("failed", Some(code));
        app.live.nudge(row.person_id);
    }
    if !waiting.is_empty() {
        tracing::warn!(generations = waiting.len(), code, "waited too long for a provider that is away");
    }
    Ok(())
}
