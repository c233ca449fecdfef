//! The keys that sign access tokens: changed without breaking a token, found by processes that have not heard of them,
//! and readable while MASTER_KEY is replaced.
use std::collections::HashSet;

use chrono::TimeDelta;
use futures_util::future::join_all;
use lapidary::auth::{Auth, key_command};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::harness::{self, Answer, Person, TestApp};

const WRONG_KEY: &str = "ISEhISEhISEhISEhISEhISEhISEhISEhISEhISEhISE=";
const NEW_KEY: &str = "//////////////////////////////////////////8=";

/// Sign-in as another process has it: the same database, nothing in memory.
fn another_process(app: &TestApp) -> Auth {
    Auth::build(&app.app.settings).unwrap()
}

/// The same with a MASTER_KEY that replaced the usual one, and with what it replaced if that is given.
fn with_new_master(app: &TestApp, knows_previous: bool) -> Auth {
    let mut settings = app.app.settings.clone();
    let previous = std::mem::replace(&mut settings.master_key, NEW_KEY.to_owned());
    settings.master_key_previous = knows_previous.then_some(previous);
    Auth::build(&settings).unwrap()
}

fn kid_of(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

#[actix_web::test]
async fn a_token_works_to_its_end_after_a_rotation_and_its_key_leaves_after_twenty_minutes() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    let old = kid_of(&ada.token);
    let (db, now) = (&app.app.db, app.app.clock.now());
    let made = app.app.auth.keys.rotate(db, now).await.unwrap();
    assert_ne!(made.id, old);
    let fresh = ada.browser.refresh().await.unwrap();
    assert_eq!(kid_of(&fresh), made.id, "the old key still signs");
    app.app.clock.advance(TimeDelta::minutes(9));
    ada.get("/v1/me").await.expect_status(200);
    app.app.clock.advance(TimeDelta::minutes(2));
    ada.get("/v1/me").await.expect_problem(401, "unauthenticated");
    for process in [&app.app.auth, &another_process(&app)] {
        let found = |at| process.keys.verifying(db, &old, at);
        assert!(found(now + TimeDelta::minutes(19)).await.unwrap().is_some());
        assert!(found(now + TimeDelta::minutes(20)).await.unwrap().is_none());
    }
    app.app.clock.advance(TimeDelta::minutes(10));
    let published = ada.browser.get("/.well-known/jwks.json").await.json();
    let ids: Vec<&str> = published["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(ids, [made.id.as_str()]);
}

#[actix_web::test]
async fn a_token_that_was_in_order_goes_with_the_key_that_signed_it() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    ada.get("/v1/me").await.expect_status(200);
    let (db, now) = (&app.app.db, app.app.clock.now());
    sqlx::query("update signing_keys set retired_at = $1 - interval '20 minutes'")
        .bind(now)
        .execute(&mut app.sql().await)
        .await
        .unwrap();
    app.app.auth.keys.tend(db, now).await.unwrap();
    ada.get("/v1/me").await.expect_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn a_key_that_signed_for_ninety_days_is_changed_by_the_schedule_once() {
    let app = harness::start().await;
    let db = &app.app.db;
    let first = app.app.auth.keys.signing(db, app.app.clock.now()).await.unwrap();
    app.app.clock.advance(TimeDelta::days(90));
    let processes: Vec<Auth> = (0..8).map(|_| another_process(&app)).collect();
    let now = app.app.clock.now();
    join_all(processes.iter().map(|auth| auth.keys.tend(db, now))).await.into_iter().for_each(|done| done.unwrap());
    let made = join_all(processes.iter().map(|auth| auth.keys.signing(db, now))).await;
    let ids: HashSet<String> = made.into_iter().map(|key| key.unwrap().id).collect();
    assert_eq!(ids.len(), 1);
    assert!(!ids.contains(&first.id));
}

#[actix_web::test]
async fn a_process_finds_anothers_new_key_by_one_look_for_all_who_ask() {
    let app = harness::start().await;
    let (db, now) = (&app.app.db, app.app.clock.now());
    let other = another_process(&app);
    other.keys.signing(db, now).await.unwrap();
    let made = app.app.auth.keys.rotate(db, now).await.unwrap();
    let before = other.keys.loads();
    let found = join_all((0..40).map(|_| other.keys.verifying(db, &made.id, now))).await;
    assert!(found.into_iter().all(|key| key.unwrap().is_some()));
    assert_eq!(other.keys.loads(), before + 1);
    // Whatever ids are sent, the database is not asked for each.
    let unknown: Vec<String> = (0..40).map(|_| Uuid::now_v7().to_string()).collect();
    let found = join_all(unknown.iter().map(|id| other.keys.verifying(db, id, now))).await;
    assert!(found.into_iter().all(|key| key.unwrap().is_none()));
    assert!(other.keys.verifying(db, "not one of ours", now).await.unwrap().is_none());
    assert_eq!(other.keys.loads(), before + 2);
}

#[actix_web::test]
async fn a_replaced_master_key_signs_nobody_out_and_the_old_one_can_go() {
    let app = harness::start().await;
    let ada = app.person("Ada").await;
    let (db, now) = (&app.app.db, app.app.clock.now());
    let old = app.app.auth.keys.signing(db, now).await.unwrap();
    let new = with_new_master(&app, true);
    assert_eq!(new.keys.signing(db, now).await.unwrap().id, old.id, "the previous key opens nothing");
    new.keys.tend(db, now).await.unwrap();
    let alone = with_new_master(&app, false);
    assert_eq!(alone.keys.signing(db, now).await.unwrap().id, old.id, "it was not sealed again");
    // A process that was not restarted yet goes on with the key it has open, and makes no other.
    app.app.auth.keys.tend(db, now).await.unwrap();
    assert_eq!(app.app.auth.keys.signing(db, now).await.unwrap().id, old.id);
    ada.get("/v1/me").await.expect_status(200);
    let kid = kid_of(&ada.browser.refresh().await.unwrap());
    assert!(alone.keys.verifying(db, &kid, now).await.unwrap().is_some());
}

#[actix_web::test]
async fn a_replaced_master_key_still_knows_who_had_welcome_gems() {
    let app = harness::start().await;
    app.person("Ada").await;
    let new = with_new_master(&app, true);
    new.keys.tend(&app.app.db, app.app.clock.now()).await.unwrap();
    sqlx::query("delete from people").execute(&mut app.sql().await).await.unwrap();
    let later =
        harness::start_with(&[format!("--master-key={NEW_KEY}"), format!("--database-url={}", app.database_url)]).await;
    let browser = later.browser();
    // The sandbox's GitHub of this process is another issuer: the address is what is recognised.
    browser.sign_in("github", "Ada").await;
    let token = browser.refresh().await.unwrap();
    let back = Person { app: &later, browser, token };
    back.patch("/v1/me", &json!({"age_confirmed": true})).await.expect_status(200);
    assert_eq!(back.remaining().await, 0, "a new MASTER_KEY forgot who had welcome gems");
}

/// Signs in, and tries to confirm the age.
async fn confirm<'a>(app: &'a TestApp, name: &str) -> (Person<'a>, Answer) {
    let browser = app.browser();
    assert_eq!(browser.sign_in("github", name).await, "/studio");
    let token = browser.refresh().await.expect("signed in");
    let person = Person { app, browser, token };
    let patch = person.request(Method::PATCH, "/v1/me").json(&json!({"age_confirmed": true}));
    let answer = Answer::of(patch.send().await).await;
    (person, answer)
}

/// Another process with this MASTER_KEY.
async fn beside(app: &TestApp, master_key: &str) -> TestApp {
    harness::start_with(&[format!("--master-key={master_key}"), format!("--database-url={}", app.database_url)]).await
}

async fn execute(app: &TestApp, sql: &'static str) -> u64 {
    sqlx::query(sql).execute(&mut app.sql().await).await.unwrap().rows_affected()
}

async fn mark_keys(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from sealed_keys").fetch_one(&mut app.sql().await).await.unwrap()
}

#[actix_web::test]
async fn a_process_whose_master_key_opens_nothing_grants_nothing() {
    let app = harness::start().await;
    app.person("Ada").await;
    with_new_master(&app, true).keys.tend(&app.app.db, app.app.clock.now()).await.unwrap();
    execute(&app, "delete from people").await;
    // Not restarted yet while its MASTER_KEY is replaced, and one that never had the right one.
    let wrong = beside(&app, WRONG_KEY).await;
    for process in [&app, &wrong] {
        let (person, answer) = confirm(process, "Ada").await;
        answer.expect_problem(503, "unavailable");
        assert_eq!(person.get("/v1/me").await.json()["age_confirmed"], false);
        execute(&app, "delete from people").await;
    }
    assert_eq!(mark_keys(&app).await, 1, "a second key was made");
    let right = beside(&app, NEW_KEY).await;
    let (person, answer) = confirm(&right, "Ada").await;
    answer.expect_status(200);
    assert_eq!(person.remaining().await, 0);
}

#[actix_web::test]
async fn a_key_replaced_before_anybody_confirmed_still_knows_who_had_welcome_gems() {
    for by_command in [false, true] {
        let app = harness::start().await;
        app.person("Ada").await;
        // As versions before had it: marks, and no sealed key for them yet.
        assert_eq!(execute(&app, "delete from sealed_keys").await, 1);
        let (db, now) = (&app.app.db, app.app.clock.now());
        // A wrong key must not be the one that makes it.
        with_new_master(&app, false).keys.tend(db, now).await.unwrap();
        assert_eq!(mark_keys(&app).await, 0);
        execute(&app, "delete from signing_keys where id <> (select min(id) from signing_keys)").await;
        let new = with_new_master(&app, true);
        if by_command {
            key_command::rotate(&new.keys, db, false).await.unwrap();
        } else {
            new.keys.tend(db, now).await.unwrap();
        }
        execute(&app, "delete from people").await;
        let later = beside(&app, NEW_KEY).await;
        let (person, answer) = confirm(&later, "Ada").await;
        answer.expect_status(200);
        assert_eq!(person.remaining().await, 0, "by command: {by_command}");
    }
}

#[actix_web::test]
async fn a_lost_master_key_is_given_up_only_when_told_and_what_is_lost_is_said() {
    let app = harness::start().await;
    app.person("Ada").await;
    let (db, alone) = (&app.app.db, with_new_master(&app, false));
    let said = key_command::rotate(&alone.keys, db, false).await.unwrap().join("\n");
    assert!(said.contains("nobody new can confirm") && said.contains("--forget-unreadable"), "{said}");
    let later = beside(&app, NEW_KEY).await;
    confirm(&later, "Grace").await.1.expect_problem(503, "unavailable");
    let said = key_command::rotate(&alone.keys, db, true).await.unwrap().join("\n");
    assert!(said.contains("can have them once more") && !said.contains("neither"), "{said}");
    assert_eq!(key_command::rotate(&alone.keys, db, true).await.unwrap().len(), 1, "nothing is left to say");
    let (person, answer) = confirm(&later, "Grace").await;
    answer.expect_status(200);
    assert!(person.remaining().await > 0);
}
