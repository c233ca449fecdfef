//! The end of an account, in one transaction: sessions end everywhere, gems are forfeited, the books forget whose they were,
//! the link to them is cut and the person is gone. All of it or nothing.
use serde_json::json;
use uuid::Uuid;

use super::job_queries::{self as jobs, Job};
use super::run::EraseError;
use super::{begin_queries, person_queries as queries, rows, work};
use crate::app::App;
use crate::auth::{age, session_queries};
use crate::gems::ledger;

/// Work that began while the end came near is ended, and the end begun anew, so many times.
const TRIES: u8 = 5;
/// Of each table, at the end: nothing large is left by then.
const REST: i32 = 10_000;

pub async fn delete(app: &App, job: &Job, person_id: Uuid) -> Result<(), EraseError> {
    for _ in 0..TRIES {
        work::end(app, person_id).await?;
        if delete_once(app, job, person_id).await? {
            return Ok(());
        }
    }
    Err(EraseError::StillHeld)
}

/// False: gems are still held.
async fn delete_once(app: &App, job: &Job, person_id: Uuid) -> Result<bool, EraseError> {
    let now = app.clock.now();
    let mut tx = app.db.begin_house().await?;
    // Whatever would begin for this person waits from here on, and finds nobody.
    let locked = begin_queries::lock(&mut tx, person_id).await?;
    let person = queries::person(&mut tx, person_id).await?;
    let (Some(account_id), Some(person)) = (locked, person) else {
        // Somebody was quicker.
        return Ok(true);
    };
    if !ledger::close(&mut tx, account_id, now).await? {
        return Ok(false);
    }
    if person.is_confirmed {
        age::mark_all(&mut tx, app.auth.master(), person_id, &person.email_normalised, now).await?;
    }
    let ended = session_queries::end_all(&mut tx, person_id, None).await?;
    queries::forget_sign_ins(&mut tx, person_id).await?;
    queries::forget_in_audit_log(&mut tx, person_id).await?;
    queries::take_names_out_of_the_books(&mut tx, person_id, account_id).await?;
    queries::forget_in_sweeps(&mut tx, person_id).await?;
    let customer = queries::take_customer(&mut tx, account_id).await?;
    let gone = queries::erase_rows(&mut tx, person_id, REST, &["account_links"]).await?;
    let gems = ledger::forfeit(&mut tx, account_id, account_id, now).await?;
    queries::delete_person(&mut tx, person_id).await?;
    let is_ours = jobs::count(&mut *tx, job, &gone, &json!({})).await?
        && queries::note_gone(&mut tx, (job.id, job.attempt), gems, customer.as_deref()).await?;
    if !is_ours {
        return Err(EraseError::Lost);
    }
    tx.commit().await?;
    ended.into_iter().for_each(|session| app.auth.revocations.add(session));
    app.live.nudge(person_id);
    Ok(true)
}

/// What came while the person went: an upload that was under way, the last lines of the request log. Nothing leads from the
/// erasure to the person after it.
pub async fn delete_remains(app: &App, job: &Job, person_id: Uuid) -> Result<(), EraseError> {
    app.request_log.catch_up(&app.db).await;
    rows::delete_but(app, job, person_id, &[]).await
}
