//! Which settings `serve` refuses, each in a sentence. Asks nobody.
use url::Url;

use super::{ConfigError, Settings, database_is_safe, is_loopback};
use crate::payments::signature::Secrets;

impl Settings {
    /// Refuses what would break a promise, each in a sentence.
    pub fn check(&self) -> Result<(), ConfigError> {
        let refuse = |sentence| Err(ConfigError::Setting(sentence));
        if !matches!(self.public_url.scheme(), "http" | "https") || self.public_url.path() != "/" {
            return refuse("PUBLIC_URL must be http(s)://host[:port] without a path");
        }
        let loopback = is_loopback(&self.public_url);
        if !loopback && self.support_contact.as_deref().unwrap_or_default().trim().is_empty() {
            return refuse("SUPPORT_CONTACT must be set when PUBLIC_URL is not a loopback address");
        }
        if !loopback && self.public_url.scheme() != "https" {
            return refuse("PUBLIC_URL must be https unless it is a loopback address");
        }
        for url in std::iter::once(&self.database_url).chain(&self.database_person_url) {
            if !database_is_safe(url) {
                return refuse("a remote database needs verified TLS: add sslmode=verify-full to DATABASE_URL");
            }
        }
        for endpoint in self.s3_endpoint.iter().chain(&self.s3_public_endpoint) {
            let Ok(url) = endpoint.parse::<Url>() else {
                return refuse("S3_ENDPOINT and S3_PUBLIC_ENDPOINT must be http(s)://host[:port]");
            };
            if url.scheme() != "https" && !is_loopback(&url) {
                return refuse("a remote S3_ENDPOINT must be https: pictures would travel in the clear");
            }
        }
        if self.github_client_id.is_none() && self.google_client_id.is_none() && self.oidc_client_id.is_none() {
            return refuse("no sign-in method: set GITHUB_CLIENT_ID, GOOGLE_CLIENT_ID or OIDC_CLIENT_ID");
        }
        if self.oidc_client_id.is_some() != self.oidc_issuer.is_some() {
            return refuse("OIDC_CLIENT_ID and OIDC_ISSUER belong together: set both or none");
        }
        self.check_payments()?;
        self.check_moderation()?;
        if !crate::http::cors::are_origins(self) {
            return refuse("CORS_ORIGINS must be origins without a path, like https://app.example, or *");
        }
        self.check_limits()?;
        self.check_erasure()?;
        if self.database_connections == 0 || self.running_per_person < 1 {
            return refuse("DATABASE_CONNECTIONS and RUNNING_PER_PERSON must be above zero");
        }
        if !(1..=45).contains(&self.refinement_timeout_seconds) {
            return refuse("REFINEMENT_TIMEOUT_SECONDS must be 1 to 45");
        }
        Ok(())
    }

    fn check_payments(&self) -> Result<(), ConfigError> {
        let refuse = |sentence| Err(ConfigError::Setting(sentence));
        if self.stripe_api_url.scheme() != "https" && !is_loopback(&self.stripe_api_url) {
            return refuse("a remote STRIPE_API_URL must be https: your key would travel in the clear");
        }
        let Some(key) = &self.stripe_secret_key else { return Ok(()) };
        if key.trim().is_empty() {
            return refuse("STRIPE_SECRET_KEY is empty: set it or leave it out");
        }
        if self.stripe_webhook_secret.as_deref().and_then(Secrets::parse).is_none() {
            return refuse("STRIPE_SECRET_KEY needs STRIPE_WEBHOOK_SECRET: without it nobody would hear of payments");
        }
        if key.contains("_live_") && self.public_url.scheme() != "https" {
            return refuse("a live STRIPE_SECRET_KEY needs an https PUBLIC_URL");
        }
        Ok(())
    }
}
