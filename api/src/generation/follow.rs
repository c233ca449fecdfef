//! Follows a person's event rows for one stream, of everything or of one generation. A lost wake costs a second, never an
//! event; what a slow reader costs is bounded by the batch.
use std::collections::VecDeque;
use std::time::Duration;

use actix_web::web;
use actix_web::web::Bytes;
use chrono::{DateTime, Utc};
use lapidary_contract::{Availability, LiveEvent, Scope as KeyScope};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use uuid::Uuid;

use super::changes::{Change, Told, exists, has_later, last_of_each, newest_in};
use super::live::StreamPlace;
use super::stream::part_of;
use super::{estimate, queries};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::auth::life::Life;
use crate::gems;
use crate::http::error::{ApiError, ApiResult};

/// Below the 15 seconds that proxies and our page allow; spread over [`SPREAD`] more, as each beat reads rows.
const HEARTBEAT: Duration = Duration::from_secs(9);
const SPREAD: Duration = Duration::from_secs(3);
/// How soon a stream notices that its session or its token has ended; other processes hear of it within a second.
const LOOK: Duration = Duration::from_millis(250);
/// Rows that one may be behind; whoever missed more starts over.
const MISSED_MAX: i64 = 500;
/// Who has too many streams open looks again after this.
const COME_BACK_SECONDS: u64 = 15;
/// Events made ready at once: what one stream holds in memory.
const BATCH: usize = 50;

/// What a stream is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Everything,
    /// Ends with this generation.
    Generation(Uuid),
}

pub struct Follower {
    app: web::Data<App>,
    user: CurrentUser,
    scope: Scope,
    cursor: i64,
    ends_at: DateTime<Utc>,
    news: broadcast::Receiver<Uuid>,
    status: watch::Receiver<Availability>,
    open: watch::Receiver<bool>,
    ready: VecDeque<Bytes>,
    /// Rows may wait that were not read. The state of the providers is told without: it wakes all streams at once.
    is_behind: bool,
    is_over: bool,
    life: Life,
    _place: StreamPlace,
}

/// Why a stream woke up.
enum Woken {
    Rows,
    Status,
    /// Nothing came in time for a heartbeat.
    Quiet,
    Over,
}

impl Follower {
    /// Begins after `last_seen`, or now. 404 for another's generation, 429 for somebody who has too many open.
    pub async fn begin(
        app: web::Data<App>,
        user: CurrentUser,
        scope: Scope,
        last_seen: Option<i64>,
        ends_at: DateTime<Utc>,
    ) -> ApiResult<Self> {
        let too_many = ApiError::RateLimited { retry_after_seconds: COME_BACK_SECONDS };
        let place = app.live.place(user.person_id).ok_or(too_many)?;
        let (news, status, open) = (app.live.news(), app.providers.status(), app.live.open());
        let (ready, is_behind, is_over, life) = (VecDeque::new(), false, false, Life::default());
        let mut follower = Self {
            app,
            user,
            scope,
            cursor: 0,
            ends_at,
            news,
            status,
            open,
            ready,
            is_behind,
            is_over,
            life,
            _place: place,
        };
        let status = follower.status.borrow_and_update().clone();
        // Who comes back may have missed that all is well again.
        if last_seen.is_some() || !status.paused.is_empty() {
            follower.say(None, &LiveEvent::StatusChanged { status })?;
        }
        follower.find_place(last_seen).await?;
        Ok(follower)
    }

    /// Nothing will come any more, and nothing waits to be said.
    pub fn is_exhausted(&self) -> bool {
        self.is_over && self.ready.is_empty()
    }

    pub fn cursor(&self) -> i64 {
        self.cursor
    }

    /// The next bytes; `None` ends the stream and the reader comes back with its last id.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            // What is ready is told to nobody whose session ended meanwhile.
            if self.must_end().await {
                return None;
            }
            if let Some(bytes) = self.ready.pop_front() {
                return Some(bytes);
            }
            if self.is_over {
                return None;
            }
            if let Err(error) = self.read().await {
                tracing::warn!(%error, "a live stream ends: its rows cannot be read");
                self.is_over = true;
            }
            if self.is_over || self.is_behind || !self.ready.is_empty() {
                continue;
            }
            match self.wait().await {
                Woken::Rows => self.is_behind = true,
                Woken::Status | Woken::Over => {}
                Woken::Quiet => {
                    self.is_behind = true;
                    return Some(Bytes::from_static(b": still here\n\n"));
                }
            }
        }
    }

    async fn must_end(&mut self) -> bool {
        !*self.open.borrow() || self.ends_at <= self.app.clock.now() || !self.life.goes_on(&self.app, &self.user).await
    }

    async fn wait(&mut self) -> Woken {
        let heartbeat = tokio::time::sleep(HEARTBEAT + part_of(SPREAD));
        let mut look = tokio::time::interval(LOOK);
        tokio::pin!(heartbeat);
        loop {
            tokio::select! {
                () = &mut heartbeat => return Woken::Quiet,
                _ = look.tick() => if self.must_end().await { return Woken::Over },
                _ = self.open.changed() => return Woken::Over,
                _ = self.status.changed() => {
                    // `read` is the one that says it.
                    self.status.mark_changed();
                    return Woken::Status;
                }
                news = self.news.recv() => match news {
                    Ok(person_id) if person_id == self.user.person_id => return Woken::Rows,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_) | RecvError::Closed) => return Woken::Rows,
                },
            }
        }
    }

    /// Where a stream begins. Events live for a day: whoever was away for longer starts over.
    async fn find_place(&mut self, last_seen: Option<i64>) -> ApiResult<()> {
        let mut tx = self.app.db.begin_as(self.user.actor()).await?;
        let newest = newest_in(&mut tx, self.user.person_id).await?;
        let known = match last_seen {
            None => None,
            Some(0) => Some(0),
            Some(id) => exists(&mut tx, self.user.person_id, id).await?.then_some(id),
        };
        self.cursor = known.unwrap_or(newest);
        // Whoever begins now hears what comes: it listens since before the newest was asked for.
        self.is_behind = known.is_some();
        let Scope::Generation(id) = self.scope else {
            tx.commit().await?;
            let is_lost = last_seen.is_some() && known.is_none();
            return if is_lost { self.say(Some(newest), &LiveEvent::Reset) } else { Ok(()) };
        };
        let found = queries::get(&mut tx, &self.app, self.user.person_id, id).await?;
        let mut generation = found.ok_or(ApiError::NotFound)?;
        if let Some(seen) = last_seen
            && generation.status.is_final()
            && !has_later(&mut tx, self.user.person_id, id, seen).await?
        {
            tx.commit().await?;
            // The end was told before, and its rows may be forgotten since: coming again brings nothing.
            self.ready.clear();
            self.is_over = true;
            return Ok(());
        }
        let gems = gems::queries::balance(&mut tx, self.user.account_id).await?;
        tx.commit().await?;
        if known.is_none_or(|known| known == 0) {
            self.cursor = newest;
            self.is_behind = false;
            estimate::fill(&self.app, self.user.person_id, vec![&mut generation]).await?;
            let now = Change { id: newest, kind: "generation".into(), subject: id };
            return self.say_changes(vec![now], Told::of_one(generation, gems));
        }
        Ok(())
    }

    /// Makes the next events ready.
    async fn read(&mut self) -> ApiResult<()> {
        if self.status.has_changed().unwrap_or(false) {
            let status = self.status.borrow_and_update().clone();
            self.say(None, &LiveEvent::StatusChanged { status })?;
        }
        if !std::mem::take(&mut self.is_behind) {
            return Ok(());
        }
        let only = match self.scope {
            Scope::Everything => None,
            Scope::Generation(id) => Some(id),
        };
        let mut tx = self.app.db.begin_as(self.user.actor()).await?;
        let rows = sqlx::query!(
            "select id, kind, subject from events
             where person_id = $1 and id > $2 and ($3::uuid is null or subject = $3) order by id limit $4",
            self.user.person_id,
            self.cursor,
            only,
            MISSED_MAX
        )
        .fetch_all(&mut *tx)
        .await?;
        let too_many = rows.len() >= usize::try_from(MISSED_MAX).unwrap_or(usize::MAX);
        if too_many && self.scope == Scope::Everything {
            self.cursor = newest_in(&mut tx, self.user.person_id).await?;
            return self.say(Some(self.cursor), &LiveEvent::Reset);
        }
        let last = rows.last().map(|row| row.id);
        let rows = rows.into_iter().map(|row| Change { id: row.id, kind: row.kind, subject: row.subject });
        let changes = last_of_each(rows, BATCH);
        self.is_behind = too_many || changes.last().map(|change| change.id) != last;
        let mut told = Told::read(&mut tx, &self.app, &self.user, &changes).await?;
        tx.commit().await?;
        if !told.generations.is_empty() {
            estimate::fill(&self.app, self.user.person_id, told.generations.values_mut().collect()).await?;
        }
        self.say_changes(changes, told)
    }

    fn say_changes(&mut self, changes: Vec<Change>, mut told: Told) -> ApiResult<()> {
        for change in changes {
            self.cursor = change.id;
            let Some(event) = told.event(&change) else { continue };
            if let LiveEvent::GenerationChanged { generation, .. } = &event {
                self.is_over = self.scope != Scope::Everything && generation.status.is_final();
            }
            self.say(Some(change.id), &event)?;
        }
        Ok(())
    }

    /// Without an id it moves nobody's cursor. A key hears what it could ask for.
    fn say(&mut self, id: Option<i64>, event: &LiveEvent) -> ApiResult<()> {
        if let Some(key) = self.user.key
            && (is_for_sessions(event) || needed_for(event).is_some_and(|needed| !key.scopes.has(needed)))
        {
            return Ok(());
        }
        let data = serde_json::to_string(event).map_err(ApiError::internal)?;
        let id = id.map_or_else(String::new, |id| format!("id: {id}\n"));
        self.ready.push_back(Bytes::from(format!("{id}data: {data}\n\n")));
        Ok(())
    }
}

/// No key can ask for an export.
fn is_for_sessions(event: &LiveEvent) -> bool {
    matches!(event, LiveEvent::ExportChanged { .. })
}

/// What a key needs to hear of it; `None`: what concerns everybody.
fn needed_for(event: &LiveEvent) -> Option<KeyScope> {
    match event {
        LiveEvent::GenerationChanged { .. } => Some(KeyScope::GenerationsRead),
        LiveEvent::ImageChanged { .. } | LiveEvent::ArchiveChanged { .. } => Some(KeyScope::ImagesRead),
        LiveEvent::GemsChanged { .. } | LiveEvent::PurchaseChanged { .. } => Some(KeyScope::GemsRead),
        LiveEvent::NoticesChanged { .. } => Some(KeyScope::MeRead),
        LiveEvent::StatusChanged { .. } | LiveEvent::ExportChanged { .. } | LiveEvent::Reset => None,
    }
}
