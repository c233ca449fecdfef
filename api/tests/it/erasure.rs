//! An account that is erased is gone: no row, no object, nothing that leads to its person, and nobody else's touched. The
//! books add up, the receipt says what went, and what comes later finds nobody.
use chrono::TimeDelta;
use lapidary::app::App;
use lapidary::clock::Clock;
use lapidary::gems;
use lapidary::promises::erasure::{command, run};
use lapidary::work::{queue, schedule};
use lapidary_sandbox::faults::Fault;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api_keys::key_of;
use crate::crash::number;
use crate::erasure_trail::{leave, objects, rows_of};
use crate::harness::{self, Answer, Person, TestApp};
use crate::isolation::ids_of;
use crate::payments;

/// Runs erasures until none is due.
pub async fn erase(app: &TestApp) {
    while run::step(&app.app).await.expect("a step") {}
}

pub async fn audit(app: &TestApp) {
    let faults = gems::audit::audit(app.app.db.house()).await.expect("an audit");
    assert!(faults.is_empty(), "the ledger is not clean: {faults:#?}");
}

/// What was asked for, at once.
pub async fn ask(person: &Person<'_>) -> Value {
    person.delete("/v1/me?at_once=true").await.expect_status(202).json()
}

/// As whoever has the address reads it.
pub async fn receipt(app: &TestApp, erasure: &Value) -> Answer {
    let token = erasure["receipt_url"].as_str().expect("an address").split('#').nth(1).expect("a token").to_owned();
    app.browser().get(&format!("/v1/erasures/{token}")).await
}

pub fn count(receipt: &Value, list: &str, name: &str) -> i64 {
    let all = receipt[list].as_array().expect("counts");
    all.iter().find(|one| one["name"] == name).map_or(0, |one| one["count"].as_i64().expect("a count"))
}

#[actix_web::test]
async fn an_erased_account_leaves_no_row_and_no_object_that_leads_to_its_person_and_nobody_else_notices() {
    let app = harness::start().await;
    let (ada, grace) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let (trail, other) = (leave(&app, &ada, "Ada Lovelace").await, leave(&app, &grace, "Grace Hopper").await);
    assert!(!trail.found(&app).await.is_empty());
    let gems = ada.gems().await;
    let before = (rows_of(&app, other.person, other.account).await, objects(&app, other.person).await);
    assert!(before.0.len() > 20 && before.1.len() > 8, "{before:?}");
    let asked = ask(&ada).await;
    assert_eq!(asked["gems_forfeited"], gems["remaining"]);
    erase(&app).await;
    let found = trail.found(&app).await;
    assert!(found.is_empty(), "{found:#?}");
    audit(&app).await;
    assert_eq!((rows_of(&app, other.person, other.account).await, objects(&app, other.person).await), before);
    ada.get("/v1/me").await.expect_problem(401, "unauthenticated");
    assert!(ada.browser.refresh().await.is_none());
    let receipt = receipt(&app, &asked).await.expect_status(200).json();
    assert_eq!(
        (&receipt["status"], &receipt["kind"], &receipt["step"]),
        (&json!("finished"), &json!("account"), &json!("done"))
    );
    assert_eq!(receipt["gems_forfeited"], gems["remaining"]);
    assert_eq!((count(&receipt, "rows", "images"), count(&receipt, "rows", "people")), (2, 1));
    assert_eq!((count(&receipt, "objects", "images"), count(&receipt, "objects", "thumbnails")), (2, 4));
    assert!(
        ["api_keys", "request_log", "webhook_endpoints", "identities", "sessions"]
            .iter()
            .all(|table| count(&receipt, "rows", table) > 0),
        "{receipt}"
    );
    assert!(receipt["keeps"].as_array().expect("what stays").len() > 3);
    let customers = app.stripe.objects("customer");
    assert_eq!(customers.iter().filter(|customer| customer["deleted"] == true).count(), 1);
    let nobodys = "select count(*) from audit_log where subject is not null or reason is not null";
    assert_eq!(number(&app, nobodys).await, 3, "the acts about Grace are as they were");
}

#[actix_web::test]
async fn an_hour_later_not_even_the_ids_of_ended_sessions_are_left() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    ask(&ada).await;
    erase(&app).await;
    let mut sql = app.sql().await;
    let waiting = "update revocations set created_at = created_at - interval '2 hours'";
    assert!(sqlx::query(waiting).execute(&mut sql).await.expect("later").rows_affected() > 0);
    schedule::keep_house(&app.app).await;
    assert_eq!(number(&app, "select count(*) from revocations").await, 0);
}

#[actix_web::test]
async fn an_old_sign_in_or_a_key_erases_nothing() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    let key = key_of(&ada, &["me:read", "images:write", "generations:write"]).await;
    for path in ["/v1/me", "/v1/me?at_once=true", "/v1/images", "/v1/me/erasure"] {
        let answer = Answer::of(key.request(Method::DELETE, path).send().await).await;
        answer.expect_problem(403, "scope-missing");
    }
    app.app.clock.advance(TimeDelta::minutes(5));
    for path in ["/v1/me", "/v1/me?at_once=true", "/v1/images"] {
        ada.delete(path).await.expect_problem(403, "sign-in-too-old");
    }
    assert_eq!(ada.get("/v1/me/erasure").await.json()["may_begin"], false);
    assert_eq!(number(&app, "select count(*) from erasures").await, 0);
    // Signing in once more is all it needs; refreshing is not signing in.
    let token = ada.browser.refresh().await.expect("a token");
    let refreshed = Person { app: &app, browser: ada.browser, token };
    refreshed.delete("/v1/me").await.expect_problem(403, "sign-in-too-old");
    assert_eq!(refreshed.browser.sign_in("github", "Ada Lovelace").await, "/studio");
    let token = refreshed.browser.refresh().await.expect("a token");
    let again = Person { app: &app, browser: refreshed.browser, token };
    again.delete("/v1/me").await.expect_status(202);
}

#[actix_web::test]
async fn a_payment_that_arrives_after_the_erasure_is_sent_back_and_names_nobody() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    let begun = payments::begin(&ada, "pouch").await;
    app.stripe.pay_later(&begun.session).expect("on its way");
    app.stripe.all_is_delivered().await;
    assert_eq!(ada.get("/v1/me/erasure").await.json()["would_go"]["open_purchases"], 1);
    ask(&ada).await;
    erase(&app).await;
    app.stripe.settle_later(&begun.session, true).expect("it comes");
    app.stripe.all_is_delivered().await;
    let refunds = app.stripe.objects("refund");
    assert_eq!(refunds.iter().map(|refund| refund["amount"].as_i64()).collect::<Vec<_>>(), [Some(499)]);
    let row: (String, i64, Option<String>) =
        sqlx::query_as("select status, credited_gems, billing_email from purchases")
            .fetch_one(&mut app.sql().await)
            .await
            .expect("a purchase");
    assert_eq!(row, ("failed".to_owned(), 0, None));
    audit(&app).await;
}

#[actix_web::test]
async fn what_money_does_to_an_account_of_nobody_leaves_neither_gems_nor_debt_there() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    let begun = payments::buy(&ada, "pouch").await;
    let intent = payments::intent_of(&app, &begun);
    ask(&ada).await;
    erase(&app).await;
    audit(&app).await;
    let dispute = app.stripe.dispute(&intent, None).expect("a dispute");
    app.stripe.all_is_delivered().await;
    audit(&app).await;
    app.stripe.close_dispute(dispute["id"].as_str().expect("an id"), true).expect("won");
    app.stripe.all_is_delivered().await;
    audit(&app).await;
    assert_eq!(number(&app, "select free + bought + debt from gem_accounts").await, 0);
    assert_eq!(number(&app, "select count(*) from purchases where billing_email is not null").await, 0);
}

#[actix_web::test]
async fn all_images_go_and_the_account_its_gems_and_its_statement_stay() {
    let app = harness::start().await;
    let (ada, grace) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let (trail, other) = (leave(&app, &ada, "Ada Lovelace").await, leave(&app, &grace, "Grace Hopper").await);
    let before = (rows_of(&app, other.person, other.account).await, objects(&app, other.person).await);
    let statement = ada.get("/v1/gems/transfers").await.json();
    let asked = ada.delete("/v1/images").await.expect_status(202).json();
    assert_eq!((&asked["kind"], &asked["gems_forfeited"]), (&json!("images"), &json!(0)));
    // What is asked for after it stays.
    let later = ada.make(&json!({"prompt": "A later owl", "quality": "low"})).await;
    erase(&app).await;
    let left = ada.get("/v1/images").await.json();
    assert_eq!(left["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(left["data"][0]["id"], later["images"][0]["id"]);
    for list in ["/v1/images?trash=true", "/v1/references", "/v1/image-archives"] {
        assert_eq!(ada.get(list).await.json()["data"].as_array().map(Vec::len), Some(0), "{list}");
    }
    assert_eq!(number(&app, "select count(*) from share_links").await, 1, "Grace's");
    let stays = objects(&app, trail.person).await;
    let kept = |key: &str| key.ends_with("/picture") || key.ends_with("/unheard-of") || key.contains("/previews/");
    let left: Vec<&String> = stays.keys().filter(|key| !kept(key)).collect();
    assert_eq!(left.len(), 3, "the later one's: {left:?}");
    let rows = ada.get("/v1/gems/transfers").await.json();
    let old =
        rows["data"].as_array().expect("rows").iter().rev().take(statement["data"].as_array().expect("rows").len());
    let about: Vec<&Value> = old.map(|row| &row["about"]).collect();
    assert!(about.contains(&&json!("A secret quokka of Ada Lovelace")), "what was paid for is still told: {about:?}");
    audit(&app).await;
    assert_eq!((rows_of(&app, other.person, other.account).await, objects(&app, other.person).await), before);
    let receipt = receipt(&app, &asked).await.expect_status(200).json();
    assert_eq!((count(&receipt, "rows", "images"), count(&receipt, "rows", "reference_images")), (2, 1));
    let named = "select count(*) from erasures where person_id is not null";
    assert_eq!(number(&app, named).await, 0, "the receipt names nobody");
    ada.delete("/v1/images").await.expect_status(202);
    erase(&app).await;
}

#[actix_web::test]
async fn who_says_after_all_that_they_are_under_13_is_erased_at_once_however_old_the_sign_in_is() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    let trail = leave(&app, &ada, "Ada Lovelace").await;
    app.app.clock.advance(TimeDelta::minutes(9));
    let answer = ada.patch("/v1/me", &json!({"age_confirmed": false})).await.expect_status(204);
    assert!(answer.header("set-cookie").starts_with("lapidary_session=;"));
    let url = json!({ "receipt_url": answer.header("location") });
    erase(&app).await;
    assert_eq!(receipt(&app, &url).await.expect_status(200).json()["status"], "finished");
    let found = trail.found(&app).await;
    assert!(found.is_empty(), "{found:#?}");
}

#[actix_web::test]
async fn welcome_gems_are_not_given_a_second_time_after_an_erasure() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    assert!(ada.remaining().await > 0);
    ask(&ada).await;
    erase(&app).await;
    let again = app.person("Ada Lovelace").await;
    assert_eq!(again.remaining().await, 0);
    assert_eq!(number(&app, "select count(*) from people").await, 1);
}

#[actix_web::test]
async fn a_payment_vendor_that_is_down_keeps_only_its_own_part_waiting() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    let trail = leave(&app, &ada, "Ada Lovelace").await;
    let asked = ask(&ada).await;
    app.fault(Fault::always("stripe", "server_error").with(json!({"method": "DELETE"})));
    erase(&app).await;
    let waiting = receipt(&app, &asked).await.expect_status(200).json();
    assert_eq!(
        (&waiting["status"], &waiting["step"], &waiting["tries"]),
        (&json!("running"), &json!("vendor"), &json!(1))
    );
    let rest: Vec<String> = trail.found(&app).await.into_iter().filter(|line| !line.contains("cus_")).collect();
    assert!(rest.is_empty(), "{rest:#?}");
    assert!(!run::step(&app.app).await.expect("a step"), "not again at once");
    app.faults.clear();
    // Done there, and nobody heard it: a second time it is not there any more.
    app.fault(Fault::once("stripe", "answer_lost").with(json!({"method": "DELETE"})));
    app.app.clock.advance(TimeDelta::minutes(1));
    erase(&app).await;
    assert_eq!(receipt(&app, &asked).await.json()["status"], "finished");
    assert!(trail.found(&app).await.is_empty());
}

#[actix_web::test]
async fn two_processes_at_once_erase_once() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    let trail = leave(&app, &ada, "Ada Lovelace").await;
    ask(&ada).await;
    let other = App::build(app.app.settings.clone(), Clock::default()).await.expect("an app");
    other.clock.follow(other.db.house()).await.expect("the time");
    let (one, two) = tokio::join!(run::step(&app.app), run::step(&other));
    assert!(one.expect("a step") ^ two.expect("a step"), "exactly one of them has it");
    assert!(trail.found(&app).await.is_empty());
    assert_eq!(number(&app, "select attempt::bigint from erasures").await, 1);
    assert_eq!(
        number(
            &app,
            "select count(*) from gem_transfers where kind = 'erasure' and credit = 'forfeited' and debit = 'free'"
        )
        .await,
        1
    );
    let deleted = app.stripe.requests().into_iter().filter(|one| one.method == "DELETE").count();
    assert_eq!(deleted, 1);
}

#[actix_web::test]
async fn a_run_that_ends_after_its_person_is_gone_leaves_nothing_in_storage() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    ada.submit(&json!({"prompt": "A late fox", "quality": "low"})).await.expect_status(202);
    let job = queue::claim(&app.app).await.expect("the queue").expect("a job");
    let (person, _) = ids_of(&app, "ada.lovelace@example.test").await;
    let person: Uuid = person.parse().expect("an id");
    ask(&ada).await;
    erase(&app).await;
    lapidary::generation::run::run(&app.app, &job).await.expect("a run");
    let left = objects(&app, person).await;
    assert!(left.is_empty(), "{left:?}");
    audit(&app).await;
}

#[actix_web::test]
async fn receipts_go_after_thirty_days_and_leave_a_trace() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    let asked = ask(&ada).await;
    erase(&app).await;
    app.app.clock.advance(TimeDelta::days(29));
    schedule::keep_house(&app.app).await;
    receipt(&app, &asked).await.expect_status(200);
    app.app.clock.advance(TimeDelta::days(2));
    schedule::keep_house(&app.app).await;
    receipt(&app, &asked).await.expect_problem(404, "not-found");
    assert_eq!(number(&app, "select sum(deleted)::bigint from sweep_runs where kind = 'erasures'").await, 1);
}

#[actix_web::test]
async fn an_operator_erases_whom_they_are_asked_to_and_the_trail_forgets_who_it_was() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    let trail = leave(&app, &ada, "Ada Lovelace").await;
    let (settings, db, clock) = (&app.app.settings, &app.app.db, &app.app.clock);
    assert!(command::erase("nobody@example.test", true, settings, db, clock).await.is_err());
    let said = command::erase(" Ada.Lovelace@example.test", true, settings, db, clock).await.expect("begun");
    assert!(said.contains("is being erased") && said.contains("/erased#"), "{said}");
    assert_eq!(number(&app, "select count(*) from audit_log where act = 'erase' and subject is not null").await, 1);
    erase(&app).await;
    let found = trail.found(&app).await;
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(number(&app, "select count(*) from audit_log where act = 'erase' and subject is null").await, 1);
}
