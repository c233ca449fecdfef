//! An app that knows nothing of the sandbox: openidconnect, over reqwest. It decides what a valid sign-in is.
use lapidary_sandbox::identity::oidc::Oidc;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreIdTokenClaims, CoreProviderMetadata, CoreTokenResponse,
    CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, Scope, TokenResponse as _,
};
use reqwest::Client;

use crate::browser::{APP, Landing, allow};

type App = CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error(transparent)]
    Shape(#[from] openidconnect::http::Error),
}

/// reqwest 0.13 for a crate that knows only 0.12.
pub async fn send(client: Client, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let (parts, body) = request.into_parts();
    let asked = client.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
    let answer = asked.send().await?;
    let mut response = openidconnect::http::Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        response = response.header(name, value);
    }
    Ok(response.body(answer.bytes().await?.to_vec())?)
}

pub async fn discover(browser: &Client, issuer: &str) -> Result<CoreProviderMetadata, String> {
    let http = |request| send(browser.clone(), request);
    let issuer = IssuerUrl::new(issuer.to_owned()).unwrap();
    CoreProviderMetadata::discover_async(issuer, &http).await.map_err(|error| format!("{error:?}"))
}

/// One attempt to sign in, from the moment the person is sent away.
pub struct Attempt {
    pub app: App,
    pub page: String,
    pub state: CsrfToken,
    pub nonce: Nonce,
    verifier: PkceCodeVerifier,
    browser: Client,
}

impl Attempt {
    pub async fn begin(oidc: &Oidc, browser: &Client, auth: AuthType, scopes: &[&str]) -> Self {
        let metadata = discover(browser, &oidc.issuer).await.unwrap();
        Self::with(metadata, oidc, browser, auth, scopes)
    }

    /// With metadata (and so keys) the app already holds.
    pub fn with(
        metadata: CoreProviderMetadata,
        oidc: &Oidc,
        browser: &Client,
        auth: AuthType,
        scopes: &[&str],
    ) -> Self {
        let (id, secret) = (ClientId::new(oidc.client_id.clone()), ClientSecret::new(oidc.client_secret.clone()));
        let redirect = RedirectUrl::new(format!("{APP}/v1/auth/google/callback")).unwrap();
        let app = CoreClient::from_provider_metadata(metadata, id, Some(secret))
            .set_redirect_uri(redirect)
            .set_auth_type(auth);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (page, state, nonce) = app
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(scopes.iter().map(|scope| Scope::new((*scope).to_owned())))
            .set_pkce_challenge(challenge)
            .url();
        Self { app, page: page.to_string(), state, nonce, verifier, browser: browser.clone() }
    }

    pub async fn allow(&self, person: &str) -> Landing {
        allow(&self.browser, &self.page, person).await
    }

    pub async fn exchange(&self, code: &str) -> Result<CoreTokenResponse, String> {
        let http = |request| send(self.browser.clone(), request);
        let verifier = PkceCodeVerifier::new(self.verifier.secret().clone());
        let asked = self.app.exchange_code(AuthorizationCode::new(code.to_owned())).unwrap();
        asked.set_pkce_verifier(verifier).request_async(&http).await.map_err(|error| format!("{error:?}"))
    }

    pub async fn finish(&self, person: &str) -> CoreTokenResponse {
        let landing = self.allow(person).await;
        self.exchange(landing.get("code")).await.unwrap()
    }

    /// Signature, iss, aud, exp, nonce and at_hash; Err says which one failed.
    pub fn verify<'t>(&self, answer: &'t CoreTokenResponse) -> Result<&'t CoreIdTokenClaims, String> {
        let verifier = self.app.id_token_verifier();
        let id_token: &CoreIdToken = answer.id_token().ok_or("no id_token")?;
        let claims = id_token.claims(&verifier, &self.nonce).map_err(|error| format!("{error:?}"))?;
        let algorithm = id_token.signing_alg().map_err(|error| format!("{error:?}"))?;
        let key = id_token.signing_key(&verifier).map_err(|error| format!("{error:?}"))?;
        let hash =
            AccessTokenHash::from_token(answer.access_token(), algorithm, key).map_err(|error| format!("{error:?}"))?;
        if claims.access_token_hash() == Some(&hash) { Ok(claims) } else { Err("at_hash".to_owned()) }
    }

    pub async fn userinfo(&self, answer: &CoreTokenResponse) -> Result<CoreUserInfoClaims, String> {
        let http = |request| send(self.browser.clone(), request);
        let subject = answer.id_token().and_then(|_| self.verify(answer).ok()).map(|claims| claims.subject().clone());
        let asked = self.app.user_info(answer.access_token().clone(), subject).unwrap();
        asked.request_async(&http).await.map_err(|error| format!("{error:?}"))
    }
}
