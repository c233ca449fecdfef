//! Uploads that nobody looks after: masks and what only came along, where they were not used again, and what of deleted ones is
//! left. Objects first, then rows. Never touches what its person listed as an upload and did not delete.
use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Done, JobError, queries};
use crate::app::App;
use crate::images::objects::ObjectVersion;

/// Since it was used last.
pub const UNUSED_KEPT: TimeDelta = TimeDelta::days(30);
/// A deleted one: what runs may still be made from it, and the sweep of objects waits as long.
pub const DELETED_KEPT: TimeDelta = TimeDelta::days(1);
/// Of one round; the next round takes the next ones.
const ROUND: i64 = 300;

pub async fn forget(app: &App, now: DateTime<Utc>) -> Result<Done, JobError> {
    let house = app.db.house();
    let marked = queries::put_off_references(house, now - UNUSED_KEPT, now, ROUND).await?;
    let over = queries::deleted_references(house, now - DELETED_KEPT, ROUND).await?;
    let objects: Vec<ObjectVersion> = over
        .iter()
        .flat_map(|one| [one.objects.original(), one.objects.thumbnail()])
        .map(|key| key.as_str().into())
        .collect();
    let kept = if objects.is_empty() { Vec::new() } else { app.store.delete_each(&objects).await? };
    let kept: HashSet<String> = kept.into_iter().map(|kept| kept.object.key).collect();
    let is_kept =
        |one: &&queries::Deleted| kept.contains(&one.objects.original()) || kept.contains(&one.objects.thumbnail());
    let (stuck, gone): (Vec<_>, Vec<_>) = over.iter().partition(is_kept);
    let ids = |rows: Vec<&queries::Deleted>| rows.iter().map(|row| row.id).collect::<Vec<Uuid>>();
    let (stuck, gone) = (ids(stuck), ids(gone));
    let deleted = queries::forget_references(house, &gone, now - DELETED_KEPT).await?;
    // Others go first tomorrow.
    queries::put_aside_references(house, &stuck, now).await?;
    let failed = i64::try_from(stuck.len()).unwrap_or(i64::MAX);
    let deleted = i64::try_from(deleted).unwrap_or(i64::MAX);
    let seen = deleted.saturating_add(failed).saturating_add(i64::try_from(marked).unwrap_or(i64::MAX));
    Ok(Done { seen, deleted, failed })
}
