//! What an operator does to people: from the command line, and what their screens share with it.
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lapidary_contract::OperatorAct;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::{address, api_keys, session_queries};
use crate::app::StartError;
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::Db;
use crate::operator::audit::{self, By, Done};
use crate::promises::erasure;
use crate::work::bell::{self, News};

/// An operator waits this long for a database that is not there.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, clap::Subcommand)]
pub enum PeopleAct {
    /// Say who has an e-mail address: id, address, since when, state, sign-in methods, gems.
    Find { email: String },
    /// Let a person use the operator's screens.
    MakeOperator { person_id: Uuid },
    /// Let a person use the operator's screens no more.
    RemoveOperator { person_id: Uuid },
    /// Sign a person out everywhere and refuse them until restored. What waits for them ends within seconds, its gems back.
    Suspend { person_id: Uuid },
    /// Let a suspended person in again.
    Restore { person_id: Uuid },
    /// Have everything of a person erased who asked for it and cannot sign in: after ERASURE_UNDO_DAYS, or at once. Prints where
    /// the receipt is.
    Erase {
        /// An id, or an e-mail address.
        who: String,
        #[arg(long)]
        at_once: bool,
    },
}

/// Does it, and says so on standard output.
pub async fn act(act: PeopleAct, settings: &Settings) -> Result<(), StartError> {
    let db = reach(settings).await?;
    let said = match act {
        PeopleAct::Find { ref email } => find(email, &db).await,
        PeopleAct::MakeOperator { person_id } => change(act, person_id, "is an operator", &db).await,
        PeopleAct::RemoveOperator { person_id } => change(act, person_id, "is no operator", &db).await,
        PeopleAct::Suspend { person_id } => change(act, person_id, "is suspended and signed out everywhere", &db).await,
        PeopleAct::Restore { person_id } => change(act, person_id, "may sign in again", &db).await,
        PeopleAct::Erase { ref who, at_once } => {
            erasure::command::erase(who, at_once, settings, &db, &Clock::default()).await
        }
    };
    db.close().await;
    say(&said?);
    Ok(())
}

/// The pools of a database that answers; a sentence within five seconds where it does not.
pub async fn reach(settings: &Settings) -> Result<Db, StartError> {
    let options = PgConnectOptions::from_str(&settings.database_url)?;
    let place = format!("{}:{}", options.get_host(), options.get_port());
    match tokio::time::timeout(PATIENCE, PgConnection::connect_with(&options)).await {
        Ok(Ok(connection)) => {
            let _ = connection.close().await;
            Ok(Db::connect(settings)?)
        }
        Ok(Err(error)) => Err(StartError::Other(format!("the database at {place} cannot be reached: {error}"))),
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            Err(StartError::Other(format!("the database at {place} does not answer within {seconds} seconds")))
        }
    }
}

#[expect(clippy::print_stdout, reason = "this command's answer is what it prints")]
fn say(said: &str) {
    println!("{said}");
}

async fn change(act: PeopleAct, person_id: Uuid, said: &str, db: &Db) -> Result<String, StartError> {
    if apply(act, db, &Clock::default()).await? {
        Ok(format!("{person_id} {said}"))
    } else {
        Err(StartError::Other(format!("nobody has the id {person_id}")))
    }
}

/// False: nobody has this id.
pub async fn apply(act: PeopleAct, db: &Db, clock: &Clock) -> Result<bool, sqlx::Error> {
    let now = clock.now();
    let mut tx = db.begin_house().await?;
    let (is_done, act, person_id) = match act {
        // Changes nobody, or not here.
        PeopleAct::Find { .. } | PeopleAct::Erase { .. } => return Ok(false),
        PeopleAct::MakeOperator { person_id } => {
            (set_operator(&mut tx, person_id, true).await?, OperatorAct::MakeOperator, person_id)
        }
        PeopleAct::RemoveOperator { person_id } => {
            (set_operator(&mut tx, person_id, false).await?, OperatorAct::RemoveOperator, person_id)
        }
        PeopleAct::Suspend { person_id } => {
            (suspend(&mut tx, person_id, now).await?.is_some(), OperatorAct::Suspend, person_id)
        }
        PeopleAct::Restore { person_id } => (restore(&mut tx, person_id).await?, OperatorAct::Restore, person_id),
    };
    if !is_done {
        return Ok(false);
    }
    audit::record(&mut tx, &Done::new(By::CommandLine, act, person_id), now).await?;
    tx.commit().await?;
    // Whoever is deaf polls within a second.
    let _ = bell::tell_once(db.house(), News::Revocation).await;
    Ok(true)
}

/// False: nobody has this id.
async fn set_operator(conn: &mut PgConnection, person_id: Uuid, is_operator: bool) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!("update people set is_operator = $2 where id = $1", person_id, is_operator);
    Ok(done.execute(conn).await?.rows_affected() == 1)
}

/// Gives the sessions that end with it, for whoever commits to tell. `None`: nobody has this id.
pub async fn suspend(
    conn: &mut PgConnection,
    person_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Vec<Uuid>>, sqlx::Error> {
    let done =
        sqlx::query!("update people set suspended_at = coalesce(suspended_at, $2) where id = $1", person_id, now)
            .execute(&mut *conn)
            .await?;
    if done.rows_affected() == 0 {
        return Ok(None);
    }
    let ended = session_queries::end_all(conn, person_id, None).await?;
    // Keys are not ended: whoever is restored has them again.
    api_keys::queries::announce_all(&mut *conn, person_id).await?;
    Ok(Some(ended))
}

/// False: nobody has this id.
pub async fn restore(conn: &mut PgConnection, person_id: Uuid) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!("update people set suspended_at = null where id = $1", person_id).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

struct Found {
    id: Uuid,
    email: String,
    created_at: DateTime<Utc>,
    is_suspended: bool,
    is_confirmed: bool,
    is_closing: bool,
    is_operator: bool,
    providers: Vec<String>,
    remaining: i64,
    held: i64,
    debt: i64,
}

/// Everyone who has this address, or signs in with it, a line each.
pub async fn find(email: &str, db: &Db) -> Result<String, StartError> {
    let nobody = || StartError::Other(format!("nobody has the e-mail address {email}"));
    let normalised = address::normalise(email).ok_or_else(nobody)?;
    let people = sqlx::query_as!(
        Found,
        r#"select p.id, p.email, p.created_at, p.suspended_at is not null as "is_suspended!",
             p.age_confirmed_at is not null as "is_confirmed!", p.closing_at is not null as "is_closing!", p.is_operator,
             array(select i.provider from identities i where i.person_id = p.id order by i.created_at) as "providers!",
             a.free + a.bought as "remaining!", a.held_free + a.held_bought as "held!", a.debt
           from people p
             join account_links l on l.person_id = p.id
             join gem_accounts a on a.id = l.account_id
           where p.email_normalised = $1
             or p.id in (select i.person_id from identities i where lower(i.email) = $1)
           order by p.created_at"#,
        normalised
    )
    .fetch_all(db.house())
    .await?;
    if people.is_empty() {
        return Err(nobody());
    }
    Ok(people.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn line(person: &Found) -> String {
    let state = match (person.is_suspended, person.is_closing, person.is_confirmed) {
        (true, ..) => "suspended",
        (false, true, _) => "to be erased",
        (false, false, true) => "active",
        (false, false, false) => "age not confirmed",
    };
    let operator = if person.is_operator { ", operator" } else { "" };
    let debt = if person.debt > 0 { format!(", {} owed", person.debt) } else { String::new() };
    format!(
        "{}  {}  since {}  {state}{operator}  by {}  {} gems, {} held{debt}",
        person.id,
        person.email,
        person.created_at.format("%Y-%m-%d %H:%M UTC"),
        person.providers.join(" and "),
        person.remaining,
        person.held
    )
}
