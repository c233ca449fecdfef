//! Sign-in with GitHub: OAuth code flow with PKCE, then the two API answers that say who it is. The token is used for
//! these two and forgotten. Source: docs.github.com, "Authorizing OAuth apps".
use lapidary_contract::SignInFailure;
use openidconnect::{PkceCodeChallenge, PkceCodeVerifier};
use reqwest::header::{ACCEPT, AUTHORIZATION};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::address;
use super::providers::{Challenge, Refusal, ask, is_safe};
use super::sign_in::Proven;

/// The public profile needs no scope.
const SCOPE: &str = "user:email";
const API_VERSION: &str = "2022-11-28";

pub struct GitHub {
    pub url: Url,
    pub api_url: Url,
    pub client_id: String,
    pub client_secret: String,
    pub redirect_uri: String,
    pub http: reqwest::Client,
}

/// Errors come with status 200 too: `error` is looked at first.
#[derive(Deserialize)]
struct TokenAnswer {
    error: Option<String>,
    access_token: Option<String>,
    #[serde(default)]
    scope: String,
}

#[derive(Deserialize)]
struct User {
    /// Stable; the login can be renamed, and taken by somebody else.
    id: u64,
    name: Option<String>,
    avatar_url: Option<String>,
}

#[derive(Deserialize)]
struct Email {
    email: String,
    primary: bool,
    verified: bool,
}

impl GitHub {
    pub fn authorization_url(&self, challenge: &Challenge) -> Result<Url, Refusal> {
        let mut url = self.at(&self.url, "login/oauth/authorize")?;
        let verifier = PkceCodeVerifier::new(challenge.pkce_verifier.clone());
        let pkce = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        url.query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", SCOPE)
            .append_pair("state", &challenge.state)
            .append_pair("code_challenge", pkce.as_str())
            .append_pair("code_challenge_method", pkce.method().as_str())
            .extend_pairs(challenge.login_hint.as_deref().map(|hint| ("login", hint)));
        Ok(url)
    }

    pub async fn identify(&self, code: &str, pkce_verifier: &str) -> Result<Proven, Refusal> {
        let token = self.exchange(code, pkce_verifier).await?;
        let user: User = self.get("user", &token).await?;
        let emails: Vec<Email> = self.get("user/emails?per_page=100", &token).await?;
        let email = verified(&emails)
            .ok_or_else(|| Refusal::new(SignInFailure::EmailUnverified, "no verified address at GitHub"))?;
        Ok(Proven {
            provider: "github".into(),
            issuer: self.url.as_str().trim_end_matches('/').to_owned(),
            subject: user.id.to_string(),
            email: email.to_owned(),
            name: address::name(user.name.as_deref()),
            picture_url: user.avatar_url,
        })
    }

    async fn exchange(&self, code: &str, pkce_verifier: &str) -> Result<String, Refusal> {
        let form = [
            ("client_id", self.client_id.as_str()),
            ("client_secret", &self.client_secret),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", pkce_verifier),
        ];
        let url = self.at(&self.url, "login/oauth/access_token")?;
        let (status, body) = ask(self.http.post(url).header(ACCEPT, "application/json").form(&form)).await?;
        if !status.is_success() {
            return Err(Refusal::down(format!("the token endpoint answers {status}")));
        }
        let answer: TokenAnswer =
            serde_json::from_slice(&body).map_err(|_| Refusal::down("the token endpoint does not answer in JSON"))?;
        match (answer.error, answer.access_token) {
            (Some(error), _) if error == "unverified_user_email" => {
                Err(Refusal::new(SignInFailure::EmailUnverified, error))
            }
            (Some(error), _) => Err(Refusal::new(SignInFailure::CodeRefused, format!("GitHub says {error}"))),
            (None, Some(token)) if grants_email(&answer.scope) => Ok(token),
            (None, Some(_)) => {
                Err(Refusal::new(SignInFailure::EmailUnverified, "the scope user:email was not granted"))
            }
            (None, None) => Err(Refusal::down("the token endpoint answers without a token")),
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, token: &str) -> Result<T, Refusal> {
        let request = self
            .http
            .get(self.at(&self.api_url, path)?)
            .header(ACCEPT, "application/vnd.github+json")
            .header("X-GitHub-Api-Version", API_VERSION)
            .header(AUTHORIZATION, format!("Bearer {token}"));
        let (status, body) = ask(request).await?;
        if !status.is_success() {
            return Err(Refusal::down(format!("{path} answers {status}")));
        }
        serde_json::from_slice(&body).map_err(|error| Refusal::down(format!("{path} cannot be read: {error}")))
    }

    fn at(&self, base: &Url, path: &str) -> Result<Url, Refusal> {
        let base = base.as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{base}/{path}")).map_err(Refusal::untrusted)?;
        if is_safe(&url) { Ok(url) } else { Err(Refusal::untrusted("GITHUB_URL must be https or a loopback address")) }
    }
}

/// Separated by commas in the answer, whatever separated them in the request.
fn grants_email(scopes: &str) -> bool {
    scopes.split([',', ' ']).any(|scope| matches!(scope.trim(), "user:email" | "user"))
}

fn verified(emails: &[Email]) -> Option<&str> {
    let sound = || emails.iter().filter(|entry| entry.verified && address::normalise(&entry.email).is_some());
    sound().find(|entry| entry.primary).or_else(|| sound().next()).map(|entry| entry.email.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(email: &str, primary: bool, verified: bool) -> Email {
        Email { email: email.into(), primary, verified }
    }

    #[test]
    fn a_verified_address_is_taken_the_primary_one_first() {
        let both = [email("a@x.test", false, true), email("b@x.test", true, true)];
        assert_eq!(verified(&both), Some("b@x.test"));
        let second = [email("a@x.test", false, true), email("b@x.test", true, false)];
        assert_eq!(verified(&second), Some("a@x.test"));
        assert_eq!(verified(&[email("b@x.test", true, false)]), None);
        assert_eq!(verified(&[]), None);
    }

    #[test]
    fn the_email_scope_is_found_among_others() {
        assert!(grants_email("read:user,user:email"));
        assert!(grants_email("repo,user"));
        assert!(!grants_email("read:user"));
        assert!(!grants_email(""));
    }
}
