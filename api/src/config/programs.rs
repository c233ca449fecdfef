//! Settings of what other people's programs do here: pages of other origins, and receivers of webhooks.
use clap::Args;

use super::Switch;

#[derive(Clone, Args)]
pub struct ProgramSettings {
    /// Origins whose pages may call the API from a browser, comma separated (`https://app.example`), or `*`; unset: none.
    #[arg(long, env)]
    pub cors_origins: Option<String>,
    /// Whether webhooks may go to private addresses, by http too, for receivers of your own: whoever signs in reaches them.
    #[arg(long, env, value_enum, default_value_t = Switch::Off)]
    pub webhooks_allow_private: Switch,
}
