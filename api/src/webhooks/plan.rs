//! What becomes of a delivery after an attempt: done, again later, given up, or its endpoint wants no more. Pure.
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// Seconds from a failed attempt to the next one: ten attempts over 75 hours and 35 minutes.
pub const DELAYS_SECONDS: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// However long a receiver asks for patience.
const PATIENCE_MAX: TimeDelta = TimeDelta::hours(24);
/// An endpoint that got nothing for so long is switched off with the delivery that runs out of attempts.
pub const FAILING_FOR: TimeDelta = TimeDelta::days(3);

/// How an attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Answered {
        status: u16,
        /// `Retry-After`, of 429 and 503.
        retry_after: Option<TimeDelta>,
    },
    /// Nothing was sent, or no answer came.
    Failed(&'static str),
}

impl Outcome {
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Answered { status, .. } => Some(*status),
            Self::Failed(_) => None,
        }
    }

    /// Why it does not count, for the person who looks.
    pub fn error(&self) -> Option<String> {
        match self {
            Self::Answered { status: 200..=299, .. } => None,
            Self::Answered { status: status @ 300..=399, .. } => {
                Some(format!("It answered with {status}. Redirects are not followed: give the last address."))
            }
            Self::Answered { status: 410, .. } => {
                Some("It answered with 410: it wants nothing more, so it was switched off.".to_owned())
            }
            Self::Answered { status, .. } => Some(format!("It answered with {status}. Only 2xx counts as delivered.")),
            Self::Failed(why) => Some((*why).to_owned()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Delivered,
    Again(DateTime<Utc>),
    /// That was the last attempt.
    GiveUp,
    /// The endpoint is to be switched off.
    Gone,
}

/// After attempt number `tries`, the first being 1. `id` spreads what failed at the same time.
pub fn next(outcome: &Outcome, tries: i32, id: Uuid, now: DateTime<Utc>) -> Next {
    let asked = match outcome {
        Outcome::Answered { status: 200..=299, .. } => return Next::Delivered,
        Outcome::Answered { status: 410, .. } => return Next::Gone,
        Outcome::Answered { status: 429 | 503, retry_after } => *retry_after,
        Outcome::Answered { .. } | Outcome::Failed(_) => None,
    };
    let place = usize::try_from(tries - 1).unwrap_or(0);
    let Some(seconds) = DELAYS_SECONDS.get(place) else { return Next::GiveUp };
    let delay = jittered(*seconds, id).max(asked.unwrap_or_default().min(PATIENCE_MAX));
    Next::Again(now + delay)
}

/// Up to a tenth later.
fn jittered(seconds: i64, id: Uuid) -> TimeDelta {
    let spread = i64::try_from(id.as_u128() % 1_000).unwrap_or(0);
    TimeDelta::milliseconds(seconds * 1_000 + seconds * spread / 10)
}

/// Whether it is time to switch the endpoint off, with a delivery that is given up.
pub fn has_failed_for_long(failing_since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    failing_since.is_some_and(|since| now - since >= FAILING_FOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(outcome: &Outcome, tries: i32) -> Option<TimeDelta> {
        let now = DateTime::UNIX_EPOCH;
        match next(outcome, tries, Uuid::now_v7(), now) {
            Next::Again(at) => Some(at - now),
            _ => None,
        }
    }

    #[test]
    fn ten_attempts_are_made_over_75_hours_and_35_minutes() {
        let failed = Outcome::Failed("x");
        assert_eq!(DELAYS_SECONDS.iter().sum::<i64>(), 75 * 3600 + 35 * 60 + 5);
        for (place, seconds) in DELAYS_SECONDS.iter().enumerate() {
            let delay = after(&failed, i32::try_from(place).unwrap() + 1).expect("another one");
            let planned = TimeDelta::seconds(*seconds);
            assert!(delay >= planned && delay <= planned + planned / 10, "{place}: {delay}");
        }
        assert_eq!(next(&failed, 10, Uuid::nil(), DateTime::UNIX_EPOCH), Next::GiveUp);
        assert_eq!(next(&failed, 11, Uuid::nil(), DateTime::UNIX_EPOCH), Next::GiveUp);
    }

    #[test]
    fn a_receivers_wish_is_kept_within_a_day_and_never_hurries() {
        let busy = |status, seconds| Outcome::Answered { status, retry_after: Some(TimeDelta::seconds(seconds)) };
        assert_eq!(after(&busy(429, 90), 1), Some(TimeDelta::seconds(90)));
        assert_eq!(after(&busy(503, 1_000_000), 1), Some(TimeDelta::hours(24)));
        assert!(after(&busy(429, 1), 2).unwrap() >= TimeDelta::seconds(300));
        assert!(after(&busy(500, 90), 1).unwrap() < TimeDelta::seconds(6));
    }

    #[test]
    fn only_2xx_is_delivered_and_410_ends_it() {
        let answered = |status| Outcome::Answered { status, retry_after: None };
        for status in [200, 204, 299] {
            assert_eq!(next(&answered(status), 1, Uuid::nil(), DateTime::UNIX_EPOCH), Next::Delivered);
            assert_eq!(answered(status).error(), None);
        }
        for status in [100, 301, 304, 400, 404, 500] {
            assert!(after(&answered(status), 1).is_some());
            assert!(answered(status).error().is_some());
        }
        assert_eq!(next(&answered(410), 1, Uuid::nil(), DateTime::UNIX_EPOCH), Next::Gone);
    }
}
