//! The days in which an erasure can be undone: the account is for looking only, and afterwards everything is as it was.
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;

use crate::api_keys::key_of;
use crate::crash::number;
use crate::erasure::{erase, receipt};
use crate::erasure_trail::leave;
use crate::harness::{self, Answer, Person, TestApp};

/// The tab goes on with the cookie that the answer brought.
async fn same_tab<'a>(app: &'a TestApp, person: Person<'a>) -> Person<'a> {
    let token = person.browser.refresh().await.expect("still signed in");
    Person { app, browser: person.browser, token }
}

async fn poll(app: &TestApp) {
    app.app.auth.revocations.poll(&app.app.db).await.expect("the feed");
}

#[actix_web::test]
async fn a_closing_account_is_for_looking_only_until_it_is_undone_and_then_everything_works_as_before() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    let key = key_of(&ada, &["me:read", "generations:write"]).await;
    let made = ada.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    let image = made["images"][0]["id"].as_str().expect("an id").to_owned();
    let shared = ada.post(&format!("/v1/images/{image}/shares"), &json!({})).await.expect_status(201).json();
    let token = shared["url"].as_str().expect("a link").rsplit('/').next().expect("a token").to_owned();
    let elsewhere = app.browser();
    assert_eq!(elsewhere.sign_in("github", "Ada Lovelace").await, "/studio");
    let before = ada.gems().await;
    ada.submit(&json!({"prompt": "A waiting fox", "quality": "low"})).await.expect_status(202);
    key.get("/v1/me").await.expect_status(200);
    let asked = ada.delete("/v1/me").await.expect_status(202).json();
    assert_eq!((&asked["kind"], &asked["status"]), (&json!("account"), &json!("waiting")));
    poll(&app).await;
    ada.get("/v1/me").await.expect_problem(401, "unauthenticated");
    assert!(elsewhere.refresh().await.is_none(), "sessions elsewhere end");
    key.get("/v1/me").await.expect_problem(403, "account-closing");
    app.browser().get(&format!("/v1/shared/{token}")).await.expect_problem(404, "not-found");
    let ada = same_tab(&app, ada).await;
    assert_eq!(ada.gems().await, before, "what waited is cancelled, its gems are back");
    assert!(ada.get("/v1/me").await.json()["closing_at"].is_string());
    ada.get("/v1/images").await.expect_status(200);
    ada.submit(&json!({"prompt": "Another fox", "quality": "low"})).await.expect_problem(403, "account-closing");
    ada.post("/v1/checkouts", &json!({"pack": "pouch"})).await.expect_problem(403, "account-closing");
    ada.delete(&format!("/v1/images/{image}")).await.expect_problem(403, "account-closing");
    ada.post("/v1/me/api-keys", &json!({"name": "x", "scopes": ["me:read"]}))
        .await
        .expect_problem(403, "account-closing");
    let archive = ada.post("/v1/image-archives", &json!({"image_ids": [image]})).await;
    archive.expect_status(202);
    let waiting = receipt(&app, &asked).await.expect_status(200).json();
    assert_eq!(waiting["status"], "waiting");
    erase(&app).await;
    let outlook = ada.get("/v1/me/erasure").await.expect_status(200).json();
    assert_eq!((&outlook["pending"]["status"], &outlook["undo_days"]), (&json!("waiting"), &json!(7)));
    // A sign-in of today sees the same, and takes it back.
    let today = app.browser();
    assert_eq!(today.sign_in("github", "Ada Lovelace").await, "/studio");
    let token_of_today = today.refresh().await.expect("a token");
    let today = Person { app: &app, browser: today, token: token_of_today };
    today.delete("/v1/me/erasure").await.expect_status(204);
    today.delete("/v1/me/erasure").await.expect_problem(404, "not-found");
    poll(&app).await;
    key.get("/v1/me").await.expect_status(200);
    app.browser().get(&format!("/v1/shared/{token}")).await.expect_status(200);
    assert_eq!(ada.make(&json!({"prompt": "A later fox", "quality": "low"})).await["status"], "succeeded");
    key.submit(&json!({"prompt": "A key's fox", "quality": "low"})).await.expect_status(202);
    app.work().await;
    receipt(&app, &asked).await.expect_problem(404, "not-found");
    app.app.clock.advance(TimeDelta::days(8));
    erase(&app).await;
    assert_eq!(number(&app, "select count(*) from people").await, 1);
}

#[actix_web::test]
async fn what_nobody_undoes_is_erased_when_the_days_are_over_and_not_before() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    let trail = leave(&app, &ada, "Ada Lovelace").await;
    ada.delete("/v1/me").await.expect_status(202);
    app.app.clock.advance(TimeDelta::days(7) - TimeDelta::minutes(1));
    erase(&app).await;
    assert_eq!(number(&app, "select count(*) from images").await, 2);
    app.app.clock.advance(TimeDelta::minutes(1));
    erase(&app).await;
    let found = trail.found(&app).await;
    assert!(found.is_empty(), "{found:#?}");
}

#[actix_web::test]
async fn whoever_waits_may_go_at_once_and_a_receipt_has_one_address_at_a_time() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    let first = ada.delete("/v1/me").await.expect_status(202).json();
    let ada = same_tab(&app, ada).await;
    let second = ada.delete("/v1/me?at_once=true").await.expect_status(202).json();
    assert_eq!(first["id"], second["id"]);
    receipt(&app, &first).await.expect_problem(404, "not-found");
    assert_eq!(receipt(&app, &second).await.expect_status(200).json()["status"], "waiting");
    erase(&app).await;
    assert_eq!(receipt(&app, &second).await.json()["status"], "finished");
    for wrong in ["short", &"a".repeat(43)] {
        app.browser().get(&format!("/v1/erasures/{wrong}")).await.expect_problem(404, "not-found");
    }
}

#[actix_web::test]
async fn where_the_operator_gives_no_days_it_is_always_at_once() {
    let app = harness::start_with(&["--erasure-undo-days=0".to_owned()]).await;
    let ada = app.person("Ada Lovelace").await;
    let asked = ada.delete("/v1/me").await.expect_status(202);
    assert!(asked.header("set-cookie").starts_with("lapidary_session=;"), "nobody stays signed in");
    erase(&app).await;
    assert_eq!(number(&app, "select count(*) from people").await, 0);
    let undo = ada.request(Method::DELETE, "/v1/me/erasure");
    Answer::of(undo.send().await).await.expect_problem(401, "unauthenticated");
}
