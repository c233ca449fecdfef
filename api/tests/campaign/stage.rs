//! Where a campaign takes place: vendors of its own that may die, one database, one bucket, and what `serve` is started with.
//! Everything is removed at the end, unless something went wrong.
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use lapidary_sandbox::faults::Faults;
use lapidary_sandbox::identity::github;
use lapidary_sandbox::openai;
use lapidary_sandbox::postgres::{self, Options, Postgres};
use lapidary_sandbox::s3::{self, S3};
use lapidary_sandbox::watchdog::Watchdog;

use crate::chance::Chance;
use crate::process::{Process, quiet_port};

pub const BUCKET: &str = "lapidary";

pub struct Stage {
    pub folder: PathBuf,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub database_url: String,
    pub store_url: String,
    pub store_keys: (String, String),
    pub faults: Faults,
    pub openai: openai::OpenAi,
    pub ports: Vec<u16>,
    _github: github::GitHub,
    /// Ends our processes should we be killed, and removes what takes much room.
    _watchdog: Watchdog,
}

/// The binary under test: this build's, or the one LAPIDARY_BINARY names.
pub fn program() -> PathBuf {
    std::env::var_os("LAPIDARY_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_lapidary").into(), PathBuf::from)
}

impl Stage {
    /// `extra` as `--flag=value`; they win over the usual ones.
    pub async fn set(seed: u64, processes: usize, extra: &[&str]) -> (Self, Postgres, S3) {
        let mut chance = Chance::of(seed ^ u64::from(std::process::id()), "ports");
        let folder = std::env::temp_dir().join(format!("lapidary-campaign-{seed}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let last_words = r#"for pid in "$1"/*.pid; do kill -KILL "$(cat "$pid")"; done; rm -rf -- "$1/objects""#;
        let watchdog = Watchdog::start(last_words, &[folder.as_os_str()], None).expect("a watchdog");
        // Durable: what was committed must survive a crash of the database.
        let options =
            Options { port: quiet_port(&mut chance), remove_at_end: true, ..Options::durable(folder.join("postgres")) };
        let database = postgres::start(options).await.expect("PostgreSQL");
        let faults = Faults::default();
        let listen = |port| TcpListener::bind(("127.0.0.1", port)).expect("a port");
        let store =
            s3::start(listen(quiet_port(&mut chance)), folder.join("objects"), faults.clone()).await.expect("S3");
        let ports: Vec<u16> = (0..processes).map(|_| quiet_port(&mut chance)).collect();
        let public_url = format!("http://localhost:{}", ports[0]);
        let github = github::start(listen(0), &public_url, faults.clone()).await.expect("GitHub");
        let openai = openai::start(listen(0), faults.clone()).await.expect("OpenAI");
        openai.only_sketch();
        let usual = [
            ("public-url", public_url.as_str()),
            ("database-url", &database.url()),
            ("database-connections", "8"),
            ("master-key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
            ("s3-endpoint", &store.url),
            ("s3-region", &store.region),
            ("s3-bucket", BUCKET),
            ("s3-access-key-id", &store.access_key),
            ("s3-secret-access-key", &store.secret_key),
            ("s3-force-path-style", "true"),
            ("github-url", &github.url),
            ("github-api-url", &github.api_url),
            ("github-client-id", &github.client_id),
            ("github-client-secret", &github.client_secret),
            ("openai-base-url", &openai.base_url),
            ("openai-api-key", &openai.api_key),
            // A few people ask here for what hundreds would.
            ("spends-per-minute", "1000000"),
            ("requests-per-minute", "1000000"),
            ("requests-per-minute-signed-out", "1000000"),
        ];
        let usual = usual.iter().map(|(name, value)| format!("--{name}={value}"));
        let is_replaced = |given: &String| {
            let flag = given.split_once('=').map_or(given.as_str(), |(flag, _)| flag);
            extra.iter().any(|extra| extra.split_once('=').is_some_and(|(name, _)| name == flag))
        };
        let arguments: Vec<String> =
            usual.filter(|given| !is_replaced(given)).chain(extra.iter().map(|extra| (*extra).to_owned())).collect();
        let stage = Self {
            program: program(),
            arguments,
            database_url: database.url(),
            store_url: store.url.clone(),
            store_keys: (store.access_key.clone(), store.secret_key.clone()),
            faults,
            openai,
            ports,
            folder,
            _github: github,
            _watchdog: watchdog,
        };
        stage.migrate();
        (stage, database, store)
    }

    fn migrate(&self) {
        let output = Command::new(&self.program).arg("migrate").args(&self.arguments).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub fn processes(&self) -> Vec<Process> {
        let named = |(at, port): (usize, &u16)| {
            Process::new(&self.program, &format!("process-{at}"), *port, &self.folder, &self.arguments)
        };
        self.ports.iter().enumerate().map(named).collect()
    }

    /// Where each process answers.
    pub fn places(&self) -> Vec<String> {
        self.ports.iter().map(|port| format!("http://localhost:{port}")).collect()
    }

    pub async fn sql(&self) -> sqlx::PgPool {
        let pool = sqlx::postgres::PgPoolOptions::new().max_connections(4).acquire_timeout(Duration::from_secs(30));
        pool.connect(&self.database_url).await.expect("a connection")
    }
}
