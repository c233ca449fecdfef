//! Ends what a person has under way who leaves or is suspended, its gems given back. A run that is still going finds its row
//! ended or gone, and what it brings is dropped.
use lapidary_contract::RefinementFailureCode;
use uuid::Uuid;

use super::work_queries as queries;
use crate::app::App;
use crate::gems::ledger;
use crate::generation::queries::record_end;
use crate::refinement::ending_queries;
use crate::work::queue::{self, Unmade};

/// Of one transaction.
const PIECE: i64 = 50;

/// What waits ends now. What runs stops soon, and keeps what it has made by then: this may be undone. So with who is suspended.
pub async fn stop(app: &App, person_id: Uuid) -> Result<(), sqlx::Error> {
    end_generations(app, person_id, false).await?;
    let mut tx = app.db.begin_house().await?;
    let running = queries::request_cancels(&mut tx, person_id, app.clock.now()).await?;
    tx.commit().await?;
    running.into_iter().for_each(|id| app.live.cancel(id));
    app.live.nudge(person_id);
    Ok(())
}

/// [`stop`] for whoever was suspended or is leaving while something of theirs waits: the command line tells no process. Part of
/// every sweep.
pub async fn sweep(app: &App) -> Result<(), sqlx::Error> {
    for person_id in queries::refused_people(app.db.house(), PIECE).await? {
        stop(app, person_id).await?;
    }
    Ok(())
}

/// Everything ends now, whatever it has made.
pub async fn end(app: &App, person_id: Uuid) -> Result<(), sqlx::Error> {
    end_generations(app, person_id, true).await?;
    let now = app.clock.now();
    let mut tx = app.db.begin_house().await?;
    for one in queries::refinements(&mut tx, person_id).await? {
        ending_queries::give_up(&mut tx, one.id, RefinementFailureCode::Internal.name(), now).await?;
        ledger::settle(&mut tx, one.account_id, one.hold(), 0, one.id, now).await?;
    }
    queries::end_archives(&mut tx, person_id, now).await?;
    tx.commit().await
}

async fn end_generations(app: &App, person_id: Uuid, takes_running: bool) -> Result<(), sqlx::Error> {
    let mut after = Uuid::nil();
    loop {
        let now = app.clock.now();
        let mut tx = app.db.begin_house().await?;
        let piece = queries::generations(&mut tx, person_id, after, takes_running, PIECE).await?;
        for one in &piece {
            let (hold, status) = (one.hold(), "cancelled");
            let unmade = Unmade { id: one.id, account_id: one.account_id, hold, status, failure: None };
            // Whoever takes it back hears of it; what goes for ever is told to nobody.
            if queue::end_unmade(&mut tx, &unmade, now).await? && !takes_running {
                record_end(&mut tx, person_id, one.id, now).await?;
            }
        }
        tx.commit().await?;
        piece.iter().for_each(|one| app.live.cancel(one.id));
        let Some(last) = piece.last() else { return Ok(()) };
        after = last.id;
    }
}
