//! `cargo xtask test`: every proof of this repository in one run. All steps run even when one fails; the last line
//! of output is the sum, `N passed, N failed`, in which each step without tests of its own counts as one.
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::arguments::Arguments;
use crate::cargo;
use crate::failure::{Failure, Result, said};
use crate::logs;
use crate::openapi;
use crate::page;
use crate::process;
use crate::say::{Steps, span};
use crate::sdks;
use crate::tidy;
use crate::tools::{self, chromium, page_tools, postgres};
use crate::weight;

/// Together in one cargo call, so that everything they share is compiled once.
const TESTED: [&str; 5] = ["lapidary-domain", "lapidary-contract", "xtask", "lapidary-sandbox", "lapidary"];

#[derive(Default)]
pub struct Tally {
    passed: usize,
    failed: usize,
    failures: Vec<String>,
}

impl Tally {
    /// One step: announced, timed, remembered. Only a signal ends the whole run.
    pub fn step(&mut self, name: &str, run: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        println!("\n== {name}");
        let started = Instant::now();
        let before = self.passed + self.failed;
        let outcome = run(self);
        let has_tests = self.passed + self.failed > before;
        match outcome {
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            Err(Failure::Said(why)) => {
                println!("{why}\n== {name}: FAILED ({})", span(started.elapsed()));
                self.failures.push(name.to_owned());
                self.failed += usize::from(!has_tests);
            }
            Ok(()) => {
                println!("== {name}: passed ({})", span(started.elapsed()));
                self.passed += usize::from(!has_tests);
            }
        }
        Ok(())
    }

    /// Reads the closing line of a test binary: `test result: ok. 12 passed; 0 failed; …`.
    fn hear(&mut self, line: &str) {
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        for count in counts.split("; ") {
            match count.split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }

    fn close(&self) -> Result<()> {
        println!();
        for name in &self.failures {
            println!("FAILED: {name}");
        }
        println!("{} passed, {} failed", self.passed, self.failed);
        if self.failures.is_empty() { Ok(()) } else { said("Not everything passed.") }
    }
}

pub fn run(mut given: Arguments) -> Result<()> {
    let with_sdks = given.flag("--with-sdks");
    let filter = given.word();
    given.nothing_left()?;
    let mut tally = Tally::default();
    // First: on a new machine even the checks lack the WASM target.
    let mut chrome = None;
    tally.step("what the tests need, and the page", |_| {
        chrome = Some(prepare()?);
        Ok(())
    })?;
    if filter.is_none() {
        tally.step("the page's weight", |_| weight::check(&page::folder()))?;
        checks(&mut tally)?;
    }
    let heard = logs::folder()?;
    let with = With { chrome: chrome.as_ref(), logs: Some(&heard) };
    tally.step("tests", |tally| tests(tally, &TESTED, filter.as_deref(), with))?;
    if filter.is_none() {
        tally.step("nothing private in any log", |_| logs::search(&heard))?;
    }
    // By itself: together with the server it would give every shared crate other features, and so build it again.
    tally.step("tests of the page", |tally| tests(tally, &["lapidary-web"], filter.as_deref(), With::default()))?;
    if filter.is_none() {
        // With the program that the tests just built.
        tally.step("openapi.yaml", |_| openapi::check_built())?;
    }
    if with_sdks {
        sdks::run(&mut tally, filter.as_deref())?;
    }
    tally.close()
}

fn checks(tally: &mut Tally) -> Result<()> {
    tally.step("format", |_| shown(cargo::cargo().args(["fmt", "--all", "--check"])))?;
    tally.step("tidy", |_| tidy::check())?;
    let clippy =
        |words: &[&str]| shown(cargo::cargo().args(["clippy", "--locked"]).args(words).args(["--", "-D", "warnings"]));
    tally.step("clippy", |_| clippy(&["--workspace", "--exclude", "lapidary-web", "--all-targets"]))?;
    tally.step("clippy of the page", |_| clippy(&["-p", "lapidary-web", "--target", "wasm32-unknown-unknown"]))
}

fn prepare() -> Result<PathBuf> {
    let log = cargo::scratch_folder()?.join("tools.log");
    let mut steps = Steps::new(page_tools::STEPS + 3);
    let page_tools = page_tools::prepare(&mut steps, &log)?;
    postgres::prepare(&mut steps.next("PostgreSQL"), &log)?;
    let chrome = chromium::prepare(&mut steps.next("Chromium"), &log)?;
    page::build(&mut steps.next("Page"), &page_tools)?;
    Ok(chrome)
}

/// What the tests find in their environment.
#[derive(Clone, Copy, Default)]
struct With<'a> {
    chrome: Option<&'a PathBuf>,
    /// Where everything under test logs to.
    logs: Option<&'a PathBuf>,
}

fn tests(tally: &mut Tally, packages: &[&str], filter: Option<&str>, with: With<'_>) -> Result<()> {
    let mut command = cargo::cargo();
    command.args(["test", "--locked", "--no-fail-fast"]);
    for package in packages {
        command.args(["-p", package]);
    }
    command.args(filter);
    command.env("PAGE_DIR", page::folder()).env("LAPIDARY_TOOLS", tools::folder()?);
    if let Some(chrome) = with.chrome {
        command.env("CHROME", chrome);
    }
    if let Some(logs) = with.logs {
        command.env("LAPIDARY_TEST_LOGS", logs);
    }
    let status = process::show_and_hear(&mut command, |line| tally.hear(line))?;
    if status.success() { Ok(()) } else { said("cargo test failed.") }
}

pub fn shown(command: &mut Command) -> Result<()> {
    let status = process::show(command)?;
    if status.success() { Ok(()) } else { said(format!("It failed ({status}).")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_of_all_test_binaries() {
        let mut tally = Tally::default();
        tally.hear("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.10s");
        tally.hear("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s");
        tally.hear("running 12 tests");
        assert_eq!((tally.passed, tally.failed), (15, 2));
    }

    #[test]
    fn a_failed_step_is_counted_listed_and_does_not_stop_the_others() {
        let mut tally = Tally::default();
        tally.step("first", |_| said("it is broken")).unwrap();
        tally.step("second", |_| Ok(())).unwrap();
        assert_eq!((tally.passed, tally.failed), (1, 1));
        assert_eq!(tally.failures, ["first"]);
        assert!(tally.close().is_err());
    }

    #[test]
    fn a_signal_ends_the_run() {
        assert!(matches!(Tally::default().step("one", |_| Err(Failure::Interrupted)), Err(Failure::Interrupted)));
    }
}
