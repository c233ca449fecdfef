//! How often is too often: one time says how much of an allowance is used, and moves on a step with each request (GCRA). The
//! arithmetic, and how an answer says it (`RateLimit` of draft 11); whose time it is is kept elsewhere.
use actix_web::HttpResponseBuilder;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

const MINUTE: i64 = 60_000_000;
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// So many a minute, and as many at once. All times are microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// As the headers call it.
    name: &'static str,
    per_minute: u32,
}

/// Where somebody stands with one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    rate: Rate,
    pub remaining: i64,
    /// Until everything is free again.
    full_in_seconds: i64,
    /// Until one more is.
    next_in_seconds: i64,
}

impl Rate {
    pub const fn new(name: &'static str, per_minute: u32) -> Self {
        Self { name, per_minute: if per_minute == 0 { 1 } else { per_minute } }
    }

    /// What one request uses of the time.
    pub fn step(self) -> i64 {
        (MINUTE / i64::from(self.per_minute)).max(1)
    }

    /// How far ahead of now what is used may reach.
    pub fn window(self) -> i64 {
        self.step() * i64::from(self.per_minute)
    }

    /// What one more makes of a time that reaches `ahead` of now; `None`: it has to wait.
    pub fn one_more(self, ahead: i64) -> Option<i64> {
        let after = ahead.max(0) + self.step();
        (after <= self.window()).then_some(after)
    }

    pub fn standing(self, ahead: i64) -> Standing {
        let ahead = ahead.max(0);
        let wait = ahead + self.step() - self.window();
        Standing {
            rate: self,
            remaining: ((self.window() - ahead) / self.step()).max(0),
            full_in_seconds: seconds(ahead),
            next_in_seconds: seconds(wait.max(0)),
        }
    }
}

/// Rounded up: whoever comes back then is let in.
fn seconds(micros: i64) -> i64 {
    (micros + 999_999) / 1_000_000
}

impl Standing {
    pub fn retry_after_seconds(self) -> u64 {
        self.next_in_seconds.max(1).unsigned_abs()
    }

    fn values(self) -> [(HeaderName, String); 2] {
        let Rate { name, per_minute } = self.rate;
        // Without anything left what matters is the next one.
        let t = if self.remaining == 0 { self.next_in_seconds.max(1) } else { self.full_in_seconds };
        let Self { remaining, .. } = self;
        [(LIMIT, format!("\"{name}\";r={remaining};t={t}")), (POLICY, format!("\"{name}\";q={per_minute};w=60"))]
    }

    /// Beside what the answer says of another rate already: both are lists.
    pub fn say(self, headers: &mut HeaderMap) {
        for (name, value) in self.values() {
            let said = headers.get(&name).and_then(|said| said.to_str().ok());
            let value = said.map_or_else(|| value.clone(), |said| format!("{value}, {said}"));
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
    }

    /// As [`Standing::say`], on an answer that says nothing of any rate yet.
    pub fn say_first(self, answer: &mut HttpResponseBuilder) {
        for pair in self.values() {
            answer.insert_header(pair);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_says_what_is_left_and_when_there_is_more() {
        let rate = Rate::new("requests", 60);
        let mut headers = HeaderMap::new();
        rate.standing(10 * rate.step()).say(&mut headers);
        assert_eq!(headers.get(LIMIT).unwrap(), "\"requests\";r=50;t=10");
        assert_eq!(headers.get(POLICY).unwrap(), "\"requests\";q=60;w=60");
        Rate::new("spends", 2).standing(60_000_000).say(&mut headers);
        assert_eq!(headers.get(LIMIT).unwrap(), "\"spends\";r=0;t=30, \"requests\";r=50;t=10");
        assert_eq!(rate.standing(rate.window()).retry_after_seconds(), 1);
    }

    proptest! {
        #[test]
        fn no_minute_lets_more_in_than_twice_the_rate_and_a_patient_one_is_never_refused(
            per_minute in 1_u32..5_000, gaps in prop::collection::vec(0_i64..3_000_000, 1..400)
        ) {
            let rate = Rate::new("requests", per_minute);
            let (mut until, mut now, mut let_in) = (0_i64, 0_i64, Vec::new());
            for gap in gaps {
                now += gap;
                let before = rate.standing(until - now);
                match rate.one_more(until - now) {
                    Some(ahead) => {
                        prop_assert!(before.remaining > 0);
                        until = now + ahead;
                        let_in.push(now);
                    }
                    None => {
                        prop_assert_eq!(before.remaining, 0);
                        let later = now + i64::try_from(before.retry_after_seconds()).unwrap() * 1_000_000;
                        prop_assert!(rate.one_more(until - later).is_some(), "who waits as told is let in");
                    }
                }
            }
            for (at, start) in let_in.iter().enumerate() {
                let within = let_in[at..].iter().filter(|later| **later - start < rate.window()).count();
                prop_assert!(within <= 2 * usize::try_from(per_minute).unwrap());
            }
        }
    }
}
