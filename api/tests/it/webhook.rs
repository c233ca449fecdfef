//! The payment webhook: only what the vendor signed is read, each event counts once, and what it does not know harms nobody.
use futures_util::future::join_all;
use lapidary::payments::post::{self, Outcome, Terms};
use lapidary::payments::post_queries;
use lapidary::payments::reading::Reading;
use lapidary_sandbox::faults::Fault;
use lapidary_sandbox::stripe::sign;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{self, Answer, TestApp};
use crate::payments::{begin, bought, buy, intent_of, lose_webhooks, purchase, sync};

async fn deliver(app: &TestApp, signature: &str, body: &str) -> Answer {
    let request = reqwest::Client::new().post(format!("{}/v1/stripe/webhook", app.url));
    let request = request.header("Stripe-Signature", signature).header("Content-Type", "application/json");
    Answer::of(request.body(body.to_owned()).send().await).await
}

fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

async fn deliver_signed(app: &TestApp, body: &str) -> Answer {
    deliver(app, &sign(&app.stripe.webhook_secret, now(), body), body).await
}

/// The newest event of a kind, as the vendor would send it.
fn event(app: &TestApp, kind: &str) -> Value {
    app.stripe.objects("event").into_iter().rev().find(|event| event["type"] == kind).expect(kind)
}

async fn heard(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from payment_events").fetch_one(&mut app.sql().await).await.expect("a count")
}

async fn trouble(app: &TestApp) -> Option<String> {
    sqlx::query_scalar("select trouble from purchases").fetch_one(&mut app.sql().await).await.expect("a purchase")
}

#[actix_web::test]
async fn the_same_event_ten_times_in_parallel_credits_once() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    lose_webhooks(&app);
    let begun = begin(&person, "pouch").await;
    app.stripe.pay(&begun.session).expect("paid");
    app.stripe.all_is_delivered().await;
    assert_eq!(bought(&person).await, 0);
    let body = event(&app, "checkout.session.completed").to_string();
    for answer in join_all((0..10).map(|_| deliver_signed(&app, &body))).await {
        answer.expect_status(200);
    }
    assert_eq!((bought(&person).await, heard(&app).await), (400, 1));
    deliver_signed(&app, &body).await.expect_status(200);
    assert_eq!((bought(&person).await, heard(&app).await), (400, 1));
}

#[actix_web::test]
async fn duplicated_and_reordered_deliveries_end_in_the_same_balance() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    app.fault(Fault::always("stripe", "webhook_duplicated").with(3));
    let begun = buy(&person, "pouch").await;
    app.faults.clear();
    app.fault(Fault::always("stripe", "webhook_reordered").with(0.2));
    app.stripe.refund(&intent_of(&app, &begun), Some(150)).expect("refunded");
    app.stripe.all_is_delivered().await;
    assert_eq!(bought(&person).await, 280);
}

#[actix_web::test]
async fn only_what_the_vendor_signed_within_five_minutes_is_read() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    lose_webhooks(&app);
    let begun = begin(&person, "pouch").await;
    app.stripe.pay(&begun.session).expect("paid");
    app.stripe.all_is_delivered().await;
    let event = event(&app, "checkout.session.completed");
    let (body, secret) = (event.to_string(), app.stripe.webhook_secret.clone());
    let again = serde_json::to_string_pretty(&event).expect("JSON");
    let at = now();
    let good = sign(&secret, at, &body);
    for (signature, body, why) in [
        (String::new(), &body, "no signature"),
        (sign("whsec_another", now(), &body), &body, "another secret"),
        (sign("", now(), &body), &body, "an empty secret"),
        (sign(&secret, now() - 302, &body), &body, "too old"),
        (sign(&secret, now() + 302, &body), &body, "from the future"),
        (good.clone(), &again, "written again"),
        (good.replace("v1=", "v0="), &body, "another scheme"),
    ] {
        let problem = deliver(&app, &signature, body).await.expect_problem(400, "malformed-request");
        assert!(!problem["detail"].as_str().unwrap_or_default().contains("whsec"), "{why}");
        assert_eq!((bought(&person).await, heard(&app).await), (0, 0), "{why}");
    }
    let two = format!("{},{}", sign("whsec_another", at, &body), good.rsplit(',').next().expect("a v1"));
    deliver(&app, &two, &body).await.expect_status(200);
    assert_eq!(bought(&person).await, 400);
}

#[actix_web::test]
async fn either_of_two_secrets_is_enough_while_one_replaces_the_other() {
    let app = harness::start_with(&["--stripe-webhook-secret=whsec_new,whsec_old".into()]).await;
    let body = json!({"id": "evt_1", "type": "a.new.kind", "livemode": false}).to_string();
    for secret in ["whsec_new", "whsec_old"] {
        deliver(&app, &sign(secret, now(), &body), &body).await.expect_status(200);
    }
    deliver(&app, &sign("whsec_new,whsec_old", now(), &body), &body).await.expect_status(400);
}

#[actix_web::test]
async fn what_we_do_not_know_or_is_not_ours_is_taken_and_changes_nothing() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    buy(&person, "pouch").await;
    let before = heard(&app).await;
    let session = |id: &str, reference: Value| {
        json!({"id": format!("evt_{id}"), "object": "event", "type": "checkout.session.completed", "created": now(),
            "livemode": false, "api_version": "2031-01-01.unheard", "a_new_member": [1],
            "data": {"object": {"id": id, "client_reference_id": reference, "payment_intent": null}}})
    };
    for body in [
        json!({"id": "evt_1", "object": "event", "type": "customer.created", "livemode": false}),
        json!({"id": "evt_2", "object": "v2.core.event", "type": "v2.something", "livemode": false}),
        session("cs_of_another_shop", Value::Null),
        session("cs_of_nobody", json!(Uuid::now_v7())),
        session("cs_strange", json!("order 17")),
        json!({"id": "evt_3", "type": "refund.created", "created": now(), "livemode": false,
            "data": {"object": {"id": "re_1", "payment_intent": "pi_of_another_shop", "metadata": null}}}),
    ] {
        deliver_signed(&app, &body.to_string()).await.expect_status(200);
    }
    assert_eq!((bought(&person).await, heard(&app).await), (400, before));
    deliver_signed(&app, "no JSON").await.expect_problem(400, "malformed-request");
    let long = " ".repeat(1024 * 1024 + 1);
    deliver_signed(&app, &long).await.expect_problem(413, "payload-too-large");
}

#[actix_web::test]
async fn an_event_of_the_other_mode_is_ignored() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    lose_webhooks(&app);
    let begun = begin(&person, "pouch").await;
    app.stripe.pay(&begun.session).expect("paid");
    app.stripe.all_is_delivered().await;
    let mut live = event(&app, "checkout.session.completed");
    live["livemode"] = json!(true);
    deliver_signed(&app, &live.to_string()).await.expect_status(200);
    assert_eq!((bought(&person).await, heard(&app).await), (0, 0));
}

#[actix_web::test]
async fn an_event_that_is_not_committed_is_answered_with_an_error_and_told_again() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    app.stripe.set_first_retry(std::time::Duration::from_millis(50));
    let begun = begin(&person, "pouch").await;
    // The database refuses to write: nothing is remembered, nothing credited.
    let mut sql = app.sql().await;
    sqlx::query("alter table payment_events add constraint closed check (false)")
        .execute(&mut sql)
        .await
        .expect("closed");
    app.stripe.pay(&begun.session).expect("paid");
    let completed = || {
        let all = app.stripe.deliveries();
        all.into_iter().filter(|one| one.kind == "checkout.session.completed").map(|one| one.status).collect::<Vec<_>>()
    };
    while completed().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!((completed().first(), bought(&person).await), (Some(&Some(500)), 0));
    sqlx::query("alter table payment_events drop constraint closed").execute(&mut sql).await.expect("open");
    app.stripe.all_is_delivered().await;
    assert_eq!((completed().last(), bought(&person).await), (Some(&Some(200)), 400));
}

#[actix_web::test]
async fn a_vendor_that_does_not_answer_makes_the_event_come_again() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    lose_webhooks(&app);
    let begun = begin(&person, "pouch").await;
    app.stripe.pay(&begun.session).expect("paid");
    app.stripe.all_is_delivered().await;
    let body = event(&app, "checkout.session.completed").to_string();
    app.fault(Fault::always("stripe", "server_error").with(json!({"path": "/v1/refunds"})));
    deliver_signed(&app, &body).await.expect_problem(502, "vendor-failed");
    assert_eq!((bought(&person).await, heard(&app).await), (0, 0));
    app.faults.clear();
    deliver_signed(&app, &body).await.expect_status(200);
    assert_eq!(bought(&person).await, 400);
}

#[actix_web::test]
async fn a_currency_an_amount_or_a_mode_that_is_not_ours_is_not_credited_and_alarms() {
    for (wrong, right) in [
        (json!({"currency": "eur"}), json!({"currency": "usd"})),
        (json!({"amount_total": 498}), json!({"amount_total": 499})),
        (json!({"livemode": true}), json!({"livemode": false})),
        (json!({"client_reference_id": "another"}), Value::Null),
    ] {
        let app = harness::start().await;
        let person = app.person("Ada Lovelace").await;
        lose_webhooks(&app);
        let begun = begin(&person, "pouch").await;
        app.stripe.pay(&begun.session).expect("paid");
        app.stripe.all_is_delivered().await;
        let right = if right.is_null() { json!({"client_reference_id": begun.id}) } else { right };
        app.stripe.alter(&begun.session, wrong.clone());
        assert_eq!(sync(&person, &begun).await["status"], "pending", "{wrong}");
        assert_eq!(bought(&person).await, 0, "{wrong}");
        assert!(trouble(&app).await.is_some(), "{wrong}: nobody is told");
        app.stripe.alter(&begun.session, right);
        assert_eq!(sync(&person, &begun).await["status"], "paid", "{wrong}");
        assert_eq!((bought(&person).await, trouble(&app).await), (400, None), "{wrong}");
    }
}

#[actix_web::test]
async fn a_reading_begun_earlier_never_undoes_a_newer_one() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = buy(&person, "pouch").await;
    let id: Uuid = begun.id.parse().expect("a uuid");
    let payments = app.app.payments.as_ref().expect("payments");
    let house = app.app.db.house();
    // It looks before the refund, and comes to its posting after it.
    let early = post_queries::take_ticket(house, id).await.expect("a ticket").expect("a purchase");
    let seen = Reading::take(&payments.stripe, &begun.session).await.expect("a reading");
    app.stripe.refund(&intent_of(&app, &begun), None).expect("refunded");
    app.stripe.all_is_delivered().await;
    assert_eq!(bought(&person).await, 0);
    let terms = Terms { is_live: false, is_sent_back: false };
    let mut tx = app.app.db.begin_house().await.expect("a transaction");
    let now = app.app.clock.now();
    let outcome = post::post(&mut tx, id, early.number, &seen, terms, None, now).await.expect("an outcome");
    tx.commit().await.expect("a commit");
    assert_eq!((outcome, bought(&person).await), (Outcome::Overtaken, 0));
    assert_eq!(purchase(&person, &begun).await["clawed_back_gems"], 400);
}

#[actix_web::test]
async fn a_payment_that_comes_after_erasure_is_sent_back() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = begin(&person, "pouch").await;
    app.stripe.pay_later(&begun.session).expect("on its way");
    app.stripe.all_is_delivered().await;
    let mut sql = app.sql().await;
    sqlx::query("delete from account_links").execute(&mut sql).await.expect("the link is cut");
    app.stripe.settle_later(&begun.session, true).expect("it comes");
    app.stripe.all_is_delivered().await;
    let refunds = app.stripe.objects("refund");
    assert_eq!(refunds.iter().map(|refund| refund["amount"].as_i64()).collect::<Vec<_>>(), [Some(499)]);
    let asked = app.stripe.requests();
    let keys: Vec<_> = asked.iter().filter(|one| one.method == "POST" && one.path == "/v1/refunds").collect();
    assert!(keys.iter().all(|one| one.idempotency_key == Some(format!("erased-{}", begun.id))), "{keys:?}");
    let row: (String, i64, i64) = sqlx::query_as("select status, credited_gems, refunded_amount from purchases")
        .fetch_one(&mut sql)
        .await
        .expect("a purchase");
    assert_eq!(row, ("failed".to_owned(), 0, 499));
}
