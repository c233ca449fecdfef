//! Programs that run and end: started, followed, and stopped when Ctrl-C or a signal comes. Long-lived ones are `server`'s.
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use crate::failure::{Failure, OnPath, Result, said};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
const TICK: Duration = Duration::from_millis(100);

/// From here on SIGINT, SIGTERM and SIGHUP are a flag that every wait looks at.
pub fn listen_for_signals() -> Result<()> {
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::SeqCst))
        .map_err(|error| Failure::Said(format!("Could not listen for Ctrl-C: {error}.")))
}

pub fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Sleeps a tick, or tells that the wait is over because a signal came.
pub fn tick() -> Result<()> {
    if is_interrupted() {
        return Err(Failure::Interrupted);
    }
    std::thread::sleep(TICK);
    Ok(())
}

/// What `follow` hears: a piece of output, or that a moment passed.
pub enum Heard<'a> {
    Line(&'a str),
    Tick,
}

/// Runs a program to its end, its output in `log` and told line by line (a carriage return ends a line too).
pub fn follow(command: &mut Command, log: &Path, mut hear: impl FnMut(Heard<'_>)) -> Result<ExitStatus> {
    let name = name_of(command);
    let mut file = File::create(log).on("write", log)?;
    let mut child = spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let (sender, lines) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        read_lines(stdout, sender.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        read_lines(stderr, sender);
    }
    loop {
        match lines.recv_timeout(TICK) {
            Ok(line) => {
                if progress_of(&line).is_none() {
                    let _ = writeln!(file, "{line}");
                }
                hear(Heard::Line(&line));
            }
            Err(RecvTimeoutError::Timeout) => hear(Heard::Tick),
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if is_interrupted() {
            terminate(&mut child);
            return Err(Failure::Interrupted);
        }
    }
    child.wait().map_err(|error| Failure::Said(format!("Lost sight of {name}: {error}.")))
}

/// Runs a program with its output on ours.
pub fn show(command: &mut Command) -> Result<ExitStatus> {
    let mut child = spawn(command.stdin(Stdio::null()))?;
    wait(&mut child)
}

/// Runs a program whose standard output is shown and told line by line.
pub fn show_and_hear(command: &mut Command, mut hear: impl FnMut(&str)) -> Result<ExitStatus> {
    let mut child = spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let (sender, lines) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        read_lines(stdout, sender);
    }
    loop {
        match lines.recv_timeout(TICK) {
            Ok(line) => {
                println!("{line}");
                hear(&line);
            }
            Err(RecvTimeoutError::Timeout) if is_interrupted() => {
                terminate(&mut child);
                return Err(Failure::Interrupted);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return wait(&mut child),
        }
    }
}

/// What a program writes to its standard output; what it says in refusal becomes the failure.
pub fn capture(command: &mut Command) -> Result<String> {
    let name = name_of(command);
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| Failure::Said(format!("Could not start {name}: {error}.")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    said(format!("{name} failed ({}):\n{}", output.status, last_lines(&complaint, 40)))
}

pub fn spawn(command: &mut Command) -> Result<Child> {
    let name = name_of(command);
    command.spawn().map_err(|error| Failure::Said(format!("Could not start {name}: {error}.")))
}

/// The last lines of a log, indented, for the end of a sentence.
pub fn tail(log: &Path, lines: usize) -> String {
    let text = std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let last = last_lines(&text, lines);
    if last.is_empty() { format!("  (nothing in {})", log.display()) } else { last }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(count);
    lines.iter().skip(skipped).map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// `12/40` out of a progress line of cargo, with the word it opens with.
pub fn progress_of(line: &str) -> Option<(&str, u32, u32)> {
    let (verb, rest) = line.trim_start().split_once(" [")?;
    let (_, counts) = rest.split_once("] ")?;
    let (at, rest) = counts.split_once('/')?;
    let total: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((verb, at.trim().parse().ok()?, total.parse().ok()?))
}

/// Asks a process to end; std knows only SIGKILL, and `kill` is in every shell.
pub fn signal(name: &str, target: &str) {
    let script = format!("kill -{name} -- {target} 2>/dev/null");
    let _ = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).status();
}

fn terminate(child: &mut Child) {
    signal("TERM", &child.id().to_string());
    for _ in 0..50 {
        if matches!(child.try_wait(), Ok(Some(_))) {
            return;
        }
        std::thread::sleep(TICK);
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn wait(child: &mut Child) -> Result<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => {}
            Err(error) => return said(format!("Lost sight of a program: {error}.")),
        }
        if tick().is_err() {
            terminate(child);
            return Err(Failure::Interrupted);
        }
    }
}

fn read_lines(mut source: impl Read + Send + 'static, sender: Sender<String>) {
    std::thread::spawn(move || {
        let mut open = Vec::new();
        let mut chunk = [0_u8; 8192];
        while let Ok(read @ 1..) = source.read(&mut chunk) {
            for byte in chunk.iter().take(read) {
                if !matches!(byte, b'\n' | b'\r') {
                    open.push(*byte);
                } else if !open.is_empty() && sender.send(text_of(&mut open)).is_err() {
                    return;
                }
            }
        }
        if !open.is_empty() {
            let _ = sender.send(text_of(&mut open));
        }
    });
}

fn text_of(bytes: &mut Vec<u8>) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    bytes.clear();
    text
}

fn name_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_a_progress_line_of_cargo() {
        assert_eq!(progress_of("    Building [==>    ] 12/40: libc, nix"), Some(("Building", 12, 40)));
        assert_eq!(progress_of("   Compiling libc v0.2.191"), None);
        assert_eq!(progress_of("error[E0308]: mismatched types"), None);
    }

    #[test]
    fn a_program_is_heard_and_its_words_are_kept_without_its_progress() {
        let log = std::env::temp_dir().join(format!("xtask-follow-{}.log", std::process::id()));
        let mut heard = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", "printf 'Building [=>  ] 1/2: a\\rfirst\\n'; echo second >&2; exit 3"]);
        let status = follow(&mut command, &log, |what| {
            if let Heard::Line(line) = what {
                heard.push(line.to_owned());
            }
        });
        let kept = std::fs::read_to_string(&log).unwrap();
        std::fs::remove_file(&log).unwrap();
        assert_eq!(status.unwrap().code(), Some(3));
        heard.sort();
        assert_eq!(heard, ["Building [=>  ] 1/2: a", "first", "second"]);
        assert!(kept.contains("first") && kept.contains("second") && !kept.contains("1/2"), "{kept}");
    }

    #[test]
    fn a_refusal_is_told_in_the_programs_own_words() {
        let refusal = capture(Command::new("sh").args(["-c", "echo no such thing >&2; exit 1"])).unwrap_err();
        assert!(refusal.to_string().contains("no such thing"), "{refusal}");
    }

    #[test]
    fn only_the_last_lines_of_a_log_are_shown() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "  b\n  c");
    }
}
