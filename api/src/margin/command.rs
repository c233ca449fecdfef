//! `lapidary margin`: what images brought and what they cost, by model and quality.
use chrono::TimeDelta;
use lapidary_domain::cost::GemWorth;

use super::queries;
use super::report::Report;
use crate::app::StartError;
use crate::catalogue;
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::Db;
use crate::telemetry::Telemetry;

#[derive(Clone, Debug, clap::Args)]
pub struct MarginArgs {
    /// How many days back.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub days: u32,
    /// CSV instead of a table; amounts in millionths of a US dollar.
    #[arg(long)]
    pub csv: bool,
}

/// Looks, and says it on standard output.
pub async fn act(asked: &MarginArgs, settings: &Settings) -> Result<(), StartError> {
    let telemetry = Telemetry::start(settings)?;
    let db = crate::auth::people::reach(settings).await?;
    let clock = Clock::default();
    let looked = match clock.follow(db.house()).await {
        Ok(()) => look(asked.days, &db, settings, &clock).await,
        Err(error) => Err(error.into()),
    };
    db.close().await;
    telemetry.end();
    let report = looked?;
    say(&if asked.csv { report.csv() } else { report.text() + "\n" });
    Ok(())
}

pub async fn look(days: u32, db: &Db, settings: &Settings, clock: &Clock) -> Result<Report, StartError> {
    let catalogue = catalogue::load(settings.catalogue_file.as_deref(), clock.today())?;
    let since = clock.now() - TimeDelta::days(i64::from(days));
    Ok(Report { days, rows: queries::made_since(db.house(), since).await?, worth: GemWorth::of(&catalogue) })
}

#[expect(clippy::print_stdout, reason = "this command's answer is what it prints")]
fn say(said: &str) {
    print!("{said}");
}
