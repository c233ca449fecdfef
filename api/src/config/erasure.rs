//! Settings of how people leave.
use clap::Args;

use super::{ConfigError, Settings};

#[derive(Clone, Args)]
pub struct ErasureSettings {
    /// Days in which a person can undo the erasure of their account, 0 to 30; 0: it is always at once.
    #[arg(long, env, default_value_t = 7)]
    pub erasure_undo_days: u32,
}

impl Settings {
    pub(super) fn check_erasure(&self) -> Result<(), ConfigError> {
        match self.erasure.erasure_undo_days {
            0..=30 => Ok(()),
            _ => Err(ConfigError::Setting("ERASURE_UNDO_DAYS must be 0 to 30")),
        }
    }
}
