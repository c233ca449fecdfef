//! One data folder of PostgreSQL: made once, with its roles, and readied before every start.
//! It must never leave a half-made cluster where a whole one is expected.
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::{Durability, Error, account::Account, binaries::Binaries};

pub(super) const SUPERUSER: &str = "sandbox";

/// Kept beside the data, readable by the owner only.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Passwords {
    pub(super) superuser: String,
    pub(super) lapidary: String,
}

impl Passwords {
    pub(super) fn load_or_make(folder: &Path) -> Result<Self, Error> {
        let file = folder.join("passwords.json");
        if let Ok(text) = std::fs::read_to_string(&file) {
            return serde_json::from_str(&text)
                .map_err(|error| Error::Failed(format!("{} is broken: {error}", file.display())));
        }
        let passwords = Self { superuser: random_hex()?, lapidary: random_hex()? };
        let text = serde_json::to_string(&passwords).map_err(|error| Error::Failed(error.to_string()))?;
        std::fs::write(&file, "")?;
        std::fs::set_permissions(&file, Permissions::from_mode(0o600))?;
        std::fs::write(&file, text)?;
        Ok(passwords)
    }
}

fn random_hex() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::Failed("no random numbers".into()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[derive(Debug)]
pub(super) struct Cluster {
    /// What `-D` takes.
    pub(super) data: PathBuf,
    pub(super) account: Option<Account>,
}

impl Cluster {
    pub(super) fn at(place: &Path, account: Option<Account>) -> Self {
        Self { data: place.join("data"), account }
    }

    /// The major version that made it, if it is made.
    pub(super) fn major(&self) -> Option<u32> {
        std::fs::read_to_string(self.data.join("PG_VERSION")).ok()?.trim().parse().ok()
    }

    fn command(&self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        Account::run_as(self.account.as_ref(), &mut command);
        command.stdin(Stdio::null());
        command
    }

    pub(super) fn pg_ctl(&self, binaries: &Binaries, arguments: &[&str]) -> Command {
        let mut command = self.command(binaries.program("pg_ctl"));
        command.args(arguments).arg("-D").arg(&self.data);
        command
    }

    /// Makes data folder, roles and database beside the final place, then moves them there in one step.
    pub(super) fn make(&self, binaries: &Binaries, passwords: &Passwords, how: Durability) -> Result<(), Error> {
        let unfinished = Self { data: self.data.with_extension("unfinished"), account: self.account.clone() };
        if unfinished.data.exists() {
            std::fs::remove_dir_all(&unfinished.data)?;
        }
        // C.UTF-8 knows the letters of every script; plain C folds ASCII only but exists everywhere.
        let made = unfinished.initdb(binaries, how, "C.UTF-8").or_else(|_| {
            let _ = std::fs::remove_dir_all(&unfinished.data);
            unfinished.initdb(binaries, how, "C")
        });
        made?;
        unfinished.make_roles(binaries, passwords, how)?;
        std::fs::rename(&unfinished.data, &self.data)?;
        Ok(())
    }

    fn initdb(&self, binaries: &Binaries, how: Durability, locale: &str) -> Result<(), Error> {
        let mut command = self.command(binaries.program("initdb"));
        command.args(["--username", SUPERUSER, "--encoding=UTF8", "--auth=trust"]).arg(format!("--locale={locale}"));
        if how == Durability::Fast {
            command.arg("--no-sync");
        }
        command.arg("-D").arg(&self.data);
        finished("initdb", command.output()?)
    }

    /// In single-user mode: no server listens before it has passwords, and no client is needed.
    fn make_roles(&self, binaries: &Binaries, passwords: &Passwords, how: Durability) -> Result<(), Error> {
        let mut command = self.command(binaries.program("postgres"));
        command.arg("--single").arg("-D").arg(&self.data);
        if how == Durability::Fast {
            command.args(["-c", "fsync=off"]);
        }
        command.arg("postgres").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // One statement a line. The application's role is no superuser: a superuser ignores every policy.
            writeln!(stdin, "alter role {SUPERUSER} password '{}'", passwords.superuser)?;
            writeln!(
                stdin,
                "create role lapidary login nosuperuser nobypassrls createrole createdb password '{}'",
                passwords.lapidary
            )?;
            writeln!(stdin, "create database lapidary owner lapidary")?;
        }
        let output = child.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("ERROR") || said.contains("FATAL") {
            return Err(Error::Failed(format!("making the roles failed: {said}")));
        }
        finished("postgres --single", output)
    }

    /// The only way in is TCP on loopback.
    pub(super) fn write_access_rules(&self, how: Durability) -> Result<(), Error> {
        let method = match how {
            Durability::Durable => "scram-sha-256",
            // A SCRAM handshake costs milliseconds, and tests connect thousands of times.
            Durability::Fast => "trust",
        };
        let file = self.data.join("pg_hba.conf");
        std::fs::write(&file, format!("host all all 127.0.0.1/32 {method}\n"))?;
        Account::own(self.account.as_ref(), &file)?;
        Ok(())
    }

    /// Ends what a crash left behind. Call it only while holding the lock of the data folder.
    pub(super) fn end_leftovers(&self, binaries: &Binaries) -> Result<(), Error> {
        let pid_file = self.data.join("postmaster.pid");
        let Ok(text) = std::fs::read_to_string(&pid_file) else { return Ok(()) };
        let pid = text.lines().next().unwrap_or_default().trim().to_owned();
        if serves(&pid, &self.data) {
            tracing::warn!("ending a PostgreSQL (process {pid}) that lost its sandbox");
            let output = self.pg_ctl(binaries, &["stop", "-m", "fast", "-w", "-t", "30"]).output()?;
            // The watchdog may have ended it meanwhile: what counts is that it is gone.
            if pid_file.exists() {
                return finished("pg_ctl stop", output);
            }
        } else if pid_file.exists() {
            // Its number may belong to a stranger by now, and PostgreSQL would then refuse to start.
            std::fs::remove_file(&pid_file)?;
        }
        Ok(())
    }

    pub(super) fn server(&self, binaries: &Binaries, port: u16, how: Durability) -> Command {
        let mut command = self.command(binaries.program("postgres"));
        command.arg("-D").arg(&self.data);
        let mut settings = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            "unix_socket_directories=".to_owned(),
            "max_connections=200".to_owned(),
            "timezone=UTC".to_owned(),
            "log_timezone=UTC".to_owned(),
            "logging_collector=off".to_owned(),
        ];
        if how == Durability::Fast {
            let fast = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "jit=off"];
            settings.extend(fast.map(str::to_owned));
            settings.extend(["wal_level=minimal", "max_wal_senders=0"].map(str::to_owned));
        }
        for setting in settings {
            command.arg("-c").arg(setting);
        }
        command
    }
}

/// Is `pid` the server of this very data folder? A number is soon given to another process, even to another PostgreSQL.
fn serves(pid: &str, data: &Path) -> bool {
    if pid.is_empty() || !pid.chars().all(|c| c.is_ascii_digit()) {
        return false;
    }
    // A server works in its data folder; where that can be seen it settles the matter.
    if let Ok(works_in) = std::fs::read_link(format!("/proc/{pid}/cwd")) {
        return works_in == data;
    }
    let Ok(output) = Command::new("ps").args(["-p", pid, "-o", "comm="]).output() else { return false };
    let name = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    name.rsplit('/').next().is_some_and(|name| name == "postgres")
}

pub(super) fn finished(what: &str, output: std::process::Output) -> Result<(), Error> {
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Error::Failed(format!("{what} failed ({}): {}", output.status, said.trim())))
}
