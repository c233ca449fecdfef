//! `cargo xtask prepare`: asks a real database about every query and commits its answers as .sqlx, so that a clone
//! builds without one. The migrations go in through psql: the API itself cannot be built while .sqlx is stale.
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::arguments::Arguments;
use crate::cargo;
use crate::failure::{Failure, OnPath, Result, said};
use crate::process;
use crate::say::Steps;
use crate::server::Server;
use crate::settings;
use crate::tools::{self, postgres};

/// What sqlx's own runner makes before the first migration: queries may ask about it.
const APPLIED: &str = "create table if not exists _sqlx_migrations (version bigint primary key, description text not null, \
    installed_on timestamptz not null default now(), success boolean not null, checksum bytea not null, \
    execution_time bigint not null)";

pub fn run(mut given: Arguments) -> Result<()> {
    let only_check = given.flag("--check");
    let database = given.value("--database")?;
    given.nothing_left()?;
    let scratch = cargo::scratch_folder()?;
    let answers = scratch.join("sqlx");
    let mut steps = Steps::new(4);
    let binaries = postgres::prepare(&mut steps.next("PostgreSQL"), &scratch.join("tools.log"))?;
    let asked = match database {
        Some(url) => {
            steps.next("Database").say("yours");
            ask(&mut steps, &binaries, &url, &answers)
        }
        None => ask_own(&mut steps, &binaries, &answers),
    };
    if only_check {
        asked?;
        return compare(&answers, &committed());
    }
    // Even when the code does not compile, the answers it got so far let the rest of it be built offline.
    let kept = replace(&answers, &committed(), asked.is_ok())?;
    asked?;
    eprintln!(".sqlx holds {kept} queries.");
    Ok(())
}

fn ask_own(steps: &mut Steps, binaries: &Path, answers: &Path) -> Result<()> {
    let scratch = cargo::scratch_folder()?;
    let mut step = steps.next("Database");
    let mut build = cargo::cargo();
    build.args(["build", "--locked", "-p", "lapidary-sandbox"]);
    cargo::run(&mut step, "building the sandbox", &mut build, &scratch.join("prepare-build.log"))?;
    // Not below the repository: as root the server runs as a user who may not look there.
    let data = std::env::temp_dir().join(format!("lapidary-prepare-{}", std::process::id()));
    let asked = start_database(&data, &scratch).and_then(|(server, url)| {
        step.done("running");
        let asked = ask(steps, binaries, &url, answers);
        drop(server);
        asked
    });
    let _ = std::fs::remove_dir_all(&data);
    asked
}

fn committed() -> PathBuf {
    cargo::root().join(".sqlx")
}

fn start_database(data: &Path, scratch: &Path) -> Result<(Server, String)> {
    let mut sandbox = Command::new(cargo::target_folder()?.join("debug/sandbox"));
    sandbox.arg("--data").arg(data).args(["--public-url", "http://localhost:8080", "--until-stdin-closes"]);
    sandbox.env("LAPIDARY_TOOLS", tools::folder()?);
    let log = scratch.join("prepare-sandbox.log");
    let (server, line) = Server::start_and_read_line("The sandbox", sandbox, &log, Duration::from_secs(120))?;
    match settings::parse_line(&line)?.remove("database_url") {
        Some(url) => Ok((server, url)),
        None => said("The sandbox's line lacks database_url."),
    }
}

fn migrate(binaries: &Path, url: &str) -> Result<usize> {
    let psql = || {
        let mut psql = Command::new(binaries.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", url]);
        psql
    };
    process::capture(psql().args(["--command", APPLIED]))?;
    let files = migrations(&cargo::root().join("migrations"))?;
    for file in &files {
        let sql = std::fs::read_to_string(file).on("read", file)?;
        // The opening line that tells sqlx not to wrap a migration.
        let wrapped = if sql.starts_with("-- no-transaction") { None } else { Some("--single-transaction") };
        process::capture(psql().args(wrapped).arg("--file").arg(file))?;
    }
    Ok(files.len())
}

fn migrations(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).on("read", folder)?.flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_migration(path)).collect();
    files.sort();
    Ok(files)
}

fn is_migration(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        name.ends_with(".sql") && !name.ends_with(".down.sql")
    })
}

/// Has every `query!` expanded again against the database; each writes its answer into the folder.
fn ask(steps: &mut Steps, binaries: &Path, url: &str, answers: &Path) -> Result<()> {
    let _ = std::fs::remove_dir_all(answers);
    std::fs::create_dir_all(answers).on("create", answers)?;
    let count = migrate(binaries, url)?;
    steps.next("Migrations").done(&format!("{count} applied"));
    let mut step = steps.next("Queries");
    let api = cargo::root().join("api");
    touch_crate_roots(&api)?;
    let mut check = cargo::cargo();
    check.args(["check", "--locked", "-p", "lapidary", "--all-targets"]);
    check.env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", answers).env("DATABASE_URL", url);
    let checked = cargo::run(&mut step, "checking the API", &mut check, &cargo::scratch_folder()?.join("prepare.log"));
    // What was compiled beside a database that is gone must not count as fresh.
    touch_crate_roots(&api)?;
    checked?;
    step.done(&format!("{} answered", names(answers)?.len()));
    Ok(())
}

/// Cargo knows nothing of the database: a newer root makes it expand all macros of its crate again.
fn touch_crate_roots(api: &Path) -> Result<()> {
    let mut roots = vec![api.join("src/lib.rs"), api.join("src/main.rs"), api.join("build.rs")];
    if let Ok(tests) = std::fs::read_dir(api.join("tests")) {
        for path in tests.flatten().map(|entry| entry.path()) {
            roots.push(if path.is_dir() { path.join("main.rs") } else { path });
        }
    }
    for root in roots.iter().filter(|root| root.is_file()) {
        let file = std::fs::File::options().append(true).open(root).on("touch", root)?;
        file.set_modified(SystemTime::now()).on("touch", root)?;
    }
    Ok(())
}

fn names(folder: &Path) -> Result<BTreeSet<OsString>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        other => other.on("read", folder)?,
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    Ok(names.filter(|name| name.to_string_lossy().starts_with("query-")).collect())
}

/// Puts new answers where the committed ones are; drops what no query asks any more when the answers are whole.
fn replace(new: &Path, committed: &Path, is_whole: bool) -> Result<usize> {
    std::fs::create_dir_all(committed).on("create", committed)?;
    let fresh = names(new)?;
    for name in &fresh {
        let (from, to) = (new.join(name), committed.join(name));
        let bytes = std::fs::read(&from).on("read", &from)?;
        if std::fs::read(&to).ok().as_deref() != Some(bytes.as_slice()) {
            std::fs::write(&to, bytes).on("write", &to)?;
        }
    }
    if is_whole {
        for name in names(committed)?.difference(&fresh) {
            let path = committed.join(name);
            std::fs::remove_file(&path).on("delete", &path)?;
        }
    }
    Ok(names(committed)?.len())
}

fn compare(new: &Path, committed: &Path) -> Result<()> {
    let (fresh, known) = (names(new)?, names(committed)?);
    let differ = fresh.intersection(&known).filter(|name| {
        let same = std::fs::read(new.join(name)).ok() == std::fs::read(committed.join(name)).ok();
        !same
    });
    let stale = differ.count();
    let (missing, extra) = (fresh.difference(&known).count(), known.difference(&fresh).count());
    if stale + missing + extra == 0 {
        return Ok(());
    }
    Err(Failure::Said(format!(
        ".sqlx is stale ({missing} missing, {extra} no longer asked, {stale} answered differently): `cargo xtask prepare` refreshes it."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(name: &str) -> (PathBuf, PathBuf) {
        let base = std::env::temp_dir().join(format!("xtask-prepare-{name}-{}", std::process::id()));
        let (new, old) = (base.join("new"), base.join("old"));
        std::fs::create_dir_all(&new).unwrap();
        std::fs::create_dir_all(&old).unwrap();
        std::fs::write(new.join("query-a.json"), "1").unwrap();
        std::fs::write(old.join("query-b.json"), "2").unwrap();
        (new, old)
    }

    #[test]
    fn a_stale_folder_is_told_and_replaced() {
        let (new, old) = folders("whole");
        assert!(compare(&new, &old).unwrap_err().to_string().contains("1 missing, 1 no longer asked, 0 answered"));
        assert_eq!(replace(&new, &old, true).unwrap(), 1);
        compare(&new, &old).unwrap();
        std::fs::write(old.join("query-a.json"), "other").unwrap();
        assert!(compare(&new, &old).unwrap_err().to_string().contains("1 answered differently"));
        std::fs::remove_dir_all(new.parent().unwrap()).unwrap();
    }

    #[test]
    fn half_an_answer_drops_nothing() {
        let (new, old) = folders("half");
        assert_eq!(replace(&new, &old, false).unwrap(), 2);
        std::fs::remove_dir_all(new.parent().unwrap()).unwrap();
    }

    #[test]
    fn migrations_back_are_not_applied() {
        assert!(is_migration(Path::new("migrations/0001_first.sql")));
        assert!(!is_migration(Path::new("migrations/0001_first.down.sql")) && !is_migration(Path::new("README.md")));
    }
}
