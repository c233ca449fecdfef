//! `POST /v1/generations` beside pgbench's TPC-B: both write durably, at the same concurrency, on the same server.
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::reads::in_turns;
use super::stage::Stage;
use super::table::{Budget, Row};
use super::{CONNECTIONS, http, load, people};
use crate::failure::Result;
use crate::say::Step;

const LEAST: f64 = 0.8;

/// Numbers its requests: a key is never used twice.
pub struct Orders {
    heads: Vec<String>,
    next: AtomicUsize,
    body: &'static str,
}

impl Orders {
    pub fn new(stage: &Stage) -> Result<Self> {
        let head = |line: &String| {
            let path = "/v1/generations";
            let headers = [line.as_str(), "Content-Type: application/json"];
            let head = http::request("GET", path, &headers, "");
            String::from_utf8_lossy(&head).trim_end().replacen("GET", "POST", 1)
        };
        let heads = people::authorizations(stage)?.iter().map(head).collect();
        let body = r#"{"prompt":"A lighthouse over a rough sea, seen from a small boat","attributes":[{"section":"Light","value":"golden hour"},{"section":"Mood","value":"calm"}],"size":"1024x1024"}"#;
        // Two runs on one database must not meet either.
        let first = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_millis() as usize) << 20;
        Ok(Self { heads, next: AtomicUsize::new(first), body })
    }

    pub fn write(&self, person: usize, request: &mut Vec<u8>) {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        let (head, body) = (&self.heads[person % self.heads.len()], self.body);
        let mut text = String::with_capacity(1024);
        let _ = write!(text, "{head}\r\nIdempotency-Key: bench-{key}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        request.extend_from_slice(text.as_bytes());
    }
}

pub fn measure(stage: &mut Stage, step: &mut Step, quick: bool) -> Result<Vec<Row>> {
    // The queue only fills: running what waits is measured elsewhere.
    stage.serve(&[("WORKER_SLOTS", "0")])?;
    if let Ok(pgbench) = &stage.pgbench {
        step.progress("filling the tables of TPC-B");
        pgbench.prepare_tpc_b()?;
    }
    let orders = Orders::new(stage)?;
    let ours = |time| {
        load::run(stage.port, CONNECTIONS, time, 202, |dice, request| orders.write(dice.below(people::COUNT), request))
    };
    ours(std::time::Duration::from_secs(1))?;
    let found = in_turns(step, quick, &stage.pgbench, ours, |pgbench, time| pgbench.tpc_b(time), || stage.cpu())?;
    let row = Row::new("submit (POST /v1/generations)", "req/s", Budget::RatioAtLeast(LEAST));
    let row = found.filled_in(row, "TPC-B");
    // What waits now would be run by whatever comes next.
    stage.psql("update generations set available_at = now() + interval '1 day' where status = 'queued'")?;
    Ok(vec![row])
}
