//! Numbers and times in the reader's language and zone, written by the browser's Intl.
use crate::ui::prelude::*;
use js_sys::Intl::NumberFormat;
use js_sys::{Array, Date, Number, Object, Reflect};
use lapidary_domain::Gems;
use wasm_bindgen::JsValue;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

fn date(at: &DateTime<Utc>) -> Date {
    Date::new(&JsValue::from_f64(at.timestamp_millis() as f64))
}

fn options(pairs: &[(&str, &str)]) -> Object {
    let options = Object::new();
    for (name, value) in pairs {
        let _ = Reflect::set(&options, &JsValue::from_str(name), &JsValue::from_str(value));
    }
    options
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

/// Days since the epoch in the reader's zone.
pub fn day_number(at: &DateTime<Utc>) -> i64 {
    if cfg!(target_family = "wasm") { days(&date(at)) } else { at.timestamp().div_euclid(86_400) }
}

/// As `format_day`, of a day number.
pub fn format_day_number(day: i64) -> String {
    let offset = Date::new_0().get_timezone_offset();
    // Noon is the same day on both sides of a changed clock.
    let minutes = day * 1_440 + 720 + offset as i64;
    format_day(&DateTime::from_timestamp(minutes * 60, 0).unwrap_or_default())
}

/// `1,234`
pub fn format_number(number: i64) -> String {
    Number::from(number as f64).to_locale_string(&locale()).into()
}

/// `$4.99` for 499 of the currency's smallest unit.
pub fn format_money(amount: i64, currency: &str) -> String {
    money(amount, 1, currency, &[])
}

/// What one of many costs: `$0.0125`.
pub fn format_price_each(amount: i64, count: i64, currency: &str) -> String {
    money(amount, count, currency, &[("minimumSignificantDigits", "3"), ("maximumSignificantDigits", "3")])
}

fn money(amount: i64, count: i64, currency: &str, more: &[(&str, &str)]) -> String {
    let style = [("style", "currency"), ("currency", currency)];
    let locales = Array::of1(&locale().into());
    let plain = NumberFormat::new(&locales, &options(&style));
    // How many of the smallest unit make one is the currency's own.
    let digits = Reflect::get(&plain.resolved_options(), &"maximumFractionDigits".into()).ok();
    let digits = digits.and_then(|digits| digits.as_f64()).unwrap_or(2.0) as u32;
    let unit = (0..digits).fold(1.0, |unit, _| unit * 10.0);
    let format = match more {
        [] => plain,
        more => NumberFormat::new(&locales, &options(&[&style, more].concat())),
    };
    let value = JsValue::from_f64(amount as f64 / unit / count.max(1) as f64);
    let words = format.format().call1(&JsValue::NULL, &value).ok();
    words.and_then(|words| words.as_string()).unwrap_or_default()
}

/// `3 Nov`: a day of the calendar, wherever it is read.
pub fn format_date(day: NaiveDate) -> String {
    let parts = options(&[("timeZone", "UTC"), ("day", "numeric"), ("month", "short")]);
    date(&day.and_time(NaiveTime::MIN).and_utc()).to_locale_date_string(&locale(), &parts).into()
}

/// `3 November 2026`
pub fn format_whole_date(day: NaiveDate) -> String {
    let parts = options(&[("timeZone", "UTC"), ("dateStyle", "long")]);
    date(&day.and_time(NaiveTime::MIN).and_utc()).to_locale_date_string(&locale(), &parts).into()
}

/// `November 2026`
pub fn format_month(first: NaiveDate) -> String {
    let parts = options(&[("timeZone", "UTC"), ("month", "long"), ("year", "numeric")]);
    date(&first.and_time(NaiveTime::MIN).and_utc()).to_locale_date_string(&locale(), &parts).into()
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

/// How long ago; when exactly is said by its tooltip.
pub fn since(at: &DateTime<Utc>) -> AnyView {
    let exactly = String::from(date(at).to_iso_string());
    view! { <time datetime=exactly title=format_time(at)>{format_ago(at)}</time> }.into_any()
}

/// A time people and machines can read.
#[component]
pub fn Moment(at: DateTime<Utc>) -> AnyView {
    view! { <time datetime=String::from(date(&at).to_iso_string())>{format_time(&at)}</time> }.into_any()
}
