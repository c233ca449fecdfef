//! What a person reads while waiting: numbered steps, and how far the present one is. Never decides anything.
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Without a terminal a line is written only this often.
const QUIET_EVERY: Duration = Duration::from_secs(20);

pub struct Steps {
    at: usize,
    total: usize,
}

impl Steps {
    pub fn new(total: usize) -> Self {
        Self { at: 0, total }
    }

    pub fn next(&mut self, name: &str) -> Step {
        self.at += 1;
        Step {
            label: format!("[{}/{}] {name}", self.at, self.total),
            started: Instant::now(),
            last_shown: Instant::now(),
            terminal: std::io::stderr().is_terminal(),
            line_is_open: false,
        }
    }
}

pub struct Step {
    label: String,
    started: Instant,
    last_shown: Instant,
    terminal: bool,
    line_is_open: bool,
}

impl Step {
    /// A line that stays.
    pub fn say(&mut self, text: &str) {
        self.close_line();
        self.last_shown = Instant::now();
        eprintln!("{}: {text}", self.label);
    }

    /// How far it is: rewrites its own line on a terminal, a line now and then elsewhere.
    pub fn progress(&mut self, text: &str) {
        let pause = if self.terminal { Duration::from_millis(200) } else { QUIET_EVERY };
        if self.last_shown.elapsed() < pause {
            return;
        }
        self.last_shown = Instant::now();
        let line = format!("{}: {text} ({})", self.label, span(self.started.elapsed()));
        if self.terminal {
            eprint!("\r\x1b[K{line}");
            let _ = std::io::stderr().flush();
            self.line_is_open = true;
        } else {
            eprintln!("{line}");
        }
    }

    /// As [`Step::say`], with the time the step took.
    pub fn done(&mut self, text: &str) {
        let took = span(self.started.elapsed());
        self.say(&format!("{text} ({took})"));
    }

    fn close_line(&mut self) {
        if self.line_is_open {
            eprint!("\r\x1b[K");
            self.line_is_open = false;
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.close_line();
    }
}

/// `0.4 s`, `12 s`, `3 min 20 s`.
pub fn span(time: Duration) -> String {
    match time.as_secs() {
        0..=9 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..=99 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read_at_a_glance() {
        assert_eq!(span(Duration::from_millis(440)), "0.4 s");
        assert_eq!(span(Duration::from_secs(12)), "12 s");
        assert_eq!(span(Duration::from_secs(200)), "3 min 20 s");
    }
}
