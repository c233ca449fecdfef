//! Runs the jobs of the list. They do not know each other: one that fails is told, leaves its failure in the trace, is tried
//! again at the next round, and the next ones run.
use chrono::{DateTime, Utc};

use super::{Done, JOBS, Job, JobError, Run, trace_queries as traces};
use crate::app::App;

/// Each once.
pub async fn all(app: &App) {
    for job in JOBS {
        if let Err(error) = one(app, job, app.clock.now()).await {
            tracing::warn!(job = job.kind, %error, "a job failed and will be tried again");
        }
    }
}

/// As of `now`. Gives what it did, where it counts that itself.
pub async fn one(app: &App, job: &Job, now: DateTime<Utc>) -> Result<Option<Done>, JobError> {
    let outcome = match job.run {
        Run::Traced(run) => match run(app, now).await {
            Ok(done) => {
                traces::leave(app.db.house(), job.kind, done, now).await?;
                return Ok(Some(done));
            }
            Err(error) => Err(error),
        },
        Run::InRounds(run) => run(app, now).await.map(|()| None),
        Run::Within(_) => Ok(None),
    };
    if let Err(error) = &outcome {
        // The database may be what failed.
        let is_daily = matches!(job.run, Run::Traced(_));
        if let Err(untold) = traces::fail(app.db.house(), job.kind, is_daily, now).await {
            tracing::debug!(job = job.kind, %error, %untold, "a failure left no trace");
        }
    }
    outcome
}
