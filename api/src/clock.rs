//! What time it is: the database's, since every process on one database must agree when a lease ends. Each measures how
//! far its own clock is off; tests move the time on top of that, and nothing else may.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sqlx::PgPool;
use tokio::sync::Notify;

/// Questions of one measurement; the quickest answer is the truest.
const QUESTIONS: usize = 3;
/// An answer that took longer says too little.
const SLOWEST_ANSWER: Duration = Duration::from_secs(2);
/// From here on an operator should know.
const WORTH_SAYING: TimeDelta = TimeDelta::seconds(2);

#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<Hands>);

#[derive(Debug, Default)]
struct Hands {
    /// How far the machine's own clock is wrong on purpose: tests only.
    error_micros: i64,
    advanced_micros: AtomicI64,
    /// What makes the machine's time the database's.
    offset_micros: AtomicI64,
    is_measured: AtomicBool,
    measured: Notify,
    was_said: AtomicBool,
}

impl Clock {
    /// A machine whose own clock is wrong by so much.
    pub fn wrong_by(error: TimeDelta) -> Self {
        Self(Arc::new(Hands { error_micros: error.num_microseconds().unwrap_or(0), ..Hands::default() }))
    }

    /// Whole microseconds: what PostgreSQL keeps.
    pub fn now(&self) -> DateTime<Utc> {
        self.real() + TimeDelta::microseconds(self.0.advanced_micros.load(Ordering::Relaxed))
    }

    pub fn today(&self) -> NaiveDate {
        self.now().date_naive()
    }

    pub fn advance(&self, by: TimeDelta) {
        self.0.advanced_micros.fetch_add(by.num_microseconds().unwrap_or(0), Ordering::Relaxed);
    }

    /// As [`Clock::now`], without what tests add: what vendors' clocks say.
    pub fn real(&self) -> DateTime<Utc> {
        self.own() + TimeDelta::microseconds(self.0.offset_micros.load(Ordering::Relaxed))
    }

    fn own(&self) -> DateTime<Utc> {
        let now = Utc::now();
        let now = DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now);
        now + TimeDelta::microseconds(self.0.error_micros)
    }

    /// Whether the database was asked at least once: before that no lease may be given or taken.
    pub fn is_measured(&self) -> bool {
        self.0.is_measured.load(Ordering::Acquire)
    }

    /// Returns once the database was asked.
    pub async fn measured(&self) {
        let heard = self.0.measured.notified();
        tokio::pin!(heard);
        heard.as_mut().enable();
        if !self.is_measured() {
            heard.await;
        }
    }

    /// Asks the database what time it is and follows it from now on.
    pub async fn follow(&self, house: &PgPool) -> Result<(), sqlx::Error> {
        let mut best: Option<(Duration, TimeDelta)> = None;
        let mut conn = house.acquire().await?;
        for _ in 0..QUESTIONS {
            let (asked_at, started) = (self.own(), Instant::now());
            let theirs =
                sqlx::query_scalar::<_, DateTime<Utc>>("select clock_timestamp()").fetch_one(&mut *conn).await?;
            let round_trip = started.elapsed();
            // The answer was true about halfway.
            let halfway = asked_at + TimeDelta::from_std(round_trip / 2).unwrap_or_default();
            if best.is_none_or(|(quickest, _)| round_trip < quickest) {
                best = Some((round_trip, theirs - halfway));
            }
        }
        if let Some((round_trip, offset)) = best
            && (round_trip < SLOWEST_ANSWER || !self.is_measured())
        {
            self.set(offset);
        }
        Ok(())
    }

    fn set(&self, offset: TimeDelta) {
        self.0.offset_micros.store(offset.num_microseconds().unwrap_or(0), Ordering::Relaxed);
        self.0.is_measured.store(true, Ordering::Release);
        self.0.measured.notify_waiters();
        let is_off = offset.abs() > WORTH_SAYING;
        if is_off && !self.0.was_said.swap(true, Ordering::Relaxed) {
            let off_by_seconds = offset.num_seconds();
            tracing::warn!(off_by_seconds, "this machine's clock differs from the database's, which is followed");
        } else if !is_off {
            self.0.was_said.store(false, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_says_the_database_s_time_once_it_is_measured() {
        let clock = Clock::wrong_by(TimeDelta::seconds(40));
        assert!(clock.now() - Utc::now() > TimeDelta::seconds(39));
        assert!(!clock.is_measured());
        clock.set(TimeDelta::seconds(-40));
        assert!((clock.now() - Utc::now()).abs() < TimeDelta::seconds(1));
        assert!(clock.is_measured());
    }

    #[test]
    fn a_test_moves_the_time_and_a_measurement_does_not_take_it_back() {
        let clock = Clock::default();
        clock.advance(TimeDelta::hours(25));
        clock.set(TimeDelta::zero());
        assert!(clock.now() - Utc::now() > TimeDelta::hours(24));
        assert!(clock.real() - Utc::now() < TimeDelta::seconds(1));
    }
}
