//! What time it is on this machine. Never decides about money or expiry: the server does.
use chrono::{DateTime, NaiveDate, Utc};

pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(js_sys::Date::now() as i64).unwrap_or_default()
}

/// Today in UTC, as the catalogue's dates are.
pub fn today() -> NaiveDate {
    now().date_naive()
}
