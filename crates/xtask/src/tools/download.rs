//! Fetching release archives with curl. A machine without network, curl or a release for it is an ordinary answer.
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process;
use crate::say::Step;

/// Downloads `url` and unpacks it into `folder`. False when any part of that failed; the folder is then gone.
pub fn unpack(step: &mut Step, url: &str, folder: &Path, log: &Path) -> bool {
    let archive = folder.with_extension("download");
    step.say(&format!("downloading {url}"));
    let unpacked = std::fs::create_dir_all(folder).is_ok() && curl(step, url, &archive, log) && tar(&archive, folder);
    let _ = std::fs::remove_file(&archive);
    if !unpacked {
        let _ = std::fs::remove_dir_all(folder);
        step.say("that download did not work; trying another way");
    }
    unpacked
}

fn curl(step: &mut Step, url: &str, archive: &Path, log: &Path) -> bool {
    let mut command = Command::new("curl");
    command.args(["-fsSL", "--connect-timeout", "5", "--max-time", "600", "--proto", "=https", "-o"]);
    let followed = process::follow(command.arg(archive).arg(url), log, |_| step.progress("downloading"));
    followed.is_ok_and(|status| status.success())
}

fn tar(archive: &Path, folder: &Path) -> bool {
    process::capture(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(folder)).is_ok()
}

/// The first file of this name below a folder, at any depth an archive may have.
pub fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    let here = entries.iter().find(|path| path.is_file() && path.file_name().is_some_and(|found| found == name));
    here.cloned().or_else(|| entries.iter().filter(|path| path.is_dir()).find_map(|path| find(path, name)))
}

/// `x86_64-unknown-linux-gnu` and the like, for the archives of Rust programs.
pub fn triple(linux_library: &str) -> Option<String> {
    let arch = std::env::consts::ARCH;
    match std::env::consts::OS {
        "linux" => Some(format!("{arch}-unknown-linux-{linux_library}")),
        "macos" => Some(format!("{arch}-apple-darwin")),
        _ => None,
    }
}
