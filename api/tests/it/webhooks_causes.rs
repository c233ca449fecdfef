//! What makes a webhook, and what makes none: low gems each time anew, whatever ends a generation, and nothing that was
//! taken back.
use chrono::TimeDelta;
use lapidary::generation::give_up;
use lapidary::webhooks::run;
use lapidary::work::queue;
use lapidary_contract::{GemsAreLow, GenerationEnded};
use serde_json::{Value, json};
use sqlx::Executor;

use crate::admin::{adjust, operator};
use crate::crash::number;
use crate::harness::{self, Person, TestApp};
use crate::ledger_rows::{actor, give, made_at};
use crate::payments::{buy, intent_of};
use crate::providers::{bring_down, later};
use crate::webhook_receiver::{Receiver, endpoint, post_empty};

fn fox() -> Value {
    json!({"prompt": "A fox crossing a frozen river", "quality": "low", "size": "816x816"})
}

async fn send_all(app: &TestApp) {
    while run::step(&app.app).await.expect("a step") > 0 {}
}

/// All that was told of this type, oldest first.
fn told(receiver: &Receiver, kind: &str) -> Vec<Value> {
    let heard = receiver.heard();
    heard.iter().filter(|one| one.kind() == kind).map(|one| one.json()["data"].clone()).collect()
}

fn remaining(receiver: &Receiver) -> Vec<i64> {
    let of = |data| serde_json::from_value::<GemsAreLow>(data).expect("as documented").remaining;
    told(receiver, "gems.low").into_iter().map(of).collect()
}

async fn unread_notices(app: &TestApp) -> i64 {
    number(app, "select count(*) from notices where kind = 'gems_low' and read_at is null").await
}

#[actix_web::test]
async fn low_gems_are_told_each_time_that_they_become_low_though_nobody_reads_notices() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    endpoint(&person, &receiver, &["gems.low"]).await;
    let me = actor(&person).await;
    let price = person.post("/v1/quotes", &fox()).await.json()["price_gems"].as_i64().expect("a price");
    let spent = person.remaining().await - price - 19;
    made_at(&app, me, app.app.clock.now(), "gpt-image-2", spent, 1).await;
    let mut expected = Vec::new();
    for _ in 0..3 {
        person.make(&fox()).await;
        send_all(&app).await;
        expected.push(19);
        assert_eq!(remaining(&receiver), expected);
        give(&app, me, price).await;
    }
    person.make(&fox()).await;
    person.make(&fox()).await;
    send_all(&app).await;
    expected.push(19);
    assert_eq!(remaining(&receiver), expected, "low before and after is nothing new");
    let subjects = "select count(distinct subject) from webhook_deliveries where event_type = 'gems.low'";
    assert_eq!(number(&app, subjects).await, 4, "each is its own");
    assert_eq!(unread_notices(&app).await, 1, "the person is told once until they have read it");
    let noticed = "select count(*) from webhook_deliveries d join notices n on n.id = d.subject";
    assert_eq!(number(&app, noticed).await, 1, "the one with a notice has its id");
}

#[actix_web::test]
async fn gems_that_an_operator_or_a_refund_takes_make_them_low_too() {
    let app = harness::start().await;
    let (ada, person) = (operator(&app, "Ada Lovelace").await, app.person("Grace Hopper").await);
    let receiver = Receiver::start();
    endpoint(&person, &receiver, &["gems.low"]).await;
    let me = actor(&person).await;
    for (key, gems) in [("a", -20), ("b", -11), ("c", -1), ("d", 30)] {
        adjust(&ada, me.person_id, key, &json!({"gems": gems, "reason": "A test"})).await.expect_status(201);
    }
    // The same again moves nothing, and tells nothing.
    adjust(&ada, me.person_id, "b", &json!({"gems": -11, "reason": "A test"})).await.expect_status(200);
    send_all(&app).await;
    assert_eq!(remaining(&receiver), [19], "of 50, 30, 19, 18 and 48");
    adjust(&ada, me.person_id, "e", &json!({"gems": -38, "reason": "A test"})).await.expect_status(201);
    let begun = buy(&person, "pouch").await;
    app.stripe.refund(&intent_of(&app, &begun), Some(100)).expect("refunded");
    app.stripe.all_is_delivered().await;
    send_all(&app).await;
    assert_eq!(remaining(&receiver), [19, 10], "a part of it leaves enough");
    app.stripe.refund(&intent_of(&app, &begun), None).expect("refunded");
    app.stripe.all_is_delivered().await;
    send_all(&app).await;
    assert_eq!(remaining(&receiver), [19, 10, 10]);
    assert_eq!(unread_notices(&app).await, 1);
}

fn failed(receiver: &Receiver) -> Vec<(String, Option<String>)> {
    let of = |data| {
        let ended: GenerationEnded = serde_json::from_value(data).expect("as documented");
        (ended.status.name().to_owned(), ended.failure_code.map(|code| code.name().to_owned()))
    };
    told(receiver, "generation.failed").into_iter().map(of).collect()
}

#[actix_web::test]
async fn what_loses_its_worker_too_often_is_told_as_failed() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    endpoint(&person, &receiver, &[]).await;
    person.submit(&fox()).await.expect_status(202);
    for _ in 0..6 {
        assert_eq!(number(&app, "select count(*) from webhook_deliveries").await, 0);
        queue::claim(&app.app).await.expect("the queue").expect("a job");
        app.app.clock.advance(TimeDelta::seconds(queue::LEASE_SECONDS + 1));
        queue::sweep(&app.app).await.expect("a sweep");
    }
    send_all(&app).await;
    assert_eq!(failed(&receiver), [("failed".to_owned(), Some("internal".to_owned()))]);
    assert_eq!(receiver.heard().len(), 1);
}

#[actix_web::test]
async fn what_waits_too_long_for_a_provider_is_told_as_failed() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    endpoint(&person, &receiver, &[]).await;
    for _ in 0..3 {
        person.submit(&fox()).await.expect_status(202);
    }
    bring_down(&app).await;
    later(&app, 16 * 60);
    give_up::give_up(&app.app).await.expect("a sweep");
    send_all(&app).await;
    let busy = ("failed".to_owned(), Some("model_busy".to_owned()));
    assert_eq!(failed(&receiver), [busy.clone(), busy.clone(), busy]);
}

#[actix_web::test]
async fn what_a_deletion_stopped_is_told_when_it_was_undone() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    endpoint(&ada, &receiver, &[]).await;
    let queued = ada.submit(&fox()).await.expect_status(202).json();
    let events = number(&app, "select count(*) from events where kind = 'generation'").await;
    ada.delete("/v1/me").await.expect_status(202);
    assert!(number(&app, "select count(*) from events where kind = 'generation'").await > events, "pages hear of it");
    send_all(&app).await;
    assert_eq!(receiver.heard().len(), 0, "who leaves is told nothing");
    let token = ada.browser.refresh().await.expect("still signed in");
    let ada = Person { app: &app, browser: ada.browser, token };
    ada.delete("/v1/me/erasure").await.expect_status(204);
    send_all(&app).await;
    assert_eq!(failed(&receiver), [("cancelled".to_owned(), None)]);
    assert_eq!(told(&receiver, "generation.failed")[0]["id"], queued["id"]);
}

#[actix_web::test]
async fn nothing_is_told_of_what_was_taken_back() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    endpoint(&person, &receiver, &[]).await;
    let queued = person.submit(&fox()).await.expect_status(202).json();
    let path = format!("/v1/generations/{}/cancel", queued["id"].as_str().expect("an id"));
    let mut sql = app.sql().await;
    // Everything goes well until the very end of the transaction.
    for statement in [
        "create function refuse_it() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$",
        "create constraint trigger refuse_it after update on generations deferrable initially deferred
           for each row execute function refuse_it()",
    ] {
        sql.execute(statement).await.expect("made");
    }
    post_empty(&person, &path).await.expect_problem(500, "internal");
    assert_eq!(number(&app, "select count(*) from webhook_deliveries").await, 0);
    assert_eq!(person.generation(queued["id"].as_str().expect("an id")).await["status"], "queued");
    sql.execute("drop trigger refuse_it on generations").await.expect("dropped");
    post_empty(&person, &path).await.expect_status(200);
    send_all(&app).await;
    assert_eq!(failed(&receiver), [("cancelled".to_owned(), None)]);
}
