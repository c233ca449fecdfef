//! `cargo xtask openapi`: the document the API describes itself with, committed as openapi.yaml.
use std::process::Command;

use crate::arguments::Arguments;
use crate::cargo;
use crate::failure::{OnPath, Result, said};
use crate::process;

pub fn run(mut given: Arguments) -> Result<()> {
    let only_check = given.flag("--check");
    given.nothing_left()?;
    if only_check {
        return check();
    }
    process::capture(&mut cargo::build_programs())?;
    let path = cargo::root().join("openapi.yaml");
    std::fs::write(&path, described()?).on("write", &path)
}

pub fn check() -> Result<()> {
    process::capture(&mut cargo::build_programs())?;
    check_built()
}

/// As [`check`], with the program as it is.
pub fn check_built() -> Result<()> {
    let path = cargo::root().join("openapi.yaml");
    let committed = std::fs::read_to_string(&path).on("read", &path)?;
    if committed == described()? {
        return Ok(());
    }
    said("openapi.yaml is not what the API describes: `cargo xtask openapi` refreshes it.")
}

fn described() -> Result<String> {
    process::capture(Command::new(cargo::target_folder()?.join("debug/lapidary")).arg("openapi"))
}
