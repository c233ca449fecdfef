//! What is measured, running: vendors of this machine, a migrated database with a thousand people, and a release build of
//! the API that is started again with other settings for each part.
use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::http::{self, Connection};
use super::pgbench::Pgbench;
use super::{cpu, images, people};
use crate::cargo;
use crate::failure::{Failure, OnPath, Result, said};
use crate::page;
use crate::process;
use crate::say::Step;
use crate::server::Server;
use crate::settings::{self, Settings};
use crate::tools::{self, postgres};

const SANDBOX_LIMIT: Duration = Duration::from_secs(120);
const READY_LIMIT: Duration = Duration::from_secs(30);
/// Between two tries to reach a server that starts.
const PAUSE: Duration = Duration::from_millis(1);

pub struct Stage {
    pub port: u16,
    pub pgbench: std::result::Result<Pgbench, String>,
    folder: PathBuf,
    psql: PathBuf,
    vendors: BTreeMap<String, String>,
    settings: Settings,
    // In this order: the API ends before its vendors.
    api: Option<Server>,
    sandbox: Option<Server>,
}

impl Stage {
    pub fn start(step: &mut Step) -> Result<Self> {
        let binaries = postgres::prepare(step, &cargo::scratch_folder()?.join("tools.log"))?;
        // Not below the repository: as root the database runs as a user who may not look there.
        let folder = std::env::temp_dir().join(format!("lapidary-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).on("create", &folder)?;
        let mut stage = Self {
            port: free_port()?,
            pgbench: Err("not looked for".into()),
            psql: binaries.join("psql"),
            folder,
            vendors: BTreeMap::new(),
            settings: Settings::new(),
            api: None,
            sandbox: None,
        };
        let mut sandbox = program("sandbox")?;
        sandbox.arg("--data").arg(&stage.folder).args(["--public-url", &stage.address(), "--until-stdin-closes"]);
        if let Some(megabytes) = cpu::memory_megabytes() {
            // A quarter of the machine, as PostgreSQL's manual advises for a server that is in earnest.
            sandbox.args(["--database-buffer-megabytes", &(megabytes / 4).to_string()]);
        }
        sandbox.env("LAPIDARY_TOOLS", tools::folder()?).env("NO_COLOR", "1");
        sandbox.env("RUST_LOG", "warn,s3s=off,s3s_fs=off,sandbox_took=debug");
        let log = stage.sandbox_log();
        let (sandbox, line) = Server::start_and_read_line("The sandbox", sandbox, &log, SANDBOX_LIMIT)?;
        stage.sandbox = Some(sandbox);
        stage.vendors = settings::parse_line(&line)?;
        stage.settings = stage.settings()?;
        stage.pgbench = Pgbench::find(&binaries, stage.vendor("database_url")?, &stage.folder);
        stage.migrate()?;
        step.progress("making people and a thousand images");
        people::seed(&stage)?;
        images::seed_few(&stage)?;
        step.done("running");
        Ok(stage)
    }

    fn settings(&self) -> Result<Settings> {
        let page = page::folder().join("index.html").is_file().then(|| page::folder().display().to_string());
        let mut ours = vec![
            ("PUBLIC_URL".to_owned(), self.address()),
            ("LISTEN".to_owned(), format!("127.0.0.1:{}", self.port)),
            ("MASTER_KEY".to_owned(), settings::master_key(&self.folder.join("master.key"))?),
            ("S3_FORCE_PATH_STYLE".to_owned(), "true".to_owned()),
        ];
        // One client asks here as often as a thousand people would.
        let limits = ["SPENDS_PER_MINUTE", "REQUESTS_PER_MINUTE", "REQUESTS_PER_MINUTE_SIGNED_OUT"];
        ours.extend(limits.map(|limit| (limit.to_owned(), "1000000".to_owned())));
        ours.extend(page.map(|folder| ("PAGE_DIR".to_owned(), folder)));
        ours.extend(settings::from_sandbox(&self.vendors)?);
        Ok(ours)
    }

    fn migrate(&self) -> Result<()> {
        let mut migrate = program("lapidary")?;
        process::capture(migrate.arg("migrate").envs(self.settings.iter().cloned())).map(drop)
    }

    /// Starts the API anew, as `serve` is meant to run but for these settings. Answers how long it took to answer.
    pub fn serve(&mut self, differing: &[(&str, &str)]) -> Result<Duration> {
        self.api = None;
        let mut serve = program("lapidary")?;
        serve.arg("serve").envs(self.settings.iter().cloned()).envs(differing.iter().copied());
        let started = Instant::now();
        let mut api = Server::start_watched("The API", &serve, &self.api_log())?;
        let ready = http::request("GET", "/health/ready", &["Connection: close"], "");
        let took = loop {
            let answer = Connection::open(self.port).and_then(|mut connection| Ok(connection.ask(&ready)?.status));
            if answer.is_ok_and(|status| status == 200) {
                break started.elapsed();
            }
            api.check()?;
            if started.elapsed() > READY_LIMIT {
                return said(api.complaint("did not become ready"));
            }
            std::thread::sleep(PAUSE);
        };
        self.api = Some(api);
        Ok(took)
    }

    pub fn address(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    pub fn api_log(&self) -> PathBuf {
        self.folder.join("api.log")
    }

    pub fn sandbox_log(&self) -> PathBuf {
        self.folder.join("sandbox.log")
    }

    /// Of the API.
    pub fn pid(&self) -> Result<u32> {
        match &self.api {
            Some(api) => cpu::find(api.id(), "lapidary"),
            None => said("The API does not run."),
        }
    }

    /// Processor seconds: of the API, and of PostgreSQL.
    pub fn cpu(&self) -> Result<(f64, f64)> {
        let database = self.sandbox.as_ref().map_or(0.0, |sandbox| cpu::seconds_below(sandbox.id(), "postgres"));
        Ok((cpu::seconds(self.pid()?)?, database))
    }

    /// Processor seconds of the sandbox, which plays every vendor but the database.
    pub fn vendors_cpu(&self) -> Result<f64> {
        match &self.sandbox {
            Some(sandbox) => cpu::seconds(cpu::find(sandbox.id(), "sandbox")?),
            None => said("The sandbox does not run."),
        }
    }

    /// Unaligned rows without a head, as the owner of the tables.
    pub fn psql(&self, sql: &str) -> Result<String> {
        let mut psql = Command::new(&self.psql);
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "--dbname"]);
        process::capture(psql.arg(self.vendor("database_url")?).args(["--command", sql]))
    }

    fn vendor(&self, name: &str) -> Result<&str> {
        match self.vendors.get(name) {
            Some(value) => Ok(value),
            None => said(format!("The sandbox's line lacks {name}.")),
        }
    }

    /// Of an address that the sandbox named.
    pub fn port_of(&self, name: &str) -> Result<u16> {
        let url = self.vendor(name)?;
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok());
        port.ok_or_else(|| Failure::Said(format!("{url} names no port.")))
    }

    /// The model answers at once with a picture of this size and weight, until told otherwise.
    pub fn ready_picture(&self, edge: u32, bytes: usize) -> Result<()> {
        self.only_fault(&format!(
            r#"{{"vendor":"openai","kind":"ready_picture","times":0,"value":{{"edge":{edge},"bytes":{bytes}}}}}"#
        ))
    }

    /// Vendors show this one and no other.
    pub fn only_fault(&self, fault: &str) -> Result<()> {
        let port = self.port_of("control_url")?;
        let ask = |method, body: &str| -> std::io::Result<u16> {
            let request = http::request(method, "/faults", &["Content-Type: application/json"], body);
            Ok(Connection::open(port)?.ask(&request)?.status)
        };
        match ask("DELETE", "").and_then(|_| ask("POST", fault)) {
            Ok(201) => Ok(()),
            other => said(format!("The sandbox would not show {fault}: {other:?}.")),
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.api = None;
        self.sandbox = None;
        if std::env::var_os("LAPIDARY_BENCH_KEEP").is_some() {
            let _ = writeln!(std::io::stderr(), "Kept: {}", self.folder.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn program(name: &str) -> Result<Command> {
    Ok(Command::new(cargo::target_folder()?.join("release").join(name)))
}

fn free_port() -> Result<u16> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    port.map(|address| address.port()).map_err(|error| Failure::Said(format!("No port is free: {error}.")))
}
