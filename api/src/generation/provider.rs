//! Which providers do not deliver: a small table shared by all processes, remembered by each. While a provider is paused
//! the queue passes over its models, and one probe in the whole cluster finds out whether it is back.
//! A success in ordinary times asks and writes nothing here.
use std::collections::HashMap;
use std::future::Future;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chrono::{DateTime, TimeDelta, Utc};
use lapidary_contract::{Availability, FailureCode, PausedModel};
use lapidary_domain::Catalogue;
use tokio::sync::watch;
use url::Url;
use uuid::Uuid;

use super::breaker::{self, Provider, Verdict};
use super::image_model::ModelError;
use super::model_answer::Answer;
use super::probe;
use crate::app::App;
use crate::metrics;
use crate::work::queue::Claimed;

/// An operator is told once in this time what may only be about one order.
const ALARM_AGAIN: TimeDelta = TimeDelta::minutes(10);
/// A provider that no model names any more is remembered for so long: the catalogue of another process may have it.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::days(1);
/// Where nobody waited for a probe there is no hurry to look again.
const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(1);
/// Nobody wanted it for so long after its pause: it may work again, and the next who asks will know.
const SAID_AFTER_PAUSE: TimeDelta = TimeDelta::minutes(10);

pub struct Providers {
    /// Where each model of the catalogue is asked.
    origins: HashMap<String, String>,
    known: RwLock<Known>,
    status: watch::Sender<Availability>,
}

#[derive(Default)]
struct Known {
    troubled: Vec<Provider>,
    /// Of each origin the generation that probes it from here, and until when.
    probes: HashMap<String, (Uuid, DateTime<Utc>)>,
    look_again_at: Option<DateTime<Utc>>,
    alarmed_at: HashMap<String, DateTime<Utc>>,
    /// Tells a reading of the table that it is older than what was written meanwhile.
    writes: u64,
}

impl Providers {
    pub fn new(catalogue: &Catalogue, configured: &Url) -> Self {
        let origin_of = |base_url: &Option<String>| match base_url {
            None => configured.origin().ascii_serialization(),
            // What is no URL is a provider of its own that never answers.
            Some(text) => text.parse::<Url>().map_or_else(|_| text.clone(), |url| url.origin().ascii_serialization()),
        };
        Self {
            origins: catalogue.models.iter().map(|model| (model.id.clone(), origin_of(&model.base_url))).collect(),
            known: RwLock::default(),
            status: watch::channel(Availability::default()).0,
        }
    }

    /// Models that the queue passes over.
    pub fn paused_models(&self) -> Vec<String> {
        let known = self.read();
        let paused = known.troubled.iter().filter(|provider| provider.is_paused());
        paused.flat_map(|provider| self.models_of(&provider.origin)).collect()
    }

    pub fn is_paused(&self, model: &str) -> bool {
        let Some(origin) = self.origins.get(model) else { return false };
        self.read().troubled.iter().any(|provider| provider.is_paused() && provider.origin == *origin)
    }

    /// Providers that may be asked once, and their models.
    pub fn due(&self, now: DateTime<Utc>) -> Vec<(String, Vec<String>)> {
        let known = self.read();
        if known.look_again_at.is_some_and(|at| now < at) {
            return Vec::new();
        }
        let due = known.troubled.iter().filter(|provider| provider.may_be_probed(now));
        let due = due.map(|provider| (provider.origin.clone(), self.models_of(&provider.origin)));
        due.filter(|(_, models)| !models.is_empty()).collect()
    }

    /// Providers that have been away since before `limit`, their models, and the code that says why.
    pub fn paused_since_before(&self, limit: DateTime<Utc>) -> Vec<(String, Vec<String>, FailureCode)> {
        let known = self.read();
        let long = known.troubled.iter().filter(|provider| provider.since.is_some_and(|since| since <= limit));
        long.map(|provider| (provider.origin.clone(), self.models_of(&provider.origin), provider.failure())).collect()
    }

    pub fn look_later(&self, now: DateTime<Utc>) {
        self.write().look_again_at = Some(now + LOOK_AGAIN);
    }

    /// This generation asks for everyone whether the provider is back.
    pub fn probing(&self, origin: &str, generation_id: Uuid, until: DateTime<Utc>) {
        let mut known = self.write();
        known.probes.insert(origin.to_owned(), (generation_id, until));
        known.writes = known.writes.wrapping_add(1);
        for provider in known.troubled.iter_mut().filter(|provider| provider.origin == origin) {
            provider.probing_until = Some(until);
        }
    }

    /// It was the last to ask from here for everyone.
    pub fn was_probe(&self, job: &Claimed) -> bool {
        let Some(origin) = self.origins.get(&job.model) else { return false };
        self.read().probes.get(origin).is_some_and(|(id, _)| *id == job.id)
    }

    /// What people are told; a receiver hears every change.
    pub fn status(&self) -> watch::Receiver<Availability> {
        self.status.subscribe()
    }

    /// Reads the table again, as every process does once a second.
    pub async fn poll(&self, app: &App) -> Result<(), sqlx::Error> {
        let writes = self.read().writes;
        let mut rows = sqlx::query_as!(
            Provider,
            "select origin, failures, paused_until, since, code, probing_until from providers order by origin limit 100"
        )
        .fetch_all(app.db.house())
        .await?;
        if rows.iter().any(|row| self.models_of(&row.origin).is_empty()) {
            let origins: Vec<String> = self.origins.values().cloned().collect();
            let gone = sqlx::query_scalar!(
                "delete from providers where not origin = any($1) and updated_at < $2 returning origin",
                &origins,
                app.clock.now() - FORGOTTEN_AFTER
            )
            .fetch_all(app.db.house())
            .await?;
            rows.retain(|row| !gone.contains(&row.origin));
        }
        let mut known = self.write();
        if known.writes == writes {
            let before = std::mem::replace(&mut known.troubled, rows);
            self.tell(app, &before, &known);
        }
        Ok(())
    }

    fn models_of(&self, origin: &str) -> Vec<String> {
        self.origins.iter().filter(|(_, at)| *at == origin).map(|(model, _)| model.clone()).collect()
    }

    fn learn(&self, app: &App, origin: &str, now_is: Option<Provider>) {
        let mut known = self.write();
        known.writes = known.writes.wrapping_add(1);
        let before = known.troubled.clone();
        known.troubled.retain(|provider| provider.origin != origin);
        known.troubled.extend(now_is);
        self.tell(app, &before, &known);
    }

    fn tell(&self, app: &App, before: &[Provider], known: &Known) {
        let paused = |all: &[Provider], origin: &str| all.iter().any(|one| one.is_paused() && one.origin == origin);
        for provider in before.iter().chain(&known.troubled) {
            let (was, is) = (paused(before, &provider.origin), paused(&known.troubled, &provider.origin));
            if was != is {
                metrics::provider_paused(&provider.origin, is);
            }
            if was && !is {
                app.wake.queued();
            }
        }
        let status = self.service_status(app, &known.troubled);
        self.status.send_if_modified(|told| {
            let is_new = *told != status;
            *told = status;
            is_new
        });
    }

    fn service_status(&self, app: &App, troubled: &[Provider]) -> Availability {
        let now = app.clock.now();
        let of = |model: &str| {
            let origin = self.origins.get(model)?;
            let provider = troubled.iter().find(|provider| provider.origin == *origin)?;
            let (since, until) = (provider.since?, provider.paused_until?);
            (now < until + SAID_AFTER_PAUSE).then(|| PausedModel {
                model: model.to_owned(),
                code: provider.failure(),
                message: sentence(provider.failure()).to_owned(),
                since,
                next_try_at: until,
            })
        };
        let available = app.catalogue.models.iter().filter(|model| model.is_available(now.date_naive()));
        Availability { paused: available.filter_map(|model| of(&model.id)).collect() }
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sentence(code: FailureCode) -> &'static str {
    match code {
        FailureCode::OperatorQuota => {
            "This service has used up its quota at the model's provider; its operator was told. What you ask for waits, \
             and its gems are only held."
        }
        FailureCode::OperatorConfiguration => {
            "The model's provider does not accept this service's settings; its operator was told. What you ask for waits, \
             and its gems are only held."
        }
        _ => "The model's provider does not answer at the moment. What you ask for waits, and its gems are only held.",
    }
}

/// Asks the model, and lets everyone know when its provider stops or begins to deliver.
pub async fn ask(
    app: &App,
    job: &Claimed,
    call: impl Future<Output = Result<Answer, ModelError>>,
) -> Result<Answer, ModelError> {
    let Some(origin) = app.providers.origins.get(&job.model) else { return call.await };
    let probe = app.providers.read().probes.get(origin).filter(|(id, _)| *id == job.id).map(|(_, until)| *until);
    let (result, probe) = match probe {
        None => (call.await, None),
        Some(until) => probe::keep(app, origin, until, call).await,
    };
    let verdict = Verdict::of(&result);
    alarm(app, origin, verdict);
    let heard = match verdict {
        Verdict::Answers => delivered(app, origin, probe).await,
        Verdict::Unclear if probe.is_none() => Ok(()),
        Verdict::Down { .. } | Verdict::Unclear => failed(app, origin, verdict, probe).await,
    };
    if let Err(error) = heard {
        tracing::warn!(provider = origin, %error, "what a provider did could not be noted");
    }
    result
}

/// What opens at once has its own alarm. The rest may be about one model or one prompt, and anybody can send many.
fn alarm(app: &App, origin: &str, verdict: Verdict) {
    let Verdict::Down { code, at_once: false, .. } = verdict else { return };
    let now = app.clock.now();
    if !breaker::is_operators(code) {
        return;
    }
    let last = app.providers.write().alarmed_at.get(origin).copied();
    if last.is_none_or(|at| at + ALARM_AGAIN <= now) {
        app.providers.write().alarmed_at.insert(origin.to_owned(), now);
        let code = code.name();
        tracing::error!(provider = origin, code, "the provider refuses an order as if the settings were wrong");
    }
}

async fn delivered(app: &App, origin: &str, probe: Option<DateTime<Utc>>) -> Result<(), sqlx::Error> {
    if !app.providers.read().troubled.iter().any(|provider| provider.origin == origin) {
        return Ok(());
    }
    let gone = sqlx::query!(
        "delete from providers where origin = $1 and (paused_until is null or probing_until >= $2)",
        origin,
        probe
    )
    .execute(app.db.house())
    .await?;
    if gone.rows_affected() == 1 {
        if probe.is_some() {
            tracing::info!(provider = origin, "the provider delivers again");
        }
        app.providers.learn(app, origin, None);
    }
    Ok(())
}

async fn failed(app: &App, origin: &str, verdict: Verdict, probe: Option<DateTime<Utc>>) -> Result<(), sqlx::Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin_house().await?;
    // Locks the row, and makes it where this is the first failure.
    let before = sqlx::query_as!(
        Provider,
        "insert into providers (origin, failures, updated_at) values ($1, 0, $2)
         on conflict on constraint providers_pk do update set updated_at = excluded.updated_at
         returning origin, failures, paused_until, since, code, probing_until",
        origin,
        now
    )
    .fetch_one(&mut *tx)
    .await?;
    let is_probe = before.is_paused() && probe.is_some() && before.probing_until >= probe;
    let (_, spread) = Uuid::now_v7().as_u64_pair();
    let after = before.clone().failed(verdict, is_probe, now, spread);
    sqlx::query!(
        "update providers set failures = $2, paused_until = $3, since = $4, code = $5, probing_until = $6
         where origin = $1",
        origin,
        after.failures,
        after.paused_until,
        after.since,
        after.code,
        after.probing_until
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    if after.is_paused() && !before.is_paused() {
        let code = after.failure().name();
        tracing::error!(provider = origin, code, "the provider is paused: it does not deliver, and what it owes waits");
    } else if is_probe {
        tracing::warn!(provider = origin, "the provider is still away");
    }
    app.providers.learn(app, origin, Some(after));
    Ok(())
}
