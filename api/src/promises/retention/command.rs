//! `lapidary retention`: what goes after how long and when it last did, and on request all that is due, now.
use super::report::Report;
use super::{JOBS, run, trace_queries};
use crate::app::{App, StartError};
use crate::clock::Clock;
use crate::config::Settings;
use crate::images::orphans;
use crate::telemetry::Telemetry;

#[derive(Clone, Debug, clap::Args)]
pub struct RetentionArgs {
    /// Run every job once before.
    #[arg(long, conflicts_with = "dry_run")]
    pub run: bool,
    /// Look through the whole bucket before, and say what the sweep of objects would delete. Deletes nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Looks, and says it on standard output.
pub async fn act(asked: &RetentionArgs, settings: &Settings) -> Result<(), StartError> {
    let telemetry = Telemetry::start(settings)?;
    drop(crate::auth::people::reach(settings).await?);
    let app = App::build(settings.clone(), Clock::default()).await?;
    let said = look(asked, &app).await;
    app.db.close().await;
    telemetry.end();
    say(&said?);
    Ok(())
}

async fn look(asked: &RetentionArgs, app: &App) -> Result<String, StartError> {
    app.clock.follow(app.db.house()).await?;
    let mut said = String::new();
    if asked.run {
        for job in JOBS {
            if let Err(error) = run::one(app, job, app.clock.now()).await {
                said.push_str(&format!("✗ {}: {error}\n", job.kind));
            }
        }
    }
    if asked.dry_run {
        said.push_str(&match orphans::sweep(app, true).await {
            Ok(Some(orphans::Report { counts, .. })) => format!(
                "{} objects looked at: {} would be deleted, {} are of no kind we make; {} that rows know are missing\n",
                counts.seen, counts.deleted, counts.unknown, counts.missing
            ),
            Ok(None) => "Another process looks through the bucket right now.\n".to_owned(),
            Err(error) => format!("✗ objects: {error}\n"),
        });
    }
    let traces = trace_queries::last(app.db.house()).await?;
    Ok(said + &Report::of(&traces, app.clock.now()).text())
}

#[expect(clippy::print_stdout, reason = "this command's answer is what it prints")]
fn say(said: &str) {
    println!("{said}");
}
