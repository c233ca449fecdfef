//! Reads from two logs when things happened: from the sandbox's, when a vendor had a request in its hands; from the API's,
//! when a generation was settled. In microseconds since 1970, all by the clock of this machine.
use std::collections::HashMap;
use std::path::Path;

use crate::failure::{OnPath, Result};

pub type Span = (i64, i64);

/// Of every vendor.
pub fn spans(log: &Path) -> Result<Vec<Span>> {
    let text = std::fs::read_to_string(log).on("read", log)?;
    Ok(text.lines().filter(|line| line.contains("sandbox_took")).filter_map(span).collect())
}

fn span(line: &str) -> Option<Span> {
    let number = |name: &str| {
        let (_, rest) = line.split_once(name)?;
        rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    };
    Some((number("began_micros=")?, number("ended_micros=")?))
}

/// When each generation was settled, by its id.
pub fn settled(log: &Path) -> Result<HashMap<String, i64>> {
    let text = std::fs::read_to_string(log).on("read", log)?;
    let lines = text.lines().filter(|line| line.contains(r#""generation ended""#));
    let read = |line: &str| {
        Some((super::http::member(line, "generation_id")?.to_owned(), micros(super::http::member(line, "timestamp")?)?))
    };
    Ok(lines.filter_map(read).collect())
}

/// `2026-11-23T20:13:29.123456Z`.
fn micros(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, separator: char| -> Option<[i64; 3]> {
        let parts: Option<Vec<i64>> = text.split(separator).map(|part| part.parse().ok()).collect();
        parts?.try_into().ok()
    };
    let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
    let ([year, month, day], [hour, minute, second]) = (numbers(date, '-')?, numbers(whole, ':')?);
    // Days since 1970 in a calendar whose years begin in March, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468;
    let fraction: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + fraction)
}

/// How much of `whole` none of these spans covers.
pub fn uncovered(whole: Span, spans: &[Span]) -> i64 {
    let mut inside: Vec<Span> = spans
        .iter()
        .map(|(from, to)| ((*from).max(whole.0), (*to).min(whole.1)))
        .filter(|(from, to)| from < to)
        .collect();
    inside.sort_unstable();
    let (mut covered, mut until) = (0, whole.0);
    for (from, to) in inside {
        covered += (to - from.max(until)).max(0);
        until = until.max(to);
    }
    whole.1 - whole.0 - covered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_microseconds_since_1970() {
        assert_eq!(micros("1970-01-01T00:00:00.000001Z"), Some(1));
        assert_eq!(micros("2024-02-29T12:00:00Z"), Some(1_709_208_000_000_000));
        assert_eq!(micros("2026-11-23T20:13:29.123Z"), Some(1_795_464_809_123_000));
        assert_eq!(micros("yesterday"), None);
    }

    #[test]
    fn what_overlaps_is_taken_off_once() {
        assert_eq!(uncovered((0, 100), &[(10, 40), (20, 50), (90, 200), (-5, 1), (60, 60)]), 49);
        assert_eq!(uncovered((0, 100), &[]), 100);
    }

    #[test]
    fn a_line_of_the_sandbox_is_a_span() {
        let line = r#"2026-11-23T20:13:29Z DEBUG sandbox_took: vendor="s3" began_micros=12 ended_micros=345"#;
        assert_eq!(span(line), Some((12, 345)));
    }
}
