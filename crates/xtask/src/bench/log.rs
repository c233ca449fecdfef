//! The request log while the API answers as fast as it can: a row of every answer is written, and nothing waits in memory.
use std::time::{Duration, Instant};

use super::stage::Stage;
use super::table::{Budget, Row};
use super::{CONNECTIONS, cpu, http, load, people};
use crate::failure::{Failure, Result};
use crate::process;
use crate::say::Step;

/// Every answer.
const ALL: f64 = 1.0;
/// A full queue of rows, and a batch on its way.
const GROWTH: f64 = 16.0;
/// What the last rows may take after the last answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub fn measure(stage: &mut Stage, step: &mut Step, quick: bool) -> Result<Vec<Row>> {
    stage.serve(&[])?;
    // Asks no database, so that there are as many rows a second as the API can make.
    let asks: Vec<Vec<u8>> =
        people::authorizations(stage)?.iter().map(|line| http::request("GET", "/v1/status", &[line], "")).collect();
    let ask = |time| {
        load::run(stage.port, CONNECTIONS, time, 200, |dice, request| {
            request.extend_from_slice(&asks[dice.below(asks.len())]);
        })
    };
    step.progress("warming up");
    ask(Duration::from_secs(2))?;
    let (before, pid) = (settled(stage)?, stage.pid()?);
    let memory = cpu::memory(pid, "VmRSS")?;
    step.progress("answering");
    let started = Instant::now();
    let pace = ask(Duration::from_secs(if quick { 4 } else { 15 }))?;
    let took = started.elapsed().as_secs_f64();
    let (grown, written) = (cpu::memory(pid, "VmRSS")? - memory, settled(stage)? - before);
    let row = Row::new("request log: rows written", "rows/s", Budget::RatioAtLeast(ALL));
    let mut row = row.measured(written / took).beside("answered", pace.rate, written / pace.done as f64);
    row.note = format!("{written} rows of {} answers to GET /v1/status", pace.done);
    let growth = Row::new("request log: memory grown by it", "MB", Budget::AtMost(GROWTH)).measured(grown);
    Ok(vec![row, growth])
}

/// How many rows there are once no more come.
fn settled(stage: &Stage) -> Result<f64> {
    let (mut last, began) = (-1.0, Instant::now());
    loop {
        let text = stage.psql("select count(*) from request_log")?;
        let rows: f64 = text.trim().parse().map_err(|_| Failure::Said(format!("{text} is no count.")))?;
        if rows == last || began.elapsed() > PATIENCE {
            return Ok(rows);
        }
        last = rows;
        for _ in 0..10 {
            process::tick()?;
        }
    }
}
