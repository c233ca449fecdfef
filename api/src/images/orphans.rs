//! The sweep of objects: what lies in the bucket and no row knows is deleted, what rows know and the bucket lacks is told.
//! A page at a time, with a trace that the next process goes on from. Never touches what is younger than a day.
use chrono::{DateTime, TimeDelta, Utc};

use super::known::{Known, Verdict};
use super::missing;
use super::objects::{BATCH_MAX, Listed, ObjectVersion};
use super::owner::{self, OwnerError};
use super::place::Place;
use super::store::StoreError;
use super::sweep_queries::{self as queries, Counts, Run};
use crate::app::App;
use crate::doctor::bucket;
use crate::metrics;
use crate::promises::retention::{Done, trace_queries as traces};

/// Longer than any lease, any upload and any clock is wrong.
pub const MARGIN: TimeDelta = TimeDelta::hours(24);
const EVERY: TimeDelta = TimeDelta::hours(24);
/// Where no run deleted for so long, one only looks first, and a day passes before anything is deleted: a database that was
/// brought back from a copy, or a bucket that is another's, shows itself in what would go.
const STRANGE_AFTER: TimeDelta = TimeDelta::days(3);
/// How long a process that goes on with a run may be silent.
const LEASE: TimeDelta = TimeDelta::minutes(5);
/// How much one round of housekeeping does.
const ROUND: Steps = Steps { pages: 20, page_size: BATCH_MAX };
/// More orphans than this on a page, and more than half of its old objects, is no accident of crashes.
const SUSPICIOUS: usize = 100;
/// Of the trace of the previews among it.
const PREVIEWS: &str = "previews";
/// Everything of people; nothing else in the bucket is ours to judge.
const FOLDER: &str = "users/";
/// Behind every key of the folder: the character after `/`.
const BEHIND: &str = "users0";

#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Storage(#[from] StoreError),
    #[error(transparent)]
    Owner(#[from] OwnerError),
    #[error("{orphans} of {old} old objects of a page would be orphans: look whether this is the right database")]
    TooMany { orphans: usize, old: usize },
    #[error("the storage's clock is more than an hour off: what is old cannot be told")]
    Clock,
}

/// The size of a piece of work.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    pub pages: usize,
    pub page_size: usize,
}

/// What a run found so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    pub counts: Counts,
    pub is_finished: bool,
}

/// Goes on with the open run, or begins one when the last is a day old; where none deleted lately, one that only looks.
pub async fn daily(app: &App) -> Result<(), SweepError> {
    daily_by(app, ROUND).await
}

pub async fn daily_by(app: &App, steps: Steps) -> Result<(), SweepError> {
    let (house, now) = (app.db.house(), app.clock.now());
    let is_dry_run = only_looks(app, now).await?;
    if !queries::began_after(house, kind(is_dry_run), now - EVERY).await? {
        queries::begin(house, kind(is_dry_run), is_dry_run, now).await?;
    }
    round(app, is_dry_run, steps).await.map(drop)
}

async fn only_looks(app: &App, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let (house, lately) = (app.db.house(), now - STRANGE_AFTER);
    let is_usual =
        queries::is_open(house, kind(false)).await? || queries::began_after(house, kind(false), lately).await?;
    Ok(!is_usual && !queries::is_seen(house, kind(true), lately, now - EVERY).await?)
}

/// A whole run to its end. A dry one deletes nothing and counts what would be. None: another process is at it.
pub async fn sweep(app: &App, is_dry_run: bool) -> Result<Option<Report>, SweepError> {
    queries::begin(app.db.house(), kind(is_dry_run), is_dry_run, app.clock.now()).await?;
    loop {
        match round(app, is_dry_run, ROUND).await? {
            Some(report) if !report.is_finished => {}
            ended => return Ok(ended),
        }
    }
}

fn kind(is_dry_run: bool) -> &'static str {
    if is_dry_run { "objects_dry_run" } else { "objects" }
}

/// At most so many pages of the open run; none when there is nothing to go on with.
pub async fn round(app: &App, is_dry_run: bool, steps: Steps) -> Result<Option<Report>, SweepError> {
    let now = app.clock.now();
    let Some(run) = queries::take(app.db.house(), kind(is_dry_run), now, now + LEASE).await? else {
        return Ok(None);
    };
    let outcome = go_on(app, &run, steps).await;
    if !matches!(outcome, Ok(Report { is_finished: true, .. })) {
        queries::put_down(app.db.house(), run.id).await?;
    }
    outcome.map(Some)
}

async fn go_on(app: &App, run: &Run, steps: Steps) -> Result<Report, SweepError> {
    owner::check(app.db.house(), &app.store).await?;
    if app.store.is_clock_off() {
        return Err(SweepError::Clock);
    }
    let mut cursor = run.cursor();
    let mut counts = Counts::default();
    for _ in 0..steps.pages {
        let page = app.store.list(FOLDER, cursor.as_ref(), steps.page_size).await?;
        let now = app.clock.now();
        let mut found = judge(app, run, &page.objects, now).await?;
        let from = cursor.as_ref().map_or(FOLDER, |last| last.key.as_str());
        let to = page.next.as_ref().map_or(BEHIND, |next| next.key.as_str());
        found.missing = missing::count(app.db.house(), &page.objects, (from, to), now - MARGIN, now).await?;
        if page.next.is_none() {
            end_uploads(app, run, &mut found, now).await?;
        }
        counts = queries::go_on(app.db.house(), run.id, found, page.next.as_ref(), now, now + LEASE).await?;
        if page.next.is_none() {
            forget_probes(app, run).await?;
            tell(run, counts);
            if !run.is_dry_run {
                let previews = Done { seen: counts.deleted_previews, deleted: counts.deleted_previews, failed: 0 };
                traces::leave(app.db.house(), PREVIEWS, previews, now).await?;
            }
            return Ok(Report { counts, is_finished: true });
        }
        cursor = page.next;
    }
    Ok(Report { counts, is_finished: false })
}

/// Uploads in parts whose process died before a row knew of them: nothing is written for a day. A page a day is plenty.
async fn end_uploads(app: &App, run: &Run, found: &mut Counts, now: DateTime<Utc>) -> Result<(), StoreError> {
    for (key, id) in app.store.unended_uploads(FOLDER, now - MARGIN).await? {
        match if run.is_dry_run { Ok(()) } else { app.store.abort_upload(&key, &id).await } {
            Ok(()) => found.deleted += 1,
            Err(error) => {
                tracing::warn!(%error, "an upload could not be ended and is tried tomorrow");
                found.failed += 1;
            }
        }
    }
    Ok(())
}

/// What `doctor` left where it died before it could tidy up: a page a day is plenty.
async fn forget_probes(app: &App, run: &Run) -> Result<(), StoreError> {
    let page = app.store.list(&format!("{}/", bucket::FOLDER), None, BATCH_MAX).await?;
    let before = app.clock.now() - MARGIN;
    let old = page.objects.into_iter().filter(|listed| listed.modified_at < before);
    let old: Vec<ObjectVersion> = old.map(|listed| listed.object).collect();
    if !run.is_dry_run && !old.is_empty() {
        app.store.delete_each(&old).await?;
    }
    Ok(())
}

fn tell(run: &Run, found: Counts) {
    let Counts { seen, deleted, failed, unknown, missing, .. } = found;
    metrics::objects_missing(missing);
    tracing::info!(is_dry_run = run.is_dry_run, seen, deleted, failed, unknown, missing, "objects were swept");
    if missing > 0 {
        tracing::error!(
            missing,
            "objects of images, uploads or archives are not in storage: restore them from a copy of the bucket"
        );
    }
}

/// Deletes what nobody knows and is old enough.
async fn judge(app: &App, run: &Run, page: &[Listed], now: DateTime<Utc>) -> Result<Counts, SweepError> {
    let old: Vec<(&Listed, Place)> = page
        .iter()
        .filter(|listed| listed.modified_at < now - MARGIN)
        .map(|listed| (listed, Place::of(&listed.object.key)))
        .collect();
    let known = Known::of(app, &old).await?;
    let mut found = Counts { seen: count(page.len()), ..Counts::default() };
    let mut orphans: Vec<ObjectVersion> = Vec::new();
    let (mut previews, mut lost) = (Vec::new(), 0);
    for (listed, place) in &old {
        match known.verdict(listed, place) {
            Verdict::Stays => {}
            Verdict::Unknown => found.unknown += 1,
            Verdict::Orphan => {
                orphans.push(listed.object.clone());
                lost += usize::from(listed.is_current);
                if matches!(place, Place::Preview { .. }) {
                    previews.push(&listed.object.key);
                }
            }
        }
    }
    // Older versions and marks are what was deleted before, however many.
    let current = old.iter().filter(|(listed, _)| listed.is_current).count();
    if lost > SUSPICIOUS && lost * 2 > current {
        tracing::error!(orphans = lost, old = current, "the sweep stops: too much would be deleted");
        return Err(SweepError::TooMany { orphans: lost, old: current });
    }
    found.deleted = count(orphans.len());
    found.deleted_previews = count(previews.len());
    if !run.is_dry_run && !orphans.is_empty() {
        let kept = app.store.delete_each(&orphans).await?;
        if let Some(first) = kept.first() {
            tracing::warn!(objects = kept.len(), code = first.code, "orphans were not deleted and are tried tomorrow");
        }
        found.failed = count(kept.len());
        found.deleted -= found.failed;
        found.deleted_previews -= count(kept.iter().filter(|kept| previews.contains(&&kept.object.key)).count());
        metrics::orphans_swept(u64::try_from(found.deleted).unwrap_or(0));
    }
    Ok(found)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
