//! Programs that run until we say so. Each ends when its standard input closes: even a killed xtask leaves nothing behind.
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::failure::{Failure, OnPath, Result, said};
use crate::process;

/// Running pictures are let finish for this long, then the program is ended.
const PATIENCE: Duration = Duration::from_secs(20);
const TAIL: usize = 15;

/// Ends the program given as arguments when standard input closes. `3` because a shell gives `&` an empty standard input.
const WATCHDOG: &str = r#"exec 3<&0
"$@" </dev/null 3<&- &
served=$!
(cat <&3 >/dev/null; kill -TERM "$served" 2>/dev/null) >/dev/null 2>&1 &
exec 3<&-
wait "$served""#;

pub struct Server {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    log: PathBuf,
}

impl Server {
    /// Starts a program that ends by itself when its standard input closes, and reads the one line it prints.
    pub fn start_and_read_line(
        name: &str,
        mut command: Command,
        log: &Path,
        limit: Duration,
    ) -> Result<(Self, String)> {
        File::create(log).on("write", log)?;
        let mut server = Self::spawn(name, command.stdout(Stdio::piped()), log)?;
        let (sender, first_line) = mpsc::channel();
        if let Some(stdout) = server.child.stdout.take() {
            let mut rest = appending(log)?;
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stdout).lines().map_while(std::result::Result::ok);
                if let Some(line) = lines.next() {
                    let _ = sender.send(line);
                }
                for line in lines {
                    let _ = writeln!(rest, "{line}");
                }
            });
        }
        let started = Instant::now();
        loop {
            match first_line.recv_timeout(Duration::from_millis(100)) {
                Ok(line) => return Ok((server, line)),
                Err(RecvTimeoutError::Timeout) if started.elapsed() < limit => server.check()?,
                Err(RecvTimeoutError::Timeout) => return said(server.complaint("said nothing for too long")),
                Err(RecvTimeoutError::Disconnected) => {
                    server.await_end(Duration::from_secs(5));
                    server.check()?;
                    return said(server.complaint("closed its output"));
                }
            }
            if process::is_interrupted() {
                return Err(Failure::Interrupted);
            }
        }
    }

    /// Starts a program that knows SIGTERM only.
    pub fn start_watched(name: &str, command: &Command, log: &Path) -> Result<Self> {
        let mut shell = Command::new("sh");
        shell.args(["-c", WATCHDOG, "sh"]).arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(key, value),
                None => shell.env_remove(key),
            };
        }
        File::create(log).on("write", log)?;
        Self::spawn(name, shell.stdout(appending(log)?), log)
    }

    fn spawn(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        // Its own group: Ctrl-C reaches us alone, and we stop things in their order.
        let mut child = process::spawn(command.stdin(Stdio::piped()).stderr(appending(log)?).process_group(0))?;
        let stdin = child.stdin.take();
        Ok(Self { name: name.to_owned(), child, stdin, log: log.to_path_buf() })
    }

    /// An error with its last words, when the program is no longer running.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => said(self.complaint(&format!("stopped by itself ({status})"))),
            Err(error) => said(self.complaint(&format!("was lost sight of ({error})"))),
        }
    }

    /// Of what was started: with [`Server::start_watched`] that is the shell above the program.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn complaint(&self, what: &str) -> String {
        format!("{} {what}. The end of {}:\n{}", self.name, self.log.display(), process::tail(&self.log, TAIL))
    }

    /// Closes its standard input and waits; what does not end then is ended with everything it started.
    pub fn stop(&mut self) {
        drop(self.stdin.take());
        if self.await_end(PATIENCE).is_none() {
            process::signal("KILL", &format!("-{}", self.child.id()));
            let _ = self.child.wait();
        }
    }

    fn await_end(&mut self, limit: Duration) -> Option<ExitStatus> {
        let started = Instant::now();
        while started.elapsed() < limit {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        None
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn appending(log: &Path) -> Result<File> {
    OpenOptions::new().append(true).open(log).on("write", log)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("xtask-{name}-{}.log", std::process::id()))
    }

    #[test]
    fn a_watched_program_gets_sigterm_when_we_let_go_of_it() {
        let log = log("watched");
        let mut command = Command::new("sh");
        command.args(["-c", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"]);
        let mut server = Server::start_watched("The sleeper", &command, &log).unwrap();
        while !std::fs::read_to_string(&log).unwrap().contains("up") {
            std::thread::yield_now();
        }
        server.check().unwrap();
        server.stop();
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "up\nbye\n");
        std::fs::remove_file(log).unwrap();
    }

    #[test]
    fn the_first_line_is_read_and_the_rest_goes_to_the_log() {
        let log = log("line");
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two; cat"]);
        let (mut server, line) = Server::start_and_read_line("It", command, &log, Duration::from_secs(10)).unwrap();
        assert_eq!(line, "one");
        server.stop();
        while !std::fs::read_to_string(&log).unwrap().contains("two") {
            std::thread::yield_now();
        }
        std::fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_program_that_dies_at_once_is_quoted() {
        let log = log("dies");
        let mut command = Command::new("sh");
        command.args(["-c", "echo the disk is full >&2; exit 7"]);
        let failure = Server::start_and_read_line("The sandbox", command, &log, Duration::from_secs(10)).err().unwrap();
        let said = failure.to_string();
        assert!(said.starts_with("The sandbox stopped by itself") && said.contains("the disk is full"), "{said}");
        std::fs::remove_file(log).unwrap();
    }
}
