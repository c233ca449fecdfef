//! News between processes: what this one committed is told to the others by NOTIFY, gathered and after the commit, and
//! what they tell is heard by LISTEN. Nothing depends on it: whoever is deaf for a while finds everything by polling.
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgNotification};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::app::App;

const QUEUE: &str = "lapidary_queue";
const PERSON: &str = "lapidary_person";
const CANCEL: &str = "lapidary_cancel";
const REVOCATION: &str = "lapidary_revocation";
const CHANNELS: [&str; 4] = [QUEUE, PERSON, CANCEL, REVOCATION];
/// Each NOTIFY takes a lock that all commits of the server share: what happens within this time is told at once.
const GATHER: Duration = Duration::from_millis(25);
/// News of one statement; what is left over is told next.
const AT_ONCE: usize = 1_000;
/// After so much silence the connection is tried: one that died without a word would stay silent for ever.
const SILENCE: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum News {
    /// Something waits in the queue.
    Queue,
    /// This person's rows changed.
    Person(Uuid),
    /// This generation is to stop.
    Cancel(Uuid),
    /// A session ended.
    Revocation,
}

impl News {
    fn channel(self) -> &'static str {
        match self {
            Self::Queue => QUEUE,
            Self::Person(_) => PERSON,
            Self::Cancel(_) => CANCEL,
            Self::Revocation => REVOCATION,
        }
    }

    fn subject(self) -> Option<Uuid> {
        match self {
            Self::Person(id) | Self::Cancel(id) => Some(id),
            Self::Queue | Self::Revocation => None,
        }
    }

    fn read(channel: &str, subject: &str) -> Option<Self> {
        match channel {
            QUEUE => Some(Self::Queue),
            REVOCATION => Some(Self::Revocation),
            PERSON => subject.parse().ok().map(Self::Person),
            CANCEL => subject.parse().ok().map(Self::Cancel),
            _ => None,
        }
    }
}

/// What is not told yet; the same twice is told once. Without a bell nothing is told, and memory stays bounded.
#[derive(Clone, Default)]
pub struct Outbox(Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    news: Mutex<HashSet<News>>,
    something: Notify,
}

impl Outbox {
    pub fn put(&self, news: News) {
        let mut waiting = self.0.news.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < 10 * AT_ONCE {
            waiting.insert(news);
        }
        drop(waiting);
        self.0.something.notify_one();
    }

    fn take(&self) -> Vec<News> {
        let mut waiting = self.0.news.lock().unwrap_or_else(PoisonError::into_inner);
        let taken: Vec<News> = waiting.iter().copied().take(AT_ONCE).collect();
        for news in &taken {
            waiting.remove(news);
        }
        if !waiting.is_empty() {
            self.0.something.notify_one();
        }
        taken
    }
}

/// Tells and hears until `open` says no.
pub async fn ring(app: Arc<App>, open: watch::Receiver<bool>) {
    let us = Uuid::now_v7().simple().to_string();
    tokio::join!(tell(&app, &us, open.clone()), hear(&app, &us, open));
}

async fn tell(app: &App, us: &str, mut open: watch::Receiver<bool>) {
    let outbox = &app.live.outbox;
    loop {
        tokio::select! {
            () = outbox.0.something.notified() => {}
            () = app.auth.revocations.added() => outbox.put(News::Revocation),
            _ = open.wait_for(|is_open| !is_open) => {}
        }
        if *open.borrow() {
            tokio::time::sleep(GATHER).await;
        }
        if let Err(error) = send(app.db.house(), us, &outbox.take()).await {
            tracing::debug!(%error, "other processes were not told; they find it by themselves");
        }
        if !*open.borrow() {
            return;
        }
    }
}

/// Tells without a bell: for commands that end at once.
pub async fn tell_once(house: &PgPool, news: News) -> Result<(), sqlx::Error> {
    send(house, "command", &[news]).await
}

/// One statement of its own, so that no business transaction waits for the lock of NOTIFY.
async fn send(house: &PgPool, us: &str, news: &[News]) -> Result<(), sqlx::Error> {
    if news.is_empty() {
        return Ok(());
    }
    let channels: Vec<String> = news.iter().map(|news| news.channel().to_owned()).collect();
    let payloads: Vec<String> = news
        .iter()
        .map(|news| format!("{us} {}", news.subject().map(|id| id.to_string()).unwrap_or_default()))
        .collect();
    sqlx::query!(
        r#"select count(pg_notify(told.channel, told.payload)::text) as "told!"
           from unnest($1::text[], $2::text[]) as told (channel, payload)"#,
        &channels,
        &payloads
    )
    .fetch_one(house)
    .await?;
    Ok(())
}

async fn hear(app: &App, us: &str, mut open: watch::Receiver<bool>) {
    while *open.borrow() {
        tokio::select! {
            heard = listen(app, us) => if let Err(error) = heard {
                tracing::debug!(%error, "deaf to other processes for a moment; their news is found by polling");
            },
            _ = open.wait_for(|is_open| !is_open) => return,
        }
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            _ = open.wait_for(|is_open| !is_open) => return,
        }
    }
}

/// Until the connection ends.
async fn listen(app: &App, us: &str) -> Result<(), sqlx::Error> {
    let mut listener = app.db.listener(&CHANNELS).await?;
    // Said while nobody listened.
    app.wake.heard();
    app.auth.revocations.hurry();
    loop {
        match tokio::time::timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(said))) => understand(app, us, &said),
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Err(_) => is_there(&mut listener).await?,
        }
    }
}

async fn is_there(listener: &mut PgListener) -> Result<(), sqlx::Error> {
    let asked = sqlx::query("select 1").execute(&mut *listener);
    tokio::time::timeout(AGAIN * 5, asked).await.map_err(|_| sqlx::Error::PoolTimedOut)?.map(drop)
}

fn understand(app: &App, us: &str, said: &PgNotification) {
    let Some((who, subject)) = said.payload().split_once(' ') else { return };
    if who == us {
        return;
    }
    match News::read(said.channel(), subject) {
        Some(News::Queue) => app.wake.heard(),
        Some(News::Person(person_id)) => app.live.heard_news(person_id),
        Some(News::Cancel(generation_id)) => app.live.heard_cancel(generation_id),
        Some(News::Revocation) => app.auth.revocations.hurry(),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_news_twice_is_told_once() {
        let (outbox, person) = (Outbox::default(), Uuid::now_v7());
        outbox.put(News::Person(person));
        outbox.put(News::Person(person));
        outbox.put(News::Queue);
        assert_eq!(outbox.take().len(), 2);
        assert!(outbox.take().is_empty());
    }

    #[test]
    fn what_is_said_is_understood_and_anything_else_ignored() {
        let id = Uuid::now_v7();
        for news in [News::Queue, News::Person(id), News::Cancel(id), News::Revocation] {
            let subject = news.subject().map(|id| id.to_string()).unwrap_or_default();
            assert_eq!(News::read(news.channel(), &subject), Some(news));
        }
        assert_eq!(News::read(PERSON, "nobody"), None);
        assert_eq!(News::read("another", ""), None);
    }
}
