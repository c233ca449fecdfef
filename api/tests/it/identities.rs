//! Linking and unlinking ways to sign in, over HTTP: nobody's account is joined to another, nobody locks themselves out,
//! and welcome gems are given once whatever is linked or unlinked.
use futures_util::future::join_all;
use lapidary::auth::people;
use lapidary::config::PeopleAct;
use lapidary_sandbox::faults::Fault;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{self, Answer, Person, TestApp};

/// From our answer through the provider's page to the address that the browser is sent back to.
async fn consent(person: &Person<'_>, provider: &str, name: &str) -> String {
    let asked = person.request(Method::POST, &format!("/v1/me/identities/{provider}/link"));
    let started = Answer::of(asked.send().await).await.expect_status(200).json();
    let authorize: url::Url = started["authorization_url"].as_str().unwrap().parse().unwrap();
    let mut form: Vec<(String, String)> = authorize.query_pairs().into_owned().collect();
    form.extend([("person".into(), name.into()), ("decision".into(), "allow".into())]);
    let mut page = authorize;
    page.set_query(None);
    let back = Answer::of(person.browser.client.post(page).form(&form).send().await).await;
    back.header("location").to_owned()
}

async fn link(person: &Person<'_>, provider: &str, name: &str) -> String {
    let callback = consent(person, provider, name).await;
    person.browser.follow_callback(&callback).await
}

async fn identities(person: &Person<'_>) -> Vec<Value> {
    let listed = person.get("/v1/me/identities").await.expect_status(200).json();
    listed["data"].as_array().unwrap().clone()
}

fn id_of(identities: &[Value], provider: &str) -> String {
    let found = identities.iter().find(|one| one["provider"] == provider).expect("it is linked");
    found["id"].as_str().unwrap().to_owned()
}

async fn person_id(person: &Person<'_>) -> uuid::Uuid {
    person.get("/v1/me").await.json()["id"].as_str().unwrap().parse().unwrap()
}

async fn all_identities(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from identities").fetch_one(&mut app.sql().await).await.unwrap()
}

#[track_caller]
fn assert_failed(landed: &str, page: &str, code: &str) {
    assert!(landed.starts_with(&format!("{page}?failure={code}&request_id=")), "{landed}");
}

#[actix_web::test]
async fn a_linked_way_leads_to_the_same_person_and_can_be_unlinked_again() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    assert_eq!(link(&ada, "google", "ada.at.google@example.test").await, "/account?linked=google");
    let both = identities(&ada).await;
    assert_eq!(both[0]["provider_name"], "GitHub");
    assert_eq!((&both[1]["email"], &both[1]["provider"]), (&json!("ada.at.google@example.test"), &json!("google")));
    assert!(both.iter().all(|one| one["can_be_unlinked"] == true));
    assert_eq!(ada.get("/v1/me").await.json()["email"], "ada@example.test", "the main address changed");

    app.app.clock.advance(chrono::TimeDelta::minutes(5));
    let elsewhere = app.browser();
    assert_eq!(elsewhere.sign_in("google", "ada.at.google@example.test").await, "/studio");
    let token = elsewhere.refresh().await.expect("signed in");
    let there = Person { app: &app, browser: elsewhere, token };
    assert_eq!(person_id(&there).await, person_id(&ada).await);
    let used = identities(&ada).await;
    assert!(used[1]["last_used_at"].as_str() > used[1]["linked_at"].as_str());

    let google = id_of(&both, "google");
    ada.delete(&format!("/v1/me/identities/{google}")).await.expect_status(204);
    ada.delete(&format!("/v1/me/identities/{google}")).await.expect_problem(404, "not-found");
    there.get("/v1/me").await.expect_status(200);
    assert_eq!(identities(&ada).await.len(), 1);
}

#[actix_web::test]
async fn the_last_way_in_stays() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    let only = identities(&ada).await;
    assert_eq!(only[0]["can_be_unlinked"], false);
    let path = format!("/v1/me/identities/{}", id_of(&only, "github"));
    let problem = ada.delete(&path).await.expect_problem(409, "illegal-transition");
    assert!(problem["detail"].as_str().unwrap().contains("only way to sign in"));
    // A way through a provider that is not configured any more is none.
    link(&ada, "google", "Ada at Google").await;
    sqlx::query("update identities set provider = 'oidc' where provider = 'google'")
        .execute(&mut app.sql().await)
        .await
        .unwrap();
    ada.delete(&path).await.expect_problem(409, "illegal-transition");
}

#[actix_web::test]
async fn two_unlinks_at_once_never_take_both() {
    let app = harness::start().await;
    for round in 0..5 {
        let ada = app.person(&format!("Ada {round}")).await;
        link(&ada, "google", &format!("Ada G {round}")).await;
        let paths: Vec<String> = identities(&ada)
            .await
            .iter()
            .map(|one| format!("/v1/me/identities/{}", one["id"].as_str().unwrap()))
            .collect();
        let answers = join_all(paths.iter().map(|path| ada.delete(path))).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409]);
        assert_eq!(identities(&ada).await.len(), 1);
    }
}

#[actix_web::test]
async fn an_identity_of_another_account_is_never_moved() {
    let app = harness::start().await;
    app.browser().sign_in("google", "Grace").await;
    let ada = app.person("Ada").await;
    assert_failed(&link(&ada, "google", "Grace").await, "/account", "identity_in_use");
    assert_eq!(identities(&ada).await.len(), 1);
    assert_eq!(app.browser().sign_in("google", "Grace").await, "/studio");
    // One's own, once more: nothing happens, and nothing is wrong.
    assert_eq!(link(&ada, "github", "Ada").await, "/account?linked=github");
    assert_eq!(all_identities(&app).await, 2);
}

#[actix_web::test]
async fn a_link_belongs_to_the_session_and_the_browser_that_asked() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    // Handed to somebody else's browser: neither signed in nor linked.
    let callback = consent(&ada, "google", "Ada at Google").await;
    let mallory = app.person("Mallory").await;
    assert_failed(&mallory.browser.follow_callback(&callback).await, "/sign-in", "other_browser");
    // Signed out while at the provider.
    let callback = consent(&ada, "google", "Ada at Google").await;
    ada.browser.post_ours("/v1/auth/logout").await.expect_status(204);
    assert_failed(&ada.browser.follow_callback(&callback).await, "/sign-in", "session_ended");
    // The same browser, another session of another person.
    let grace = app.person("Grace").await;
    let callback = consent(&grace, "google", "Ada at Google").await;
    grace.browser.sign_in("github", "Mallory").await;
    assert_failed(&grace.browser.follow_callback(&callback).await, "/sign-in", "session_ended");
    assert_eq!(all_identities(&app).await, 3);
}

#[actix_web::test]
async fn a_link_of_a_session_that_was_ended_elsewhere_is_refused() {
    let app = harness::start().await;
    let (here, there) = (app.person("Ada").await, app.person("Ada").await);
    let callback = consent(&here, "google", "Ada at Google").await;
    there.delete("/v1/me/sessions?keep_current=true").await.expect_status(204);
    assert_failed(&here.browser.follow_callback(&callback).await, "/sign-in", "session_ended");
    let callback = consent(&there, "google", "Ada at Google").await;
    let suspend = PeopleAct::Suspend { person_id: person_id(&there).await };
    people::apply(suspend, &app.app.db, &app.app.clock).await.unwrap();
    assert_failed(&there.browser.follow_callback(&callback).await, "/sign-in", "suspended");
    assert_eq!(all_identities(&app).await, 1);
}

#[actix_web::test]
async fn a_link_that_comes_to_nothing_is_told_on_the_account() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    app.fault(Fault::once("oidc", "access_denied"));
    assert_failed(&link(&ada, "google", "Ada").await, "/account", "denied");
    let callback = consent(&ada, "google", "Ada").await;
    app.app.clock.advance(chrono::TimeDelta::minutes(11));
    assert_failed(&ada.browser.follow_callback(&callback).await, "/account", "attempt_expired");
    let token = ada.browser.refresh().await.expect("still signed in");
    let ada = Person { app: &app, browser: ada.browser, token };
    let asked = ada.request(Method::POST, "/v1/me/identities/nobody/link");
    Answer::of(asked.send().await).await.expect_problem(404, "not-found");
    let stranger = app.browser().client.post(format!("{}/v1/me/identities/google/link", app.url));
    Answer::of(stranger.send().await).await.expect_problem(401, "unauthenticated");
    assert_eq!(all_identities(&app).await, 1);
}

/// Signs up, or in, and gives what there is to spend.
async fn gems_of(app: &TestApp, provider: &str, name: &str) -> i64 {
    let browser = app.browser();
    assert_eq!(browser.sign_in(provider, name).await, "/studio");
    let token = browser.refresh().await.expect("signed in");
    let person = Person { app, browser, token };
    person.patch("/v1/me", &json!({"age_confirmed": true})).await.expect_status(200);
    person.remaining().await
}

#[actix_web::test]
async fn unlinking_and_signing_up_again_gives_no_second_welcome_gems() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    assert!(ada.remaining().await > 0);
    let second = "another.address@example.test";
    link(&ada, "google", second).await;
    let (issuer, subject): (String, String) =
        sqlx::query_as("select issuer, subject from identities where provider = 'google'")
            .fetch_one(&mut app.sql().await)
            .await
            .unwrap();
    let google = id_of(&identities(&ada).await, "google");
    ada.delete(&format!("/v1/me/identities/{google}")).await.expect_status(204);
    // The same mailbox through the other provider: only its address was ever seen.
    assert_eq!(gems_of(&app, "github", second).await, 0, "the address was forgotten");
    // The same account at Google, which has an address now that was never seen.
    let browser = app.browser();
    assert_eq!(browser.sign_in("google", "A new address").await, "/studio");
    sqlx::query("update identities set issuer = $1, subject = $2 where provider = 'google'")
        .bind(issuer)
        .bind(subject)
        .execute(&mut app.sql().await)
        .await
        .unwrap();
    let back = Person { app: &app, token: browser.refresh().await.expect("signed in"), browser };
    back.patch("/v1/me", &json!({"age_confirmed": true})).await.expect_status(200);
    assert_eq!(back.remaining().await, 0, "the identity was forgotten");
    assert!(gems_of(&app, "github", "Somebody new").await > 0);
}

#[actix_web::test]
async fn an_address_of_a_linked_way_leads_to_the_same_choice_and_the_same_suspension() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    let second = "Another.Address@example.test";
    link(&ada, "google", second).await;
    let elsewhere = app.browser();
    let landed = elsewhere.sign_in("github", second).await;
    assert!(landed.starts_with("/sign-in?failure=email_in_use&"), "{landed}");
    assert!(landed.contains("provider=github"), "{landed}");
    let callback = elsewhere.consent("/v1/auth/github/login?link=true", "Ada").await;
    elsewhere.follow_callback(&callback).await;
    assert_eq!(identities(&ada).await.len(), 3, "what waited was not linked");
    let newest = identities(&ada).await[2]["id"].as_str().unwrap().to_owned();
    ada.delete(&format!("/v1/me/identities/{newest}")).await.expect_status(204);
    let suspend = PeopleAct::Suspend { person_id: person_id(&ada).await };
    people::apply(suspend, &app.app.db, &app.app.clock).await.unwrap();
    let landed = app.browser().sign_in("github", second).await;
    assert!(landed.starts_with("/sign-in?failure=suspended&"), "{landed}");
}

#[actix_web::test]
async fn the_main_address_goes_with_the_way_that_gave_it() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    link(&ada, "google", "Second@example.test").await;
    link(&ada, "github", "third@example.test").await;
    let all = identities(&ada).await;
    ada.delete(&format!("/v1/me/identities/{}", id_of(&all, "github"))).await.expect_status(204);
    assert_eq!(ada.get("/v1/me").await.json()["email"].as_str().unwrap().to_lowercase(), "second@example.test");
    // The address is free again; the new one is not.
    assert_eq!(app.browser().sign_in("google", "Ada").await, "/studio");
    assert_failed(&app.browser().sign_in("github", "second@example.test").await, "/sign-in", "email_in_use");
    // One that gave nothing takes nothing along.
    let third = all[2]["id"].as_str().unwrap();
    ada.delete(&format!("/v1/me/identities/{third}")).await.expect_status(204);
    assert_eq!(ada.get("/v1/me").await.json()["email"].as_str().unwrap().to_lowercase(), "second@example.test");
}

fn cookie_of(answer: &Answer, name: &str) -> String {
    let all = answer.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let pairs = all.filter_map(|cookie| cookie.split(';').next());
    pairs.into_iter().find(|pair| pair.starts_with(&format!("{name}="))).expect("the cookie").to_owned()
}

#[actix_web::test]
async fn a_refresh_token_that_was_spent_long_ago_links_nothing_and_ends_its_session() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    let stolen = cookie_of(&ada.browser.post_ours("/v1/auth/refresh").await, "lapidary_session");
    let callback = consent(&ada, "google", "Mallory").await;
    let binding = cookie_of(&ada.browser.get("/v1/auth/github/login").await, "lapidary_sign_in");
    // Spent, and its successor used: whoever shows it after ten seconds is not the browser it was given to.
    for _ in 0..2 {
        ada.browser.refresh().await.expect("signed in");
    }
    app.app.clock.advance(chrono::TimeDelta::seconds(11));
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let asked = client.get(&callback).header("Cookie", format!("{stolen}; {binding}"));
    let landed = Answer::of(asked.send().await).await.expect_status(303);
    let landed = landed.header("location").trim_start_matches(&app.url).to_owned();
    assert_failed(&landed, "/sign-in", "session_ended");
    assert_eq!(all_identities(&app).await, 1);
    assert!(ada.browser.refresh().await.is_none(), "the family goes on");
    ada.get("/v1/me").await.expect_problem(401, "unauthenticated");
}
