//! Waits for the end of one generation on the process's feed. A lost wake costs seconds, never the end; whoever stops
//! waiting leaves nothing behind.
use std::time::Duration;

use actix_web::web;
use lapidary_contract::{GemBalance, Generation};
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;
use uuid::Uuid;

use super::queries::{self, Now, Picture};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::auth::life::Life;
use crate::gems;
use crate::http::error::{ApiError, ApiResult};

/// How soon a session that ended is noticed; others' revocations are heard of within a second.
const LOOK: Duration = Duration::from_millis(500);
/// Between two readings of the row, when nobody says that it changed.
const POLL: Duration = Duration::from_secs(3);
/// Between two readings at least: everything of a person wakes all who wait for theirs. Longer where many wait, so that
/// however many they are, the rows are read some hundred times a second at most.
const PACE: Duration = Duration::from_millis(100);
/// As many wait no longer than [`PACE`].
const MANY: u32 = 50;

pub enum Heard {
    /// A rough picture is in storage, under this key.
    Preview(String),
    Ended(Box<End>),
    /// Nothing until the moment that was named.
    Quiet,
}

/// How it ended.
pub struct End {
    pub person_id: Uuid,
    pub generation: Generation,
    pub gems: GemBalance,
    pub pictures: Vec<Picture>,
    /// What each call to the model answered.
    pub model_answers: Value,
}

pub struct Wait {
    app: web::Data<App>,
    user: CurrentUser,
    id: Uuid,
    news: broadcast::Receiver<Uuid>,
    open: watch::Receiver<bool>,
    read_at: Option<Instant>,
    has_news: bool,
    preview_key: Option<String>,
    life: Life,
}

impl Wait {
    /// Read at once, and after each change from here on.
    pub fn begin(app: web::Data<App>, user: CurrentUser, id: Uuid) -> Self {
        let (news, open) = (app.live.news(), app.live.open());
        app.openai.waits();
        Self { app, user, id, news, open, read_at: None, has_news: true, preview_key: None, life: Life::default() }
    }

    /// What comes next. An error when the process stops, the session ended, or the end cannot be read: all of it can be
    /// asked for again.
    pub async fn next(&mut self, until: Instant) -> ApiResult<Heard> {
        loop {
            if !*self.open.borrow() {
                return Err(ApiError::Unavailable { retry_after_seconds: 1 });
            }
            if !self.life.goes_on(&self.app, &self.user).await {
                return Err(ApiError::Unauthenticated);
            }
            let now = Instant::now();
            let is_due = self.read_at.is_none_or(|at| now >= at + self.pause());
            if is_due && let Some(heard) = self.read(now).await? {
                return Ok(heard);
            }
            if now >= until {
                return Ok(Heard::Quiet);
            }
            self.sleep(until).await;
        }
    }

    /// Between two readings.
    fn pause(&self) -> Duration {
        if self.has_news { pace(self.app.openai.waiting()) } else { POLL }
    }

    async fn sleep(&mut self, until: Instant) {
        let next_reading = self.read_at.map_or(until, |at| at + self.pause());
        let wake = until.min(next_reading).min(Instant::now() + LOOK);
        tokio::select! {
            () = tokio::time::sleep_until(wake) => {}
            _ = self.open.changed() => {}
            news = self.news.recv(), if !self.has_news => match news {
                Ok(person_id) => self.has_news = person_id == self.user.person_id,
                Err(RecvError::Lagged(_) | RecvError::Closed) => self.has_news = true,
            },
        }
    }

    async fn read(&mut self, now: Instant) -> ApiResult<Option<Heard>> {
        self.read_at = Some(now);
        self.has_news = false;
        let (actor, id) = (self.user.actor(), self.id);
        let row = match self.app.db.read_as(async |conn| queries::now(conn, actor, id).await).await {
            Ok(row) => row.ok_or(ApiError::NotFound)?,
            Err(error) => {
                // It comes back, and the generation goes on meanwhile.
                tracing::warn!(%error, "a waiting call cannot read its generation");
                return Ok(None);
            }
        };
        if row.is_final() {
            return self.end().await.map(|end| Some(Heard::Ended(Box::new(end))));
        }
        let Now { preview_key, .. } = row;
        if preview_key.is_some() && preview_key != self.preview_key {
            self.preview_key.clone_from(&preview_key);
            return Ok(preview_key.map(Heard::Preview));
        }
        Ok(None)
    }

    async fn end(&self) -> ApiResult<End> {
        let (app, person_id, id) = (&self.app, self.user.person_id, self.id);
        let mut tx = app.db.begin_as(self.user.actor()).await?;
        let generation = crate::generation::queries::get(&mut tx, app, person_id, id).await?;
        let generation = generation.ok_or(ApiError::NotFound)?;
        let pictures = queries::pictures(&mut tx, person_id, id).await?;
        let model_answers = queries::model_answers(&mut tx, person_id, id).await?;
        let gems = gems::queries::balance(&mut tx, self.user.account_id).await?;
        tx.commit().await?;
        Ok(End { person_id, generation, gems, pictures, model_answers })
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.app.openai.waits_no_more();
    }
}

fn pace(waiting: u32) -> Duration {
    PACE.saturating_mul(1 + waiting / MANY).min(POLL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_wait_their_rows_are_read_some_hundred_times_a_second_at_most() {
        assert_eq!((pace(1), pace(49)), (PACE, PACE));
        for waiting in [50, 99, 500, 1_400] {
            let a_second = f64::from(waiting) / pace(waiting).as_secs_f64();
            assert!(a_second <= 500.0, "{waiting}: {a_second}");
        }
        assert_eq!(pace(u32::MAX), POLL);
    }
}
