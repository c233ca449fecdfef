//! Sign-in with an OpenID Connect provider: discovery and keys looked up when first needed and kept for an hour, code
//! flow with PKCE and nonce. The provider being down at our start changes nothing.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::Jwk;
use lapidary_contract::SignInFailure;
use oauth2::basic::{
    BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{ExtraTokenFields, StandardRevocableToken, StandardTokenResponse, TokenResponse};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreJsonWebKeySet, CoreProviderMetadata,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, DiscoveryError, HttpRequest, HttpResponse,
    IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::address;
use super::id_token::{self, Distrust, Expected};
use super::providers::{Challenge, Refusal, is_safe, read};
use super::sign_in::Proven;
use crate::config::is_loopback;

const DISCOVERY_LIFETIME: Duration = Duration::from_secs(3600);
/// How often a token signed by an unknown key may make us fetch the keys again.
const KEYS_AGAIN: Duration = Duration::from_secs(60);

pub struct Oidc {
    issuer: String,
    client_id: String,
    client_secret: String,
    redirect_uri: String,
    http: reqwest::Client,
    known: Mutex<Option<Arc<Discovered>>>,
    keys_asked_at: Mutex<Option<Instant>>,
}

struct Discovered {
    metadata: CoreProviderMetadata,
    keys: Vec<Jwk>,
    at: Instant,
}

/// The ID token stays text until [`id_token`] has judged it.
#[derive(Debug, Serialize, Deserialize)]
struct IdTokenField {
    id_token: Option<String>,
}

impl ExtraTokenFields for IdTokenField {}

type TokenClient = oauth2::Client<
    BasicErrorResponse,
    StandardTokenResponse<IdTokenField, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
>;

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unreachable(String);

impl Oidc {
    pub fn new(
        issuer: &str,
        client_id: &str,
        client_secret: &str,
        redirect_uri: String,
        http: reqwest::Client,
    ) -> Self {
        Self {
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            redirect_uri,
            http,
            known: Mutex::default(),
            keys_asked_at: Mutex::default(),
        }
    }

    pub fn is_issuer(&self, issuer: &str) -> bool {
        self.issuer == issuer
    }

    pub fn is_local(&self) -> bool {
        Url::parse(&self.issuer).is_ok_and(|url| is_loopback(&url))
    }

    pub async fn authorization_url(&self, challenge: &Challenge) -> Result<Url, Refusal> {
        let known = self.discovered().await?;
        let redirect = RedirectUrl::new(self.redirect_uri.clone()).map_err(Refusal::untrusted)?;
        let verifier = PkceCodeVerifier::new(challenge.pkce_verifier.clone());
        let client =
            CoreClient::from_provider_metadata(known.metadata.clone(), ClientId::new(self.client_id.clone()), None)
                .set_redirect_uri(redirect);
        let (state, nonce) = (challenge.state.clone(), challenge.nonce.clone());
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .add_scope(Scope::new("email".into()))
            .add_scope(Scope::new("profile".into()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        if let Some(hint) = &challenge.login_hint {
            request = request.add_extra_param("login_hint", hint);
        }
        Ok(request.url().0)
    }

    /// `provider` is the path segment this provider is known by.
    pub async fn identify(
        &self,
        provider: &str,
        code: &str,
        nonce: &str,
        pkce_verifier: &str,
    ) -> Result<Proven, Refusal> {
        let known = self.discovered().await?;
        let (access_token, token) = self.exchange(&known, code, pkce_verifier).await?;
        let expected = Expected {
            issuers: &self.issuers(provider),
            client_id: &self.client_id,
            nonce,
            access_token: &access_token,
            // Not the clock that tests move: a provider lives in real time.
            now: chrono::Utc::now().timestamp(),
        };
        let claims = match id_token::verify(&token, &known.keys, &expected) {
            Err(Distrust::UnknownKey(_)) => {
                let keys = self.new_keys(&known).await?;
                id_token::verify(&token, &keys, &expected).map_err(Refusal::untrusted)?
            }
            judged => judged.map_err(Refusal::untrusted)?,
        };
        let email = claims.email.as_deref().filter(|email| address::normalise(email).is_some());
        match email.filter(|_| claims.is_email_verified()) {
            None => Err(Refusal::new(SignInFailure::EmailUnverified, "no verified address in the ID token")),
            Some(email) => Ok(Proven {
                provider: provider.to_owned(),
                issuer: self.issuer.clone(),
                subject: claims.sub.clone(),
                email: email.trim().to_owned(),
                name: address::name(claims.name.as_deref()),
                picture_url: claims.picture.clone(),
            }),
        }
    }

    /// Google's tokens may carry its issuer without the scheme, from before OpenID Connect; nobody else's may.
    fn issuers(&self, provider: &str) -> Vec<String> {
        let legacy = self.issuer.strip_prefix("https://").filter(|_| provider == "google");
        std::iter::once(self.issuer.as_str()).chain(legacy).map(str::to_owned).collect()
    }

    async fn exchange(&self, known: &Discovered, code: &str, pkce_verifier: &str) -> Result<(String, String), Refusal> {
        let token_url =
            known.metadata.token_endpoint().ok_or_else(|| Refusal::untrusted("there is no token endpoint"))?;
        let methods = known.metadata.token_endpoint_auth_methods_supported();
        let takes_header = methods.is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let client = TokenClient::new(ClientId::new(self.client_id.clone()))
            .set_client_secret(ClientSecret::new(self.client_secret.clone()))
            .set_auth_type(if takes_header { AuthType::BasicAuth } else { AuthType::RequestBody })
            .set_redirect_uri(RedirectUrl::new(self.redirect_uri.clone()).map_err(Refusal::untrusted)?)
            .set_token_uri(token_url.clone());
        let answer = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(pkce_verifier.to_owned()))
            .request_async(&|request| send(&self.http, request))
            .await
            .map_err(refused_code)?;
        let token = answer.extra_fields().id_token.clone().ok_or_else(|| Refusal::untrusted("there is no ID token"))?;
        Ok((answer.access_token().secret().clone(), token))
    }

    async fn discovered(&self) -> Result<Arc<Discovered>, Refusal> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.filter(|known| known.at.elapsed() < DISCOVERY_LIFETIME) {
            return Ok(known);
        }
        // The lock is not held meanwhile: a silent provider must not queue people up.
        let issuer = IssuerUrl::new(self.issuer.clone()).map_err(Refusal::untrusted)?;
        let metadata = CoreProviderMetadata::discover_async(issuer, &|request| send(&self.http, request))
            .await
            .map_err(undiscovered)?;
        if metadata.issuer().as_str() != self.issuer {
            return Err(Refusal::untrusted("discovery names another issuer"));
        }
        let endpoints = [Some(metadata.authorization_endpoint().url()), metadata.token_endpoint().map(|url| url.url())];
        if endpoints.into_iter().flatten().any(|url| !is_safe(url)) {
            return Err(Refusal::untrusted("an endpoint is neither https nor a loopback address"));
        }
        let keys = readable(metadata.jwks());
        Ok(self.remember(Discovered { metadata, keys, at: Instant::now() }))
    }

    fn remember(&self, discovered: Discovered) -> Arc<Discovered> {
        let discovered = Arc::new(discovered);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&discovered));
        discovered
    }

    /// The provider may have changed its keys; asked at most once a minute, whatever tokens say.
    async fn new_keys(&self, known: &Discovered) -> Result<Vec<Jwk>, Refusal> {
        let newest = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let newest_keys = newest.map_or_else(|| known.keys.clone(), |newest| newest.keys.clone());
        {
            let mut asked_at = self.keys_asked_at.lock().unwrap_or_else(PoisonError::into_inner);
            if asked_at.is_some_and(|at| at.elapsed() < KEYS_AGAIN) {
                return Ok(newest_keys);
            }
            *asked_at = Some(Instant::now());
        }
        let fetch = |request| send(&self.http, request);
        let set = CoreJsonWebKeySet::fetch_async(known.metadata.jwks_uri(), &fetch).await.map_err(undiscovered)?;
        let keys = readable(&set);
        self.remember(Discovered { metadata: known.metadata.clone(), keys: keys.clone(), at: known.at });
        Ok(keys)
    }
}

/// Keys of kinds we do not know are no reason to refuse the others.
fn readable(set: &CoreJsonWebKeySet) -> Vec<Jwk> {
    let values = set.keys().iter().filter_map(|key| serde_json::to_value(key).ok());
    values.filter_map(|value| serde_json::from_value(value).ok()).collect()
}

/// openidconnect knows no reqwest 0.13: this is the bridge. Every request it makes passes here.
async fn send(http: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, Unreachable> {
    let failed = |error: &dyn std::fmt::Display| Unreachable(error.to_string());
    let (parts, body) = request.into_parts();
    let url = Url::parse(&parts.uri.to_string()).map_err(|error| failed(&error))?;
    if !is_safe(&url) {
        return Err(Unreachable("an endpoint is neither https nor a loopback address".into()));
    }
    let asked = http.request(parts.method, url).headers(parts.headers).body(body);
    let mut response = asked.send().await.map_err(|error| failed(&error.without_url()))?;
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let body = read(response).await.map_err(|refusal| Unreachable(refusal.reason))?;
    let mut answer = HttpResponse::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

fn undiscovered(error: DiscoveryError<Unreachable>) -> Refusal {
    match error {
        DiscoveryError::Validation(reason) => Refusal::untrusted(reason),
        DiscoveryError::Response(status, _, reason) => Refusal::down(format!("discovery answers {status}: {reason}")),
        other => Refusal::down(crate::http::request_log::chain(&other)),
    }
}

fn refused_code(error: RequestTokenError<Unreachable, BasicErrorResponse>) -> Refusal {
    match error {
        RequestTokenError::ServerResponse(answer) => {
            let reason = format!("the token endpoint says {}", answer.error());
            match answer.error() {
                BasicErrorResponseType::InvalidGrant => Refusal::new(SignInFailure::CodeRefused, reason),
                _ => Refusal::down(reason),
            }
        }
        // The answer itself may hold secrets: only where it stopped making sense is said.
        RequestTokenError::Parse(error, _) => {
            Refusal::down(format!("the token endpoint cannot be read at {}", error.path()))
        }
        RequestTokenError::Request(error) => Refusal::down(error),
        RequestTokenError::Other(reason) => Refusal::down(reason),
    }
}
