//! `lapidary doctor`: tries every setting and vendor and says in one sentence of each what is right or wrong. Checks run
//! beside each other, each with its own patience; none changes anything that stays, none says a secret.
pub mod bucket;
mod database;
pub mod guard;
pub mod isolation;
mod keys;
mod model;
mod moderation;
mod payments;
mod promises;
mod public_url;
mod report;
mod retention;
mod settings;
mod sign_in;
mod streams;
mod watching;

use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};

pub use self::report::{Finding, Mark, Report};
use crate::app::vendor_client;
use crate::clock::Clock;
use crate::config::Settings;

const PATIENCE: Duration = Duration::from_secs(20);
/// Of one request: a check makes several.
const REQUEST_PATIENCE: Duration = Duration::from_secs(8);

/// What every check may use.
struct Examination {
    settings: Settings,
    clock: Clock,
    http: reqwest::Client,
}

/// Takes seconds, never minutes.
pub async fn examine(settings: Settings, clock: Clock) -> Report {
    let http = match vendor_client(REQUEST_PATIENCE) {
        Ok(http) => http,
        Err(error) => {
            return Report::of(vec![Finding::wrong("network", format!("no HTTP client can be made: {error}"), "")]);
        }
    };
    let all = Examination { settings, clock, http };
    let checks: [(&'static str, BoxFuture<'_, Vec<Finding>>); 12] = [
        ("settings", Box::pin(settings::check(&all))),
        ("database", Box::pin(database::check(&all))),
        ("master key", Box::pin(keys::check(&all))),
        ("bucket", Box::pin(bucket::check(&all))),
        ("sign-in", Box::pin(sign_in::check(&all))),
        ("model", Box::pin(model::check(&all))),
        ("moderation", Box::pin(moderation::check(&all))),
        ("payments", Box::pin(payments::check(&all))),
        ("retention", Box::pin(retention::check(&all))),
        ("public url", Box::pin(public_url::check(&all))),
        ("promises", Box::pin(promises::check(&all))),
        ("watching", Box::pin(watching::check(&all))),
    ];
    let findings = join_all(checks.map(|(name, check)| async move {
        tokio::time::timeout(PATIENCE, check).await.unwrap_or_else(|_| {
            let says = format!("no end after {} seconds", PATIENCE.as_secs());
            vec![Finding::wrong(name, says, "Something accepts connections and does not answer: look at its log.")]
        })
    }))
    .await;
    Report::of(findings.into_iter().flatten().collect()).without(&secrets(&all.settings))
}

/// What must not be said, whatever a vendor repeats in its error.
fn secrets(settings: &Settings) -> Vec<String> {
    let optional = [
        &settings.database_person_url,
        &settings.master_key_previous,
        &settings.github_client_secret,
        &settings.google_client_secret,
        &settings.oidc_client_secret,
        &settings.openai_api_key,
        &settings.moderation.moderation_api_key,
        &settings.stripe_secret_key,
        &settings.stripe_webhook_secret,
    ];
    let always = [&settings.database_url, &settings.master_key, &settings.s3_secret_access_key];
    let collector = settings.otlp_endpoint.as_ref().map(|url| url.as_str().to_owned());
    let passwords = [Some(&settings.database_url), settings.database_person_url.as_ref(), collector.as_ref()];
    let passwords =
        passwords.into_iter().flatten().filter_map(|url| url::Url::parse(url).ok()?.password().map(str::to_owned));
    let whole = always.into_iter().chain(optional.into_iter().flatten()).cloned();
    whole.chain(passwords).filter(|secret| secret.len() >= 6).collect()
}

/// Why a request was not answered, without its address: that may hold a secret.
fn unanswered(error: reqwest::Error) -> String {
    crate::http::request_log::chain(&error.without_url())
}
