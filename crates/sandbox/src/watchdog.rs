//! A small shell process that outlives us and tidies up when we are gone, however we went.
//! It waits on a pipe whose other end only we hold; it must never be told anything but "the pipe closed".
use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Runs its last words when dropped, and also when this process is killed.
#[derive(Debug)]
pub struct Watchdog {
    child: Child,
    pipe: Option<ChildStdin>,
}

impl Watchdog {
    /// `last_words` is a shell command that sees `arguments` as `$1`, `$2` …; `user` is a uid and a gid to run it as.
    pub fn start(last_words: &str, arguments: &[&OsStr], user: Option<(u32, u32)>) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg(format!("trap '' INT TERM HUP QUIT; cat >/dev/null; {last_words}"))
            .arg("watchdog")
            .args(arguments)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C goes to the whole foreground group: the order of stopping is ours to choose.
            .process_group(0);
        if let Some((uid, gid)) = user {
            command.uid(uid).gid(gid);
        }
        let mut child = command.spawn()?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe })
    }

    /// Lets the last words be said and waits until they are.
    pub fn end(mut self) -> io::Result<()> {
        drop(self.pipe.take());
        self.child.wait().map(drop)
    }

    /// Removes `folder` when this process ends.
    pub fn remove_at_end(folder: &std::path::Path) -> io::Result<Self> {
        Self::start(r#"rm -rf -- "$1""#, &[folder.as_os_str()], None)
    }
}
