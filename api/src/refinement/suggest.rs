//! Answers a refinement: gems held and row written in one transaction, then the language model, then the settlement. The
//! work is a task of its own: whoever asked may go away, and the gems are settled all the same.
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use lapidary_contract::domain::{RefinementSpec, compose};
use lapidary_contract::{CreateRefinement, GemBalance, Refinement};
use sqlx::PgConnection;
use tracing::Instrument;
use uuid::Uuid;

use super::queries::{self, NewRefinement};
use super::settle::{self, Work};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::db::PersonTx;
use crate::gems;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::fingerprint;
use crate::http::rate::Standing;
use crate::metrics;
use crate::moderation;

/// Beyond the language model's own time: for the settlement, also by a database that is slow.
const LEASE_SPARE_SECONDS: i64 = 60;

/// Whoever asked waits so much longer than the language model may take.
const SETTLE_PATIENCE: Duration = Duration::from_secs(8);

pub struct Suggested {
    pub refinement: Refinement,
    pub gems: GemBalance,
    /// Absent where an earlier request is answered once more: that uses no turn.
    pub standing: Option<Standing>,
}

/// A retry with the same key answers with the refinement as it is now, and charges nothing. Gems first, as in a submit: the
/// account is what one person's requests take turns at.
pub async fn suggest(
    app: &Arc<App>,
    user: &CurrentUser,
    key: &str,
    request_id: &str,
    request: &CreateRefinement,
) -> ApiResult<Suggested> {
    let spec = RefinementSpec::parse(&request.prompt, &request.attributes, &request.seen_sections)?;
    let (fingerprint, now, price) = (fingerprint(request)?, app.clock.now(), app.catalogue.refinement_gems);
    let seconds = i64::try_from(app.settings.refinement_timeout_seconds).unwrap_or(LEASE_SPARE_SECONDS);
    let new = NewRefinement {
        id: Uuid::now_v7(),
        key,
        fingerprint: &fingerprint,
        request_id,
        spec: &spec,
        price_gems: price,
        api_key_id: user.key.map(|key| key.id),
        lease_until: now + TimeDelta::seconds(seconds.saturating_add(LEASE_SPARE_SECONDS)),
        now,
    };
    look(app, user, key, request_id, request).await?;
    let mut tx = app.db.begin_as(user.actor()).await?;
    let held = match gems::spend::reserve(&mut tx, app, user, price, new.id, now).await? {
        Ok(held) => held,
        // What used the gems, a cap or the turns up may have been this very request.
        Err(refusal) => return replay_instead(app, user, tx, key, &fingerprint).await?.ok_or(refusal),
    };
    if !queries::add(&mut tx, user.actor(), &new, held.hold).await? {
        return replay_instead(app, user, tx, key, &fingerprint).await?.ok_or(ApiError::NotFound);
    }
    tx.commit().await?;
    metrics::gems_moved("hold", price);
    app.live.nudge(user.person_id);
    let work =
        Work { id: new.id, person_id: user.person_id, account_id: user.account_id, request_id: request_id.to_owned() };
    let id = new.id;
    let app_of_task = Arc::clone(app);
    let task = async move { settle::work(&app_of_task, &work, &spec).await };
    let patience = Duration::from_secs(app.settings.refinement_timeout_seconds) + SETTLE_PATIENCE;
    // What is wrong is told there. A row that is not settled by then is answered as running; its lease ends it.
    let _ = tokio::time::timeout(patience, tokio::spawn(task.in_current_span())).await;
    read(app, user, id, held.standing).await
}

/// Before anything is held, where the operator has it so. What was accepted once is not looked at again.
async fn look(app: &App, user: &CurrentUser, key: &str, request_id: &str, request: &CreateRefinement) -> ApiResult<()> {
    if app.moderation.is_none() {
        return Ok(());
    }
    let mut tx = app.db.begin_as(user.actor()).await?;
    let is_known = queries::by_key(&mut tx, user.person_id, key).await?.is_some();
    tx.commit().await?;
    if is_known {
        return Ok(());
    }
    moderation::allow(app, user, request_id, &compose(&request.prompt, &request.attributes)).await
}

/// Gives up what was begun, and its hold with it: it was for a refinement that is not.
async fn replay_instead(
    app: &App,
    user: &CurrentUser,
    begun: PersonTx,
    key: &str,
    fingerprint: &[u8],
) -> ApiResult<Option<Suggested>> {
    begun.rollback().await?;
    let mut tx = app.db.begin_as(user.actor()).await?;
    let suggested = replay(&mut tx, user, key, fingerprint).await?;
    tx.commit().await?;
    Ok(suggested)
}

/// The refinement that has used this key, as it is now; an error when it was another request's.
async fn replay(
    conn: &mut PgConnection,
    user: &CurrentUser,
    key: &str,
    fingerprint: &[u8],
) -> ApiResult<Option<Suggested>> {
    let Some(earlier) = queries::by_key(conn, user.person_id, key).await? else { return Ok(None) };
    if earlier.fingerprint != fingerprint {
        return Err(ApiError::IdempotencyKeyReused);
    }
    let refinement = queries::get(conn, user.person_id, earlier.id).await?.ok_or(ApiError::NotFound)?;
    let gems = gems::queries::balance(conn, user.account_id).await?;
    Ok(Some(Suggested { refinement, gems, standing: None }))
}

async fn read(app: &App, user: &CurrentUser, id: Uuid, standing: Standing) -> ApiResult<Suggested> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let refinement = queries::get(&mut tx, user.person_id, id).await?.ok_or(ApiError::NotFound)?;
    let gems = gems::queries::balance(&mut tx, user.account_id).await?;
    tx.commit().await?;
    Ok(Suggested { refinement, gems, standing: Some(standing) })
}
