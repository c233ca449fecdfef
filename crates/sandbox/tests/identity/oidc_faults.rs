//! Every fault of the provider is seen on the wire, and the independent app refuses those it must.
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use lapidary_sandbox::faults::{Fault, Faults};
use openidconnect::core::CoreTokenResponse;
use openidconnect::{AuthType, TokenResponse as _};
use serde_json::Value;

use crate::browser::client;
use crate::oidc::{ALL, vendor};
use crate::relying_party::{Attempt, discover};

/// Header and claims as they are written, believed or not.
fn parts(answer: &CoreTokenResponse) -> (Value, Value, String) {
    let text = answer.id_token().unwrap().to_string();
    let mut parts = text.split('.');
    let mut json = || {
        let part = BASE64_URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap();
        serde_json::from_slice::<Value>(&part).unwrap()
    };
    let (header, claims) = (json(), json());
    (header, claims, parts.next().unwrap().to_owned())
}

#[tokio::test]
async fn a_spoilt_token_is_refused_by_an_independent_app() {
    let faults = Faults::default();
    let (oidc, browser) = (vendor(&faults).await, client());
    for (kind, refusal) in [
        ("bad_signature", "SignatureVerification"),
        ("unknown_kid", "NoMatchingKey"),
        ("alg_hs256", "DisallowedAlg"),
        ("wrong_aud", "InvalidAudience"),
        ("wrong_iss", "InvalidIssuer"),
        ("wrong_nonce", "InvalidNonce"),
        ("missing_nonce", "InvalidNonce"),
        ("expired", "Expired"),
        ("wrong_at_hash", "at_hash"),
    ] {
        faults.set(Fault::once("oidc", kind));
        let attempt = Attempt::begin(&oidc, &browser, AuthType::BasicAuth, &ALL).await;
        let answer = attempt.finish("Ada Lovelace").await;
        let refused = attempt.verify(&answer).expect_err(kind);
        assert!(refused.contains(refusal), "{kind}: {refused}");
        assert!(faults.list().is_empty(), "{kind}");
    }
    let attempt = Attempt::begin(&oidc, &browser, AuthType::BasicAuth, &ALL).await;
    attempt.verify(&attempt.finish("Ada Lovelace").await).unwrap();
}

#[tokio::test]
async fn alg_none_has_no_signature() {
    let faults = Faults::default();
    let (oidc, browser) = (vendor(&faults).await, client());
    faults.set(Fault::once("oidc", "alg_none"));
    let attempt = Attempt::begin(&oidc, &browser, AuthType::BasicAuth, &ALL).await;
    let answer = attempt.finish("Ada Lovelace").await;
    let (header, claims, signature) = parts(&answer);
    assert_eq!((&header["alg"], signature.as_str()), (&"none".into(), ""));
    assert_eq!(claims["nonce"], attempt.nonce.secret().as_str());
    assert!(attempt.verify(&answer).unwrap_err().contains("NoSignature"));
}

#[tokio::test]
async fn future_iat_is_an_hour_ahead() {
    let faults = Faults::default();
    let (oidc, browser) = (vendor(&faults).await, client());
    faults.set(Fault::once("oidc", "future_iat"));
    let attempt = Attempt::begin(&oidc, &browser, AuthType::BasicAuth, &ALL).await;
    let (_, claims, _) = parts(&attempt.finish("Ada Lovelace").await);
    let ahead = claims["iat"].as_i64().unwrap() - chrono::Utc::now().timestamp();
    assert!((3500..=3600).contains(&ahead), "{ahead}");
}

#[tokio::test]
async fn what_is_told_of_the_mail_can_be_spoilt() {
    let faults = Faults::default();
    let (oidc, browser) = (vendor(&faults).await, client());
    let mut subjects = Vec::new();
    for (kind, email, verified) in [
        ("none", Value::from("ada.lovelace@example.test"), Value::Bool(true)),
        ("email_unverified", "ada.lovelace@example.test".into(), Value::Bool(false)),
        ("email_verified_string", "ada.lovelace@example.test".into(), "true".into()),
        ("no_email", Value::Null, Value::Null),
        ("changed_email", "changed.ada.lovelace@example.test".into(), Value::Bool(true)),
    ] {
        faults.set(Fault::once("oidc", kind));
        let claims = claims_seen(&oidc, &browser).await;
        assert_eq!((&claims["email"], &claims["email_verified"]), (&email, &verified), "{kind}");
        subjects.push(claims["sub"].clone());
    }
    assert!(subjects.windows(2).all(|pair| pair[0] == pair[1]));
}

/// By hand: a strict app cannot even read a token whose email_verified is a string.
async fn claims_seen(oidc: &lapidary_sandbox::identity::oidc::Oidc, browser: &reqwest::Client) -> Value {
    let callback = format!("{}/v1/auth/google/callback", crate::browser::APP);
    let client_id = oidc.client_id.as_str();
    let query = [
        ("client_id", client_id),
        ("redirect_uri", callback.as_str()),
        ("response_type", "code"),
        ("scope", "openid email"),
    ];
    let page = crate::browser::address(&format!("{}/o/oauth2/v2/auth", oidc.issuer), &query);
    let landing = crate::browser::allow(browser, &page, "Ada Lovelace").await;
    let form =
        [("grant_type", "authorization_code"), ("code", landing.get("code")), ("redirect_uri", callback.as_str())];
    let request = browser.post(format!("{}/token", oidc.issuer)).basic_auth(client_id, Some(&oidc.client_secret));
    let answer: Value = request.form(&form).send().await.unwrap().json().await.unwrap();
    let body = answer["id_token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
    let userinfo = browser.get(format!("{}/v1/userinfo", oidc.issuer));
    let told: Value =
        userinfo.bearer_auth(answer["access_token"].as_str().unwrap()).send().await.unwrap().json().await.unwrap();
    assert_eq!((&told["email"], &told["email_verified"]), (&claims["email"], &claims["email_verified"]));
    claims
}

#[tokio::test]
async fn discovery_can_lie_and_fail() {
    let faults = Faults::default();
    let (oidc, browser) = (vendor(&faults).await, client());
    for (kind, refusal) in [
        ("discovery_issuer_mismatch", "unexpected issuer"),
        ("discovery_down", "503"),
        ("junk_discovery", "text/html"),
        ("jwks_down", "503"),
        ("junk_jwks", "text/html"),
    ] {
        faults.set(Fault::once("oidc", kind));
        let refused = discover(&browser, &oidc.issuer).await.expect_err(kind);
        assert!(refused.contains(refusal), "{kind}: {refused}");
    }
    discover(&browser, &oidc.issuer).await.unwrap();
}

#[tokio::test]
async fn the_way_back_can_be_spoilt() {
    let faults = Faults::default();
    let (oidc, browser) = (vendor(&faults).await, client());
    let attempt = Attempt::begin(&oidc, &browser, AuthType::BasicAuth, &ALL).await;
    faults.set(Fault::once("oidc", "access_denied"));
    assert_eq!(attempt.allow("Ada").await.get("error"), "access_denied");
    faults.set(Fault::once("oidc", "wrong_state"));
    let landing = attempt.allow("Ada").await;
    assert!(!landing.get("code").is_empty());
    assert_ne!(landing.get("state"), attempt.state.secret());
    faults.set(Fault::once("oidc", "wrong_response_iss"));
    let landing = attempt.allow("Ada").await;
    assert!(!landing.get("code").is_empty());
    assert_ne!(landing.get("iss"), oidc.issuer);
}

/// The crate reads booleans only, so a product that uses it fails here unless it asks for more.
#[tokio::test]
async fn an_independent_app_cannot_read_email_verified_as_a_string() {
    let faults = Faults::default();
    let (oidc, browser) = (vendor(&faults).await, client());
    faults.set(Fault::once("oidc", "email_verified_string"));
    let attempt = Attempt::begin(&oidc, &browser, AuthType::BasicAuth, &ALL).await;
    let landing = attempt.allow("Ada Lovelace").await;
    assert!(attempt.exchange(landing.get("code")).await.unwrap_err().contains("Parse"));
}

#[tokio::test]
async fn the_token_endpoint_can_fail() {
    let faults = Faults::default();
    let (oidc, browser) = (vendor(&faults).await, client());
    for kind in ["server_error", "junk"] {
        faults.set(Fault::once("oidc", kind));
        let attempt = Attempt::begin(&oidc, &browser, AuthType::BasicAuth, &ALL).await;
        let landing = attempt.allow("Ada").await;
        attempt.exchange(landing.get("code")).await.unwrap_err();
        assert!(faults.list().is_empty(), "{kind}");
    }
    faults.set(Fault::once("oidc", "junk"));
    let junk = browser.post(format!("{}/token", oidc.issuer)).send().await.unwrap();
    assert_eq!(junk.status(), 200);
    assert!(junk.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    faults.set(Fault::once("oidc", "server_error").with(502));
    assert_eq!(browser.post(format!("{}/token", oidc.issuer)).send().await.unwrap().status(), 502);
}

#[tokio::test]
async fn userinfo_can_speak_of_someone_else() {
    let faults = Faults::default();
    let (oidc, browser) = (vendor(&faults).await, client());
    let attempt = Attempt::begin(&oidc, &browser, AuthType::BasicAuth, &ALL).await;
    let answer = attempt.finish("Ada").await;
    faults.set(Fault::once("oidc", "userinfo_wrong_sub"));
    attempt.userinfo(&answer).await.unwrap_err();
    attempt.userinfo(&answer).await.unwrap();
}

#[tokio::test]
async fn slow_waits_and_hang_never_answers() {
    let faults = Faults::default();
    let (oidc, browser) = (vendor(&faults).await, client());
    let ask = |patience| browser.post(format!("{}/token", oidc.issuer)).timeout(Duration::from_millis(patience)).send();
    faults.set(Fault::once("oidc", "slow").with(0.3));
    let asked_at = std::time::Instant::now();
    assert_eq!(ask(10_000).await.unwrap().status(), 400);
    assert!(asked_at.elapsed() >= Duration::from_millis(300));
    faults.set(Fault::once("oidc", "hang"));
    assert!(ask(300).await.unwrap_err().is_timeout());
}
