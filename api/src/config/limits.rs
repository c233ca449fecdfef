//! Settings of how often anyone may ask, and of whom we believe where a request comes from.
use clap::Args;

use super::{ConfigError, Settings};
use crate::http::client_address::Network;

/// What holds where the operator sets nothing, and what the API's document says.
pub const SPENDS: u32 = 300;
pub const REQUESTS: u32 = 1_200;
pub const REQUESTS_SIGNED_OUT: u32 = 300;

#[derive(Clone, Args)]
pub struct LimitSettings {
    /// Generations and refinements a person may ask for in a minute, and at once: exact over all processes. What runs is
    /// limited by RUNNING_PER_PERSON.
    #[arg(long, env, default_value_t = SPENDS)]
    pub spends_per_minute: u32,
    /// Requests of one signed-in person, and of each API key, in a minute and at once, for each process. All keys of a person
    /// together have four times as many.
    #[arg(long, env, default_value_t = REQUESTS)]
    pub requests_per_minute: u32,
    /// Requests without a sign-in, and with a wrong one, from one address in a minute and at once, for each process. As many
    /// keys and tokens that nobody knows yet are looked at.
    #[arg(long, env, default_value_t = REQUESTS_SIGNED_OUT)]
    pub requests_per_minute_signed_out: u32,
    /// Reverse proxies whose X-Forwarded-For is believed: addresses or networks, separated by commas. Set it to exactly yours
    /// where others can reach this server from a private network.
    #[arg(
        long,
        env,
        value_delimiter = ',',
        default_value = "127.0.0.0/8,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"
    )]
    pub trusted_proxies: Vec<Network>,
}

impl Settings {
    pub(super) fn check_limits(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        let all = [limits.spends_per_minute, limits.requests_per_minute, limits.requests_per_minute_signed_out];
        if all.iter().any(|limit| !(1..=1_000_000).contains(limit)) {
            return Err(ConfigError::Setting(
                "SPENDS_PER_MINUTE, REQUESTS_PER_MINUTE and REQUESTS_PER_MINUTE_SIGNED_OUT must be 1 to 1,000,000",
            ));
        }
        Ok(())
    }
}
