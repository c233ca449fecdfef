//! What a person asks of a hundred thousand images of hers among a million: words, counts and blocks.
use std::time::{Duration, Instant};

use super::http::{self, Connection};
use super::people;
use super::stage::Stage;
use super::table::{Budget, Row, median};
use crate::failure::{Failure, Result, said};

/// Milliseconds by the clock: nobody waits for what takes no longer.
const AT_ONCE: f64 = 50.0;
/// Of everything, counted or put in order.
const SOON: f64 = 400.0;
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked for, with how many images are found.
const SEARCHES: [(&str, &str, usize); 5] = [
    ("search: a word of all", "q=lighthouse", 50),
    ("search: a word of half", "q=night", 50),
    ("search: a rare sign", "q=%E7%81%AF%E5%A1%94", 10),
    ("search: old ones only", "q=dawn", 50),
    ("search: word and attribute", "q=night&attribute=Mood%3Amood%200", 50),
];
const OVERVIEWS: [(&str, &str, f64); 5] = [
    ("counts of everything", "facets", AT_ONCE),
    ("counts of a rare sign", "facets?q=%E7%81%AF", AT_ONCE),
    ("counts of 50,000", "facets?q=night", SOON),
    ("blocks of everything", "blocks", SOON),
    ("blocks of 50,000", "blocks?q=night", SOON),
];

pub fn measure(stage: &Stage, quick: bool) -> Result<Vec<Row>> {
    let times = if quick { 5 } else { 40 };
    let authorization = people::authorizations(stage)?.swap_remove(0);
    let ask = |path: &str| http::request("GET", path, &[&authorization], "");
    let mut rows = Vec::new();
    for (name, query, found) in SEARCHES {
        let (millis, text) = timed(stage, &ask(&format!("/v1/images?limit=50&{query}")), times)?;
        if text.matches("\"thumbnail_url\"").count() != found {
            return said(format!("{query} did not find {found}: {}", text.chars().take(300).collect::<String>()));
        }
        rows.push(Row::new(name, "ms", Budget::AtMost(AT_ONCE)).measured(millis));
    }
    for (name, path, most) in OVERVIEWS {
        let (millis, text) = timed(stage, &ask(&format!("/v1/images/{path}")), times)?;
        let mut row = Row::new(name, "ms", Budget::AtMost(most)).measured(millis);
        row.note = format!("{} bytes", text.len());
        rows.push(row);
    }
    Ok(rows)
}

/// The median by the clock, and the last answer.
fn timed(stage: &Stage, request: &[u8], times: usize) -> Result<(f64, String)> {
    let failed = |error: std::io::Error| Failure::Said(format!("The gallery did not answer: {error}."));
    let mut connection = Connection::open(stage.port).map_err(failed)?;
    let (mut millis, mut text, began) = (Vec::new(), String::new(), Instant::now());
    while millis.len() < times && (millis.is_empty() || began.elapsed() < PATIENCE) {
        let started = Instant::now();
        let answer = connection.ask(request).map_err(failed)?;
        if answer.status != 200 {
            return said(format!("The gallery answered by {}: {}", answer.status, answer.text()));
        }
        millis.push(started.elapsed().as_secs_f64() * 1e3);
        text = answer.text();
    }
    Ok((median(&millis), text))
}
