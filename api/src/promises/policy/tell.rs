//! Tells everybody of a version that holds: once, a piece at a time, and goes on where it was after any interruption.
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::queries;
use super::versions::{self, Version};
use crate::app::App;

/// People in one transaction, and transactions in one round of housekeeping.
const PIECE: i64 = 200;
const PIECES: usize = 100;

pub async fn tell(app: &App, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    tell_of(app, versions::ALL, now).await.map(drop)
}

/// Gives how many were told. Versions that do not hold yet, or not any more, are published and told to nobody.
pub async fn tell_of(app: &App, versions: &[Version], now: DateTime<Utc>) -> Result<usize, sqlx::Error> {
    for version in versions {
        queries::publish(app.db.house(), version, now).await?;
    }
    let mut told = 0;
    for version in versions::in_force(versions, now) {
        for _ in 0..PIECES {
            match piece(app, version.id(), now).await? {
                Some(people) => told += people,
                None => break,
            }
        }
    }
    Ok(told)
}

/// `None` at the end, or where another process is at it.
async fn piece(app: &App, policy_id: Uuid, now: DateTime<Utc>) -> Result<Option<usize>, sqlx::Error> {
    let mut tx = app.db.begin_house().await?;
    let Some(after) = queries::take(&mut tx, policy_id).await? else { return Ok(None) };
    let people = queries::people_after(&mut tx, after, PIECE).await?;
    let Some(last) = people.last() else {
        queries::told_all(&mut tx, policy_id, now).await?;
        tx.commit().await?;
        tracing::info!(%policy_id, "everybody has been told of a version of a policy");
        return Ok(None);
    };
    let notices: Vec<Uuid> = people.iter().map(|_| Uuid::now_v7()).collect();
    let told = queries::tell(&mut tx, policy_id, &people, &notices, now).await?;
    queries::told_to(&mut tx, policy_id, *last).await?;
    tx.commit().await?;
    told.iter().for_each(|person_id| app.live.nudge(*person_id));
    Ok(Some(told.len()))
}
