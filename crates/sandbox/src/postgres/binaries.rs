//! Finds PostgreSQL programs on this machine. It downloads nothing.
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Error, account::Account};

const OLDEST_MAJOR: u32 = 15;

/// A folder with `initdb`, `pg_ctl` and `postgres` that the account can run.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    folder: PathBuf,
    pub(super) major: u32,
}

impl Binaries {
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// The first suitable folder; when a data folder exists already, only its own major version will do.
pub(super) fn find(account: Option<&Account>, data_major: Option<u32>) -> Result<Binaries, Error> {
    let mut seen = Vec::new();
    for folder in candidates() {
        if !folder.join("initdb").exists() || !folder.join("pg_ctl").exists() {
            continue;
        }
        let Some(major) = major_of(&folder.join("postgres"), account) else {
            seen.push(format!("{} (cannot be run by this user)", folder.display()));
            continue;
        };
        if major >= OLDEST_MAJOR && data_major.is_none_or(|wanted| wanted == major) {
            return Ok(Binaries { folder, major });
        }
        seen.push(format!("{} (version {major})", folder.display()));
    }
    let seen = if seen.is_empty() { String::new() } else { format!(" Not suitable: {}.", seen.join(", ")) };
    Err(match data_major {
        Some(wanted) => Error::NoBinaries(format!(
            "The data folder was made by PostgreSQL {wanted}: install that version or start with a fresh data folder.{seen}"
        )),
        None => Error::NoBinaries(format!(
            "Install PostgreSQL {OLDEST_MAJOR} or newer (`apt-get install postgresql`, `brew install postgresql@17`) \
             or point PG_BIN at the folder that has initdb and pg_ctl.{seen}"
        )),
    })
}

fn candidates() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    folders.extend(std::env::var_os("PG_BIN").map(PathBuf::from));
    folders.extend(pg_config());
    folders.extend(newest_first("/usr/lib/postgresql", ""));
    folders.extend(newest_first("/opt/homebrew/opt", "postgresql@"));
    folders.extend(newest_first("/usr/local/opt", "postgresql@"));
    folders.extend(newest_first("/Applications/Postgres.app/Contents/Versions", ""));
    folders.extend(["/opt/homebrew/bin", "/usr/local/bin", "/usr/local/pgsql/bin", "/usr/bin"].map(PathBuf::from));
    folders.extend(std::env::var_os("LAPIDARY_TOOLS").map(|tools| Path::new(&tools).join("postgres/bin")));
    folders
}

fn pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// `{parent}/{prefix}{version}/bin`, highest version first.
fn newest_first(parent: &str, prefix: &str) -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn major_of(postgres: &Path, account: Option<&Account>) -> Option<u32> {
    let mut command = Command::new(postgres);
    command.arg("--version");
    Account::run_as(account, &mut command);
    let text = String::from_utf8(command.output().ok()?.stdout).ok()?;
    // "postgres (PostgreSQL) 15.18 (Debian 15.18-1)", "… 18beta1".
    let version = text.split_whitespace().nth(2)?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
