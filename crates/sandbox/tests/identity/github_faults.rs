//! Every fault GitHub can be asked for is seen on the wire, by the request it concerns and no other.
use std::time::Duration;

use lapidary_sandbox::faults::{Fault, Faults};

use crate::browser::{allow, client};
use crate::github::{SCOPE, exchange, page, read, token_of, vendor};

fn set(faults: &Faults, kind: &str) {
    faults.set(Fault::once("github", kind));
}

#[tokio::test]
async fn denied_strikes_the_decision() {
    let faults = Faults::default();
    let (github, browser) = (vendor(&faults).await, client());
    set(&faults, "denied");
    assert_eq!(allow(&browser, &page(&github, &[]), "Ada").await.get("error"), "access_denied");
    assert!(!allow(&browser, &page(&github, &[]), "Ada").await.get("code").is_empty());
}

#[tokio::test]
async fn wrong_state_comes_back() {
    let faults = Faults::default();
    let (github, browser) = (vendor(&faults).await, client());
    set(&faults, "wrong_state");
    let landing = allow(&browser, &page(&github, &[]), "Ada").await;
    assert!(!landing.get("code").is_empty() && !landing.get("state").is_empty());
    assert_ne!(landing.get("state"), "a state & more");
}

#[tokio::test]
async fn bad_verification_code_strikes_the_exchange() {
    let faults = Faults::default();
    let (github, browser) = (vendor(&faults).await, client());
    set(&faults, "bad_verification_code");
    let landing = allow(&browser, &page(&github, &[]), "Ada").await;
    let answer = exchange(&browser, &github, landing.get("code"), &[]).await;
    assert_eq!(answer["error"], "bad_verification_code");
}

#[tokio::test]
async fn missing_email_scope_grants_less_than_asked() {
    let faults = Faults::default();
    let (github, browser) = (vendor(&faults).await, client());
    set(&faults, "missing_email_scope");
    let landing = allow(&browser, &page(&github, &[]), "Ada").await;
    let answer = exchange(&browser, &github, landing.get("code"), &[]).await;
    assert_eq!(answer["scope"], "read:user");
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(read(&browser, &github, "/user/emails", token).await.0, 404);
}

#[tokio::test]
async fn junk_html_is_no_token() {
    let faults = Faults::default();
    let (github, browser) = (vendor(&faults).await, client());
    set(&faults, "junk_html");
    let url = format!("{}/login/oauth/access_token", github.url);
    let response = browser.post(url).form(&[("code", "any")]).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
}

#[tokio::test]
async fn a_profile_can_hide_its_mail_and_change_its_login() {
    let faults = Faults::default();
    let (github, browser) = (vendor(&faults).await, client());
    let token = token_of(&browser, &github, "Ada", SCOPE).await;
    let (_, before) = read(&browser, &github, "/user", &token).await;
    set(&faults, "public_email_null");
    let (_, hidden) = read(&browser, &github, "/user", &token).await;
    assert!(before["email"].is_string() && hidden["email"].is_null());
    set(&faults, "renamed_login");
    let (_, renamed) = read(&browser, &github, "/user", &token).await;
    assert_eq!(renamed["id"], before["id"]);
    assert_ne!(renamed["login"], before["login"]);
}

#[tokio::test]
async fn no_verified_mail_strikes_the_addresses() {
    let faults = Faults::default();
    let (github, browser) = (vendor(&faults).await, client());
    let token = token_of(&browser, &github, "Ada", SCOPE).await;
    set(&faults, "no_verified_mail");
    read(&browser, &github, "/user", &token).await;
    let (_, emails) = read(&browser, &github, "/user/emails", &token).await;
    assert!(emails.as_array().unwrap().iter().all(|mail| mail["verified"] == false));
}

#[tokio::test]
async fn rate_limited_strikes_the_api() {
    let faults = Faults::default();
    let (github, browser) = (vendor(&faults).await, client());
    set(&faults, "rate_limited");
    let token = token_of(&browser, &github, "Ada", SCOPE).await;
    let response = browser.get(format!("{}/user", github.api_url)).bearer_auth(&token).send().await.unwrap();
    assert_eq!(response.status(), 403);
    assert_eq!(response.headers()["x-ratelimit-remaining"], "0");
    assert_eq!(read(&browser, &github, "/user", &token).await.0, 200);
}

#[tokio::test]
async fn server_error_has_the_status_it_is_given() {
    let faults = Faults::default();
    let (github, browser) = (vendor(&faults).await, client());
    let token = token_of(&browser, &github, "Ada", SCOPE).await;
    for (fault, status) in
        [(Fault::once("github", "server_error"), 500), (Fault::once("github", "server_error").with(503), 503)]
    {
        faults.set(fault);
        let response = browser.get(format!("{}/user", github.api_url)).bearer_auth(&token).send().await.unwrap();
        assert_eq!(response.status(), status);
    }
}

#[tokio::test]
async fn slow_waits_and_hang_never_answers() {
    let faults = Faults::default();
    let (github, browser) = (vendor(&faults).await, client());
    let token = token_of(&browser, &github, "Ada", SCOPE).await;
    let ask = |patience| {
        browser
            .get(format!("{}/user", github.api_url))
            .bearer_auth(&token)
            .timeout(Duration::from_millis(patience))
            .send()
    };
    faults.set(Fault::once("github", "slow").with(0.3));
    let asked_at = std::time::Instant::now();
    assert_eq!(ask(10_000).await.unwrap().status(), 200);
    assert!(asked_at.elapsed() >= Duration::from_millis(300));
    set(&faults, "hang");
    assert!(ask(300).await.unwrap_err().is_timeout());
    assert_eq!(ask(10_000).await.unwrap().status(), 200);
}
