//! One process of the real binary that is killed, stopped and started again, always on the same port.
//! It must never end by itself: whoever touches it looks first.
use std::fs::OpenOptions;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::chance::Chance;

/// Longer than a stop may take: requests, then running pictures.
const STOP_LIMIT: Duration = Duration::from_secs(60);
const READY_LIMIT: Duration = Duration::from_secs(60);
const BEAT: Duration = Duration::from_millis(50);

pub struct Process {
    pub name: String,
    pub port: u16,
    pub log: PathBuf,
    program: PathBuf,
    arguments: Vec<String>,
    child: Option<Child>,
    /// Where the log of this start begins.
    log_from: usize,
}

/// Below the range that connections take their own ports from: otherwise one of them may sit on it at the next start.
pub fn quiet_port(chance: &mut Chance) -> u16 {
    loop {
        let port = 15_000 + chance.below(15_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("::1", port)).is_ok() {
            return port;
        }
    }
}

impl Process {
    pub fn new(program: &Path, name: &str, port: u16, folder: &Path, arguments: &[String]) -> Self {
        let mut arguments = arguments.to_vec();
        arguments.push(format!("--listen=127.0.0.1:{port}"));
        let log = folder.join(format!("{name}.log"));
        Self { name: name.to_owned(), port, log, program: program.to_owned(), arguments, child: None, log_from: 0 }
    }

    pub fn start(&mut self) {
        self.log_from = self.logged().len();
        let log = OpenOptions::new().create(true).append(true).open(&self.log).expect("a log");
        let mut command = Command::new(&self.program);
        command.arg("serve").args(&self.arguments).stderr(log).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().expect("a process");
        std::fs::write(self.pid_file(), child.id().to_string()).expect("a file");
        self.child = Some(child);
    }

    pub async fn until_ready(&mut self) {
        let client = reqwest::Client::new();
        let started = Instant::now();
        while started.elapsed() < READY_LIMIT {
            let answer = client.get(format!("http://127.0.0.1:{}/health/ready", self.port)).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            if let Some(status) = self.ended() {
                panic!("{} ended by itself ({status}): {}", self.name, self.tail());
            }
            tokio::time::sleep(BEAT).await;
        }
        panic!("{} was not ready in time: {}", self.name, self.tail());
    }

    /// Read by the stage's watchdog.
    fn pid_file(&self) -> PathBuf {
        self.log.with_extension("pid")
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// How it ended although nobody told it to.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().and_then(|child| child.try_wait().expect("a status"))
    }

    pub fn signal(&self, name: &str) {
        let Some(pid) = self.pid() else { return };
        let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
        assert!(sent.expect("kill").success(), "{} could not be sent SIG{name}", self.name);
    }

    /// SIGKILL: no destructor, no goodbye.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
            let _ = std::fs::remove_file(self.pid_file());
        }
    }

    /// SIGTERM; nothing when it has to be killed after all.
    pub async fn stop(&mut self) -> Option<ExitStatus> {
        self.signal("TERM");
        let mut child = self.child.take()?;
        let began = Instant::now();
        while began.elapsed() < STOP_LIMIT {
            if let Some(status) = child.try_wait().expect("a status") {
                let _ = std::fs::remove_file(self.pid_file());
                return Some(status);
            }
            tokio::time::sleep(BEAT).await;
        }
        let _ = child.kill();
        let _ = child.wait();
        let _ = std::fs::remove_file(self.pid_file());
        None
    }

    /// Since its last start.
    pub fn has_served(&self) -> bool {
        self.logged().get(self.log_from..).is_some_and(|log| log.contains("\"serving\""))
    }

    pub fn logged(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub fn tail(&self) -> String {
        let text = self.logged();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
