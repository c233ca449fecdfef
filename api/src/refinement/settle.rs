//! Takes a refinement to its end and settles it once: delivered and captured whole, or failed with its gems back. A row
//! whose process is gone is ended by its lease. No transaction is open while the language model thinks.
use std::time::{Duration, Instant};

use lapidary_contract::RefinementFailureCode;
use lapidary_contract::domain::{Hold, RefinedSection, RefinementSpec};
use uuid::Uuid;

use super::ending_queries::{self as queries, Ending};
use super::language_model::Reply;
use crate::app::App;
use crate::gems::ledger;
use crate::{metrics, notices};

/// What was made is paid for: a database that is away for a moment must not throw it away.
const SETTLE_TRIES: u32 = 5;
const SETTLE_LIMIT: Duration = Duration::from_secs(8);
const SETTLE_AGAIN: Duration = Duration::from_secs(1);
/// At once; the rest at the next sweep.
const BATCH: i64 = 100;

/// A refinement under way.
pub struct Work {
    pub id: Uuid,
    pub person_id: Uuid,
    pub account_id: Uuid,
    pub request_id: String,
}

/// How it ended, and what the provider said beside it.
struct Ended {
    outcome: Result<Vec<RefinedSection>, RefinementFailureCode>,
    model_request_id: Option<String>,
    usage: Option<serde_json::Value>,
}

pub async fn work(app: &App, work: &Work, spec: &RefinementSpec) {
    let (began, limit) = (Instant::now(), Duration::from_secs(app.settings.refinement_timeout_seconds));
    let known = app.catalogue.sections.iter().map(|section| section.name.as_str());
    let asked = tokio::time::timeout(limit, app.language_model.ask(spec, known.clone())).await;
    let Reply { sections, model_request_id, usage } = asked.unwrap_or_else(|_| Reply::too_late());
    let outcome = sections.map_err(|error| (error.code, error.detail)).and_then(|sections| {
        let junk = (RefinementFailureCode::BadAnswer, "fewer new sections or values than are sold".to_owned());
        spec.accept(sections, known).ok_or(junk)
    });
    let seconds = began.elapsed().as_secs_f64();
    let failure = outcome.as_ref().err().map(|(code, _)| *code);
    metrics::refinement_ended(failure.map_or("made", RefinementFailureCode::name), seconds);
    if let Err((code, detail)) = &outcome {
        tell(work, *code, detail, model_request_id.as_deref());
    }
    let ended = Ended { outcome: outcome.map_err(|(code, _)| code), model_request_id, usage };
    for tried in 1..=SETTLE_TRIES {
        let settled = tokio::time::timeout(SETTLE_LIMIT, settle(app, work, &ended)).await;
        let Err(error) = settled.unwrap_or(Err(sqlx::Error::PoolTimedOut)) else { return };
        tracing::warn!(refinement_id = %work.id, %error, tried, "a refinement could not be settled");
        tokio::time::sleep(SETTLE_AGAIN).await;
    }
}

fn tell(work: &Work, code: RefinementFailureCode, detail: &str, model_request_id: Option<&str>) {
    let (model_request_id, name) = (model_request_id.unwrap_or("-"), code.name());
    match code {
        RefinementFailureCode::OperatorQuota | RefinementFailureCode::OperatorConfiguration => {
            tracing::error!(refinement_id = %work.id, request_id = work.request_id, model_request_id, code = name, detail,
                "the language model's provider refuses this service: only its operator can help");
        }
        RefinementFailureCode::Refused
        | RefinementFailureCode::ModelBusy
        | RefinementFailureCode::Timeout
        | RefinementFailureCode::BadAnswer
        | RefinementFailureCode::Internal => {
            tracing::warn!(refinement_id = %work.id, request_id = work.request_id, model_request_id, code = name, detail,
                "the language model suggested nothing");
        }
    }
}

/// May be called again after an error: what is settled stays so.
async fn settle(app: &App, work: &Work, ended: &Ended) -> Result<(), sqlx::Error> {
    let now = app.clock.now();
    let sections = match &ended.outcome {
        Ok(sections) => Some(serde_json::to_value(sections).map_err(|error| sqlx::Error::Encode(error.into()))?),
        Err(_) => None,
    };
    let mut tx = app.db.begin_house().await?;
    // The fence: whoever comes second finds it ended.
    let ending = Ending {
        id: work.id,
        sections,
        failure: ended.outcome.as_ref().err().map(|code| code.name()),
        model_request_id: ended.model_request_id.as_deref(),
        usage: ended.usage.as_ref(),
        now,
    };
    let row = queries::end(&mut tx, &ending).await?;
    let Some(row) = row else {
        tracing::info!(refinement_id = %work.id, "a late suggestion was dropped");
        return Ok(());
    };
    let hold = Hold { free: row.held_free, bought: row.held_bought };
    let gems = ledger::settle(&mut tx, work.account_id, hold, row.captured_gems, work.id, now).await?;
    notices::gems_low(&mut tx, work.person_id, gems, row.captured_gems, now).await?;
    queries::announce(&mut tx, work.person_id, work.id).await?;
    tx.commit().await?;
    app.live.nudge(work.person_id);
    tracing::info!(refinement_id = %work.id, request_id = work.request_id, model_request_id = ended.model_request_id,
        captured_gems = row.captured_gems, "refinement ended");
    Ok(())
}

/// Ends what lost its process, with its gems back. Part of every sweep.
pub async fn sweep(app: &App) -> Result<(), sqlx::Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin_house().await?;
    let mut lost = queries::overdue(&mut tx, now, BATCH).await?;
    // Accounts first and in order, then events by person, as everyone locks.
    lost.sort_by_key(|row| row.account_id);
    for row in &lost {
        queries::give_up(&mut tx, row.id, RefinementFailureCode::Internal.name(), now).await?;
        let hold = Hold { free: row.held_free, bought: row.held_bought };
        ledger::settle(&mut tx, row.account_id, hold, 0, row.id, now).await?;
    }
    lost.sort_by_key(|row| row.person_id);
    for row in &lost {
        queries::announce(&mut tx, row.person_id, row.id).await?;
    }
    tx.commit().await?;
    for row in &lost {
        metrics::lease_lost();
        metrics::refinement_swept();
        app.live.nudge(row.person_id);
        tracing::warn!(refinement_id = %row.id, "a refinement lost its process");
    }
    Ok(())
}
