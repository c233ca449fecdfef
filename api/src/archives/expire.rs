//! Throws archives away when their days are over or their person deletes them: objects first, then what the rows know.
use std::collections::HashSet;

use chrono::TimeDelta;

use super::work_queries::{self as queries, Remains};
use crate::app::App;
use crate::images::objects::ObjectVersion;

/// Of one round of housekeeping.
const ROUND: i64 = 300;
const KEPT: TimeDelta = TimeDelta::days(30);

pub async fn expire(app: &App) -> Result<(), sqlx::Error> {
    let (house, now) = (app.db.house(), app.clock.now());
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
    match app.store.delete_each(&objects).await {
        Ok(kept) => {
            let kept: HashSet<String> = kept.into_iter().map(|kept| kept.key).collect();
            let is_kept = |one: &&Remains| one.object_key.as_ref().is_some_and(|key| kept.contains(key));
            stuck.extend(remains.iter().filter(is_kept).map(|one| one.id));
        }
        Err(error) => {
            tracing::warn!(%error, "archives could not be deleted and will be tried again");
            return Ok(());
        }
    }
    let gone: Vec<_> = remains.iter().map(|one| one.id).filter(|id| !stuck.contains(id)).collect();
    if !gone.is_empty() {
        queries::is_gone(house, &gone).await?;
        tracing::info!(archives = gone.len(), stuck = stuck.len(), "archives were thrown away");
    }
    queries::forget(house, now - KEPT).await
}
