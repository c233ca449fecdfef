//! Generations from order to settlement, with a model that answers at once: our own time, and the processor's.
use std::io::{Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use super::http::Connection;
use super::stage::Stage;
use super::submit::Orders;
use super::table::{Budget, Row, median};
use super::{cpu as machine, took};
use crate::failure::{Failure, OnPath, Result, said};
use crate::process;
use crate::say::Step;

/// Milliseconds beside model, upload and thumbnails.
const OUR_TIME: f64 = 5.0;
/// Processor milliseconds of the API.
const OUR_CPU: f64 = 60.0;
const PICTURE_BYTES: usize = 1_500_000;
const PATIENCE: Duration = Duration::from_secs(60);
const WARM_UP: usize = 5;

/// One after another: with one picture under way, everything that happens belongs to it.
pub fn time(stage: &mut Stage, step: &mut Step, quick: bool) -> Result<Vec<Row>> {
    let count = if quick { 20 } else { 100 };
    // Too small for its thumbnails to count.
    stage.ready_picture(16, 1_000)?;
    stage.serve(&[])?;
    let orders = Orders::new(stage)?;
    let mut log = Log::open(stage)?;
    for number in 0..count + WARM_UP {
        order(stage, &orders, number)?;
        log.await_settlement()?;
        if number % 10 == 0 {
            step.progress(&format!("{number} of {count} generations"));
        }
    }
    let spans = took::spans(&stage.sandbox_log())?;
    let settled = took::settled(&stage.api_log())?;
    let started = stage.psql(
        "select id, (extract(epoch from started_at) * 1000000)::bigint from generations
         where status = 'succeeded' and captured_gems > 0 order by created_at",
    )?;
    let own = |line: &str| {
        let (id, started) = line.split_once('|')?;
        let whole = (started.parse().ok()?, *settled.get(id)?);
        Some((took::uncovered(whole, &spans) as f64 / 1e3, (whole.1 - whole.0) as f64 / 1e3))
    };
    let found: Vec<(f64, f64)> = started.lines().filter_map(own).skip(WARM_UP).collect();
    if found.len() < count {
        return said(format!("Only {} of {count} generations told when they were settled.", found.len()));
    }
    let (ours, whole): (Vec<f64>, Vec<f64>) = found.into_iter().unzip();
    let mut row = Row::new("our time per generation", "ms", Budget::AtMost(OUR_TIME)).measured(median(&ours));
    let mut sorted = ours;
    sorted.sort_by(f64::total_cmp);
    row.note = format!(
        "median of {count}, nine in ten below {:.1} ms: from the claim (started_at) to the line in the log after the \
         settlement's commit ({:.1} ms), less what the vendors' own clocks say they held a request; a picture of 16 pixels, \
         so its thumbnails count as ours",
        sorted[sorted.len() * 9 / 10],
        median(&whole)
    );
    Ok(vec![row])
}

pub fn cpu(stage: &mut Stage, step: &mut Step, quick: bool) -> Result<Vec<Row>> {
    let count = if quick { 16 } else { 80 };
    stage.ready_picture(1_024, PICTURE_BYTES)?;
    stage.serve(&[])?;
    let orders = Orders::new(stage)?;
    step.progress("painting the picture");
    order(stage, &orders, 0)?;
    await_all(stage)?;
    let before = stage.cpu()?;
    for number in 0..count {
        order(stage, &orders, number)?;
    }
    step.progress(&format!("{count} generations"));
    await_all(stage)?;
    let after = stage.cpu()?;
    let stored = stage.psql(
        "select round(avg(bytes)) from images where bytes > 100000 and price_gems > 0 and width = 1024 and \
         created_at > now() - interval '10 minutes'",
    )?;
    let most = machine::memory(stage.pid()?, "VmHWM")?;
    let each = (after.0 - before.0) * 1e3 / count as f64;
    let row = Row::new("CPU per generation", "ms CPU", Budget::AtMost(OUR_CPU)).measured(each);
    let note = format!(
        "{count} PNGs of 1024 x 1024, {} bytes each, from order to settlement, 8 at a time; memory at most {most:.0} MB",
        stored.trim()
    );
    Ok(vec![Row { note, ..row }])
}

/// The API's log from here on: asking anybody would take the processor from what is measured.
struct Log(std::fs::File);

impl Log {
    fn open(stage: &Stage) -> Result<Self> {
        let path = stage.api_log();
        let mut file = std::fs::File::open(&path).on("read", &path)?;
        file.seek(SeekFrom::End(0)).on("read", &path)?;
        Ok(Self(file))
    }

    fn await_settlement(&mut self) -> Result<()> {
        let (started, mut text) = (Instant::now(), String::new());
        while !text.contains(r#""generation ended""#) {
            if started.elapsed() > PATIENCE {
                return said(format!("A generation did not end in time. The log says:\n{text}"));
            }
            std::thread::sleep(Duration::from_millis(2));
            let read = self.0.read_to_string(&mut text);
            read.map_err(|error| Failure::Said(format!("The API's log cannot be read: {error}.")))?;
        }
        // Its transaction is over; what follows it is not.
        process::tick()
    }
}

pub fn order(stage: &Stage, orders: &Orders, person: usize) -> Result<()> {
    let mut request = Vec::new();
    orders.write(person, &mut request);
    let answer = Connection::open(stage.port).and_then(|mut connection| {
        let answer = connection.ask(&request)?;
        Ok((answer.status, answer.text()))
    });
    match answer {
        Ok((202, _)) => Ok(()),
        Ok((status, text)) => said(format!("An order was answered by {status}: {text}")),
        Err(error) => said(format!("An order was not answered: {error}.")),
    }
}

/// Until nothing waits and nothing runs; one that failed ends the measurement.
pub fn await_all(stage: &Stage) -> Result<()> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        let counts = stage.psql(
            "select count(*) filter (where status in ('queued', 'running')),
               coalesce(max(failure_code) filter (where status = 'failed'), '') from generations
             where created_at > now() - interval '10 minutes'",
        )?;
        match counts.trim().split_once('|') {
            Some(("0", "")) => return Ok(()),
            Some((_, "")) => {}
            _ => return said(format!("A generation failed: {}.", counts.trim())),
        }
        if process::is_interrupted() {
            return Err(Failure::Interrupted);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    said("Generations did not end in time.")
}
