//! What the webhook did not bring: hourly and on start, one process of all reads the vendor's list of events, what is not
//! finished, and now and then what is. It mends by the same function as everybody, and tells what it mended.
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::fulfil::{FulfilError, fulfil};
use super::reconcile_queries as queries;
use super::stripe::{Event, Stripe};
use super::webhook::{Told, hear};
use super::{EVENT_KINDS, Payments};
use crate::app::App;
use crate::metrics;

const EVERY: TimeDelta = TimeDelta::hours(1);
/// After a start sooner: what was missed meanwhile waits. Not at each of ten starts in a minute.
const AFTER_START: TimeDelta = TimeDelta::minutes(5);
/// One run takes no longer; what is left comes with the next.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// A run that has not ended by then has died with its process.
const LEASE: TimeDelta = TimeDelta::minutes(20);
/// The vendor keeps events for 30 days.
const FIRST_LOOK: TimeDelta = TimeDelta::days(30);
/// An event may come into the list later than its time says.
const OVERLAP: TimeDelta = TimeDelta::hours(1);
/// Sooner the buyer may still be typing.
const UNFINISHED_AFTER: TimeDelta = TimeDelta::minutes(10);
/// The vendor closes an unpaid page after a day.
const PAGELESS_AFTER: TimeDelta = TimeDelta::hours(24);
const PAID_AGAIN_AFTER: TimeDelta = TimeDelta::days(7);
/// Later nobody refunds or disputes.
const PAID_UNTIL: TimeDelta = TimeDelta::days(400);
/// Purchases of each sort that one run reads.
const PIECE: i64 = 500;
/// After so many failures in a row it is the vendor, not the purchase.
const FAILURES_MAX: i32 = 5;

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    pub events_read: i32,
    pub purchases_read: i32,
    /// Purchases that were not where their money is.
    pub mended: i32,
    pub failures: i32,
}

/// By the clock: `is_start` when the process has just come up.
pub async fn when_due(app: &App, is_start: bool) -> Result<(), sqlx::Error> {
    let Some(payments) = &app.payments else { return Ok(()) };
    let rest = if is_start { AFTER_START } else { EVERY };
    reconcile(app, payments, app.clock.now(), rest).await.map(drop)
}

/// Nothing when another process is at it, or was less than `rest` ago.
pub async fn reconcile(
    app: &App,
    payments: &Payments,
    now: DateTime<Utc>,
    rest: TimeDelta,
) -> Result<Option<Run>, sqlx::Error> {
    let id = Uuid::now_v7();
    let mut tx = app.db.begin_house().await?;
    let is_ours = queries::begin(&mut tx, id, now, now - rest, now - LEASE).await?;
    let known_until = queries::events_until(&mut tx).await?;
    tx.commit().await?;
    if !is_ours {
        return Ok(None);
    }
    let mut rounds = Rounds { app, stripe: &payments.stripe, run: Run::default(), in_a_row: 0, began: Instant::now() };
    // The vendor's times are told by its clock.
    let looked_at = app.clock.real();
    let since = known_until.map_or(looked_at - FIRST_LOOK, |until| until - OVERLAP);
    let has_all = rounds.events(since).await?;
    queries::expire_pageless(app.db.house(), now - PAGELESS_AFTER).await?;
    let unfinished = queries::unfinished(app.db.house(), now - UNFINISHED_AFTER, PIECE).await?;
    rounds.purchases(unfinished).await?;
    let paid = queries::paid(app.db.house(), now - PAID_AGAIN_AFTER, now - PAID_UNTIL, PIECE).await?;
    rounds.purchases(paid).await?;
    let run = rounds.run;
    let until = if has_all { Some(looked_at) } else { known_until };
    queries::end(app.db.house(), id, app.clock.now(), until, run).await?;
    metrics::payments_mended(run.mended);
    if run.mended > 0 || run.failures > 0 {
        let Run { events_read, purchases_read, mended, failures } = run;
        tracing::warn!(events_read, purchases_read, mended, failures, "payments were reconciled: look at the webhook");
    }
    Ok(Some(run))
}

struct Rounds<'a> {
    app: &'a App,
    stripe: &'a Stripe,
    run: Run,
    in_a_row: i32,
    began: Instant,
}

impl Rounds<'_> {
    fn may_go_on(&self) -> bool {
        self.in_a_row < FAILURES_MAX && self.began.elapsed() < PATIENCE
    }

    /// Whether every event since then was heard.
    async fn events(&mut self, since: DateTime<Utc>) -> Result<bool, sqlx::Error> {
        let failures = self.run.failures;
        let mut last: Option<String> = None;
        loop {
            let page = match self.stripe.events(&EVENT_KINDS, since, last.as_deref()).await {
                Ok(page) => page,
                Err(error) => {
                    self.failed("the vendor's events", &error);
                    return Ok(false);
                }
            };
            let ids: Vec<String> = page.data.iter().map(|event| event.id.clone()).collect();
            let known = queries::known(self.app.db.house(), &ids).await?;
            for event in page.data.iter().filter(|event| !known.contains(&event.id)) {
                if !self.may_go_on() {
                    return Ok(false);
                }
                self.event(event).await?;
            }
            last = ids.last().cloned();
            if !page.has_more || last.is_none() {
                return Ok(self.run.failures == failures);
            }
        }
    }

    async fn event(&mut self, event: &Event) -> Result<(), sqlx::Error> {
        self.run.events_read += 1;
        if event.livemode != self.stripe.is_live() {
            return Ok(());
        }
        match hear(self.app, self.stripe, event, "reconcile").await {
            Ok(Told::Posted { has_changed }) => self.went(has_changed),
            Ok(Told::Known | Told::NotOurs) => self.in_a_row = 0,
            Err(FulfilError::Database(error)) => return Err(error),
            Err(error) => self.failed("an event", &error),
        }
        Ok(())
    }

    async fn purchases(&mut self, ids: Vec<Uuid>) -> Result<(), sqlx::Error> {
        for id in ids {
            if !self.may_go_on() {
                return Ok(());
            }
            self.run.purchases_read += 1;
            match fulfil(self.app, self.stripe, id, None, None).await {
                Ok(done) => self.went(done.posted.is_some_and(|posted| posted.has_changed)),
                Err(FulfilError::Database(error)) => return Err(error),
                // Made with other keys, in another mode: what is wrong is this purchase and not the vendor.
                Err(FulfilError::Stripe(error)) if error.is_missing() => {
                    self.failed("a purchase whose page is not there", &error);
                    self.in_a_row = 0;
                    let now = self.app.clock.now();
                    queries::mark_missing(self.app.db.house(), id, now, now - PAGELESS_AFTER).await?;
                }
                Err(error) => self.failed("a purchase", &error),
            }
        }
        Ok(())
    }

    fn went(&mut self, has_changed: bool) {
        self.in_a_row = 0;
        self.run.mended += i32::from(has_changed);
    }

    fn failed(&mut self, what: &'static str, error: &dyn std::error::Error) {
        self.in_a_row += 1;
        self.run.failures += 1;
        tracing::warn!(what, error = %crate::http::request_log::chain(error), "it was not reconciled and will be tried again");
    }
}
