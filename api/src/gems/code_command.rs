//! What an operator does to redeem codes from the command line. A code is shown once, here; every change is logged without
//! it.
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use lapidary_contract::OperatorAct;
use lapidary_domain::{Gems, ViolationCode};
use uuid::Uuid;

use super::code;
use super::code_queries::{self as queries, CodeRow, NewCode};
use crate::app::StartError;
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::Db;
use crate::operator::audit::{self, By, Done};
use crate::telemetry::Telemetry;

#[derive(Clone, Debug, clap::Subcommand)]
pub enum CodesAct {
    /// Make a code and print it: it is shown this once.
    Create(NewCodeArgs),
    /// Say of each code what it gives, how often it was used, and whether it still works. Newest first.
    List,
    /// Let nobody use a code any more. What it gave already stays.
    Revoke { id: Uuid },
}

#[derive(Clone, Debug, clap::Args)]
pub struct NewCodeArgs {
    /// Free gems for whoever redeems it.
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    pub gems: Gems,
    /// How many people may redeem it, once each.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=1_000_000))]
    pub uses: i32,
    /// Its last day (YYYY-MM-DD, in UTC) or the moment at which it ends (RFC 3339). Absent: it never does.
    #[arg(long = "expires", value_name = "DATE", value_parser = end_of)]
    pub expires_at: Option<DateTime<Utc>>,
    /// What it is for; only operators read it.
    #[arg(long, default_value = "")]
    pub note: String,
}

/// Does it, and says so on standard output.
pub async fn act(act: CodesAct, settings: &Settings) -> Result<(), StartError> {
    let telemetry = Telemetry::start(settings)?;
    let db = crate::auth::people::reach(settings).await?;
    let clock = Clock::default();
    // This machine's clock may be wrong; the database's is everyone's.
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
pub async fn apply(act: CodesAct, db: &Db, now: DateTime<Utc>) -> Result<String, StartError> {
    match act {
        CodesAct::Create(asked) => create(&asked, db, now).await,
        CodesAct::List => {
            let codes = queries::all(db.house()).await?;
            let lines: Vec<String> = codes.iter().map(|code| line(code, now)).collect();
            Ok(if lines.is_empty() { "there are no codes".to_owned() } else { lines.join("\n") })
        }
        CodesAct::Revoke { id } => {
            let mut tx = db.begin_house().await?;
            if !queries::revoke(&mut *tx, id, now).await? {
                return Err(StartError::Other(format!("no code has the id {id}")));
            }
            audit::record(&mut tx, &Done::new(By::CommandLine, OperatorAct::RevokeCode, id), now).await?;
            tx.commit().await?;
            tracing::info!(code_id = %id, "a redeem code was revoked");
            Ok(format!("{id} is revoked"))
        }
    }
}

/// The code alone, so that a script can take it.
async fn create(asked: &NewCodeArgs, db: &Db, now: DateTime<Utc>) -> Result<String, StartError> {
    if asked.expires_at.is_some_and(|at| at <= now) {
        return Err(StartError::Other("the code would have expired already".to_owned()));
    }
    let impossible = |_| StartError::Other("no random code can be made on this machine".to_owned());
    let code = code::random().map_err(impossible)?;
    let code_hash = code::hash(&code).unwrap_or_default();
    let new = NewCode {
        id: Uuid::now_v7(),
        code_hash: &code_hash,
        gems: asked.gems,
        uses_max: asked.uses,
        note: asked.note.trim(),
        expires_at: asked.expires_at,
        now,
    };
    let mut tx = db.begin_house().await?;
    queries::add(&mut *tx, &new).await?;
    let done = Done::new(By::CommandLine, OperatorAct::CreateCode, new.id);
    let reason = (!new.note.is_empty()).then_some(new.note);
    audit::record(&mut tx, &Done { reason, gems: Some(new.gems), ..done }, now).await?;
    tx.commit().await?;
    tracing::info!(code_id = %new.id, gems = new.gems, uses_max = new.uses_max, expires_at = ?new.expires_at,
        note = new.note, "a redeem code was made");
    Ok(code)
}

fn line(code: &CodeRow, now: DateTime<Utc>) -> String {
    let state = match (code.refusal(now), code.expires_at) {
        (Some(ViolationCode::RevokedCode), _) => "revoked".to_owned(),
        (Some(ViolationCode::ExpiredCode), _) => "expired".to_owned(),
        (Some(_), _) => "used up".to_owned(),
        (None, Some(at)) => format!("until {}", at.format("%Y-%m-%d %H:%M UTC")),
        (None, None) => "open".to_owned(),
    };
    let made = code.created_at.format("%Y-%m-%d %H:%M UTC");
    let line =
        format!("{}  {} gems  used {} of {}  {state}  since {made}", code.id, code.gems, code.uses, code.uses_max);
    if code.note.is_empty() { line } else { format!("{line}  {}", code.note) }
}

/// A day lasts until its end.
fn end_of(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    let day: NaiveDate = text.parse().map_err(|_| "write a date like 2027-01-31, or a time of RFC 3339".to_owned())?;
    let end = day.checked_add_signed(TimeDelta::days(1)).ok_or_else(|| "this date is too far away".to_owned())?;
    Ok(end.and_time(NaiveTime::MIN).and_utc())
}

#[expect(clippy::print_stdout, reason = "this command's answer is what it prints")]
fn say(said: &str) {
    println!("{said}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_ends_with_its_last_day() {
        let at = |text: &str| end_of(text).map(|at| at.to_rfc3339());
        assert_eq!(at("2027-01-31").as_deref(), Ok("2027-02-01T00:00:00+00:00"));
        assert_eq!(at("2027-01-31T12:00:00+02:00").as_deref(), Ok("2027-01-31T10:00:00+00:00"));
        assert!(at("tomorrow").is_err());
    }
}
