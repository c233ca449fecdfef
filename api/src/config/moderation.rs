//! Settings of the look at prompts before anything is held. Off unless an operator turns it on.
use clap::Args;
use url::Url;

use super::{ConfigError, Settings, is_loopback};

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    Off,
    On,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum WhenDown {
    /// The prompt goes on: the model has a safety system of its own.
    Allow,
    /// 503 until the service answers again.
    Refuse,
}

#[derive(Clone, Args)]
pub struct ModerationSettings {
    /// Whether prompts are looked at by a moderation service before gems are held.
    #[arg(long, env, value_enum, default_value_t = Switch::Off)]
    pub moderation: Switch,
    /// A server that speaks OpenAI's moderation API; ends with /v1. Unset: OPENAI_BASE_URL.
    #[arg(long, env)]
    pub moderation_base_url: Option<Url>,
    /// Sent to MODERATION_BASE_URL alone. Unset: OPENAI_API_KEY, where that is the same server.
    #[arg(long, env, hide_env_values = true)]
    pub moderation_api_key: Option<String>,
    /// What the service calls its model.
    #[arg(long, env)]
    pub moderation_model: String,
    /// What becomes of a prompt that nobody could look at.
    #[arg(long, env, value_enum, default_value_t = WhenDown::Allow)]
    pub moderation_when_down: WhenDown,
    /// Refusals of one person within 24 hours that raise a flag, by this look or by a model.
    #[arg(long, env, default_value_t = 10)]
    pub flag_after_refusals: i64,
}

impl Settings {
    pub(super) fn check_moderation(&self) -> Result<(), ConfigError> {
        let remote = self.moderation.moderation_base_url.as_ref().filter(|url| url.scheme() != "https");
        if remote.is_some_and(|url| !is_loopback(url)) {
            return Err(ConfigError::Setting(
                "a remote MODERATION_BASE_URL must be https: prompts would travel in the clear",
            ));
        }
        if self.moderation.flag_after_refusals < 1 {
            return Err(ConfigError::Setting("FLAG_AFTER_REFUSALS must be above zero"));
        }
        Ok(())
    }
}
