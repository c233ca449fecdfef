//! What the provider refuses, and how: by a page, by sending back an error, by 400 and 401.
use lapidary_sandbox::faults::Faults;
use lapidary_sandbox::identity::oidc::Oidc;
use reqwest::Client;
use serde_json::Value;

use crate::browser::{APP, CHALLENGE, Landing, VERIFIER, address, allow, attribute, client, deny};
use crate::oidc::vendor;

fn callback() -> String {
    format!("{APP}/v1/auth/oidc/callback")
}

fn page(oidc: &Oidc, changed: &[(&str, &str)]) -> String {
    let callback = callback();
    let mut query = vec![
        ("client_id", oidc.client_id.as_str()),
        ("redirect_uri", callback.as_str()),
        ("response_type", "code"),
        ("scope", "openid email"),
        ("state", "my state"),
        ("nonce", "my nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changed {
        query.retain(|(known, _)| known != name);
        query.push((name, value));
    }
    query.retain(|(_, value)| !value.is_empty());
    address(&format!("{}/o/oauth2/v2/auth", oidc.issuer), &query)
}

async fn exchange(browser: &Client, oidc: &Oidc, code: &str, changed: &[(&str, &str)]) -> (u16, Value) {
    let callback = callback();
    let mut form = vec![
        ("client_id", oidc.client_id.as_str()),
        ("client_secret", oidc.client_secret.as_str()),
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", callback.as_str()),
        ("code_verifier", VERIFIER),
    ];
    for (name, value) in changed {
        form.retain(|(known, _)| known != name);
        form.push((name, value));
    }
    let response = browser.post(format!("{}/token", oidc.issuer)).form(&form).send().await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn the_pkce_vector_of_the_rfc_opens_and_nothing_else_does() {
    let (oidc, browser) = (vendor(&Faults::default()).await, client());
    let landing = allow(&browser, &page(&oidc, &[]), "Ada Lovelace").await;
    assert_eq!(landing.at, callback());
    assert_eq!(exchange(&browser, &oidc, landing.get("code"), &[]).await.0, 200);
    for verifier in ["", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK", CHALLENGE] {
        let landing = allow(&browser, &page(&oidc, &[]), "Ada Lovelace").await;
        let (status, answer) = exchange(&browser, &oidc, landing.get("code"), &[("code_verifier", verifier)]).await;
        assert_eq!((status, &answer["error"]), (400, &"invalid_grant".into()), "{verifier}");
    }
    let bare = [("code_challenge", ""), ("code_challenge_method", "")];
    let landing = allow(&browser, &page(&oidc, &bare), "Ada Lovelace").await;
    assert_eq!(exchange(&browser, &oidc, landing.get("code"), &[]).await.0, 400);
}

#[tokio::test]
async fn a_stranger_is_not_sent_anywhere() {
    let (oidc, browser) = (vendor(&Faults::default()).await, client());
    for changed in [
        ("client_id", "guessed"),
        ("redirect_uri", ""),
        ("redirect_uri", "http://lapidary.test:8080/v1/auth/oidc/callback/"),
        ("redirect_uri", "http://lapidary.test:8080/v1/auth/oidc/callback?more=1"),
        ("redirect_uri", "http://lapidary.test:8080/v1/auth/github/callback"),
        ("redirect_uri", "http://evil.test/v1/auth/oidc/callback"),
    ] {
        let response = browser.get(page(&oidc, &[changed])).send().await.unwrap();
        assert_eq!(response.status(), 400, "{changed:?}");
        assert!(response.headers().get("location").is_none());
    }
    let twice = format!("{}&state=another", page(&oidc, &[]));
    assert_eq!(browser.get(twice).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn other_mistakes_go_back_to_the_app() {
    let (oidc, browser) = (vendor(&Faults::default()).await, client());
    for (changed, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("response_mode", "fragment"), "invalid_request"),
        (("scope", "email"), "invalid_scope"),
        (("scope", "openid everything"), "invalid_scope"),
        (("prompt", "none"), "interaction_required"),
        (("prompt", "none consent"), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("request", "e30.e30."), "request_not_supported"),
    ] {
        let landing = Landing::of(&browser.get(page(&oidc, &[changed])).send().await.unwrap());
        assert_eq!((landing.get("error"), landing.get("state")), (error, "my state"), "{changed:?}");
        assert_eq!((landing.at.as_str(), landing.get("iss")), (callback().as_str(), oidc.issuer.as_str()));
    }
    let landing = deny(&browser, &page(&oidc, &[])).await;
    assert_eq!((landing.get("error"), landing.get("code")), ("access_denied", ""));
}

#[tokio::test]
async fn the_token_endpoint_refuses_by_the_book() {
    let (oidc, browser) = (vendor(&Faults::default()).await, client());
    for (changed, status, error) in [
        (("client_secret", "guessed"), 401, "invalid_client"),
        (("client_id", "guessed"), 401, "invalid_client"),
        (("client_secret", ""), 401, "invalid_client"),
        (("grant_type", "password"), 400, "unsupported_grant_type"),
        (("grant_type", ""), 400, "invalid_request"),
        (("code", ""), 400, "invalid_request"),
        (("code", "4/guessed"), 400, "invalid_grant"),
        (("redirect_uri", "http://lapidary.test:8080/v1/auth/google/callback"), 400, "invalid_grant"),
        (("redirect_uri", ""), 400, "invalid_grant"),
    ] {
        let landing = allow(&browser, &page(&oidc, &[]), "Ada Lovelace").await;
        let (seen, answer) = exchange(&browser, &oidc, landing.get("code"), &[changed]).await;
        assert_eq!((seen, &answer["error"]), (status, &error.into()), "{changed:?}");
    }
    let url = format!("{}/token", oidc.issuer);
    assert_eq!(browser.get(&url).send().await.unwrap().status(), 405);
    let as_json = browser.post(&url).json(&serde_json::json!({"code": "x"})).send().await.unwrap();
    assert_eq!(as_json.status(), 400);
}

#[tokio::test]
async fn a_code_is_spent_even_by_a_failed_attempt() {
    let (oidc, browser) = (vendor(&Faults::default()).await, client());
    let landing = allow(&browser, &page(&oidc, &[]), "Ada Lovelace").await;
    assert_eq!(exchange(&browser, &oidc, landing.get("code"), &[("redirect_uri", "")]).await.0, 400);
    assert_eq!(exchange(&browser, &oidc, landing.get("code"), &[]).await.0, 400);
}

#[tokio::test]
async fn two_ways_of_client_authentication_are_one_too_many() {
    let (oidc, browser) = (vendor(&Faults::default()).await, client());
    let request = browser.post(format!("{}/token", oidc.issuer)).basic_auth(&oidc.client_id, Some("any"));
    let response = request.form(&[("client_secret", oidc.client_secret.as_str())]).send().await.unwrap();
    assert_eq!(response.json::<Value>().await.unwrap()["error"], "invalid_request");
}

#[tokio::test]
async fn userinfo_wants_a_token() {
    let (oidc, browser) = (vendor(&Faults::default()).await, client());
    let url = format!("{}/v1/userinfo", oidc.issuer);
    let refused = browser.get(url).bearer_auth("guessed").send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert!(refused.headers()["www-authenticate"].to_str().unwrap().contains("invalid_token"));
}

#[tokio::test]
async fn login_hint_preselects() {
    let (oidc, browser) = (vendor(&Faults::default()).await, client());
    let hinted = page(&oidc, &[("login_hint", "ada.lovelace@example.test")]);
    let html = browser.get(hinted).send().await.unwrap().text().await.unwrap();
    assert!(attribute(&html, "name=\"person\" value=\"").contains(&"ada.lovelace@example.test".to_owned()));
}
