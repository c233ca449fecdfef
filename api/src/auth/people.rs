//! What an operator does to people from the command line.
use uuid::Uuid;

use super::session_queries;
use crate::app::StartError;
use crate::clock::Clock;
use crate::config::{PeopleAct, Settings};
use crate::db::Db;
use crate::work::bell::{self, News};

/// Does it, and says so on standard output.
pub async fn act(act: PeopleAct, settings: &Settings) -> Result<(), StartError> {
    let db = Db::connect(settings)?;
    let done = apply(act, &db, &Clock::default()).await?;
    db.close().await;
    let (person_id, said) = match act {
        PeopleAct::MakeOperator { person_id } => (person_id, "is an operator"),
        PeopleAct::Suspend { person_id } => (person_id, "is suspended and signed out everywhere"),
        PeopleAct::Restore { person_id } => (person_id, "may sign in again"),
    };
    if !done {
        return Err(StartError::Other(format!("nobody has the id {person_id}")));
    }
    say(person_id, said);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this command's answer is what it prints")]
fn say(person_id: Uuid, said: &str) {
    println!("{person_id} {said}");
}

/// False: nobody has this id.
pub async fn apply(act: PeopleAct, db: &Db, clock: &Clock) -> Result<bool, sqlx::Error> {
    let mut tx = db.house().begin().await?;
    let done = match act {
        PeopleAct::MakeOperator { person_id } => {
            sqlx::query!("update people set is_operator = true where id = $1", person_id).execute(&mut *tx).await?
        }
        PeopleAct::Suspend { person_id } => {
            let done = sqlx::query!(
                "update people set suspended_at = coalesce(suspended_at, $2) where id = $1",
                person_id,
                clock.now()
            )
            .execute(&mut *tx)
            .await?;
            session_queries::end_all(&mut tx, person_id).await?;
            done
        }
        PeopleAct::Restore { person_id } => {
            sqlx::query!("update people set suspended_at = null where id = $1", person_id).execute(&mut *tx).await?
        }
    };
    tx.commit().await?;
    // Whoever is deaf polls within a second.
    let _ = bell::tell_once(db.house(), News::Revocation).await;
    Ok(done.rows_affected() == 1)
}
