//! Who can vouch for a person here, and what every provider must prove. Keeps no provider's token.
use std::time::Duration;

use lapidary_contract::{AuthProvider, SignInFailure};
use url::Url;

use super::github::GitHub;
use super::oidc::Oidc;
use super::sign_in::Proven;
use crate::app::vendor_client;
use crate::config::{Settings, is_loopback};
use crate::http::fetch;

const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer of a provider that is read.
const ANSWER_MAX: usize = 1024 * 1024;

/// Why a sign-in ends here: the code people see, and the reason for the log. Never a secret.
#[derive(Debug)]
pub struct Refusal {
    pub failure: SignInFailure,
    pub reason: String,
    /// With `email_in_use`: the first way to sign in.
    pub first_provider: Option<String>,
}

impl Refusal {
    pub fn new(failure: SignInFailure, reason: impl Into<String>) -> Self {
        Self { failure, reason: reason.into(), first_provider: None }
    }

    pub fn down(reason: impl std::fmt::Display) -> Self {
        Self::new(SignInFailure::ProviderDown, reason.to_string())
    }

    pub fn untrusted(reason: impl std::fmt::Display) -> Self {
        Self::new(SignInFailure::ProviderUntrusted, reason.to_string())
    }
}

/// What one attempt to sign in sends along and must get back.
pub struct Challenge {
    pub state: String,
    pub nonce: String,
    pub pkce_verifier: String,
    pub login_hint: Option<String>,
}

pub enum Kind {
    GitHub(GitHub),
    Oidc(Oidc),
}

pub struct Provider {
    /// Path segment: `github`, `google` or `oidc`.
    pub id: &'static str,
    pub name: String,
    kind: Kind,
}

impl Provider {
    /// Where the browser goes.
    pub async fn authorization_url(&self, challenge: &Challenge) -> Result<Url, Refusal> {
        match &self.kind {
            Kind::GitHub(github) => github.authorization_url(challenge),
            Kind::Oidc(oidc) => oidc.authorization_url(challenge).await,
        }
    }

    /// Turns the code into a person, or says why not.
    pub async fn identify(&self, code: &str, nonce: &str, pkce_verifier: &str) -> Result<Proven, Refusal> {
        match &self.kind {
            Kind::GitHub(github) => github.identify(code, pkce_verifier).await,
            Kind::Oidc(oidc) => oidc.identify(self.id, code, nonce, pkce_verifier).await,
        }
    }

    /// Checks the `iss` of an authorization response (RFC 9207), where there is one.
    pub fn is_issuer(&self, issuer: &str) -> bool {
        match &self.kind {
            Kind::GitHub(_) => true,
            Kind::Oidc(oidc) => oidc.is_issuer(issuer),
        }
    }

    /// Whether the provider itself runs on this machine: only then may its pictures.
    pub fn is_local(&self) -> bool {
        match &self.kind {
            Kind::GitHub(github) => is_loopback(&github.url),
            Kind::Oidc(oidc) => oidc.is_local(),
        }
    }

    pub fn public(&self) -> AuthProvider {
        AuthProvider { id: self.id.into(), name: self.name.clone(), login_url: format!("/v1/auth/{}/login", self.id) }
    }
}

/// The configured ones, in the order people see them.
pub fn configured(settings: &Settings) -> Result<Vec<Provider>, reqwest::Error> {
    let http = vendor_client(PATIENCE)?;
    let redirect = |id: &str| format!("{}/v1/auth/{id}/callback", settings.origin());
    let secret = |secret: &Option<String>| secret.clone().unwrap_or_default();
    let mut providers = Vec::new();
    if let Some(client_id) = &settings.github_client_id {
        let github = GitHub {
            url: settings.github_url.clone(),
            api_url: settings.github_api_url.clone(),
            client_id: client_id.clone(),
            client_secret: secret(&settings.github_client_secret),
            redirect_uri: redirect("github"),
            http: http.clone(),
        };
        providers.push(Provider { id: "github", name: "GitHub".into(), kind: Kind::GitHub(github) });
    }
    if let Some(client_id) = &settings.google_client_id {
        let client_secret = secret(&settings.google_client_secret);
        let google = Oidc::new(&settings.google_issuer, client_id, &client_secret, redirect("google"), http.clone());
        providers.push(Provider { id: "google", name: "Google".into(), kind: Kind::Oidc(google) });
    }
    if let (Some(issuer), Some(client_id)) = (&settings.oidc_issuer, &settings.oidc_client_id) {
        let client_secret = secret(&settings.oidc_client_secret);
        let oidc = Oidc::new(issuer, client_id, &client_secret, redirect("oidc"), http);
        providers.push(Provider { id: "oidc", name: settings.oidc_name.clone(), kind: Kind::Oidc(oidc) });
    }
    Ok(providers)
}

/// Secrets and codes go only where nobody listens.
pub fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

/// An answer's status and body, if it comes in time and is not endless.
pub async fn ask(request: reqwest::RequestBuilder) -> Result<(reqwest::StatusCode, Vec<u8>), Refusal> {
    let response = request.send().await.map_err(unreachable)?;
    Ok((response.status(), read(response).await?))
}

/// The body of an answer that is not endless.
pub async fn read(response: reqwest::Response) -> Result<Vec<u8>, Refusal> {
    let body = fetch::read_limited(response, ANSWER_MAX).await;
    body.map_err(|error| Refusal::down(crate::http::request_log::chain(&error)))
}

fn unreachable(error: reqwest::Error) -> Refusal {
    Refusal::down(crate::http::request_log::chain(&error.without_url()))
}
