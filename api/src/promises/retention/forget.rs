//! What is nothing but rows: news, share links, notices, flags, operators' acts, traces. Deleted a piece at a time; each piece
//! is complete by itself.
use chrono::{DateTime, TimeDelta, Utc};

use super::{Done, payments, queries};
use crate::app::App;

/// Whoever was away longer reads everything anew.
pub const EVENTS_KEPT: TimeDelta = TimeDelta::days(1);
/// After its end a link is still listed for a month, with how often it was looked at.
pub const SHARES_KEPT: TimeDelta = TimeDelta::days(30);
/// After it was read. What it told of stands in the statement or on the thing itself.
pub const NOTICES_KEPT: TimeDelta = TimeDelta::days(180);
/// After an operator closed it: whether it is the first time is asked within a year.
pub const FLAGS_KEPT: TimeDelta = TimeDelta::days(365);
/// A year can be compared with the one before.
pub const TRACES_KEPT: TimeDelta = TimeDelta::days(400);

const PIECE: i64 = 10_000;

/// Runs `piece` until it finds nothing more.
async fn through<F>(piece: impl Fn() -> F) -> Result<Done, sqlx::Error>
where
    F: Future<Output = Result<u64, sqlx::Error>>,
{
    let mut gone = 0;
    loop {
        match piece().await? {
            0 => return Ok(Done::all(gone)),
            rows => gone += rows,
        }
    }
}

pub async fn events(app: &App, now: DateTime<Utc>) -> Result<Done, sqlx::Error> {
    through(|| queries::forget_events(app.db.house(), now - EVENTS_KEPT, PIECE)).await
}

pub async fn shares(app: &App, now: DateTime<Utc>) -> Result<Done, sqlx::Error> {
    through(|| queries::forget_shares(app.db.house(), now - SHARES_KEPT, PIECE)).await
}

/// Not those of a policy: they say which one a person has acknowledged, and stay with the person.
pub async fn notices(app: &App, now: DateTime<Utc>) -> Result<Done, sqlx::Error> {
    through(|| queries::forget_notices(app.db.house(), now - NOTICES_KEPT, PIECE)).await
}

pub async fn flags(app: &App, now: DateTime<Utc>) -> Result<Done, sqlx::Error> {
    through(|| queries::forget_flags(app.db.house(), now - FLAGS_KEPT, PIECE)).await
}

/// What operators did is kept as long as the payments that some of it corrects. The database refuses to lose it sooner.
pub async fn acts(app: &App, now: DateTime<Utc>) -> Result<Done, sqlx::Error> {
    through(|| queries::forget_acts(app.db.house(), now - payments::KEPT, PIECE)).await
}

/// The newest of each kind stays, whatever its age: it says when a promise was last kept, and how far the events of the payment
/// vendor were read.
pub async fn traces(app: &App, now: DateTime<Utc>) -> Result<Done, sqlx::Error> {
    let (house, before) = (app.db.house(), now - TRACES_KEPT);
    let sweeps = through(|| queries::forget_sweeps(house, before, PIECE)).await?;
    let reconciled = through(|| queries::forget_reconciliations(house, before, PIECE)).await?;
    Ok(sweeps + reconciled)
}
