//! Looks at all promises every few minutes, in every process, and remembers what was seen: however many ask, nobody's question
//! makes more than one look. A promise that is not kept is told once in the log, and to whoever watches.
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lapidary_contract::{Evidence, Promise, PromiseState, Promises};
use tokio::sync::{Mutex, watch};

use super::evidence::{self, queries};
use super::words::{self, Words};
use crate::app::App;
use crate::metrics;

const EVERY: Duration = Duration::from_secs(300);
/// Of a process whose job does not come around any more: then a question makes a look.
const OLD: TimeDelta = TimeDelta::minutes(15);

#[derive(Default)]
pub struct Keeper {
    last: RwLock<Option<Arc<Promises>>>,
    looking: Mutex<()>,
}

impl Keeper {
    fn last(&self) -> Option<Arc<Promises>> {
        self.last.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was seen last. Only where nobody has looked yet, or not for long, this looks, once for all who ask.
    pub async fn known(&self, app: &App) -> Arc<Promises> {
        let now = app.clock.now();
        match self.last() {
            Some(last) if now - last.looked_at <= OLD => last,
            Some(last) => match self.looking.try_lock() {
                Ok(_alone) => self.renew(app, now).await,
                Err(_) => last,
            },
            None => {
                let _alone = self.looking.lock().await;
                match self.last() {
                    Some(last) => last,
                    None => self.renew(app, now).await,
                }
            }
        }
    }

    /// As of `now`.
    pub async fn look(&self, app: &App, now: DateTime<Utc>) -> Arc<Promises> {
        let _alone = self.looking.lock().await;
        self.renew(app, now).await
    }

    async fn renew(&self, app: &App, now: DateTime<Utc>) -> Arc<Promises> {
        let mut seen = evidence::look(app, now).await;
        let mut promises: Vec<Promise> =
            words::ALL.iter().map(|words| promise(words, seen.remove(words.id).unwrap_or_default())).collect();
        self.date(app, &mut promises, now).await;
        self.tell(&promises);
        let support_contact = app.settings.support_contact.clone();
        let looked = Arc::new(Promises { looked_at: now, support_contact, promises });
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&looked));
        looked
    }

    /// From all processes; without the database from what this one has seen.
    async fn date(&self, app: &App, promises: &mut [Promise], now: DateTime<Utc>) {
        let list = |of: fn(&Promise) -> String| promises.iter().map(of).collect::<Vec<_>>();
        let (ids, states) = (list(|it| it.id.clone()), list(|it| it.state.name().to_owned()));
        let troubles = list(trouble);
        let remembered = queries::remember(app.db.house(), &ids, &states, &troubles, now);
        let known: HashMap<String, Option<DateTime<Utc>>> = match tokio::time::timeout(EVERY / 30, remembered).await {
            Ok(Ok(rows)) => rows.into_iter().collect(),
            _ => HashMap::new(),
        };
        let last = self.last();
        let before = |id: &str| last.as_ref()?.promises.iter().find(|it| it.id == id)?.last_seen_at;
        for it in promises {
            let own = if it.state.is_fine() { Some(now) } else { before(&it.id) };
            it.last_seen_at = known.get(&it.id).copied().flatten().max(own);
        }
    }

    /// Once per change, and once after a start.
    fn tell(&self, promises: &[Promise]) {
        let last = self.last();
        let before = |id: &str| Some(last.as_ref()?.promises.iter().find(|it| it.id == id)?.state);
        for it in promises {
            metrics::promise_kept(&it.id, it.state.is_fine());
            let (id, title, state, was) = (&it.id, &it.title, it.state.name(), before(&it.id));
            if was == Some(it.state) {
                continue;
            }
            if !it.state.is_fine() {
                tracing::warn!(id, title, state, trouble = trouble(it), "a promise is not seen kept");
            } else if was.is_some_and(|was| !was.is_fine()) {
                tracing::info!(id, title, state, "a promise is seen kept again");
            }
        }
    }
}

fn promise(words: &Words, evidence: Vec<Evidence>) -> Promise {
    // What nobody looked at was not seen.
    let state = evidence.iter().map(|it| it.state).max().unwrap_or(PromiseState::Stale);
    Promise {
        id: words.id.to_owned(),
        title: super::numbers::filled(words.title),
        text: words.text(),
        how_kept: words.how_kept(),
        state,
        last_seen_at: None,
        evidence,
    }
}

/// What makes it so; empty where nothing is wrong.
fn trouble(promise: &Promise) -> String {
    let worst = promise.evidence.iter().filter(|it| !it.state.is_fine() && it.state == promise.state);
    worst.map(|it| format!("{}: {}", it.what, it.value)).collect::<Vec<_>>().join(". ")
}

/// By the clock, in every process.
pub async fn keep(app: Arc<App>, mut open: watch::Receiver<bool>) {
    tokio::select! {
        () = app.clock.measured() => {}
        _ = open.wait_for(|is_open| !is_open) => return,
    }
    let mut beat = tokio::time::interval(EVERY);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = open.changed() => return,
            _ = beat.tick() => {}
        }
        tokio::select! {
            _ = app.promises.look(&app, app.clock.now()) => {}
            _ = open.wait_for(|is_open| !is_open) => return,
        }
    }
}
