//! Settings: flags, then the environment, then a TOML file, then defaults.toml. `--help` documents each one.
//! Holds no environment name and no vendor's address.
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use url::Url;

mod address;
mod check;
mod commands;
mod erasure;
pub mod limits;
mod moderation;
mod openai_wire;
mod programs;

pub use self::address::{database_is_local, database_is_safe, is_loopback};
pub use self::commands::{Flags, Margin, Retention};
pub use self::moderation::{ModerationSettings, Switch, WhenDown};
pub use crate::auth::key_command::KeysAct;
pub use crate::auth::people::PeopleAct;
pub use crate::gems::code_command::CodesAct;

const DEFAULTS: &str = include_str!("../defaults.toml");

#[derive(Debug, Parser)]
#[command(name = "lapidary", version, about = "Turns an idea into a picture. Anyone can run it.")]
pub struct Cli {
    /// TOML file with settings; its keys are the names below in lower case.
    #[arg(long, global = true, env = "LAPIDARY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API and the page, and work off the queue.
    Serve(Box<Settings>),
    /// Only work off the queue and keep house, without a server.
    Work(Box<Settings>),
    /// Bring the database to this version's schema, and make the bucket if it is missing.
    Migrate(Box<Settings>),
    /// Print the OpenAPI document.
    Openapi {
        #[arg(long)]
        json: bool,
    },
    /// Look after people.
    People(Box<People>),
    /// Look after the keys that sign access tokens.
    Keys(Box<Keys>),
    /// Give gems by codes.
    Codes(Box<Codes>),
    /// Say what images brought and what they cost at their providers, by model and quality.
    Margin(Box<Margin>),
    /// Look at who is refused again and again.
    Flags(Box<Flags>),
    /// Say what is removed after how long, and when each job last did it.
    Retention(Box<Retention>),
    /// Try every setting and vendor, and say of each what is right or wrong. Ends with 1 if anything is wrong.
    Doctor(Box<Doctor>),
}

#[derive(Debug, Args)]
pub struct Doctor {
    /// One JSON document instead of lines.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct People {
    #[command(subcommand)]
    pub act: PeopleAct,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct Keys {
    #[command(subcommand)]
    pub act: KeysAct,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct Codes {
    #[command(subcommand)]
    pub act: CodesAct,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    Json,
    Pretty,
}

/// Everything an operator can set.
#[derive(Clone, Args)]
pub struct Settings {
    /// Where browsers find this server: scheme, host and port, no path.
    #[arg(long, env, default_value = "http://localhost:8080")]
    pub public_url: Url,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, env, default_value = "127.0.0.1:8080")]
    pub listen: std::net::SocketAddr,
    /// PostgreSQL 15 or newer, as the owner of the tables. A remote one needs sslmode=verify-full.
    #[arg(long, env, hide_env_values = true)]
    pub database_url: String,
    /// A second PostgreSQL login that is a member of lapidary_person; needed only where DATABASE_URL's role cannot `set role`.
    #[arg(long, env, hide_env_values = true)]
    pub database_person_url: Option<String>,
    /// Connections for signed-in requests, and again as many for sign-in, worker and jobs.
    #[arg(long, env, default_value_t = 10)]
    pub database_connections: u32,
    /// 32 random bytes, base64 (`openssl rand -base64 32`); seals signing keys, and what knows who had welcome gems.
    #[arg(long, env, hide_env_values = true)]
    pub master_key: String,
    /// What MASTER_KEY was, while it is being replaced: it opens, and seals no more. Not needed after `keys rotate`.
    #[arg(long, env, hide_env_values = true)]
    pub master_key_previous: Option<String>,
    /// S3 or compatible: the address this server uses.
    #[arg(long, env)]
    pub s3_endpoint: Option<String>,
    /// The address browsers use, when it differs.
    #[arg(long, env)]
    pub s3_public_endpoint: Option<String>,
    /// Of the bucket, as its address and signatures name it; compatible servers mostly take any.
    #[arg(long, env)]
    pub s3_region: String,
    /// A private bucket.
    #[arg(long, env)]
    pub s3_bucket: String,
    /// Long-lived: a presigned URL dies with the key that signed it.
    #[arg(long, env)]
    pub s3_access_key_id: String,
    /// The other half of S3_ACCESS_KEY_ID.
    #[arg(long, env, hide_env_values = true)]
    pub s3_secret_access_key: String,
    /// `endpoint/bucket/key` instead of `bucket.endpoint/key`.
    #[arg(long, env, action = clap::ArgAction::Set, default_value_t = false)]
    pub s3_force_path_style: bool,
    /// GitHub, or a GitHub Enterprise server.
    #[arg(long, env)]
    pub github_url: Url,
    /// Where GITHUB_URL's API answers; of an Enterprise server GITHUB_URL/api/v3.
    #[arg(long, env)]
    pub github_api_url: Url,
    /// Of an OAuth app whose callback is PUBLIC_URL/v1/auth/github/callback. Unset: no GitHub button.
    #[arg(long, env)]
    pub github_client_id: Option<String>,
    /// Of the same OAuth app.
    #[arg(long, env, hide_env_values = true)]
    pub github_client_secret: Option<String>,
    /// What Google's tokens name as their issuer.
    #[arg(long, env)]
    pub google_issuer: String,
    /// Of an OAuth client whose redirect is PUBLIC_URL/v1/auth/google/callback. Unset: no Google button.
    #[arg(long, env)]
    pub google_client_id: Option<String>,
    /// Of the same OAuth client.
    #[arg(long, env, hide_env_values = true)]
    pub google_client_secret: Option<String>,
    /// Any other OpenID Connect provider; redirect PUBLIC_URL/v1/auth/oidc/callback.
    #[arg(long, env)]
    pub oidc_issuer: Option<String>,
    /// Of a client registered there; belongs together with OIDC_ISSUER.
    #[arg(long, env)]
    pub oidc_client_id: Option<String>,
    /// Of the same client.
    #[arg(long, env, hide_env_values = true)]
    pub oidc_client_secret: Option<String>,
    /// What its button says.
    #[arg(long, env, default_value = "Single sign-on")]
    pub oidc_name: String,
    /// OpenAI, or any server that speaks its image API; ends with /v1.
    #[arg(long, env)]
    pub openai_base_url: Url,
    /// Sent to OPENAI_BASE_URL alone; unset where that server wants none.
    #[arg(long, env, hide_env_values = true)]
    pub openai_api_key: Option<String>,
    #[command(flatten)]
    pub moderation: ModerationSettings,
    #[command(flatten)]
    pub openai_wire: openai_wire::OpenAiWireSettings,
    #[command(flatten)]
    pub programs: programs::ProgramSettings,
    #[command(flatten)]
    pub limits: limits::LimitSettings,
    #[command(flatten)]
    pub erasure: erasure::ErasureSettings,
    /// Seconds one call to the model may take.
    #[arg(long, env, default_value_t = 360)]
    pub model_timeout_seconds: u64,
    /// The language model that refines prompts, as its server calls it.
    #[arg(long, env)]
    pub refinement_model: String,
    /// Of a server that speaks OpenAI's Chat Completions, ends with /v1; unset: OPENAI_BASE_URL.
    #[arg(long, env)]
    pub refinement_base_url: Option<Url>,
    /// Sent to that server alone; unset: OPENAI_API_KEY, where it is the same server.
    #[arg(long, env, hide_env_values = true)]
    pub refinement_api_key: Option<String>,
    /// Seconds the language model may take, 1 to 45: the whole request stays within a minute.
    #[arg(long, env, default_value_t = 30)]
    pub refinement_timeout_seconds: u64,
    /// Replaces the shipped catalogue of models, prices and attributes.
    #[arg(long, env)]
    pub catalogue_file: Option<PathBuf>,
    /// Stripe, or a server that speaks its API.
    #[arg(long, env)]
    pub stripe_api_url: Url,
    /// Sells gems: a secret or restricted key. Unset: nothing is sold.
    #[arg(long, env, hide_env_values = true)]
    pub stripe_secret_key: Option<String>,
    /// Of the webhook endpoint PUBLIC_URL/v1/stripe/webhook; two, separated by a comma, while one replaces the other.
    #[arg(long, env, hide_env_values = true)]
    pub stripe_webhook_secret: Option<String>,
    /// The built page; unset: the one inside this binary, if any.
    #[arg(long, env)]
    pub page_dir: Option<PathBuf>,
    /// Address people write to for help; needed when PUBLIC_URL is not a loopback address.
    #[arg(long, env)]
    pub support_contact: Option<String>,
    /// Address and port of `/metrics`, for Prometheus; unset: none. Keep it where only you can reach it.
    #[arg(long, env)]
    pub metrics_listen: Option<std::net::SocketAddr>,
    /// An OpenTelemetry collector that takes OTLP over HTTP, for example http://127.0.0.1:4318; unset: no traces.
    #[arg(long, env, hide_env_values = true)]
    pub otlp_endpoint: Option<Url>,
    /// How the database's disk is encrypted, in your words: shown as declared, never as proven.
    #[arg(long, env)]
    pub database_at_rest: Option<String>,
    /// Generations this process runs at once; 0 leaves the queue to other processes.
    #[arg(long, env, default_value_t = 8)]
    pub worker_slots: usize,
    /// Seconds that running generations get to finish when this process is told to stop; the rest goes back into the queue.
    #[arg(long, env, default_value_t = 25)]
    pub stop_seconds: u64,
    /// Seconds one attempt at storing or deleting may take.
    #[arg(long, env, default_value_t = 60)]
    pub storage_timeout_seconds: u64,
    /// Generations of one person that run at once; more wait.
    #[arg(long, env, default_value_t = 4)]
    pub running_per_person: i64,
    /// JSON for machines, pretty for people.
    #[arg(long, env, value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
    /// Filter of the logs, as in tracing-subscriber's EnvFilter.
    #[arg(long, env, default_value = "info")]
    pub log_filter: String,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("public_url", &self.public_url.as_str()).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{file}: {reason}")]
    File { file: String, reason: String },
    #[error("{0}")]
    Setting(&'static str),
}

/// Reads flags, environment and files; `--help` and wrong flags end the process as clap does.
pub fn read() -> Result<Cli, ConfigError> {
    let first_look = Cli::command().ignore_errors(true).get_matches();
    let file = first_look.get_one::<PathBuf>("config").cloned();
    let mut values = parse("defaults.toml", DEFAULTS)?;
    if let Some(path) = file {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|error| ConfigError::File { file: name.clone(), reason: error.to_string() })?;
        values.extend(parse(&name, &text)?);
    }
    let matches = with_defaults(Cli::command(), &values).get_matches();
    Cli::from_arg_matches(&matches).map_err(|error| error.exit())
}

/// Settings from arguments alone, on top of defaults.toml: for tests and tools.
pub fn settings_from<I, T>(arguments: I) -> Result<Settings, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<std::ffi::OsString> + Clone,
{
    let values = parse("defaults.toml", DEFAULTS).unwrap_or_default();
    let matches = with_defaults(Settings::augment_args(clap::Command::new("lapidary")), &values)
        .try_get_matches_from(arguments)?;
    Settings::from_arg_matches(&matches)
}

type Values = std::collections::BTreeMap<String, String>;

fn parse(file: &str, text: &str) -> Result<Values, ConfigError> {
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| ConfigError::File { file: file.into(), reason: error.to_string() })?;
    let known = Settings::augment_args(clap::Command::new("settings"));
    let mut values = Values::new();
    for (key, value) in table {
        if !known.get_arguments().any(|argument| argument.get_id().as_str() == key) {
            return Err(ConfigError::File { file: file.into(), reason: format!("{key} is not a setting") });
        }
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(truth) => truth.to_string(),
            _ => {
                return Err(ConfigError::File { file: file.into(), reason: format!("{key} must be text or a number") });
            }
        };
        values.insert(key, text);
    }
    Ok(values)
}

fn with_defaults(command: clap::Command, values: &Values) -> clap::Command {
    let ids: Vec<String> = command.get_arguments().map(|argument| argument.get_id().to_string()).collect();
    let mut command = command;
    for id in ids {
        if let Some(value) = values.get(&id) {
            let value = value.clone();
            command = command.mut_arg(id, move |argument| {
                // `--help` shows defaults, and a secret from a file would be one.
                let is_secret = argument.is_hide_env_values_set();
                argument.default_value(value).required(false).hide_default_value(is_secret)
            });
        }
    }
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, |sub| with_defaults(sub, values));
    }
    command
}

#[cfg(test)]
mod tests;
