//! What a process takes before it does much: the time to its first answer, and memory.
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::stage::Stage;
use super::table::{Budget, Row, median};
use super::{CONNECTIONS, cpu, http, load, people};
use crate::failure::Result;
use crate::process;
use crate::say::Step;

const START: f64 = 0.5;
const AT_REST: f64 = 40.0;
const UNDER_LOAD: f64 = 120.0;
const REST_TICKS: usize = 50;

pub fn start(stage: &mut Stage, step: &mut Step, quick: bool) -> Result<Vec<Row>> {
    let mut seconds = Vec::new();
    let times = if quick { 3 } else { 7 };
    for time in 1..=times {
        step.progress(&format!("start {time} of {times}"));
        seconds.push(stage.serve(&[])?.as_secs_f64());
    }
    let slowest = seconds.iter().copied().fold(0.0, f64::max);
    let row = Row::new("first answer after start", "s", Budget::AtMost(START)).measured(median(&seconds));
    Ok(vec![Row { note: format!("median of {times} starts to /health/ready, slowest {slowest:.2} s"), ..row }])
}

pub fn memory(stage: &mut Stage, step: &mut Step, quick: bool) -> Result<Vec<Row>> {
    stage.serve(&[])?;
    step.progress("resting");
    for _ in 0..REST_TICKS {
        process::tick()?;
    }
    let pid = stage.pid()?;
    let at_rest = cpu::memory(pid, "VmRSS")?;
    let lines = people::authorizations(stage)?;
    let asks: Vec<Vec<u8>> = ["/v1/me", "/v1/gems", "/v1/images", "/v1/generations"]
        .iter()
        .flat_map(|path| lines.iter().map(|line| http::request("GET", path, &[line], "")))
        // The gallery that is full, as often as the empty ones together.
        .chain(std::iter::repeat_n(http::request("GET", "/v1/images", &[&lines[0]], ""), people::COUNT))
        .collect();
    let (mut most, running) = (0.0_f64, AtomicBool::new(true));
    let time = Duration::from_secs(if quick { 4 } else { 15 });
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let ended = load::run(stage.port, CONNECTIONS, time, 200, |dice, request| {
                request.extend_from_slice(&asks[dice.below(asks.len())]);
            });
            running.store(false, Ordering::Relaxed);
            ended
        });
        while running.load(Ordering::Relaxed) {
            most = most.max(cpu::memory(pid, "VmRSS").unwrap_or(0.0));
            std::thread::sleep(Duration::from_millis(20));
        }
        load.join().unwrap_or(Ok(load::Pace::default()))
    })?;
    let row = |name, budget, found| Row::new(name, "MB", Budget::AtMost(budget)).measured(found);
    let loaded = row("memory under 16 connections", UNDER_LOAD, most);
    let note = "most of VmRSS while they ask for me, gems, generations and pages of images".into();
    Ok(vec![row("memory at rest", AT_REST, at_rest), Row { note, ..loaded }])
}
