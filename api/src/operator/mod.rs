//! What operators do on their screens: find people, look after them, read and leave the audit log. Shows no prompt and no
//! picture. Whatever changes something is an act, written down in the transaction that does it.
pub mod adjust;
mod adjust_queries;
pub mod audit;
mod audit_queries;
pub mod people;
mod people_queries;

use lapidary_contract::domain::limits::REASON_MAX;
use lapidary_contract::domain::{Violation, ViolationCode};
use utoipa_actix_web::service_config::ServiceConfig;

pub fn configure(config: &mut ServiceConfig) {
    config
        .service(people::list_people)
        .service(people::get_person)
        .service(people::suspend_person)
        .service(people::restore_person)
        .service(people::list_requests_of_person)
        .service(adjust::adjust_gems)
        .service(audit::list_operator_acts);
}

/// Trimmed; what is wrong with it otherwise.
fn checked_reason(reason: &str) -> Result<&str, Violation> {
    let reason = reason.trim();
    let wrong = |code| Err(Violation::new("/reason", code));
    if reason.is_empty() {
        return wrong(ViolationCode::Required);
    }
    if reason.contains('\0') {
        return wrong(ViolationCode::ContainsNul);
    }
    if reason.chars().count() > REASON_MAX {
        return wrong(ViolationCode::TooLong);
    }
    Ok(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_something_and_not_too_much() {
        assert_eq!(checked_reason(" a ticket "), Ok("a ticket"));
        assert!(checked_reason(&"é".repeat(REASON_MAX)).is_ok());
        for wrong in ["", "  ", "a\0", &"é".repeat(REASON_MAX + 1)] {
            assert!(checked_reason(wrong).is_err(), "{wrong:?}");
        }
    }
}
