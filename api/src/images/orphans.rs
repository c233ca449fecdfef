//! The sweep of objects: what lies in the bucket and no row knows is deleted, what rows know and the bucket lacks is told.
//! A page at a time, with a trace that the next process goes on from. Never touches what is younger than a day.
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use lapidary_contract::domain::limits::TRASH_DAYS;
use uuid::Uuid;

use super::objects::{BATCH_MAX, Listed, ObjectVersion};
use super::owner::{self, OwnerError};
use super::place::Place;
use super::queries::Objects;
use super::store::StoreError;
use super::sweep_queries::{self as queries, Counts, Run};
use crate::app::App;
use crate::doctor::bucket;
use crate::metrics;

/// Longer than any lease, any upload and any clock is wrong.
const MARGIN: TimeDelta = TimeDelta::hours(24);
const EVERY: TimeDelta = TimeDelta::hours(24);
/// How long a process that goes on with a run may be silent.
const LEASE: TimeDelta = TimeDelta::minutes(5);
/// How much one round of housekeeping does.
const ROUND: Steps = Steps { pages: 20, page_size: BATCH_MAX };
/// More orphans than this on a page, and more than half of its old objects, is no accident of crashes.
const SUSPICIOUS: usize = 100;
/// Rows looked at with one query.
const ROWS: i64 = 2_000;
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

/// Goes on with the open run, or begins one when the last is a day old.
pub async fn daily(app: &App) -> Result<(), SweepError> {
    daily_by(app, ROUND).await
}

pub async fn daily_by(app: &App, steps: Steps) -> Result<(), SweepError> {
    let now = app.clock.now();
    if !queries::began_after(app.db.house(), kind(false), now - EVERY).await? {
        queries::begin(app.db.house(), kind(false), false, now).await?;
    }
    round(app, false, steps).await.map(drop)
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
        found.missing = missing(app, &page.objects, (from, to), now).await?;
        counts = queries::go_on(app.db.house(), run.id, found, page.next.as_ref(), now, now + LEASE).await?;
        if page.next.is_none() {
            forget_probes(app, run).await?;
            tell(run, counts);
            return Ok(Report { counts, is_finished: true });
        }
        cursor = page.next;
    }
    Ok(Report { counts, is_finished: false })
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
    let Counts { seen, deleted, failed, unknown, missing } = found;
    metrics::objects_missing(missing);
    tracing::info!(is_dry_run = run.is_dry_run, seen, deleted, failed, unknown, missing, "objects were swept");
    if missing > 0 {
        tracing::error!(missing, "objects of images are not in storage: restore them from a copy of the bucket");
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
    for (listed, place) in &old {
        match known.verdict(listed, place) {
            Verdict::Stays => {}
            Verdict::Unknown => found.unknown += 1,
            Verdict::Orphan => orphans.push(listed.object.clone()),
        }
    }
    if orphans.len() > SUSPICIOUS && orphans.len() * 2 > old.len() {
        tracing::error!(orphans = orphans.len(), old = old.len(), "the sweep stops: too much would be deleted");
        return Err(SweepError::TooMany { orphans: orphans.len(), old: old.len() });
    }
    found.deleted = count(orphans.len());
    if !run.is_dry_run && !orphans.is_empty() {
        let kept = app.store.delete_each(&orphans).await?;
        if let Some(first) = kept.first() {
            tracing::warn!(objects = kept.len(), code = first.code, "orphans were not deleted and are tried tomorrow");
        }
        found.failed = count(kept.len());
        found.deleted -= found.failed;
        metrics::orphans_swept(u64::try_from(found.deleted).unwrap_or(0));
    }
    Ok(found)
}

/// Which keys behind `from` and up to `to` rows know and the page lacks.
async fn missing(app: &App, page: &[Listed], (from, to): (&str, &str), now: DateTime<Utc>) -> Result<i64, SweepError> {
    let present: HashSet<&str> =
        page.iter().filter(|listed| listed.is_current).map(|listed| listed.object.key.as_str()).collect();
    // The keys of one image may lie on two pages.
    let mut after = from.rsplit_once('/').map_or("", |(folder, _)| folder).trim_end_matches(|c| c != '/').to_owned();
    let mut missing = 0;
    loop {
        let (made_before, erased_before) = (now - MARGIN, now - TimeDelta::days(TRASH_DAYS));
        let rows = queries::images_from(app.db.house(), &after, made_before, erased_before, ROWS).await?;
        let is_last = count(rows.len()) < ROWS;
        for (prefix, extension) in rows {
            if prefix.as_str() > to {
                return Ok(missing);
            }
            let keys = Objects::at(prefix.clone(), extension).keys();
            let absent = keys.iter().filter(|key| {
                let key = key.as_str();
                key > from && key <= to && !present.contains(key)
            });
            missing += count(absent.count());
            after = prefix;
        }
        if is_last {
            return Ok(missing);
        }
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Stays,
    Orphan,
    Unknown,
}

/// What the database says about a page.
#[derive(Default)]
struct Known {
    prefixes: HashSet<String>,
    references: HashSet<String>,
    unfinished: HashSet<Uuid>,
    /// People, with the key of their picture.
    pictures: HashMap<Uuid, Option<String>>,
    running_since: HashMap<Uuid, DateTime<Utc>>,
    /// Keys of archives.
    archives: HashSet<String>,
}

impl Known {
    /// One query for each kind of thing on the page.
    async fn of(app: &App, page: &[(&Listed, Place)]) -> Result<Self, sqlx::Error> {
        if page.is_empty() {
            return Ok(Self::default());
        }
        let (mut prefixes, mut references, mut generations, mut people) =
            (HashSet::new(), HashSet::new(), HashSet::new(), HashSet::new());
        let mut archives = Vec::new();
        for (listed, place) in page {
            match place {
                Place::Image { person_id, prefix } => {
                    prefixes.insert(prefix.clone());
                    people.insert(*person_id);
                }
                Place::Reference { person_id, prefix } => {
                    references.insert(prefix.clone());
                    people.insert(*person_id);
                }
                Place::Preview { generation_id } => {
                    generations.insert(*generation_id);
                }
                Place::Picture { person_id } | Place::Other { person_id } => {
                    people.insert(*person_id);
                }
                Place::Archive => archives.push(listed.object.key.clone()),
                Place::Foreign => {}
            }
        }
        let (prefixes, references): (Vec<String>, Vec<String>) =
            (prefixes.into_iter().collect(), references.into_iter().collect());
        let generations: Vec<Uuid> = generations.into_iter().collect();
        let people: Vec<Uuid> = people.into_iter().collect();
        let house = app.db.house();
        // What runs is read first: a generation that ends meanwhile has its rows by then.
        let running_since = queries::running_since(house, &people).await?.into_iter().collect();
        Ok(Self {
            running_since,
            unfinished: queries::unfinished(house, &generations).await?.into_iter().collect(),
            prefixes: queries::known_prefixes(house, &prefixes).await?.into_iter().collect(),
            references: queries::known_references(house, &references).await?.into_iter().collect(),
            pictures: queries::pictures(house, &people).await?.into_iter().collect(),
            archives: queries::known_archives(house, &archives).await?.into_iter().collect(),
        })
    }

    fn verdict(&self, listed: &Listed, place: &Place) -> Verdict {
        let orphan_if = |is_orphan| if is_orphan { Verdict::Orphan } else { Verdict::Stays };
        match place {
            Place::Image { person_id, prefix } => {
                let is_being_made = self.running_since.get(person_id).is_some_and(|since| listed.modified_at >= *since);
                orphan_if(!self.prefixes.contains(prefix) && !is_being_made)
            }
            Place::Reference { prefix, .. } => orphan_if(!self.references.contains(prefix)),
            Place::Preview { generation_id } => orphan_if(!self.unfinished.contains(generation_id)),
            Place::Picture { person_id } => {
                let current = self.pictures.get(person_id).and_then(Option::as_deref);
                orphan_if(current != Some(listed.object.key.as_str()))
            }
            // It lies there in a moment before its row says so, and that moment is shorter than a day.
            Place::Archive => orphan_if(!self.archives.contains(&listed.object.key)),
            // Whatever it is: of somebody who is gone nothing stays.
            Place::Other { person_id } if !self.pictures.contains_key(person_id) => Verdict::Orphan,
            Place::Other { .. } | Place::Foreign => Verdict::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_s_running_work_stored_is_never_an_orphan() {
        let (person_id, now) = (Uuid::now_v7(), Utc::now());
        let prefix = format!("users/{person_id}/images/{}/1", Uuid::now_v7());
        let object = ObjectVersion::from(format!("{prefix}/original.png").as_str());
        let listed = Listed { object, modified_at: now, is_current: true };
        let place = Place::Image { person_id, prefix };
        let mut known = Known::default();
        assert_eq!(known.verdict(&listed, &place), Verdict::Orphan);
        known.running_since.insert(person_id, now - TimeDelta::minutes(1));
        assert_eq!(known.verdict(&listed, &place), Verdict::Stays);
        known.running_since.insert(person_id, now + TimeDelta::minutes(1));
        assert_eq!(known.verdict(&listed, &place), Verdict::Orphan);
    }
}
