//! What the webhook does not bring is found all the same: by who asks, and by the job.
use chrono::TimeDelta;
use lapidary::payments::reconcile::{self, Run};
use lapidary_sandbox::faults::Fault;
use serde_json::json;

use crate::harness::{self, TestApp};
use crate::payments::{begin, bought, buy, intent_of, lose_webhooks, purchase, sync};

async fn run_after(app: &TestApp, rest: TimeDelta) -> Option<Run> {
    let payments = app.app.payments.as_ref().expect("payments");
    reconcile::reconcile(&app.app, payments, app.app.clock.now(), rest).await.expect("it runs")
}

async fn run(app: &TestApp) -> Run {
    app.app.clock.advance(TimeDelta::seconds(1));
    run_after(app, TimeDelta::zero()).await.expect("nobody else is at it")
}

/// Of the one person there is: access tokens do not live as long as these stories.
async fn all_bought(app: &TestApp) -> i64 {
    sqlx::query_scalar("select bought from gem_accounts").fetch_one(&mut app.sql().await).await.expect("gems")
}

/// As if every event so far had been told.
async fn know_all_events(app: &TestApp) {
    let mut sql = app.sql().await;
    for event in app.stripe.objects("event") {
        sqlx::query(
            "insert into payment_events (id, kind, heard_by, created_at, received_at) values ($1, 'x', 'webhook', now(), now())
             on conflict do nothing",
        )
        .bind(event["id"].as_str().expect("an id"))
        .execute(&mut sql)
        .await
        .expect("known");
    }
}

#[actix_web::test]
async fn what_is_paid_and_not_told_is_found_by_sync() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    lose_webhooks(&app);
    let begun = begin(&person, "pouch").await;
    app.stripe.pay(&begun.session).expect("paid");
    app.stripe.all_is_delivered().await;
    assert_eq!(bought(&person).await, 0);
    assert_eq!(sync(&person, &begun).await["status"], "paid");
    assert_eq!(bought(&person).await, 400);
    sync(&person, &begun).await;
    assert_eq!(bought(&person).await, 400);
}

#[actix_web::test]
async fn what_is_paid_refunded_and_disputed_and_not_told_is_found_by_the_job() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    lose_webhooks(&app);
    let (first, second) = (begin(&person, "pouch").await, begin(&person, "casket").await);
    for begun in [&first, &second] {
        app.stripe.pay(&begun.session).expect("paid");
    }
    app.stripe.all_is_delivered().await;
    let found = run(&app).await;
    assert_eq!((bought(&person).await, found.mended, found.failures), (2_200, 2, 0));
    app.stripe.refund(&intent_of(&app, &first), Some(150)).expect("refunded");
    app.stripe.dispute(&intent_of(&app, &second), None).expect("disputed");
    app.stripe.all_is_delivered().await;
    let found = run(&app).await;
    assert_eq!((bought(&person).await, found.mended), (280, 2));
    let again = run(&app).await;
    assert_eq!((bought(&person).await, again.mended, again.events_read), (280, 0, 0));
}

#[actix_web::test]
async fn an_unfinished_purchase_is_read_again_although_no_event_tells_of_it() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    lose_webhooks(&app);
    let begun = begin(&person, "pouch").await;
    app.stripe.pay(&begun.session).expect("paid");
    app.stripe.all_is_delivered().await;
    know_all_events(&app).await;
    assert_eq!((run(&app).await.purchases_read, all_bought(&app).await), (0, 0), "the buyer may still be typing");
    app.app.clock.advance(TimeDelta::minutes(11));
    let found = run(&app).await;
    assert_eq!((found.purchases_read, found.mended, all_bought(&app).await), (1, 1, 400));
}

#[actix_web::test]
async fn a_paid_purchase_is_read_again_every_week_for_a_year() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = buy(&person, "pouch").await;
    lose_webhooks(&app);
    app.stripe.refund(&intent_of(&app, &begun), None).expect("refunded");
    app.stripe.all_is_delivered().await;
    know_all_events(&app).await;
    app.app.clock.advance(TimeDelta::days(6));
    assert_eq!(run(&app).await.purchases_read, 0);
    app.app.clock.advance(TimeDelta::days(2));
    let found = run(&app).await;
    assert_eq!((found.purchases_read, found.mended), (1, 1));
    assert_eq!(all_bought(&app).await, 0);
    app.app.clock.advance(TimeDelta::days(400));
    assert_eq!(run(&app).await.purchases_read, 0);
}

#[actix_web::test]
async fn a_purchase_that_never_got_a_page_expires_after_a_day() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = begin(&person, "pouch").await;
    let mut sql = app.sql().await;
    sqlx::query("update purchases set checkout_session = null").execute(&mut sql).await.expect("forgotten");
    app.app.clock.advance(TimeDelta::hours(23));
    run(&app).await;
    let status = || async {
        let mut sql = app.sql().await;
        sqlx::query_scalar::<_, String>("select status from purchases").fetch_one(&mut sql).await.expect("a purchase")
    };
    assert_eq!(status().await, "open", "{}", begun.id);
    app.app.clock.advance(TimeDelta::hours(2));
    run(&app).await;
    assert_eq!(status().await, "expired");
}

#[actix_web::test]
async fn one_process_at_a_time_reconciles_and_not_more_often_than_it_should() {
    let app = harness::start().await;
    let hour = TimeDelta::hours(1);
    let (one, other) = tokio::join!(run_after(&app, hour), run_after(&app, hour));
    assert_eq!([one, other].iter().filter(|run| run.is_some()).count(), 1);
    assert!(run_after(&app, hour).await.is_none());
    app.app.clock.advance(TimeDelta::minutes(61));
    assert!(run_after(&app, hour).await.is_some());
    // One that died with its process holds nobody up for ever.
    let mut sql = app.sql().await;
    sqlx::query("update reconcile_runs set finished_at = null").execute(&mut sql).await.expect("unfinished");
    assert!(run_after(&app, TimeDelta::zero()).await.is_none());
    app.app.clock.advance(TimeDelta::minutes(21));
    assert!(run_after(&app, TimeDelta::zero()).await.is_some());
}

#[actix_web::test]
async fn events_that_could_not_be_read_are_read_by_the_next_run() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    run(&app).await;
    lose_webhooks(&app);
    let begun = begin(&person, "pouch").await;
    app.stripe.pay(&begun.session).expect("paid");
    app.stripe.all_is_delivered().await;
    app.fault(Fault::always("stripe", "server_error").with(json!({"path": "/v1/events"})));
    assert_eq!((run(&app).await.failures, bought(&person).await), (1, 0));
    app.faults.clear();
    lose_webhooks(&app);
    assert_eq!((run(&app).await.failures, bought(&person).await), (0, 400));
    assert_eq!(purchase(&person, &begun).await["status"], "paid");
}

#[actix_web::test]
async fn a_purchase_made_with_other_keys_holds_nobody_up() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    lose_webhooks(&app);
    for _ in 0..6 {
        begin(&person, "casket").await;
    }
    let mut sql = app.sql().await;
    sqlx::query("update purchases set checkout_session = 'cs_gone_' || id")
        .execute(&mut sql)
        .await
        .expect("other keys");
    let begun = begin(&person, "pouch").await;
    app.stripe.pay(&begun.session).expect("paid");
    app.stripe.all_is_delivered().await;
    know_all_events(&app).await;
    app.app.clock.advance(TimeDelta::hours(25));
    let found = run(&app).await;
    assert_eq!((found.failures, found.mended, all_bought(&app).await), (6, 1, 400));
    let again = run(&app).await;
    assert_eq!((again.failures, again.purchases_read), (0, 0), "they have expired");
}
