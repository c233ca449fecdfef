//! Why a command stopped: one clear sentence, with the log lines that prove it. Never a chain of causes.
use std::fmt;

pub type Result<T> = std::result::Result<T, Failure>;

#[derive(Debug)]
pub enum Failure {
    /// One sentence for a person, perhaps followed by log lines.
    Said(String),
    /// Ctrl-C or a signal came: nothing is wrong.
    Interrupted,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said(sentence) => formatter.write_str(sentence),
            Self::Interrupted => formatter.write_str("Stopped."),
        }
    }
}

impl From<String> for Failure {
    fn from(sentence: String) -> Self {
        Self::Said(sentence)
    }
}

pub fn said<T>(sentence: impl Into<String>) -> Result<T> {
    Err(Failure::Said(sentence.into()))
}

/// Names the file or folder an operation failed on; an `io::Error` alone never does.
pub trait OnPath<T> {
    fn on(self, verb: &str, path: &std::path::Path) -> Result<T>;
}

impl<T> OnPath<T> for std::io::Result<T> {
    fn on(self, verb: &str, path: &std::path::Path) -> Result<T> {
        self.map_err(|error| Failure::Said(format!("Could not {verb} {}: {error}.", path.display())))
    }
}
