//! Numbers and times in the reader's language and zone, written by the browser's Intl.
use crate::ui::prelude::*;
use js_sys::{Date, Number, Object, Reflect};
use lapidary_domain::Gems;
use wasm_bindgen::JsValue;

use chrono::{DateTime, Utc};

fn date(at: &DateTime<Utc>) -> Date {
    Date::new(&JsValue::from_f64(at.timestamp_millis() as f64))
}

fn options(pairs: &[(&str, &str)]) -> JsValue {
    let options = Object::new();
    for (name, value) in pairs {
        let _ = Reflect::set(&options, &JsValue::from_str(name), &JsValue::from_str(value));
    }
    options.into()
}

/// The page speaks English; the reader's region decides order and clock.
fn locale() -> String {
    let own = leptos::prelude::window().navigator().language().unwrap_or_default();
    if own.starts_with("en") { own } else { "en-GB".to_owned() }
}

/// `23 Nov 2026, 17:04`
pub fn format_time(at: &DateTime<Utc>) -> String {
    date(at).to_locale_string(&locale(), &options(&[("dateStyle", "medium"), ("timeStyle", "short")])).into()
}

/// `Monday, 23 November`, with the year when it is another one; "Today" and "Yesterday" by name.
pub fn format_day(at: &DateTime<Utc>) -> String {
    let (day, now) = (date(at), Date::new_0());
    let days_ago = days(&now) - days(&day);
    if days_ago == 0 {
        return "Today".to_owned();
    }
    if days_ago == 1 {
        return "Yesterday".to_owned();
    }
    let mut parts = vec![("weekday", "long"), ("day", "numeric"), ("month", "long")];
    if day.get_full_year() != now.get_full_year() {
        parts.push(("year", "numeric"));
    }
    day.to_locale_date_string(&locale(), &options(&parts)).into()
}

/// Days since the epoch in the reader's zone.
fn days(date: &Date) -> i64 {
    ((date.get_time() / 60_000.0 - date.get_timezone_offset()) / 1_440.0).floor() as i64
}

/// `1,234`
pub fn format_number(number: i64) -> String {
    Number::from(number as f64).to_locale_string(&locale()).into()
}

/// `12 gems`, `1 gem`
pub fn format_gems(gems: Gems) -> String {
    format!("{} {}", format_number(gems), if gems == 1 { "gem" } else { "gems" })
}

/// `just now`, `5 minutes ago`, `3 days ago`
pub fn format_ago(at: &DateTime<Utc>) -> String {
    let minutes = ((Date::now() - date(at).get_time()) / 60_000.0).max(0.0) as i64;
    let (number, word) = match minutes {
        0 => return "just now".to_owned(),
        1..60 => (minutes, "minute"),
        60..1_440 => (minutes / 60, "hour"),
        _ => (minutes / 1_440, "day"),
    };
    format!("{number} {word}{} ago", if number == 1 { "" } else { "s" })
}

/// How long ago, and when exactly.
#[component]
pub fn Ago(at: DateTime<Utc>) -> AnyView {
    view! { {format_ago(&at)} " (" <Moment at /> ")" }.into_any()
}

/// A time people and machines can read.
#[component]
pub fn Moment(at: DateTime<Utc>) -> AnyView {
    view! { <time datetime=String::from(date(&at).to_iso_string())>{format_time(&at)}</time> }.into_any()
}
