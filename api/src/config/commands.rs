//! The operator's commands that take arguments of their own beside the settings.
use clap::Args;

use super::Settings;
use crate::margin::command::MarginArgs;
use crate::moderation::flag_command::FlagsAct;
use crate::promises::retention::command::RetentionArgs;

#[derive(Debug, Args)]
pub struct Margin {
    #[command(flatten)]
    pub asked: MarginArgs,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct Flags {
    #[command(subcommand)]
    pub act: FlagsAct,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct Retention {
    #[command(flatten)]
    pub asked: RetentionArgs,
    #[command(flatten)]
    pub settings: Settings,
}
