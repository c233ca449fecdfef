//! Claims archives and makes them, one at a time in a process, with a lease that is renewed meanwhile: what loses its worker
//! is made by another one. No transaction is open while storage is waited for.
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;
use lapidary_contract::domain::limits::ARCHIVE_DAYS;
use tokio::sync::watch;

use super::make::{self, MakeError, Progress};
use super::work_queries::{self as queries, Claimed};
use crate::app::App;
use crate::notices;
use crate::work::rounds::Rounds;

pub const LEASE: TimeDelta = TimeDelta::seconds(60);
const HEARTBEAT: Duration = Duration::from_secs(3);
/// Whatever became of the workers.
const ATTEMPTS_MAX: i32 = 4;
/// After a storage that refuses, times the attempt.
const AGAIN_AFTER: TimeDelta = TimeDelta::seconds(15);
const REFUSED: &str = "The storage did not take it. Nothing is lost: ask for it again in a while.";

/// Until the process stops: what it is at then waits for another one.
pub async fn work(app: Arc<App>, open: watch::Receiver<bool>) {
    if app.settings.worker_slots == 0 {
        return;
    }
    let rounds = Rounds {
        step: |app, stopped| Box::pin(step_until(app, stopped)),
        woken: |_| Box::pin(std::future::pending()),
        trouble: "archives cannot be made",
    };
    rounds.keep(app, open).await;
}

/// Makes one to its end; false when none waits. Tests step with this.
pub async fn step(app: &App) -> Result<bool, sqlx::Error> {
    step_until(app, std::future::pending()).await
}

async fn step_until(app: &App, stopped: impl Future<Output = ()>) -> Result<bool, sqlx::Error> {
    let Some(job) = queries::claim(app.db.house(), app.clock.now(), LEASE).await? else { return Ok(false) };
    app.live.nudge(job.person_id);
    if let Some(earlier) = &job.upload_id
        && let Err(error) = app.store.abort_upload(&job.earlier_key(), earlier).await
    {
        tracing::warn!(archive_id = %job.id, %error, "an upload that came to no end stays in storage");
    }
    if job.attempt > ATTEMPTS_MAX {
        queries::fail(app.db.house(), &job, REFUSED, app.clock.now()).await?;
        app.live.nudge(job.person_id);
        return Ok(true);
    }
    let progress = Progress::default();
    let made = tokio::select! {
        made = make::make(app, &job, &progress) => made,
        () = lost(app, &job, &progress) => Err(MakeError::Lost),
        () = stopped => {
            abandon(app, &job, &progress).await;
            queries::give_back(app.db.house(), &job).await?;
            return Ok(true);
        }
    };
    match made {
        Ok(bytes) => settle(app, &job, bytes, &progress).await?,
        Err(error) => {
            abandon(app, &job, &progress).await;
            put_back(app, &job, &error).await?;
        }
    }
    app.live.nudge(job.person_id);
    Ok(true)
}

/// Renews the lease; ends when it is another's.
async fn lost(app: &App, job: &Claimed, progress: &Progress) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        let done = progress.done.load(Ordering::Relaxed);
        match queries::beat(app.db.house(), job, done, app.clock.now() + LEASE).await {
            Ok(true) => app.live.nudge(job.person_id),
            Ok(false) => return,
            Err(error) => tracing::warn!(archive_id = %job.id, %error, "a lease could not be renewed"),
        }
    }
}

async fn settle(app: &App, job: &Claimed, bytes: u64, progress: &Progress) -> Result<(), sqlx::Error> {
    let now = app.clock.now();
    let done = progress.done.load(Ordering::Relaxed);
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    let mut tx = app.db.begin_house().await?;
    let is_ours = queries::ready(&mut tx, job, bytes, done, now, now + TimeDelta::days(ARCHIVE_DAYS)).await?;
    if is_ours {
        notices::add(&mut tx, job.person_id, job.kind().notice(), Some(job.id), None, 0, now).await?;
    }
    tx.commit().await?;
    if is_ours {
        tracing::info!(archive_id = %job.id, request_id = job.request_id, images = done, bytes, "an archive is ready");
    } else if let Err(error) = app.store.delete_many(&[job.key()]).await {
        tracing::warn!(archive_id = %job.id, %error, "the archive of a lost attempt is left to the sweep of objects");
    }
    Ok(())
}

/// Of what was sent so far nothing stays.
async fn abandon(app: &App, job: &Claimed, progress: &Progress) {
    let upload_id = progress.upload_id.lock().ok().and_then(|mut known| known.take());
    let Some(upload_id) = upload_id else { return };
    match app.store.abort_upload(&job.key(), &upload_id).await {
        Ok(()) => {
            if let Err(error) = queries::note_upload(app.db.house(), job, None).await {
                tracing::debug!(%error, "an upload that is gone is still noted");
            }
        }
        Err(error) => {
            tracing::warn!(archive_id = %job.id, %error, "an upload could not be ended: the next attempt does")
        }
    }
}

async fn put_back(app: &App, job: &Claimed, error: &MakeError) -> Result<(), sqlx::Error> {
    let now = app.clock.now();
    match error {
        MakeError::Lost => {
            tracing::info!(archive_id = %job.id, attempt = job.attempt, "an archive is another's now, or nobody's");
            Ok(())
        }
        MakeError::Database(_) | MakeError::Storage(_) if job.attempt < ATTEMPTS_MAX => {
            tracing::warn!(archive_id = %job.id, attempt = job.attempt, %error, "an archive is tried again");
            queries::again(app.db.house(), job, now + AGAIN_AFTER * job.attempt).await
        }
        _ => {
            tracing::error!(archive_id = %job.id, request_id = job.request_id, %error, "an archive failed");
            queries::fail(app.db.house(), job, REFUSED, now).await
        }
    }
}
