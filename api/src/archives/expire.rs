//! Throws archives away when their days are over or their person deletes them: objects first, then what the rows know.
use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::work_queries::{self as queries, Remains};
use crate::app::App;
use crate::images::objects::ObjectVersion;
use crate::promises::retention::{Done, JobError};

/// Of one round of housekeeping.
const ROUND: i64 = 300;
const KEPT: TimeDelta = TimeDelta::days(30);

pub async fn expire(app: &App, now: DateTime<Utc>) -> Result<Done, JobError> {
    let house = app.db.house();
    for person_id in queries::expire(house, now).await? {
        app.live.nudge(person_id);
    }
    let remains = queries::remains(house, ROUND).await?;
    let mut stuck = HashSet::new();
    for Remains { id, upload_id, upload_key, .. } in &remains {
        if let Some(upload_id) = upload_id
            && let Err(error) = app.store.abort_upload(upload_key, upload_id).await
        {
            tracing::warn!(archive_id = %id, %error, "an upload could not be ended and will be tried again");
            stuck.insert(*id);
        }
    }
    let objects: Vec<ObjectVersion> =
        remains.iter().filter_map(|one| one.object_key.as_deref()).map(ObjectVersion::from).collect();
    let kept = if objects.is_empty() { Vec::new() } else { app.store.delete_each(&objects).await? };
    let kept: HashSet<String> = kept.into_iter().map(|kept| kept.object.key).collect();
    let is_kept = |one: &&Remains| one.object_key.as_ref().is_some_and(|key| kept.contains(key));
    stuck.extend(remains.iter().filter(is_kept).map(|one| one.id));
    let gone: Vec<_> = remains.iter().map(|one| one.id).filter(|id| !stuck.contains(id)).collect();
    if !gone.is_empty() {
        queries::is_gone(house, &gone).await?;
        tracing::info!(archives = gone.len(), stuck = stuck.len(), "archives were thrown away");
    }
    queries::forget(house, now - KEPT).await?;
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    Ok(Done { seen: count(remains.len()), deleted: count(gone.len()), failed: count(stuck.len()) })
}
