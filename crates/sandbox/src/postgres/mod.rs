//! A real PostgreSQL of this machine, on loopback, that ends with us even when we are killed.
//! The superuser stays in here; what is handed out can neither bypass policies nor be anybody else.
mod account;
mod binaries;
mod cluster;
mod shared;

use std::fs::{File, TryLockError};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Child;

use self::account::Account;
use self::binaries::Binaries;
use self::cluster::{Cluster, Passwords, SUPERUSER};
pub use self::shared::shared_for_tests;
use crate::watchdog::Watchdog;

/// Crash recovery of a large demo may take a while.
const START_LIMIT: Duration = Duration::from_secs(60);
const PORTS_TO_TRY: usize = 5;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("No PostgreSQL was found. {0}")]
    NoBinaries(String),
    #[error("Another sandbox is using {0}.")]
    InUse(PathBuf),
    #[error("PostgreSQL does not start: {0}")]
    Failed(String),
    #[error("PostgreSQL does not start: {0}")]
    Io(#[from] io::Error),
}

/// What a power cut may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Durability {
    /// Nothing that was committed.
    Durable,
    /// Much: for tests.
    Fast,
}

/// How a server is told to stop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stop {
    /// Rolls back what is open and writes everything down.
    Fast,
    /// As a crash: the next start recovers what was committed.
    Immediate,
}

#[derive(Clone, Debug)]
pub struct Options {
    /// Data, passwords and log; kept for the next start.
    pub folder: PathBuf,
    /// The wanted port; a free one is taken instead of 0 and of a busy one.
    pub port: u16,
    pub durability: Durability,
    /// `shared_buffers`; PostgreSQL's own small default where nothing is said.
    pub buffer_megabytes: Option<u32>,
    /// Remove `folder` once the server has ended.
    pub remove_at_end: bool,
}

impl Options {
    pub fn durable(folder: impl Into<PathBuf>) -> Self {
        let durability = Durability::Durable;
        Self { folder: folder.into(), port: 0, durability, buffer_megabytes: None, remove_at_end: false }
    }

    pub fn fast(folder: impl Into<PathBuf>) -> Self {
        Self { durability: Durability::Fast, ..Self::durable(folder) }
    }
}

/// A running server. Dropping it stops the server soon; [`Postgres::stop`] waits for it.
#[derive(Debug)]
pub struct Postgres {
    cluster: Cluster,
    binaries: Binaries,
    passwords: Passwords,
    options: Options,
    server: Child,
    watchdog: Watchdog,
    _lock: File,
}

pub async fn start(mut options: Options) -> Result<Postgres, Error> {
    std::fs::create_dir_all(&options.folder)?;
    options.folder = options.folder.canonicalize()?;
    let lock = lock(&options.folder)?;
    let account = Account::needed()?;
    let place = account::place(&options.folder, account.as_ref())?;
    let cluster = Cluster::at(&place, account);
    let binaries = binaries::find(cluster.account.as_ref(), cluster.major())?;
    let passwords = Passwords::load_or_make(&options.folder)?;
    if cluster.major().is_none() {
        tracing::info!("making a PostgreSQL {} data folder in {}", binaries.major, cluster.data.display());
        cluster.make(&binaries, &passwords, options.durability)?;
    }
    cluster.end_leftovers(&binaries)?;
    cluster.write_access_rules(options.durability)?;
    // Before the server, so that there is no moment in which our death would orphan it.
    let watchdog = watch(&cluster, &binaries, &options)?;
    let server = serve(&cluster, &binaries, &mut options, PORTS_TO_TRY).await?;
    Ok(Postgres { cluster, binaries, passwords, options, server, watchdog, _lock: lock })
}

impl Postgres {
    /// For the application: owns database `lapidary`, may create roles and databases, is no superuser.
    pub fn url(&self) -> String {
        format!("postgres://lapidary:{}@127.0.0.1:{}/lapidary", self.passwords.lapidary, self.options.port)
    }

    /// For people and benchmarks that look at the server itself; never for the application.
    pub fn superuser_url(&self) -> String {
        format!("postgres://{SUPERUSER}:{}@127.0.0.1:{}/postgres", self.passwords.superuser, self.options.port)
    }

    /// Process number of the server.
    pub fn pid(&self) -> Option<u32> {
        self.server.id()
    }

    pub async fn stop(mut self) -> Result<(), Error> {
        let watchdog = self.watchdog;
        tokio::task::spawn_blocking(move || watchdog.end()).await.map_err(io::Error::other)??;
        self.server.wait().await?;
        Ok(())
    }

    /// The same data on the same port; every connection is cut.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.restart_after(Stop::Fast, Duration::ZERO).await
    }

    /// As [`Postgres::restart`], with nobody there for as long as `pause`.
    pub async fn restart_after(&mut self, how: Stop, pause: Duration) -> Result<(), Error> {
        let mode = match how {
            Stop::Fast => "fast",
            Stop::Immediate => "immediate",
        };
        let mut stop = self.cluster.pg_ctl(&self.binaries, &["stop", "-m", mode, "-w", "-t", "30"]);
        let stopped = tokio::task::spawn_blocking(move || stop.output()).await.map_err(io::Error::other)??;
        cluster::finished("pg_ctl stop", stopped)?;
        self.server.wait().await?;
        tokio::time::sleep(pause).await;
        self.server = serve(&self.cluster, &self.binaries, &mut self.options, 1).await?;
        Ok(())
    }
}

/// Two sandboxes on one data folder would destroy it. The lock ends with its process, unlike a pid file.
fn lock(folder: &Path) -> Result<File, Error> {
    let file = File::create(folder.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn watch(cluster: &Cluster, binaries: &Binaries, options: &Options) -> io::Result<Watchdog> {
    // "immediate" forgets what was just committed without waiting for the disk.
    let mode = if options.remove_at_end { "immediate" } else { "fast" };
    let stop = format!(r#""$1" stop -D "$2" -m {mode} -w -t 30"#);
    let user = cluster.account.as_ref().map(Account::ids);
    let (pg_ctl, data) = (binaries.program("pg_ctl"), cluster.data.as_os_str());
    if !options.remove_at_end {
        return Watchdog::start(&stop, &[pg_ctl.as_os_str(), data], user);
    }
    // The watchdog is the server's user, and must own what it removes.
    Account::own(cluster.account.as_ref(), &options.folder)?;
    let place = cluster.data.parent().unwrap_or(&cluster.data);
    let folders = [pg_ctl.as_os_str(), data, place.as_os_str(), options.folder.as_os_str()];
    Watchdog::start(&format!(r#"{stop}; rm -rf -- "$3" "$4""#), &folders, user)
}

/// Starts the server and waits until it takes connections. A port that is free now may be taken in a moment: then
/// another one, unless it must be this one.
async fn serve(cluster: &Cluster, binaries: &Binaries, options: &mut Options, ports: usize) -> Result<Child, Error> {
    let log = options.folder.join("postgres.log");
    let mut tried = 0;
    loop {
        tried += 1;
        if options.port == 0 {
            options.port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        }
        let file = File::create(&log)?;
        let mut command = cluster.server(binaries, options.port, options.durability);
        if let Some(megabytes) = options.buffer_megabytes {
            command.args(["-c", &format!("shared_buffers={megabytes}MB")]);
        }
        command.stdout(Stdio::from(file.try_clone()?)).stderr(Stdio::from(file));
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut server = tokio::process::Command::from(command).spawn()?;
        let Err(error) = until_ready(cluster, &mut server).await else { return Ok(server) };
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        if tried == ports || !said.contains("could not bind") {
            return Err(Error::Failed(format!("{error}; it said: {}", said.trim())));
        }
        tracing::warn!("port {} is busy; taking another one for PostgreSQL", options.port);
        options.port = 0;
    }
}

/// The eighth line of postmaster.pid says "ready" from the moment connections are taken.
async fn until_ready(cluster: &Cluster, server: &mut Child) -> Result<(), Error> {
    let pid = server.id().map(|pid| pid.to_string());
    let began = Instant::now();
    while began.elapsed() < START_LIMIT {
        if let Some(status) = server.try_wait()? {
            return Err(Error::Failed(format!("the server ended ({status})")));
        }
        let text = std::fs::read_to_string(cluster.data.join("postmaster.pid")).unwrap_or_default();
        let mut lines = text.lines().map(str::trim);
        if lines.next().map(str::to_owned) == pid && lines.nth(6) == Some("ready") {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(Error::Failed("the server was not ready in time".into()))
}
