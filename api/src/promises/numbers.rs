//! The numbers that promises and policies name, each the very constant that code works with. Words never hold a number of
//! their own.
use lapidary_contract::domain::limits;

use super::retention::{forget, references};
use crate::auth::{SIGN_IN_LIFETIME, SIGNS_FOR, UNCONFIRMED_KEPT, session};

/// Years that records of payments are kept, as books must be: the retention of payments, in words.
pub const PAYMENT_YEARS: u32 = 7;
/// Nobody younger.
const AGE: u32 = 13;

/// With every `{name}` filled in.
pub fn filled(text: &str) -> String {
    all().iter().fold(text.to_owned(), |text, (name, number)| text.replace(&format!("{{{name}}}"), &number.to_string()))
}

pub fn link_days() -> i64 {
    i64::try_from(limits::PRESIGNED_URL_SECONDS / 86_400).unwrap_or(i64::MAX)
}

fn all() -> [(&'static str, i64); 17] {
    [
        ("log_days", i64::try_from(limits::REQUEST_LOG_DAYS).unwrap_or(i64::MAX)),
        ("trash_days", limits::TRASH_DAYS),
        ("archive_days", limits::ARCHIVE_DAYS),
        ("delivery_days", limits::WEBHOOK_DELIVERY_DAYS),
        ("refusal_days", crate::moderation::refusals::KEPT.num_days()),
        ("link_days", link_days()),
        ("unused_days", references::UNUSED_KEPT.num_days()),
        ("share_days", forget::SHARES_KEPT.num_days()),
        ("notice_days", forget::NOTICES_KEPT.num_days()),
        ("flag_days", forget::FLAGS_KEPT.num_days()),
        ("payment_years", i64::from(PAYMENT_YEARS)),
        ("age", i64::from(AGE)),
        ("unconfirmed_hours", UNCONFIRMED_KEPT.num_hours()),
        ("sign_in_minutes", SIGN_IN_LIFETIME.num_minutes()),
        ("key_days", SIGNS_FOR.num_days()),
        ("idle_days", session::IDLE.num_days()),
        ("session_days", session::ABSOLUTE.num_days()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promises::retention::payments;

    #[test]
    fn the_numbers_are_those_that_were_promised() {
        let said = filled(
            "{log_days} {trash_days} {link_days} {payment_years} {age} {unconfirmed_hours} {sign_in_minutes} {key_days} \
             {idle_days} {session_days}",
        );
        assert_eq!(said, "30 30 7 7 13 24 10 90 7 30");
        // With one leap day at least, and another where the years have two.
        let years = i64::from(PAYMENT_YEARS);
        assert!((years * 365 + 1..=years * 365 + 2).contains(&payments::KEPT.num_days()));
    }
}
