//! `cargo xtask bench`: the budgets, each measured beside its reference in the same run, because a machine's speed drifts.
//! It judges and never fails for being slow. Everything runs on this machine, in a folder that is gone afterwards.
mod archive;
mod cpu;
mod gallery;
mod generations;
mod http;
mod images;
mod key;
mod load;
mod log;
mod people;
mod pgbench;
mod reads;
mod resting;
mod search;
mod stage;
mod submit;
mod table;
mod took;
mod webhooks;

use std::process::Command;

use crate::arguments::Arguments;
use crate::cargo;
use crate::failure::{Failure, Result, said};
use crate::process;
use crate::say::Steps;
use crate::tools::{page_tools, postgres};
use crate::{page, weight};
use stage::Stage;
use table::{Budget, Row, Table};

/// In this order: submits fill the queue and the gallery fills the disk, so they come last.
const PARTS: [&str; 13] =
    ["start", "memory", "me", "gems", "key", "log", "time", "cpu", "archive", "submit", "webhooks", "gallery", "page"];
pub const CONNECTIONS: usize = 16;

struct Wishes {
    only: Vec<String>,
    quick: bool,
    json: bool,
}

impl Wishes {
    fn read(given: &mut Arguments) -> Result<Self> {
        let only: Vec<String> = match given.value("--only")? {
            None => PARTS.map(str::to_owned).to_vec(),
            Some(names) => names.split(',').map(str::to_owned).collect(),
        };
        match only.iter().find(|name| !PARTS.contains(&name.as_str())) {
            None => Ok(Self { only, quick: given.flag("--quick"), json: given.flag("--json") }),
            Some(unknown) => said(format!("There is no {unknown} to measure, only: {}.", PARTS.join(", "))),
        }
    }

    fn words(&self) -> Vec<String> {
        let mut words = vec!["bench".to_owned(), "--built".to_owned(), format!("--only={}", self.only.join(","))];
        words.extend(self.quick.then(|| "--quick".to_owned()));
        words.extend(self.json.then(|| "--json".to_owned()));
        words
    }
}

pub fn run(mut given: Arguments) -> Result<()> {
    let wishes = Wishes::read(&mut given)?;
    let is_built = given.flag("--built");
    given.nothing_left()?;
    if is_built { measure(&wishes) } else { build(&wishes) }
}

/// Builds what is measured and what measures: unoptimised, we would take the processor from what we look at.
fn build(wishes: &Wishes) -> Result<()> {
    let scratch = cargo::scratch_folder()?;
    let mut steps = Steps::new(2);
    postgres::prepare(&mut steps.next("PostgreSQL"), &scratch.join("tools.log"))?;
    let mut step = steps.next("Release build");
    let mut build = cargo::build_programs();
    build.args(["-p", "xtask", "--release"]);
    cargo::run(&mut step, "compiling", &mut build, &scratch.join("bench-build.log"))?;
    step.done("built");
    drop(step);
    let ours = cargo::target_folder()?.join("release/xtask");
    let status = process::show(Command::new(ours).args(wishes.words()))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(130) => Err(Failure::Interrupted),
        _ => said("The measurement did not come to its end."),
    }
}

fn measure(wishes: &Wishes) -> Result<()> {
    let mut table = Table::begin();
    let needs_stage = wishes.only.iter().any(|part| part != "page");
    let mut steps = Steps::new(wishes.only.len() + usize::from(needs_stage));
    let mut stage = if needs_stage { Some(Stage::start(&mut steps.next("Stage"))?) } else { None };
    for part in PARTS.iter().filter(|part| wishes.only.iter().any(|wanted| wanted == *part)) {
        let mut step = steps.next(part);
        let quick = wishes.quick;
        let rows = match (&mut stage, *part) {
            (Some(stage), "start") => resting::start(stage, &mut step, quick)?,
            (Some(stage), "memory") => resting::memory(stage, &mut step, quick)?,
            (Some(stage), "me" | "gems") => reads::measure(stage, &mut step, part, quick)?,
            (Some(stage), "key") => key::measure(stage, &mut step, quick)?,
            (Some(stage), "log") => log::measure(stage, &mut step, quick)?,
            (Some(stage), "time") => generations::time(stage, &mut step, quick)?,
            (Some(stage), "cpu") => generations::cpu(stage, &mut step, quick)?,
            (Some(stage), "archive") => archive::measure(stage, &mut step, quick)?,
            (Some(stage), "submit") => submit::measure(stage, &mut step, quick)?,
            (Some(stage), "webhooks") => webhooks::measure(stage, &mut step, quick)?,
            (Some(stage), "gallery") => gallery::measure(stage, &mut step, quick)?,
            _ => weigh(&mut step)?,
        };
        step.done("measured");
        table.rows.extend(rows);
    }
    table.end();
    if wishes.json {
        println!("{}", table.json())
    } else {
        print!("{}", table.text())
    }
    Ok(())
}

/// The same numbers as `cargo xtask demo` tells.
fn weigh(step: &mut crate::say::Step) -> Result<Vec<Row>> {
    let log = cargo::scratch_folder()?.join("tools.log");
    page::build(step, &page_tools::prepare(&mut Steps::new(page_tools::STEPS), &log)?)?;
    let weight = weight::weigh(&page::folder())?;
    let row = |name, bytes: u64, most: u64, note: &str| Row {
        note: note.into(),
        ..Row::new(name, "kB brotli", Budget::AtMost(most as f64)).measured(bytes as f64 / 1_000.0)
    };
    Ok(vec![
        row("page: the first view", weight.first_view, weight::FIRST_VIEW_KB, "wasm, js, css and html"),
        row("page: every page", weight.every_page, weight::EVERY_PAGE_KB, "with the parts that follow the first view"),
    ])
}
