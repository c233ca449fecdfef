//! How we call cargo: with its progress heard, and what we read from Cargo.lock and from cargo's folders.
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, OnPath, Result, said};
use crate::process::{self, Heard};
use crate::say::Step;

/// The root of the repository, from cargo when it runs us, from the build otherwise.
pub fn root() -> PathBuf {
    let crate_folder =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    crate_folder.ancestors().nth(2).map_or_else(|| crate_folder.clone(), Path::to_path_buf)
}

/// The folder that holds `debug/`: ours is `TARGET/debug/xtask`, or `TARGET/debug/deps/xtask-…` as a test.
pub fn target_folder() -> Result<PathBuf> {
    let program = std::env::current_exe().map_err(|error| Failure::Said(format!("Could not find myself: {error}.")))?;
    let profile = program.ancestors().skip(1).find(|folder| folder.file_name().is_none_or(|name| name != "deps"));
    match profile.and_then(Path::parent) {
        Some(folder) => Ok(folder.to_path_buf()),
        None => said(format!("{} does not lie in a target folder.", program.display())),
    }
}

/// Our own corner of the target folder: logs and stamps.
pub fn scratch_folder() -> Result<PathBuf> {
    let folder = target_folder()?.join("xtask");
    std::fs::create_dir_all(&folder).on("create", &folder)?;
    Ok(folder)
}

pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The two programs, always in one call: cargo would compile much of what they share again for each alone.
pub fn build_programs() -> Command {
    let mut command = cargo();
    command.args(["build", "--locked", "-p", "lapidary", "-p", "lapidary-sandbox"]);
    command
}

/// Runs a cargo command, telling how many crates are done. On failure its last lines are shown.
pub fn run(step: &mut Step, what: &str, command: &mut Command, log: &Path) -> Result<()> {
    command.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "100");
    command.env("CARGO_TERM_COLOR", "never");
    let mut how_far = format!("{what}…");
    let status = process::follow(command, log, |heard| {
        if let Heard::Line(line) = heard {
            how_far = match process::progress_of(line) {
                Some(("Building", at, total)) => format!("{what}, crate {at} of {total}"),
                Some(_) => format!("{what}: downloading crates"),
                None if line.contains("Blocking waiting for file lock") => format!("{what}: waiting for another cargo"),
                None => return,
            };
        }
        step.progress(&how_far);
    })?;
    if status.success() {
        return Ok(());
    }
    said(format!("{what} failed; all of it is in {}. The end:\n{}", log.display(), process::tail(log, 40)))
}

/// The version Cargo.lock holds of a crate that is there once.
pub fn locked_version(name: &str) -> Result<String> {
    let path = root().join("Cargo.lock");
    let lock = std::fs::read_to_string(&path).on("read", &path)?;
    match packages(&lock).into_iter().find(|(package, _)| package == name) {
        Some((_, version)) => Ok(version),
        None => said(format!("Cargo.lock has no {name}.")),
    }
}

/// Every `(name, version)` of a Cargo.lock.
pub fn packages(lock: &str) -> Vec<(String, String)> {
    let value = |line: &str| line.split('"').nth(1).unwrap_or_default().to_owned();
    let mut name = String::new();
    let mut found = Vec::new();
    for line in lock.lines() {
        if line.starts_with("name = ") {
            name = value(line);
        } else if line.starts_with("version = ") && !name.is_empty() {
            found.push((std::mem::take(&mut name), value(line)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_is_read_as_names_and_versions() {
        let lock = "version = 4\n\n[[package]]\nname = \"h2\"\nversion = \"0.4.16\"\n\n[[package]]\nname = \"ring\"\nversion = \"0.17.14\"\n";
        assert_eq!(packages(lock), [("h2".into(), "0.4.16".into()), ("ring".into(), "0.17.14".into())]);
    }

    #[test]
    fn the_root_is_where_the_lock_file_is() {
        assert!(root().join("Cargo.lock").is_file());
        assert!(!locked_version("wasm-bindgen").unwrap().is_empty());
    }
}
