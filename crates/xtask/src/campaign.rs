//! `cargo xtask campaign` and `cargo xtask soak`: the long proofs, which live in the test binary `campaign`. Builds what they
//! need, passes on how long and with which seed, and shows what they say.
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::arguments::Arguments;
use crate::cargo;
use crate::failure::{OnPath, Result, said};
use crate::process;
use crate::say::Steps;
use crate::tools::{self, postgres};

const GENERATIONS: u64 = 1_000;
const CAMPAIGN_MINUTES: f64 = 8.0;
const SOAK_MINUTES: f64 = 30.0;

pub fn campaign(mut given: Arguments) -> Result<()> {
    let seed = match given.value("--seed")? {
        Some(text) => number(&text, "--seed")?,
        None => SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs() % 1_000_000),
    };
    let generations = match given.value("--generations")? {
        Some(text) => number(&text, "--generations")?,
        None => GENERATIONS,
    };
    let minutes = minutes(&mut given, CAMPAIGN_MINUTES)?;
    given.nothing_left()?;
    let settings = [
        ("CAMPAIGN_SEED", seed.to_string()),
        ("CAMPAIGN_GENERATIONS", generations.to_string()),
        ("CAMPAIGN_MINUTES", minutes.to_string()),
    ];
    run("nothing_is_lost_when_processes_die", &settings)?;
    println!(
        "again with the same seed: cargo xtask campaign --seed {seed} --generations {generations} --minutes {minutes}"
    );
    Ok(())
}

pub fn soak(mut given: Arguments) -> Result<()> {
    let minutes = minutes(&mut given, SOAK_MINUTES)?;
    let is_debug = given.flag("--debug");
    given.nothing_left()?;
    let program = program(is_debug)?;
    let settings = [("SOAK_MINUTES", minutes.to_string()), ("LAPIDARY_BINARY", program.to_string_lossy().into_owned())];
    run("memory_descriptors_and_connections_stay_flat", &settings)
}

fn number(text: &str, name: &str) -> Result<u64> {
    text.parse().or_else(|_| said(format!("{name} wants a whole number, not {text}.")))
}

fn minutes(given: &mut Arguments, usual: f64) -> Result<f64> {
    let Some(text) = given.value("--minutes")? else { return Ok(usual) };
    match text.parse::<f64>() {
        Ok(minutes) if minutes > 0.0 && minutes.is_finite() => Ok(minutes),
        _ => said(format!("--minutes wants a number above zero, not {text}.")),
    }
}

/// The server that is measured: a release build unless told otherwise.
fn program(is_debug: bool) -> Result<PathBuf> {
    let profile = if is_debug { "debug" } else { "release" };
    let mut build = cargo::cargo();
    build.args(["build", "--locked", "-p", "lapidary"]).args((!is_debug).then_some("--release"));
    let log = cargo::scratch_folder()?.join("soak-build.log");
    let mut step = Steps::new(1).next("API");
    cargo::run(&mut step, "compiling", &mut build, &log)?;
    step.done(&format!("built ({profile})"));
    let program = cargo::target_folder()?.join(profile).join("lapidary");
    std::path::absolute(&program).on("find", &program)
}

fn run(test: &str, settings: &[(&str, String)]) -> Result<()> {
    let log = cargo::scratch_folder()?.join("tools.log");
    postgres::prepare(&mut Steps::new(1).next("PostgreSQL"), &log)?;
    let mut command = cargo::cargo();
    command.args(["test", "--locked", "-p", "lapidary", "--test", "campaign", test]);
    command.args(["--", "--include-ignored", "--nocapture"]);
    command.env("LAPIDARY_TOOLS", tools::folder()?);
    for (name, value) in settings {
        command.env(name, value);
    }
    let status = process::show(&mut command)?;
    if status.success() { Ok(()) } else { said("A promise was broken: the sentences above say which.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_a_number_above_zero() {
        let read = |line: &str| minutes(&mut Arguments::new(line.split_whitespace().map(str::to_owned)), 8.0);
        assert_eq!(read("").unwrap(), 8.0);
        assert_eq!(read("--minutes 0.5").unwrap(), 0.5);
        assert!(read("--minutes 0").is_err() && read("--minutes soon").is_err());
    }
}
