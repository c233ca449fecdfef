//! Signing in over HTTP, through vendors that lie, fail and hang: nobody gets in who should not, nobody is locked out,
//! and every failure ends on our own page with a code.
use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};
use url::Url;

use crate::harness::{self, Browser, TestApp};

/// Where a failed sign-in leads, read.
fn failure(landed: &str) -> (String, Option<String>) {
    let url = Url::parse("http://page.test").unwrap().join(landed).unwrap();
    assert_eq!(url.path(), "/sign-in", "{landed}");
    let member = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert!(member("request_id").is_some_and(|id| !id.is_empty()), "{landed}");
    (member("failure").expect("a failure"), member("provider"))
}

#[track_caller]
fn assert_failed(landed: &str, code: &str) {
    assert_eq!(failure(landed).0, code, "{landed}");
}

async fn people(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from people").fetch_one(&mut app.sql().await).await.unwrap()
}

async fn me(browser: &Browser<'_>) -> Value {
    let token = browser.refresh().await.expect("signed in");
    let answer = browser.client.get(browser.at("/v1/me")).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

async fn confirm(browser: &Browser<'_>) -> i64 {
    let token = browser.refresh().await.expect("signed in");
    let patch = browser.client.patch(browser.at("/v1/me")).bearer_auth(&token).json(&json!({"age_confirmed": true}));
    assert_eq!(patch.send().await.unwrap().status(), 200);
    let gems = browser.client.get(browser.at("/v1/gems")).bearer_auth(&token).send().await.unwrap();
    gems.json::<Value>().await.unwrap()["remaining"].as_i64().unwrap()
}

#[actix_web::test]
async fn both_providers_let_the_same_person_in_again() {
    let app = harness::start().await;
    for provider in ["github", "google"] {
        let name = format!("{provider} person");
        assert_eq!(app.browser().sign_in(provider, &name).await, "/studio");
        let again = app.browser();
        assert_eq!(again.sign_in(provider, &name).await, "/studio");
        let me = me(&again).await;
        assert_eq!(me["name"], name);
        assert_eq!(me["email"], format!("{provider}.person@example.test"));
        assert_eq!(me["age_confirmed"], false);
    }
    assert_eq!(people(&app).await, 2);
}

#[actix_web::test]
async fn the_providers_picture_is_kept_by_us() {
    let app = harness::start().await;
    for provider in ["github", "google"] {
        let browser = app.browser();
        browser.sign_in(provider, &format!("{provider} person")).await;
        let me = me(&browser).await;
        let url: Url = me["picture_url"].as_str().expect("a picture").parse().unwrap();
        let path = format!("/users/{}/picture", me["id"].as_str().unwrap());
        assert!(url.path().ends_with(&path), "{url}");
        let picture = reqwest::get(url).await.unwrap();
        assert_eq!(picture.status(), 200);
        assert_eq!(picture.headers()["content-type"], "image/png");
    }
}

#[actix_web::test]
async fn providers_are_listed_with_their_login() {
    let app = harness::start().await;
    let listed = app.browser().get("/v1/auth/providers").await.expect_status(200).json();
    assert_eq!(listed["data"][0], json!({"id": "github", "name": "GitHub", "login_url": "/v1/auth/github/login"}));
    assert_eq!(listed["data"][1]["id"], "google");
    let sent = app.browser().get("/v1/auth/github/login?login_hint=ada").await.expect_status(303);
    let authorize: Url = sent.header("location").parse().unwrap();
    assert!(authorize.as_str().starts_with(&format!("{}/login/oauth/authorize?", app.github.url)), "{authorize}");
    let asked: std::collections::HashMap<_, _> = authorize.query_pairs().into_owned().collect();
    assert_eq!((asked["scope"].as_str(), asked["login"].as_str()), ("user:email", "ada"));
    assert_eq!((asked["code_challenge_method"].as_str(), asked["code_challenge"].len()), ("S256", 43));
    app.browser().get("/v1/auth/nobody/login").await.expect_problem(404, "not-found");
}

#[actix_web::test]
async fn a_replayed_callback_is_refused() {
    let app = harness::start().await;
    let browser = app.browser();
    let callback = browser.consent("/v1/auth/github/login", "Ada").await;
    assert_eq!(browser.follow_callback(&callback).await, "/");
    assert_failed(&browser.follow_callback(&callback).await, "attempt_unknown");
}

#[actix_web::test]
async fn a_code_that_was_spent_in_another_attempt_is_refused() {
    let app = harness::start().await;
    for provider in ["github", "google"] {
        let login = format!("/v1/auth/{provider}/login");
        let browser = app.browser();
        let spent: Url = browser.consent(&login, "Ada").await.parse().unwrap();
        browser.follow_callback(spent.as_str()).await;
        let code = spent.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let mut fresh: Url = browser.consent(&login, "Ada").await.parse().unwrap();
        let pairs: Vec<(String, String)> = fresh.query_pairs().into_owned().collect();
        let swapped = pairs.iter().map(|(name, value)| (name, if name == "code" { &code } else { value }));
        fresh.query_pairs_mut().clear().extend_pairs(swapped);
        assert_failed(&browser.follow_callback(fresh.as_str()).await, "code_refused");
    }
}

#[actix_web::test]
async fn a_wrong_state_another_browser_and_an_old_attempt_are_refused() {
    let app = harness::start().await;
    for (vendor, provider) in [("github", "github"), ("oidc", "google")] {
        app.fault(Fault::once(vendor, "wrong_state"));
        let landed = app.browser().sign_in(provider, "Ada").await;
        assert_failed(&landed, "attempt_unknown");
        assert!(landed.ends_with("&return_to=%2Fstudio"), "where they wanted to go is lost: {landed}");
    }
    let callback = app.browser().consent("/v1/auth/github/login", "Ada").await;
    assert_failed(&app.browser().follow_callback(&callback).await, "other_browser");
    let late = app.browser();
    let callback = late.consent("/v1/auth/github/login", "Ada").await;
    app.app.clock.advance(chrono::TimeDelta::minutes(11));
    assert_failed(&late.follow_callback(&callback).await, "attempt_expired");
    assert_eq!(people(&app).await, 0);
}

#[actix_web::test]
async fn two_tabs_of_one_browser_can_both_sign_in() {
    let app = harness::start().await;
    let browser = app.browser();
    let first = browser.consent("/v1/auth/github/login", "Ada").await;
    let second = browser.consent("/v1/auth/google/login", "Grace").await;
    assert_eq!(browser.follow_callback(&first).await, "/");
    assert_eq!(browser.follow_callback(&second).await, "/");
    assert_eq!(me(&browser).await["name"], "Grace");
}

#[actix_web::test]
async fn saying_no_is_told_as_saying_no() {
    let app = harness::start().await;
    app.fault(Fault::once("github", "denied"));
    assert_failed(&app.browser().sign_in("github", "Ada").await, "denied");
    app.fault(Fault::once("oidc", "access_denied"));
    assert_failed(&app.browser().sign_in("google", "Ada").await, "denied");
}

#[actix_web::test]
async fn a_provider_that_lies_is_not_believed() {
    let app = harness::start().await;
    for fault in [
        "bad_signature",
        "unknown_kid",
        "alg_none",
        "alg_hs256",
        "wrong_aud",
        "wrong_iss",
        "wrong_nonce",
        "missing_nonce",
        "expired",
        "future_iat",
        "wrong_at_hash",
    ] {
        app.fault(Fault::once("oidc", fault));
        let browser = app.browser();
        let landed = browser.sign_in("google", "Ada").await;
        assert_eq!(failure(&landed).0, "provider_untrusted", "{fault}");
        assert_eq!(browser.refresh().await, None, "{fault}");
    }
    assert_eq!(people(&app).await, 0);
    assert_eq!(app.browser().sign_in("google", "Ada").await, "/studio");
}

#[actix_web::test]
async fn a_provider_that_changed_its_keys_is_believed() {
    let app = harness::start().await;
    assert_eq!(app.browser().sign_in("google", "Ada").await, "/studio");
    app.oidc.rotate().unwrap();
    assert_eq!(app.browser().sign_in("google", "Ada").await, "/studio");
}

#[actix_web::test]
async fn a_provider_that_is_down_is_said_to_be_down_and_works_when_it_is_back() {
    let app = harness::start().await;
    for fault in ["discovery_down", "junk_discovery"] {
        app.fault(Fault::once("oidc", fault));
        let answer = app.browser().get("/v1/auth/google/login?return_to=/gallery").await.expect_status(303);
        assert_failed(answer.header("location"), "provider_down");
        assert!(answer.header("location").ends_with("&return_to=%2Fgallery"));
    }
    app.fault(Fault::once("oidc", "discovery_issuer_mismatch"));
    let answer = app.browser().get("/v1/auth/google/login").await.expect_status(303);
    assert_failed(answer.header("location"), "provider_untrusted");
    for (vendor, fault, provider) in [
        ("oidc", "server_error", "google"),
        ("oidc", "junk", "google"),
        ("github", "server_error", "github"),
        ("github", "junk_html", "github"),
        ("github", "rate_limited", "github"),
    ] {
        app.fault(Fault::once(vendor, fault));
        assert_failed(&app.browser().sign_in(provider, "Ada").await, "provider_down");
    }
    app.fault(Fault::once("github", "bad_verification_code"));
    assert_failed(&app.browser().sign_in("github", "Ada").await, "code_refused");
    assert_eq!(app.browser().sign_in("google", "Ada").await, "/studio");
}

#[actix_web::test]
async fn an_unverified_address_does_not_get_in() {
    let app = harness::start().await;
    for (provider, person) in [
        ("github", "No verified mail"),
        ("github", "No mail at all"),
        ("google", "E-mail not verified"),
        ("google", "No mail at all"),
    ] {
        let landed = app.browser().sign_in(provider, person).await;
        assert_eq!(failure(&landed).0, "email_unverified", "{provider} {person}");
    }
    app.fault(Fault::once("github", "missing_email_scope"));
    assert_failed(&app.browser().sign_in("github", "Ada").await, "email_unverified");
    assert_eq!(people(&app).await, 0);
    assert_eq!(app.browser().sign_in("github", "Second mail verified").await, "/studio");
    assert_eq!(app.browser().sign_in("github", "No public mail").await, "/studio");
}

#[actix_web::test]
async fn a_renamed_login_is_the_same_person() {
    let app = harness::start().await;
    app.browser().sign_in("github", "Ada").await;
    app.fault(Fault::once("github", "renamed_login"));
    assert_eq!(app.browser().sign_in("github", "Ada").await, "/studio");
    assert_eq!(people(&app).await, 1);
}

#[actix_web::test]
async fn the_same_address_at_a_second_provider_is_neither_merged_nor_locked_out() {
    let app = harness::start().await;
    let first = app.browser();
    first.sign_in("github", "Ada Lovelace").await;
    let ada = me(&first).await["id"].clone();

    let second = app.browser();
    let landed = second.sign_in("google", "Ada Lovelace").await;
    assert_eq!(failure(&landed), ("email_in_use".into(), Some("github".into())));
    assert_eq!(second.refresh().await, None);

    // The account they are asked to sign in to is suggested at the provider.
    let sent = second.get("/v1/auth/github/login?link=true").await.expect_status(303);
    assert!(sent.header("location").ends_with("&login=ada.lovelace%40example.test"), "{}", sent.header("location"));
    let linking = second.consent("/v1/auth/github/login?link=true&return_to=/studio", "Ada Lovelace").await;
    assert_eq!(second.follow_callback(&linking).await, "/studio");
    let third = app.browser();
    assert_eq!(third.sign_in("google", "Ada Lovelace").await, "/studio");
    assert_eq!(me(&third).await["id"], ada);
    assert_eq!(people(&app).await, 1);
}

#[actix_web::test]
async fn a_waiting_identity_is_linked_only_to_the_account_with_its_address() {
    let app = harness::start().await;
    app.browser().sign_in("github", "Ada").await;
    app.browser().sign_in("github", "Grace").await;
    let shared = app.browser();
    assert_failed(&shared.sign_in("google", "Ada").await, "email_in_use");
    // Neither another account takes it, nor does a stranger's become a new one by mistake.
    for other in ["Grace", "Linus"] {
        let linking = shared.consent("/v1/auth/github/login?link=true", other).await;
        assert_failed(&shared.follow_callback(&linking).await, "email_in_use");
    }
    let identities: i64 =
        sqlx::query_scalar("select count(*) from identities").fetch_one(&mut app.sql().await).await.unwrap();
    assert_eq!(identities, 2);
}

#[actix_web::test]
async fn a_separate_account_is_another_person_without_welcome_gems() {
    let app = harness::start().await;
    let first = app.browser();
    first.sign_in("github", "Ada").await;
    let welcome = confirm(&first).await;
    assert!(welcome > 0);

    let second = app.browser();
    second.post_ours("/v1/auth/separate-account").await.expect_problem(409, "illegal-transition");
    assert_failed(&second.sign_in("google", "Ada").await, "email_in_use");
    let foreign = second.client.post(second.at("/v1/auth/separate-account")).header("X-Lapidary-Refresh", "1");
    assert_eq!(foreign.header("Origin", "https://evil.test").send().await.unwrap().status(), 401);
    second.post_ours("/v1/auth/separate-account").await.expect_status(204);
    assert_ne!(me(&second).await["id"], me(&first).await["id"]);
    assert_eq!(confirm(&second).await, 0);
    second.post_ours("/v1/auth/separate-account").await.expect_problem(409, "illegal-transition");
    assert_eq!(app.browser().sign_in("google", "Ada").await, "/studio");
}

#[actix_web::test]
async fn welcome_gems_are_granted_once_to_an_identity_and_a_folded_address() {
    let app = harness::start().await;
    let first = app.browser();
    first.sign_in("github", "ada.lovelace@example.test").await;
    assert!(confirm(&first).await > 0);
    let folded = app.browser();
    folded.sign_in("google", "adalovelace+again@example.test").await;
    assert_eq!(confirm(&folded).await, 0);
    // Gone and back again: the mark outlives the person.
    sqlx::query("delete from people").execute(&mut app.sql().await).await.unwrap();
    let back = app.browser();
    back.sign_in("github", "ada.lovelace@example.test").await;
    assert_eq!(confirm(&back).await, 0);
}

#[actix_web::test]
async fn confirming_twice_at_once_grants_once() {
    let app = harness::start().await;
    let browser = app.browser();
    browser.sign_in("github", "Ada").await;
    let gems = futures_util::future::join_all((0..8).map(|_| confirm(&browser))).await;
    assert_eq!(gems.iter().collect::<std::collections::HashSet<_>>().len(), 1, "{gems:?}");
}

#[actix_web::test]
async fn somebody_under_thirteen_is_erased_at_once() {
    let app = harness::start().await;
    let browser = app.browser();
    browser.sign_in("github", "Tim").await;
    let token = browser.refresh().await.unwrap();
    let gems = browser.client.get(browser.at("/v1/gems")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(gems.status(), 403);
    let patch = browser.client.patch(browser.at("/v1/me")).bearer_auth(&token).json(&json!({"age_confirmed": false}));
    assert_eq!(patch.send().await.unwrap().status(), 204);
    assert_eq!(browser.refresh().await, None);
    let dead = browser.client.get(browser.at("/v1/me")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(dead.status(), 401);
    let mut sql = app.sql().await;
    for table in ["people", "identities", "sessions", "refresh_tokens", "account_links", "gem_accounts"] {
        let statement = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        let rows: i64 = sqlx::query_scalar(statement).fetch_one(&mut sql).await.unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}

#[actix_web::test]
async fn people_who_do_not_confirm_go_after_a_day() {
    let app = harness::start().await;
    app.person("Ada").await;
    app.browser().sign_in("github", "Tim").await;
    lapidary::auth::sweep_unconfirmed(&app.app, app.app.clock.now()).await.unwrap();
    assert_eq!(people(&app).await, 2);
    app.app.clock.advance(chrono::TimeDelta::hours(25));
    lapidary::auth::sweep_unconfirmed(&app.app, app.app.clock.now()).await.unwrap();
    assert_eq!(people(&app).await, 1);
}

#[actix_web::test]
async fn a_sign_in_never_leads_off_our_site() {
    let app = harness::start().await;
    for elsewhere in ["//evil.test", "https://evil.test", "/%5Cevil.test", "/%09/evil.test"] {
        let browser = app.browser();
        let callback = browser.consent(&format!("/v1/auth/github/login?return_to={elsewhere}"), "Ada").await;
        assert_eq!(browser.follow_callback(&callback).await, "/", "{elsewhere}");
    }
}
