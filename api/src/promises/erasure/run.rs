//! Claims erasures and goes on with each, step by step, under a lease that is renewed meanwhile. Every step can be done again
//! from its beginning: whatever dies where, the next one ends it. What fails is tried again, later each time.
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use lapidary_contract::{ErasureKind, ErasureStep};
use tokio::sync::watch;
use uuid::Uuid;

use super::job_queries::{self as queries, Job};
use super::{images, objects, person, rows, vendor, work as under_way};
use crate::app::App;
use crate::auth::keys::KeyError;
use crate::images::store::StoreError;
use crate::payments::stripe::StripeError;
use crate::work::rounds::Rounds;

pub const LEASE: TimeDelta = TimeDelta::seconds(60);
const HEARTBEAT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(5);
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Storage(#[from] StoreError),
    #[error("{0} objects were not deleted")]
    NotDeleted(usize),
    #[error("Stripe: {0}")]
    Vendor(#[from] StripeError),
    #[error("a customer of the payment vendor is left, and there is no key to delete it with")]
    NothingSold,
    #[error(transparent)]
    Marks(#[from] KeyError),
    #[error("gems are held again and again")]
    StillHeld,
    #[error("its person is not named")]
    Nobody,
    #[error("another process has it")]
    Lost,
}

/// Until the process stops: what it is at goes on in another one.
pub async fn work(app: Arc<App>, open: watch::Receiver<bool>) {
    let rounds = Rounds {
        step: |app, stopped| Box::pin(step_until(app, stopped)),
        woken: |app| Box::pin(app.erasures.notified()),
        trouble: "erasures cannot be claimed",
    };
    rounds.keep(app, open).await;
}

/// Takes one that is due to its end, or as far as it goes; false when none is. Tests step with this.
pub async fn step(app: &App) -> Result<bool, sqlx::Error> {
    step_until(app, std::future::pending()).await
}

async fn step_until(app: &App, stopped: impl Future<Output = ()>) -> Result<bool, sqlx::Error> {
    let Some(mut job) = queries::claim(app.db.house(), app.clock.now(), LEASE).await? else { return Ok(false) };
    let held = job.clone();
    let done = tokio::select! {
        done = go_on(app, &mut job) => done,
        () = lost(app, &held) => Err(EraseError::Lost),
        () = stopped => {
            queries::put_down(app.db.house(), &held).await?;
            return Ok(false);
        }
    };
    match done {
        Ok(()) => tracing::info!(erasure_id = %held.id, kind = held.kind.name(), "an erasure is finished"),
        Err(EraseError::Lost) => tracing::info!(erasure_id = %held.id, "an erasure is another process's now"),
        Err(error) => {
            let wait = pause(held.tries);
            tracing::warn!(erasure_id = %held.id, step = job.step.name(), tries = held.tries + 1, %error,
                "an erasure did not get on and is tried again");
            queries::put_back(app.db.house(), &held, app.clock.now() + wait).await?;
        }
    }
    Ok(true)
}

/// Doubles with each try.
fn pause(tries: i32) -> TimeDelta {
    let doubled = 2_i32.checked_pow(u32::try_from(tries).unwrap_or(0));
    doubled.and_then(|times| FIRST_PAUSE.checked_mul(times)).map_or(LONGEST_PAUSE, |wait| wait.min(LONGEST_PAUSE))
}

/// Renews the lease; ends when it is another's.
async fn lost(app: &App, job: &Job) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        match queries::beat(app.db.house(), job, app.clock.now() + LEASE).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(erasure_id = %job.id, %error, "a lease could not be renewed"),
        }
    }
}

/// Boxed, as all that is large here: one step waits in one place.
async fn go_on(app: &App, job: &mut Job) -> Result<(), EraseError> {
    while job.step != ErasureStep::Done {
        let next = match job.kind {
            ErasureKind::Account => Box::pin(of_account(app, job)).await?,
            ErasureKind::Images => Box::pin(of_images(app, job)).await?,
        };
        let is_ours = match next {
            ErasureStep::Done => queries::finish(app.db.house(), job, app.clock.now()).await?,
            next => queries::advance(app.db.house(), job, next).await?,
        };
        if !is_ours {
            return Err(EraseError::Lost);
        }
        job.step = next;
    }
    Ok(())
}

fn person_of(job: &Job) -> Result<Uuid, EraseError> {
    job.person_id.ok_or(EraseError::Nobody)
}

/// Does one step, and gives the next.
async fn of_account(app: &App, job: &mut Job) -> Result<ErasureStep, EraseError> {
    Ok(match job.step {
        ErasureStep::Work => {
            under_way::end(app, person_of(job)?).await?;
            ErasureStep::Objects
        }
        ErasureStep::Objects => {
            objects::delete_folder(app, job, &folder_of(job)?).await?;
            ErasureStep::Rows
        }
        ErasureStep::Rows => {
            rows::delete(app, job, person_of(job)?).await?;
            ErasureStep::Person
        }
        ErasureStep::Person => {
            person::delete(app, job, person_of(job)?).await?;
            ErasureStep::Remains
        }
        ErasureStep::Remains => {
            objects::delete_folder(app, job, &folder_of(job)?).await?;
            person::delete_remains(app, job, person_of(job)?).await?;
            if !queries::part(app.db.house(), job, ErasureStep::Vendor).await? {
                return Err(EraseError::Lost);
            }
            ErasureStep::Vendor
        }
        ErasureStep::Vendor => {
            // What the end of the person wrote down.
            job.customer = queries::customer(app.db.house(), job.id).await?;
            vendor::delete_customer(app, job).await?;
            ErasureStep::Done
        }
        ErasureStep::Done => ErasureStep::Done,
    })
}

fn folder_of(job: &Job) -> Result<String, EraseError> {
    Ok(format!("users/{}/", person_of(job)?))
}

async fn of_images(app: &App, job: &Job) -> Result<ErasureStep, EraseError> {
    let person_id = person_of(job)?;
    Ok(match job.step {
        ErasureStep::Work => {
            images::hide(app, job, person_id).await?;
            ErasureStep::Objects
        }
        ErasureStep::Objects => {
            images::delete_objects(app, job, person_id).await?;
            ErasureStep::Rows
        }
        ErasureStep::Rows => {
            images::delete_rows(app, job, person_id).await?;
            ErasureStep::Done
        }
        ErasureStep::Person | ErasureStep::Remains | ErasureStep::Vendor | ErasureStep::Done => ErasureStep::Done,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_waits_longer_each_time_and_an_hour_at_most() {
        let waits: Vec<i64> = [0, 1, 2, 9, 10, 31, i32::MAX].map(pause).iter().map(TimeDelta::num_seconds).collect();
        assert_eq!(waits, [5, 10, 20, 2_560, 3_600, 3_600, 3_600]);
    }
}
