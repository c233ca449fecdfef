//! The sandbox and our own API against other people's clients: every folder of crates/sandbox/conformance and
//! api/conformance with a package.json (Node) or a requirements.txt (Python) is installed and its tests are run. They find
//! the programs that the tests before them built in LAPIDARY_TARGET.
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo;
use crate::failure::{OnPath, Result};
use crate::test::{Tally, shown};
use crate::tools;

/// Who is held against them, and where.
const HELD: [(&str, &str); 2] = [("sandbox", "crates/sandbox/conformance"), ("api", "api/conformance")];

pub fn run(tally: &mut Tally, filter: Option<&str>) -> Result<()> {
    let wanted = |folder: &PathBuf| filter.is_none_or(|wanted| name_of(folder).contains(wanted));
    let mut is_any = false;
    for (who, parent) in HELD {
        for folder in folders(&cargo::root().join(parent)).into_iter().filter(wanted) {
            is_any = true;
            tally.step(&format!("{who} against {}", name_of(&folder)), |_| {
                if folder.join("package.json").is_file() { node(&folder) } else { python(&folder) }
            })?;
        }
    }
    if !is_any {
        println!("\nNo independent client to run.");
    }
    Ok(())
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn folders(parent: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.join("package.json").is_file() || path.join("requirements.txt").is_file())
        .collect();
    found.sort();
    found
}

fn node(folder: &Path) -> Result<()> {
    shown(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))?;
    let mut test = Command::new("node");
    test.arg("--test").current_dir(folder);
    shown(with_programs(&mut test)?)
}

fn python(folder: &Path) -> Result<()> {
    let environment = cargo::scratch_folder()?.join(format!("python-{}", name_of(folder)));
    shown(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    let python = environment.join("bin/python");
    let requirements = folder.join("requirements.txt");
    shown(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(requirements))?;
    let mut test = Command::new(&python);
    test.args(["-m", "unittest", "discover", "-v"]).current_dir(folder);
    shown(with_programs(&mut test)?)
}

fn with_programs(command: &mut Command) -> Result<&mut Command> {
    let debug = cargo::target_folder()?.join("debug");
    let debug = std::path::absolute(&debug).on("find", &debug)?;
    Ok(command.env("LAPIDARY_TARGET", debug).env("LAPIDARY_TOOLS", tools::folder()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_that_say_how_they_are_installed_are_run() {
        let parent = std::env::temp_dir().join(format!("xtask-sdks-{}", std::process::id()));
        for name in ["node", "python", "notes"] {
            std::fs::create_dir_all(parent.join(name)).unwrap();
        }
        std::fs::write(parent.join("node/package.json"), "{}").unwrap();
        std::fs::write(parent.join("python/requirements.txt"), "").unwrap();
        let found = folders(&parent);
        std::fs::remove_dir_all(&parent).unwrap();
        assert_eq!(found, [parent.join("node"), parent.join("python")]);
    }
}
