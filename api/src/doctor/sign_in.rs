//! Sign-in providers, as far as one can go without a person: discovery, keys, and whether GitHub knows the client.
use serde_json::Value;
use url::Url;

use super::{Examination, Finding, unanswered};
use crate::config::is_loopback;

pub(super) async fn check(all: &Examination) -> Vec<Finding> {
    let settings = &all.settings;
    let mut found = Vec::new();
    if let Some(client_id) = &settings.github_client_id {
        found.push(github(all, client_id).await);
    }
    let google = settings.google_client_id.as_ref().map(|_| ("google", &settings.google_issuer));
    let other = settings.oidc_client_id.as_ref().and(settings.oidc_issuer.as_ref()).map(|issuer| ("oidc", issuer));
    let secret_of = |id| if id == "google" { &settings.google_client_secret } else { &settings.oidc_client_secret };
    for (id, issuer) in google.into_iter().chain(other) {
        found.push(oidc(all, id, issuer, secret_of(id).is_some()).await);
    }
    if found.is_empty() {
        found.push(Finding::wrong(
            "sign-in",
            "there is no way to sign in",
            "Set GITHUB_CLIENT_ID or GOOGLE_CLIENT_ID.",
        ));
    }
    found
}

fn callback(all: &Examination, id: &str) -> String {
    format!("{}/v1/auth/{id}/callback", all.settings.origin())
}

/// A code that cannot be right: the answer tells whether at least the client is.
async fn github(all: &Examination, client_id: &str) -> Finding {
    let url = all.settings.github_url.as_str().trim_end_matches('/');
    let secret = all.settings.github_client_secret.as_deref().unwrap_or_default();
    let redirect = callback(all, "github");
    let form = [
        ("client_id", client_id),
        ("client_secret", secret),
        ("code", "lapidary-doctor"),
        ("redirect_uri", redirect.as_str()),
    ];
    let request = all.http.post(format!("{url}/login/oauth/access_token")).header("Accept", "application/json");
    let answer = match request.form(&form).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let says = format!("nobody answers at {url}: {}", unanswered(error));
            return Finding::wrong("github", says, "Look at GITHUB_URL and at the way out of this machine.");
        }
    };
    let status = answer.status().as_u16();
    let answer = answer.json::<Value>().await.unwrap_or_default();
    match answer.get("error").and_then(Value::as_str) {
        Some("bad_verification_code") => Finding::right("github", format!("it knows this client; callback {redirect}")),
        Some("redirect_uri_mismatch") => Finding::wrong(
            "github",
            "it knows this client by another callback",
            format!("Set the OAuth app's callback to {redirect}."),
        ),
        Some("incorrect_client_credentials" | "Not Found") => Finding::wrong(
            "github",
            "it does not know this client id and secret",
            "Look at GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET.",
        ),
        Some(other) => {
            Finding::odd("github", format!("it answers with {other}"), format!("Its callback is {redirect}."))
        }
        None if status == 404 => {
            Finding::wrong("github", "it does not know this client id", "Look at GITHUB_CLIENT_ID and GITHUB_URL.")
        }
        None => Finding::odd("github", format!("it answers with {status}"), format!("Its callback is {redirect}.")),
    }
}

async fn oidc(all: &Examination, id: &'static str, issuer: &str, has_secret: bool) -> Finding {
    let setting = if id == "google" { "GOOGLE_ISSUER" } else { "OIDC_ISSUER" };
    let hint = format!("Look at {setting} and at the way out of this machine.");
    let found = match document(all, &format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))).await
    {
        Ok(found) => found,
        Err(why) => return Finding::wrong(id, format!("no discovery at {issuer}: {why}"), hint),
    };
    let named = found.get("issuer").and_then(Value::as_str).unwrap_or("nothing");
    if named != issuer {
        let says = format!("{issuer} calls itself {named}: no token of it will be believed");
        return Finding::wrong(id, says, format!("Set {setting} to exactly what it calls itself."));
    }
    for name in ["authorization_endpoint", "token_endpoint"] {
        let named = found.get(name).and_then(Value::as_str).and_then(|text| text.parse::<Url>().ok());
        if !named.as_ref().is_some_and(may_be_asked) {
            let says = format!("the {name} of {issuer} is missing, or neither https nor a loopback address");
            return Finding::wrong(id, says, format!("Nobody can sign in like this: mend the provider, or {setting}."));
        }
    }
    let Some(keys_at) = found.get("jwks_uri").and_then(Value::as_str) else {
        return Finding::wrong(id, format!("{issuer} does not say where its keys are"), hint);
    };
    match document(all, keys_at).await {
        Ok(keys) if keys.get("keys").and_then(Value::as_array).is_some_and(|keys| !keys.is_empty()) => {}
        Ok(_) => return Finding::wrong(id, format!("{issuer} publishes no keys"), hint),
        Err(why) => return Finding::wrong(id, format!("the keys of {issuer} cannot be read: {why}"), hint),
    }
    let redirect = callback(all, id);
    if has_secret {
        Finding::right(id, format!("{issuer} and its keys answer; redirect to register: {redirect}"))
    } else {
        Finding::odd(id, format!("{issuer} answers; there is no client secret"), format!("Redirect: {redirect}."))
    }
}

/// The same that sign-in demands.
fn may_be_asked(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

async fn document(all: &Examination, url: &str) -> Result<Value, String> {
    if !url.parse::<Url>().is_ok_and(|url| may_be_asked(&url)) {
        return Err(format!("{url} is neither https nor a loopback address"));
    }
    let answer = all.http.get(url).send().await.map_err(unanswered)?;
    if !answer.status().is_success() {
        return Err(format!("status {}", answer.status().as_u16()));
    }
    answer.json().await.map_err(unanswered)
}
