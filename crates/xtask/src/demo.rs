//! `cargo xtask demo`: from a clone to a running Lapidary, and everything stopped again. Prepares, builds, starts, waits.
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::cargo;
use crate::failure::{Failure, OnPath, Result, said};
use crate::page;
use crate::process;
use crate::say::{Step, Steps};
use crate::server::Server;
use crate::settings::{self, Settings};
use crate::tools::{self, page_tools, postgres};

/// The first start makes a database cluster.
const SANDBOX_LIMIT: Duration = Duration::from_secs(120);
const READY_LIMIT: Duration = Duration::from_secs(60);

struct Demo {
    port: u16,
    data: PathBuf,
    release: bool,
}

pub fn run(mut given: Arguments) -> Result<()> {
    let port = match given.value("--port")? {
        None => 8080,
        Some(text) => match text.parse() {
            Ok(port) if port > 0 => port,
            _ => return said(format!("--port wants a number from 1 to 65535, not {text}.")),
        },
    };
    let data = given.value("--data")?.map_or_else(|| cargo::root().join(".sandbox"), PathBuf::from);
    let data = std::path::absolute(&data).on("find", &data)?;
    let fresh = given.flag("--fresh");
    let demo = Demo { port, data, release: given.flag("--release") };
    given.nothing_left()?;
    port_is_free(port)?;
    let _lock = lock(&demo.data)?;
    if fresh {
        start_over(&demo.data)?;
    }
    let logs = demo.data.join("logs");
    std::fs::create_dir_all(&logs).on("create", &logs)?;
    demo.prepare(&logs)?;
    demo.serve(&logs)
}

impl Demo {
    fn prepare(&self, logs: &Path) -> Result<()> {
        let mut steps = Steps::new(page_tools::STEPS + 3);
        let log = logs.join("tools.log");
        let page_tools = page_tools::prepare(&mut steps, &log)?;
        postgres::prepare(&mut steps.next("PostgreSQL"), &log)?;
        let mut step = steps.next("API and sandbox");
        let mut build = cargo::build_programs();
        if self.release {
            build.arg("--release");
        }
        cargo::run(&mut step, "compiling", &mut build, &logs.join("build.log"))?;
        step.done("built");
        page::build(&mut steps.next("Page"), &page_tools)
    }

    fn serve(&self, logs: &Path) -> Result<()> {
        let mut steps = Steps::new(2);
        let mut step = steps.next("Sandbox");
        let master_key = settings::master_key(&self.data.join("master.key"))?;
        let (mut sandbox, line) = self.start_sandbox(logs)?;
        let vendors = settings::parse_line(&line)?;
        let settings = self.settings(master_key, settings::from_sandbox(&vendors)?);
        settings::write(&settings, &self.data.join("lapidary.env"))?;
        step.done("running");

        let mut step = steps.next("API");
        self.migrate(&mut step, &settings, logs)?;
        port_is_free(self.port)?;
        let mut serve = self.program("lapidary")?;
        serve.arg("serve").envs(settings.iter().cloned()).current_dir(&self.data);
        let mut api = Server::start_watched("The API", &serve, &logs.join("api.log"))?;
        await_ready(&mut step, &mut api, self.port)?;
        step.done("running");

        let page = |name: &str| vendors.get(name).map_or("", String::as_str);
        let (faults, payments) = (page("control_url"), page("stripe_operator_url"));
        println!("Lapidary: {}  (faults: {faults}, payments: {payments}, Ctrl-C stops everything)", self.address());
        let ended = watch(&mut sandbox, &mut api);
        eprintln!("Stopping…");
        api.stop();
        sandbox.stop();
        match ended {
            Failure::Interrupted => Ok(()),
            failure @ Failure::Said(_) => Err(failure),
        }
    }

    fn start_sandbox(&self, logs: &Path) -> Result<(Server, String)> {
        let mut command = self.program("sandbox")?;
        command.arg("--data").arg(&self.data).args(["--public-url", &self.address(), "--until-stdin-closes"]);
        command.env("LAPIDARY_TOOLS", tools::folder()?);
        Server::start_and_read_line("The sandbox", command, &logs.join("sandbox.log"), SANDBOX_LIMIT)
    }

    fn migrate(&self, step: &mut Step, settings: &Settings, logs: &Path) -> Result<()> {
        let log = logs.join("migrate.log");
        let mut migrate = self.program("lapidary")?;
        migrate.arg("migrate").envs(settings.iter().cloned());
        let status = process::follow(&mut migrate, &log, |_| step.progress("bringing the database up to date"))?;
        if status.success() {
            return Ok(());
        }
        let hint = "`--fresh` starts over with empty data.";
        said(format!("The database could not be brought up to date ({status}). {hint}\n{}", process::tail(&log, 15)))
    }

    fn settings(&self, master_key: String, vendors: Settings) -> Settings {
        let ours = [
            ("PUBLIC_URL", self.address()),
            ("LISTEN", format!("127.0.0.1:{}", self.port)),
            ("MASTER_KEY", master_key),
            ("PAGE_DIR", page::folder().display().to_string()),
            ("LOG_FORMAT", "pretty".to_owned()),
            ("SUPPORT_CONTACT", "support@example.test".to_owned()),
            ("S3_FORCE_PATH_STYLE", "true".to_owned()),
            ("MODERATION", "on".to_owned()),
            // Receivers that somebody tries out are on this machine.
            ("WEBHOOKS_ALLOW_PRIVATE", "on".to_owned()),
        ];
        ours.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(vendors).collect()
    }

    fn address(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    fn program(&self, name: &str) -> Result<Command> {
        let profile = if self.release { "release" } else { "debug" };
        Ok(Command::new(cargo::target_folder()?.join(profile).join(name)))
    }
}

/// Why the demo is over: a signal, or a program that died.
fn watch(sandbox: &mut Server, api: &mut Server) -> Failure {
    loop {
        let ended = sandbox.check().and_then(|()| api.check()).and_then(|()| process::tick());
        if let Err(why) = ended {
            return why;
        }
    }
}

fn await_ready(step: &mut Step, api: &mut Server, port: u16) -> Result<()> {
    let started = Instant::now();
    while !is_ready(port) {
        api.check()?;
        if started.elapsed() > READY_LIMIT {
            return said(api.complaint("did not become ready"));
        }
        step.progress("starting");
        process::tick()?;
    }
    Ok(())
}

fn is_ready(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET /health/ready HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

fn port_is_free(port: u16) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) => {
            said(format!("Port {port} cannot be used ({error}): choose another, `--port {}`.", port.saturating_add(1)))
        }
    }
}

/// Held while a demo runs on this data. The system lets go of it however we end.
fn lock(data: &Path) -> Result<File> {
    std::fs::create_dir_all(data).on("create", data)?;
    let path = data.join("lock");
    let file = File::create(&path).on("write", &path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            said(format!("Another demo is running on {}: stop it, or choose other data with --data.", data.display()))
        }
        Err(TryLockError::Error(error)) => Err(error).on("lock", &path),
    }
}

/// Deletes what an earlier demo left, and only such: the folder must hold our key or nothing.
fn start_over(data: &Path) -> Result<()> {
    let entries: Vec<PathBuf> = std::fs::read_dir(data).on("read", data)?.flatten().map(|entry| entry.path()).collect();
    let is_ours = data.join("master.key").is_file()
        || entries.iter().all(|path| path.ends_with("lock") || path.ends_with("logs"));
    if !is_ours {
        return said(format!("{} holds something that no demo made: I leave it alone.", data.display()));
    }
    // The key goes last: an interrupted deletion can be taken up again.
    for path in entries.iter().filter(|path| !path.ends_with("lock") && !path.ends_with("master.key")) {
        let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        removed.on("delete", path)?;
    }
    let _ = std::fs::remove_file(data.join("master.key"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-demo-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_port_in_use_is_told_before_anything_is_built() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(port_is_free(port).unwrap_err().to_string().contains(&format!("Port {port}")));
        drop(taken);
        port_is_free(port).unwrap();
    }

    #[test]
    fn two_demos_do_not_share_their_data() {
        let data = folder("lock");
        let held = lock(&data).unwrap();
        assert!(lock(&data).unwrap_err().to_string().contains("Another demo"));
        drop(held);
        lock(&data).unwrap();
        std::fs::remove_dir_all(&data).unwrap();
    }

    #[test]
    fn starting_over_leaves_a_strangers_folder_alone() {
        let data = folder("fresh");
        std::fs::write(data.join("letter.txt"), "dear").unwrap();
        assert!(start_over(&data).is_err());
        assert!(data.join("letter.txt").is_file());
        std::fs::write(data.join("master.key"), "k").unwrap();
        start_over(&data).unwrap();
        assert!(std::fs::read_dir(&data).unwrap().next().is_none());
        std::fs::remove_dir_all(&data).unwrap();
    }
}
