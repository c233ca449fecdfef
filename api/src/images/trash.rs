//! Empties the trash: objects first, then rows, so that nothing is left which no row knows of.
use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use lapidary_contract::domain::limits::TRASH_DAYS;
use uuid::Uuid;

use super::objects::ObjectVersion;
use super::trash_queries as queries;
use crate::app::App;
use crate::promises::retention::{Done, JobError};

/// Images of one round; the next round takes the next ones.
const ROUND: i64 = 300;
/// One that could not be erased lets the others go first for so long.
const AGAIN: TimeDelta = TimeDelta::hours(1);

/// Erases what has been in the trash for 30 days. What storage keeps stays a row, and keeps nobody else waiting.
pub async fn empty(app: &App, now: DateTime<Utc>) -> Result<Done, JobError> {
    let before = now - TimeDelta::days(TRASH_DAYS);
    let expired = queries::expired(app.db.house(), before, now - AGAIN, ROUND).await?;
    if expired.is_empty() {
        return Ok(Done::default());
    }
    let objects: Vec<ObjectVersion> =
        expired.iter().flat_map(|image| image.objects.keys()).map(|key| key.as_str().into()).collect();
    let kept = app.store.delete_each(&objects).await?;
    if let Some(first) = kept.first() {
        tracing::warn!(objects = kept.len(), code = first.code, "objects in the trash could not be deleted");
    }
    let kept: HashSet<String> = kept.into_iter().map(|kept| kept.object.key).collect();
    let (stuck, gone): (Vec<_>, Vec<_>) =
        expired.iter().partition(|image| image.objects.keys().iter().any(|key| kept.contains(key)));
    let ids = |images: Vec<&queries::Expired>| images.iter().map(|image| image.id).collect::<Vec<_>>();
    let (stuck, gone) = (ids(stuck), ids(gone));
    queries::erase(app.db.house(), &gone, before).await?;
    queries::put_aside(app.db.house(), &stuck, now).await?;
    tracing::info!(images = gone.len(), stuck = stuck.len(), "the trash was emptied");
    let count = |ids: &[Uuid]| i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let (deleted, failed) = (count(&gone), count(&stuck));
    Ok(Done { seen: deleted.saturating_add(failed), deleted, failed })
}
