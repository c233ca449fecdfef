//! What must be on the machine before anything is built: looked for, then fetched into a folder of our own, telling what it does.
//! A tool counts only in its exact version; nothing of the system is changed except by its package manager, as root.
pub mod chromium;
mod download;
pub mod page_tools;
pub mod postgres;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{OnPath, Result, said};
use crate::process;

/// Where fetched tools live: LAPIDARY_TOOLS, or the user's cache. Root's home is closed to the user PostgreSQL runs
/// as, so root keeps them in /var/cache.
pub fn folder() -> Result<PathBuf> {
    let folder = if let Some(chosen) = set("LAPIDARY_TOOLS") {
        std::path::absolute(&chosen).on("find", &chosen)?
    } else if is_root() {
        "/var/cache/lapidary/tools".into()
    } else if let Some(cache) = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache"))) {
        cache.join("lapidary/tools")
    } else {
        return said("Neither LAPIDARY_TOOLS nor HOME is set: I do not know where to keep tools.");
    };
    std::fs::create_dir_all(&folder).on("create", &folder)?;
    Ok(folder)
}

fn set(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

pub fn is_root() -> bool {
    process::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Every program of this name on PATH, in its order.
pub fn on_path(name: &str) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).filter(|program| program.is_file()).collect()
}

/// What a program answers to `--version`; none when it cannot.
pub fn version_of(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The first of these programs that answers exactly this.
fn exact(candidates: impl IntoIterator<Item = PathBuf>, answer: &str) -> Option<PathBuf> {
    candidates.into_iter().find(|program| version_of(program).is_some_and(|version| version == answer))
}

/// Installs a package of the distribution, as root on a system with apt.
fn apt_install(step: &mut crate::say::Step, package: &str, log: &Path) -> bool {
    if !is_root() || on_path("apt-get").is_empty() {
        return false;
    }
    step.say(&format!("not found; installing the distribution's package {package}…"));
    let apt = |step: &mut crate::say::Step, words: &[&str]| {
        let mut command = Command::new("apt-get");
        let status = process::follow(command.args(words).env("DEBIAN_FRONTEND", "noninteractive"), log, |_| {
            step.progress(&format!("apt-get {}", words.join(" ")));
        });
        status.is_ok_and(|status| status.success())
    };
    let install = ["install", "-y", "--no-install-recommends", package];
    apt(step, &install) || (apt(step, &["update"]) && apt(step, &install))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(name: &str, answer: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(format!("xtask-tools-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\necho '{answer}'\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn a_tool_of_another_version_is_passed_over() {
        let old = program("old", "wasm-opt version 108");
        let new = program("new", "wasm-opt version 132 (version_132)");
        let found = exact([old.clone(), new.clone()], "wasm-opt version 132 (version_132)");
        assert_eq!(found, Some(new));
        assert_eq!(exact([old, "/nowhere/wasm-opt".into()], "wasm-opt version 132 (version_132)"), None);
    }
}
