//! When a provider is asked no more, and when again: the rules alone, without a database or a clock.
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lapidary_contract::FailureCode;

use super::image_model::ModelError;
use super::model_answer::Answer;

/// Calls in a row, of all processes, after which a provider counts as down.
pub const OPENS_AFTER: i32 = 5;
/// Milliseconds of the first and of the longest pause.
const BUSY: (u64, u64) = (15_000, 300_000);
/// Only the operator can help: asking often helps nobody.
const OPERATOR: (u64, u64) = (60_000, 600_000);

/// A provider that failed lately, as the table has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    pub origin: String,
    pub failures: i32,
    pub paused_until: Option<DateTime<Utc>>,
    pub since: Option<DateTime<Utc>>,
    pub code: Option<String>,
    pub probing_until: Option<DateTime<Utc>>,
}

/// What one call says about the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It works, whatever it thinks of the prompt.
    Answers,
    Down {
        code: FailureCode,
        hint: Option<Duration>,
        /// The key or the account is refused: counting to five helps nobody.
        at_once: bool,
    },
    /// Junk or silence: no reason to stop, and no reason to go on.
    Unclear,
}

impl Verdict {
    pub fn of(result: &Result<Answer, ModelError>) -> Self {
        let error = match result {
            Ok(Answer { shortfall: Some(error), .. }) if error.is_about_account => error,
            Ok(_) => return Self::Answers,
            Err(error) => error,
        };
        match error.code {
            FailureCode::ModelBusy | FailureCode::OperatorQuota | FailureCode::OperatorConfiguration => {
                Self::Down { code: error.code, hint: error.retry_after, at_once: error.is_about_account }
            }
            FailureCode::Refused | FailureCode::ModelGone | FailureCode::RequestRefused => Self::Answers,
            FailureCode::Timeout
            | FailureCode::BadAnswer
            | FailureCode::Storage
            | FailureCode::ReferenceGone
            | FailureCode::Internal => Self::Unclear,
        }
    }
}

pub fn is_operators(code: FailureCode) -> bool {
    matches!(code, FailureCode::OperatorQuota | FailureCode::OperatorConfiguration)
}

impl Provider {
    pub fn is_paused(&self) -> bool {
        self.paused_until.is_some()
    }

    pub fn may_be_probed(&self, now: DateTime<Utc>) -> bool {
        self.paused_until.is_some_and(|at| at <= now) && self.probing_until.is_none_or(|at| at <= now)
    }

    pub fn failure(&self) -> FailureCode {
        self.code.as_deref().and_then(FailureCode::from_name).unwrap_or(FailureCode::ModelBusy)
    }

    /// What it becomes after a call that brought nothing. While it is paused only the probe counts: calls that began
    /// before say nothing new. `spread` is any number.
    pub fn failed(mut self, verdict: Verdict, is_probe: bool, now: DateTime<Utc>, spread: u64) -> Self {
        let (code, hint, at_once) = match verdict {
            Verdict::Answers => return self,
            Verdict::Down { code, hint, at_once } => (code, hint, at_once),
            Verdict::Unclear if is_probe => (self.failure(), None, self.failure() == FailureCode::OperatorQuota),
            Verdict::Unclear => return self,
        };
        if self.is_paused() && !is_probe {
            return self;
        }
        self.failures = self.failures.saturating_add(1);
        if at_once {
            self.failures = self.failures.max(OPENS_AFTER);
        }
        if self.failures >= OPENS_AFTER {
            let pause = pause(at_once, self.failures - OPENS_AFTER, hint, spread);
            self.paused_until = Some(now + TimeDelta::from_std(pause).unwrap_or(TimeDelta::minutes(5)));
            self.since = self.since.or(Some(now));
            self.code = Some(code.name().to_owned());
            self.probing_until = None;
        }
        self
    }
}

/// Doubles each time, is never shorter than what the provider asked for within reason, and up to a quarter longer: not
/// everybody at once.
fn pause(is_long: bool, times: i32, hint: Option<Duration>, spread: u64) -> Duration {
    let (first, longest) = if is_long { OPERATOR } else { BUSY };
    let doublings = u32::try_from(times).unwrap_or(0).min(10);
    let hint = hint.map_or(0, |hint| u64::try_from(hint.as_millis()).unwrap_or(u64::MAX));
    let millis = (first << doublings).max(hint).min(longest);
    Duration::from_millis(millis + millis / 1000 * (spread % 250))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> Provider {
        Provider {
            origin: "http://x".into(),
            failures: 0,
            paused_until: None,
            since: None,
            code: None,
            probing_until: None,
        }
    }

    fn busy() -> Verdict {
        Verdict::Down { code: FailureCode::ModelBusy, hint: None, at_once: false }
    }

    fn seconds(provider: &Provider, now: DateTime<Utc>) -> i64 {
        (provider.paused_until.expect("a pause") - now).num_seconds()
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_each_failed_probe_doubles_the_pause() {
        let now = Utc::now();
        let mut provider = fresh();
        for _ in 0..4 {
            provider = provider.failed(busy(), false, now, 0);
            assert!(!provider.is_paused());
        }
        provider = provider.failed(busy(), false, now, 0);
        assert_eq!(seconds(&provider, now), 15);
        assert_eq!(provider.clone().failed(busy(), false, now, 0), provider, "a late failure says nothing new");
        let mut pauses = Vec::new();
        for _ in 0..6 {
            provider = provider.failed(busy(), true, now, 0);
            pauses.push(seconds(&provider, now));
        }
        assert_eq!(pauses, [30, 60, 120, 240, 300, 300]);
        assert_eq!(provider.since, Some(now));
    }

    #[test]
    fn what_only_the_operator_can_mend_opens_it_at_once_and_for_longer() {
        let now = Utc::now();
        let quota = Verdict::Down { code: FailureCode::OperatorQuota, hint: None, at_once: true };
        let mut provider = fresh().failed(quota, false, now, 0);
        let mut pauses = vec![seconds(&provider, now)];
        for _ in 0..5 {
            provider = provider.failed(quota, true, now, 0);
            pauses.push(seconds(&provider, now));
        }
        assert_eq!(pauses, [60, 120, 240, 480, 600, 600]);
    }

    #[test]
    fn what_may_be_about_one_order_counts_to_five_like_any_failure() {
        let now = Utc::now();
        let forbidden = Verdict::Down { code: FailureCode::OperatorConfiguration, hint: None, at_once: false };
        let mut provider = fresh();
        for _ in 0..4 {
            provider = provider.failed(forbidden, false, now, 0);
            assert!(!provider.is_paused());
        }
        provider = provider.failed(forbidden, false, now, 0);
        assert_eq!((seconds(&provider, now), provider.failure()), (15, FailureCode::OperatorConfiguration));
    }

    #[test]
    fn a_pause_is_spread_and_keeps_the_providers_hint() {
        let hint = Some(Duration::from_secs(52));
        assert_eq!(pause(false, 0, hint, 0), Duration::from_secs(52));
        assert_eq!(pause(false, 0, Some(Duration::from_secs(3600)), 0), Duration::from_secs(300));
        assert_eq!(pause(false, 0, None, 249), Duration::from_millis(18_735));
    }

    #[test]
    fn junk_keeps_a_probe_waiting_and_otherwise_says_nothing() {
        let now = Utc::now();
        assert_eq!(fresh().failed(Verdict::Unclear, false, now, 0), fresh());
        let mut provider = fresh();
        for _ in 0..5 {
            provider = provider.failed(busy(), false, now, 0);
        }
        let after = provider.failed(Verdict::Unclear, true, now, 0);
        assert_eq!((seconds(&after, now), after.failure()), (30, FailureCode::ModelBusy));
    }
}
