//! The provider as an independent app meets it: discovery, consent, tokens, keys, userinfo.
use lapidary_sandbox::faults::Faults;
use lapidary_sandbox::identity::{github, oidc};
use openidconnect::AuthType;
use serde_json::Value;

use crate::browser::{APP, client, port};
use crate::relying_party::{Attempt, discover};

pub const ALL: [&str; 2] = ["email", "profile"];

pub async fn vendor(faults: &Faults) -> oidc::Oidc {
    oidc::start(port(), APP, faults.clone(), None).await.unwrap()
}

#[tokio::test]
async fn an_independent_app_signs_a_person_in() {
    let (oidc, browser) = (vendor(&Faults::default()).await, client());
    for auth in [AuthType::BasicAuth, AuthType::RequestBody] {
        let attempt = Attempt::begin(&oidc, &browser, auth, &ALL).await;
        let landing = attempt.allow("Ada Lovelace").await;
        assert_eq!(landing.get("state"), attempt.state.secret());
        assert_eq!(landing.get("iss"), oidc.issuer);
        let answer = attempt.exchange(landing.get("code")).await.unwrap();
        let claims = attempt.verify(&answer).unwrap();
        assert_eq!(claims.email().unwrap().as_str(), "ada.lovelace@example.test");
        assert_eq!(claims.email_verified(), Some(true));
        assert_eq!(claims.given_name().unwrap().get(None).unwrap().as_str(), "Ada");
        assert_eq!(claims.subject().len(), 21);
        let told = attempt.userinfo(&answer).await.unwrap();
        assert_eq!((told.subject(), told.email()), (claims.subject(), claims.email()));
        let picture = claims.picture().unwrap().get(None).unwrap().as_str();
        let picture = browser.get(picture).send().await.unwrap();
        assert_eq!(picture.headers()["content-type"], "image/png");
    }
}

/// The required fields of OpenID Connect Discovery 1.0 §3, and that nothing leads to another machine.
#[tokio::test]
async fn the_discovery_document_is_complete_and_stays_at_home() {
    let (oidc, browser) = (vendor(&Faults::default()).await, client());
    let url = format!("{}/.well-known/openid-configuration", oidc.issuer);
    let document: Value = browser.get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(document["issuer"], oidc.issuer);
    for field in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        assert!(document[field].as_str().unwrap().starts_with(&oidc.issuer), "{field}");
    }
    assert_eq!(document["id_token_signing_alg_values_supported"], serde_json::json!(["RS256"]));
    assert_eq!(document["subject_types_supported"], serde_json::json!(["public"]));
    assert_eq!(document["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    let keys: Value = browser.get(document["jwks_uri"].as_str().unwrap()).send().await.unwrap().json().await.unwrap();
    let key = &keys["keys"][0];
    assert_eq!((&key["kty"], &key["alg"], &key["use"]), (&"RSA".into(), &"RS256".into(), &"sig".into()));
    assert!(key["kid"].is_string() && key["n"].is_string() && key["e"] == "AQAB" && key.get("d").is_none());
}

#[tokio::test]
async fn only_what_was_asked_for_is_told() {
    let (oidc, browser) = (vendor(&Faults::default()).await, client());
    let attempt = Attempt::begin(&oidc, &browser, AuthType::BasicAuth, &[]).await;
    let answer = attempt.finish("Ada Lovelace").await;
    let claims = attempt.verify(&answer).unwrap();
    assert!(claims.email().is_none() && claims.name().is_none() && claims.picture().is_none());
}

#[tokio::test]
async fn a_replayed_code_is_refused_and_closes_what_it_opened() {
    let (oidc, browser) = (vendor(&Faults::default()).await, client());
    let attempt = Attempt::begin(&oidc, &browser, AuthType::BasicAuth, &ALL).await;
    let landing = attempt.allow("Ada Lovelace").await;
    let answer = attempt.exchange(landing.get("code")).await.unwrap();
    attempt.userinfo(&answer).await.unwrap();
    assert!(attempt.exchange(landing.get("code")).await.unwrap_err().contains("invalid_grant"));
    assert!(attempt.userinfo(&answer).await.unwrap_err().contains("401"));
}

#[tokio::test]
async fn a_rotated_key_is_found_in_the_new_key_set_only() {
    let (oidc, browser) = (vendor(&Faults::default()).await, client());
    let held = discover(&browser, &oidc.issuer).await.unwrap();
    let before = Attempt::begin(&oidc, &browser, AuthType::BasicAuth, &ALL).await;
    let signed_before = before.finish("Ada Lovelace").await;
    oidc.rotate().unwrap();
    let stale = Attempt::with(held, &oidc, &browser, AuthType::BasicAuth, &ALL);
    let answer = stale.finish("Ada Lovelace").await;
    assert!(stale.verify(&answer).unwrap_err().contains("NoMatchingKey"));

    let fresh = discover(&browser, &oidc.issuer).await.unwrap();
    assert_eq!(fresh.jwks().keys().len(), 2);
    let attempt = Attempt::with(fresh, &oidc, &browser, AuthType::BasicAuth, &ALL);
    attempt.verify(&attempt.finish("Ada Lovelace").await).unwrap();
    before.verify(&signed_before).unwrap();
}

#[tokio::test]
async fn keys_outlive_a_restart() {
    let folder = std::env::temp_dir().join(format!("lapidary-oidc-{}", uuid::Uuid::now_v7()));
    let browser = client();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let oidc = oidc::start(port(), APP, Faults::default(), Some(&folder)).await.unwrap();
        let keys: Value =
            browser.get(format!("{}/oauth2/v3/certs", oidc.issuer)).send().await.unwrap().json().await.unwrap();
        let attempt = Attempt::begin(&oidc, &browser, AuthType::BasicAuth, &ALL).await;
        attempt.verify(&attempt.finish("Ada Lovelace").await).unwrap();
        seen.push(keys);
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn the_same_name_has_the_same_address_and_another_account_at_each_vendor() {
    let faults = Faults::default();
    let (oidc, browser) = (vendor(&faults).await, client());
    let github = github::start(port(), APP, faults).await.unwrap();
    for person in ["Grace Hopper", "李清照", "someone@elsewhere.test"] {
        let attempt = Attempt::begin(&oidc, &browser, AuthType::BasicAuth, &ALL).await;
        let answer = attempt.finish(person).await;
        let claims = attempt.verify(&answer).unwrap();
        let token = crate::github::token_of(&browser, &github, person, crate::github::SCOPE).await;
        let (_, user) = crate::github::read(&browser, &github, "/user", &token).await;
        assert_eq!(user["email"], claims.email().unwrap().as_str());
        assert_ne!(user["id"].to_string(), claims.subject().as_str());
    }
}

#[tokio::test]
async fn people_with_quirks_have_them() {
    let (oidc, browser) = (vendor(&Faults::default()).await, client());
    for (person, verified, named) in [
        ("Telkes Mária", Some(true), true),
        ("E-mail not verified", Some(false), true),
        ("No verified mail", Some(false), true),
        ("No mail at all", None, true),
        ("No name", Some(true), false),
    ] {
        let attempt = Attempt::begin(&oidc, &browser, AuthType::BasicAuth, &ALL).await;
        let answer = attempt.finish(person).await;
        let claims = attempt.verify(&answer).unwrap();
        assert_eq!((claims.email_verified(), claims.name().is_some()), (verified, named), "{person}");
    }
}
