//! Times as the wire has them, RFC 3339 in UTC, read without chrono's parser for every format there is: that one weighs
//! as much as a view in everybody's first visit of the page. Never lenient: what is not exactly a time is refused.
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, de};

/// For `deserialize_with`: a time.
pub fn at<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
    let text = String::deserialize(from)?;
    time(&text).ok_or_else(|| de::Error::custom("not a time"))
}

/// For `deserialize_with`: a time, or none.
pub fn at_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    match Option::<String>::deserialize(from)? {
        Some(text) => time(&text).map(Some).ok_or_else(|| de::Error::custom("not a time")),
        None => Ok(None),
    }
}

/// For `deserialize_with`: a day.
pub fn day_of<'de, D: Deserializer<'de>>(from: D) -> Result<NaiveDate, D::Error> {
    let text = String::deserialize(from)?;
    (text.len() == 10).then(|| day(&text)).flatten().ok_or_else(|| de::Error::custom("not a day"))
}

/// For `deserialize_with`: a day, or none.
pub fn day_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<Option<NaiveDate>, D::Error> {
    match Option::<String>::deserialize(from)? {
        Some(text) if text.len() == 10 => day(&text).map(Some).ok_or_else(|| de::Error::custom("not a day")),
        Some(_) => Err(de::Error::custom("not a day")),
        None => Ok(None),
    }
}

fn digits(text: &str, from: usize, to: usize) -> Option<u32> {
    let part = text.as_bytes().get(from..to)?;
    part.iter().try_fold(0_u32, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

fn is_at(text: &str, place: usize, wanted: &[u8]) -> bool {
    text.as_bytes().get(place).is_some_and(|byte| wanted.contains(byte))
}

fn day(text: &str) -> Option<NaiveDate> {
    if !is_at(text, 4, b"-") || !is_at(text, 7, b"-") {
        return None;
    }
    let year = i32::try_from(digits(text, 0, 4)?).ok()?;
    NaiveDate::from_ymd_opt(year, digits(text, 5, 7)?, digits(text, 8, 10)?)
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    if !is_at(text, 10, b"Tt ") || !is_at(text, 13, b":") || !is_at(text, 16, b":") {
        return None;
    }
    let second = digits(text, 17, 19)?;
    let fraction = if is_at(text, 19, b".") {
        text.as_bytes().get(20..)?.iter().take_while(|byte| byte.is_ascii_digit()).count()
    } else {
        0
    };
    let zone = if fraction == 0 { 19 } else { 20 + fraction };
    let known = fraction.min(9);
    let nanos = match known {
        0 => 0,
        known => digits(text, 20, 20 + known)?.checked_mul(10_u32.checked_pow(9 - u32::try_from(known).ok()?)?)?,
    };
    let local = day(text)?.and_hms_nano_opt(digits(text, 11, 13)?, digits(text, 14, 16)?, second, nanos)?.and_utc();
    local.checked_sub_signed(TimeDelta::seconds(offset(text, zone)?))
}

/// Seconds east of UTC.
fn offset(text: &str, at: usize) -> Option<i64> {
    if is_at(text, at, b"Zz") {
        return (text.len() == at + 1).then_some(0);
    }
    if text.len() != at + 6 || !is_at(text, at, b"+-") || !is_at(text, at + 3, b":") {
        return None;
    }
    let (hours, minutes) = (digits(text, at + 1, at + 3)?, digits(text, at + 4, at + 6)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = i64::from(hours * 3_600 + minutes * 60);
    Some(if is_at(text, at, b"-") { -seconds } else { seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_that_the_api_writes_is_read_as_chrono_reads_it() {
        for text in [
            "2026-11-23T10:00:00Z",
            "2026-11-23T10:00:00.5Z",
            "2026-11-23T23:59:59.123456Z",
            "2024-02-29T00:00:00.123456789Z",
            "2026-11-23T10:00:00+01:30",
            "2026-11-23T10:00:00.25-08:00",
        ] {
            let known: DateTime<Utc> = text.parse().expect("chrono reads it");
            assert_eq!(time(text), Some(known), "{text}");
        }
        assert_eq!(day("2026-11-23"), NaiveDate::from_ymd_opt(2026, 11, 23));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T10:00:00",
            "2026-11-23T10:00Z",
            "2026-13-23T10:00:00Z",
            "2026-02-29T10:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T10:00:00.Z",
            "2026-11-23T10:00:00Zz",
            "2026-11-23T10:00:00+1:00",
            "2026-11-23T10:00:00+24:00",
            "+026-11-23T10:00:00Z",
            "２０26-11-23T10:00:00Z",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
