//! What an operator does with flags from the command line. Shows who was refused and for what, never a prompt.
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::flags;
use super::queries::{self, FlagRow};
use crate::app::StartError;
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::Db;
use crate::http::paging::Keyset;
use crate::operator::audit::By;
use crate::telemetry::Telemetry;

#[derive(Clone, Debug, clap::Subcommand)]
pub enum FlagsAct {
    /// Say of each open flag whose it is, how often they were refused and for what. Newest first.
    List {
        /// Those that are closed too.
        #[arg(long)]
        all: bool,
    },
    /// Say that you have looked: what was refused until now counts no more. To stop somebody: `lapidary people suspend`.
    Close { id: Uuid },
}

/// Does it, and says so on standard output.
pub async fn act(act: FlagsAct, settings: &Settings) -> Result<(), StartError> {
    let telemetry = Telemetry::start(settings)?;
    let db = crate::auth::people::reach(settings).await?;
    let clock = Clock::default();
    let done = match clock.follow(db.house()).await {
        Ok(()) => apply(act, &db, clock.now()).await,
        Err(error) => Err(error.into()),
    };
    db.close().await;
    telemetry.end();
    say(&done?);
    Ok(())
}

/// Gives what is to be said.
pub async fn apply(act: FlagsAct, db: &Db, now: DateTime<Utc>) -> Result<String, StartError> {
    match act {
        FlagsAct::List { all } => {
            let flags = queries::flags(db.house(), all, Keyset::newest(), i64::MAX).await?;
            let lines: Vec<String> = flags.iter().map(line).collect();
            Ok(if lines.is_empty() { "there are no flags".to_owned() } else { lines.join("\n") })
        }
        FlagsAct::Close { id } => {
            if !flags::close(db, id, By::CommandLine, now).await? {
                return Err(StartError::Other(format!("no flag has the id {id}")));
            }
            tracing::info!(flag_id = %id, "a flag was closed");
            Ok(format!("{id} is closed"))
        }
    }
}

fn line(flag: &FlagRow) -> String {
    let at = |moment: DateTime<Utc>| moment.format("%Y-%m-%d %H:%M UTC").to_string();
    let state = flag.closed_at.map_or_else(|| "open".to_owned(), |closed| format!("closed {}", at(closed)));
    format!(
        "{}  {}  {}  {} {}  {}  since {}, last {}  {state}",
        flag.id,
        flag.person_id,
        flag.email,
        flag.refusals,
        flag.kind,
        if flag.categories.is_empty() { "-".to_owned() } else { flag.categories.join(", ") },
        at(flag.created_at),
        at(flag.updated_at)
    )
}

#[expect(clippy::print_stdout, reason = "this command's answer is what it prints")]
fn say(said: &str) {
    println!("{said}");
}
