//! Money that goes back takes its gems with it, exactly, and money that returns brings them again.
use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};

use crate::harness::{self, Person, TestApp};
use crate::payments::{Begun, bought, buy, intent_of, notices, purchase};

fn fox() -> Value {
    json!({"prompt": "A fox crossing a frozen river", "quality": "low"})
}

fn id_of(object: &Value) -> String {
    object["id"].as_str().expect("an id").to_owned()
}

async fn refund(app: &TestApp, begun: &Begun, amount: Option<i64>) -> String {
    let refund = app.stripe.refund(&intent_of(app, begun), amount).expect("refunded");
    app.stripe.all_is_delivered().await;
    id_of(&refund)
}

async fn dispute(app: &TestApp, begun: &Begun) -> String {
    let dispute = app.stripe.dispute(&intent_of(app, begun), None).expect("disputed");
    app.stripe.all_is_delivered().await;
    id_of(&dispute)
}

async fn close(app: &TestApp, dispute: &str, is_won: bool) {
    app.stripe.close_dispute(dispute, is_won).expect("closed");
    app.stripe.all_is_delivered().await;
}

async fn debt(person: &Person<'_>) -> i64 {
    person.gems().await["debt"].as_i64().expect("gems")
}

/// Makes pictures until all free gems and at least one bought gem are spent; how many bought ones are.
async fn spend_into_bought(person: &Person<'_>) -> i64 {
    let before = bought(person).await;
    let body = json!({"prompt": "A whale above the clouds", "quality": "medium", "count": 4});
    while bought(person).await == before {
        let made = person.make(&body).await;
        assert_eq!(made["status"], "succeeded");
    }
    before - bought(person).await
}

#[actix_web::test]
async fn refunds_of_thirty_percent_thirty_percent_and_the_rest_take_exactly_all() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = buy(&person, "pouch").await;
    for (amount, left) in [(Some(150), 280), (Some(150), 160), (None, 0)] {
        refund(&app, &begun, amount).await;
        assert_eq!((bought(&person).await, debt(&person).await), (left, 0));
    }
    let purchase = purchase(&person, &begun).await;
    assert_eq!((&purchase["clawed_back_gems"], &purchase["refunded_amount"]), (&json!(400), &json!(499)));
    assert_eq!((&purchase["status"], &purchase["credited_gems"]), (&json!("paid"), &json!(400)));
    assert_eq!(person.gems().await["purchased"], 0);
    assert_eq!(notices(&app).await, ["refunded", "refunded", "refunded"]);
}

#[actix_web::test]
async fn a_refund_that_fails_or_is_cancelled_restores_its_gems() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = buy(&person, "pouch").await;
    let first = refund(&app, &begun, None).await;
    assert_eq!(bought(&person).await, 0);
    app.stripe.settle_refund(&first, false).expect("it fails");
    app.stripe.all_is_delivered().await;
    assert_eq!((bought(&person).await, person.gems().await["purchased"].as_i64()), (400, Some(400)));
    let second = app.stripe.refund_pending(&intent_of(&app, &begun), Some(250)).expect("on its way");
    app.stripe.all_is_delivered().await;
    assert_eq!(bought(&person).await, 200);
    app.stripe.cancel_refund(&id_of(&second)).expect("cancelled");
    app.stripe.all_is_delivered().await;
    assert_eq!(bought(&person).await, 400);
    assert_eq!(notices(&app).await, ["refunded", "refund_failed", "refunded", "refund_failed"]);
}

#[actix_web::test]
async fn a_dispute_that_is_won_gives_back() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = buy(&person, "pouch").await;
    let disputed = dispute(&app, &begun).await;
    assert_eq!((bought(&person).await, purchase(&person, &begun).await["disputed_amount"].as_i64()), (0, Some(499)));
    close(&app, &disputed, true).await;
    assert_eq!((bought(&person).await, purchase(&person, &begun).await["disputed_amount"].as_i64()), (400, Some(0)));
    assert_eq!(notices(&app).await, ["dispute_opened", "dispute_won"]);
}

#[actix_web::test]
async fn an_inquiry_takes_nothing_until_it_becomes_a_dispute() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = buy(&person, "pouch").await;
    let inquiry = app.stripe.inquire(&intent_of(&app, &begun)).expect("an inquiry");
    app.stripe.all_is_delivered().await;
    assert_eq!(bought(&person).await, 400);
    app.stripe.escalate(&id_of(&inquiry)).expect("a dispute");
    app.stripe.all_is_delivered().await;
    assert_eq!(bought(&person).await, 0);
}

#[actix_web::test]
async fn a_dispute_lost_with_gems_spent_becomes_debt_blocks_spending_and_the_next_purchase_settles_it() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = buy(&person, "pouch").await;
    let spent = spend_into_bought(&person).await;
    let disputed = dispute(&app, &begun).await;
    assert_eq!((bought(&person).await, debt(&person).await), (0, spent));
    close(&app, &disputed, false).await;
    assert_eq!(debt(&person).await, spent);
    let refused = person.submit(&fox()).await.expect_problem(402, "insufficient-gems");
    assert_eq!((refused["debt"].as_i64(), refused["available"].as_i64()), (Some(spent), Some(0)));
    assert_eq!(notices(&app).await, ["dispute_opened", "debt", "dispute_lost"]);
    buy(&person, "casket").await;
    assert_eq!((bought(&person).await, debt(&person).await), (1_800 - spent, 0));
    let rows = person.get("/v1/gems/transfers").await.json();
    let rows = rows["data"].as_array().expect("rows").clone();
    let settled: Vec<i64> =
        rows.iter().filter(|row| row["kind"] == "debt_settlement").filter_map(|row| row["amount"].as_i64()).collect();
    assert_eq!(settled, [spent]);
    person.submit(&fox()).await.expect_status(202);
    app.work().await;
}

#[actix_web::test]
async fn gems_that_are_held_stay_and_settle_the_debt_when_they_come_back() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = buy(&person, "pouch").await;
    spend_into_bought(&person).await;
    let free = person.gems().await["free"].as_i64().expect("gems");
    assert_eq!(free, 0, "only bought gems are left");
    let left = bought(&person).await;
    let queued = person.submit(&fox()).await.expect_status(202).json();
    let price = queued["price_gems"].as_i64().expect("a price");
    let spent = 400 - left;
    dispute(&app, &begun).await;
    let gems = person.gems().await;
    assert_eq!((gems["held"].as_i64(), gems["debt"].as_i64()), (Some(price), Some(spent + price)));
    let path = format!("/v1/generations/{}/cancel", id_of(&queued));
    person.post(&path, &json!({})).await.expect_status(200);
    let gems = person.gems().await;
    assert_eq!(
        (gems["held"].as_i64(), gems["debt"].as_i64(), gems["bought"].as_i64()),
        (Some(0), Some(spent), Some(0))
    );
}

#[actix_web::test]
async fn a_failed_picture_settles_the_debt_with_what_was_held_for_it() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = buy(&person, "pouch").await;
    let spent = spend_into_bought(&person).await;
    let queued = person.submit(&fox()).await.expect_status(202).json();
    dispute(&app, &begun).await;
    app.fault(Fault::once("openai", "moderation_blocked"));
    app.work().await;
    assert_eq!(person.generation(&id_of(&queued)).await["status"], "failed");
    assert_eq!((bought(&person).await, debt(&person).await), (0, spent));
}

#[actix_web::test]
async fn debt_is_not_settled_by_free_gems() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let begun = buy(&person, "pouch").await;
    let spent = spend_into_bought(&person).await;
    refund(&app, &begun, None).await;
    assert_eq!(debt(&person).await, spent);
    let account = crate::isolation::ids_of(&app, "ada.lovelace@example.test").await.1.parse().expect("a uuid");
    let mut tx = app.app.db.begin_house().await.expect("a transaction");
    let now = app.app.clock.now();
    lapidary::gems::ledger::grant(&mut tx, account, uuid::Uuid::now_v7(), 1_000, now).await.expect("granted");
    tx.commit().await.expect("a commit");
    let gems = person.gems().await;
    assert_eq!((gems["free"].as_i64(), gems["debt"].as_i64()), (Some(1_000), Some(spent)));
    person.submit(&fox()).await.expect_problem(402, "insufficient-gems");
}
