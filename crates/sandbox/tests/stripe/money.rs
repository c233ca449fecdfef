//! Refunds and disputes: never more than the charge, and every movement where the vendor books it.
use serde_json::{Value, json};

use crate::shop::{Shop, id, open};

async fn refunded(shop: &Shop, intent: &str, amount: &str) -> (u16, Value) {
    shop.post("/v1/refunds", &[("payment_intent", intent), ("amount", amount)]).await
}

fn charge_of(shop: &Shop, intent: &str) -> Value {
    let intent = shop.stripe.object(intent).unwrap();
    shop.stripe.object(intent["latest_charge"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn refunds_add_up_to_the_charge_and_never_to_more() {
    let shop = open().await;
    let (_, intent) = shop.paid(&[]).await;
    for (amount, status, total, is_whole) in [
        ("600", 200, 600, false),
        ("1400", 400, 600, false),
        ("600", 200, 1200, false),
        ("799", 200, 1999, true),
        ("1", 400, 1999, true),
    ] {
        assert_eq!(refunded(&shop, &intent, amount).await.0, status, "{amount}");
        let charge = charge_of(&shop, &intent);
        assert_eq!((&charge["amount_refunded"], &charge["refunded"]), (&json!(total), &json!(is_whole)));
    }
    let (_, body) = shop.post("/v1/refunds", &[("payment_intent", &intent)]).await;
    assert_eq!(body["error"]["code"], "charge_already_refunded");
    let listed = shop.read(&format!("/v1/refunds?payment_intent={intent}&limit=2")).await;
    assert_eq!((listed["data"].as_array().unwrap().len(), &listed["has_more"]), (2, &json!(true)));
    let charge = id(&charge_of(&shop, &intent));
    assert_eq!(shop.read(&format!("/v1/refunds?charge={charge}")).await["data"].as_array().unwrap().len(), 3);
    let heard = shop.heard();
    assert_eq!(heard[heard.len() - 2..], ["refund.created", "charge.refunded"]);
    let event = shop.stripe.objects("event").pop().unwrap();
    assert_eq!(event["data"]["previous_attributes"], json!({ "amount_refunded": 1200, "refunded": false }));
}

#[tokio::test]
async fn a_refund_without_an_amount_takes_what_is_left() {
    let shop = open().await;
    let (_, intent) = shop.paid(&[]).await;
    refunded(&shop, &intent, "500").await;
    let form = [
        ("charge", id(&charge_of(&shop, &intent))),
        ("reason", "requested_by_customer".into()),
        ("metadata[why]", "x".into()),
    ];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let rest = shop.made("/v1/refunds", &form).await;
    assert_eq!(
        (&rest["amount"], &rest["status"], &rest["payment_intent"]),
        (&json!(1499), &json!("succeeded"), &json!(intent))
    );
    assert_eq!((&rest["reason"], &rest["metadata"]), (&json!("requested_by_customer"), &json!({ "why": "x" })));
    assert_eq!(shop.read(&format!("/v1/refunds/{}", id(&rest))).await, rest);
}

#[tokio::test]
async fn refunds_refuse_what_the_vendor_refuses() {
    let shop = open().await;
    let (_, intent) = shop.paid(&[]).await;
    let (_, other) = shop.paid(&[]).await;
    let charge = id(&charge_of(&shop, &other));
    let cases: [&[(&str, &str)]; 6] = [
        &[],
        &[("payment_intent", "pi_x")],
        &[("payment_intent", &intent), ("amount", "0")],
        &[("payment_intent", &intent), ("amount", "-5")],
        &[("payment_intent", &intent), ("reason", "because")],
        &[("payment_intent", &intent), ("charge", &charge)],
    ];
    for form in cases {
        assert_eq!(shop.post("/v1/refunds", form).await.0, 400, "{form:?}");
    }
    assert!(shop.stripe.objects("refund").is_empty());
}

#[tokio::test]
async fn a_pending_refund_counts_until_it_fails() {
    let shop = open().await;
    let (_, intent) = shop.paid(&[]).await;
    let pending = shop.stripe.refund_pending(&intent, Some(1000)).unwrap();
    assert_eq!((&pending["status"], &pending["pending_reason"]), (&json!("pending"), &json!("processing")));
    assert_eq!(charge_of(&shop, &intent)["amount_refunded"], 1000);
    let failed = shop.stripe.settle_refund(&id(&pending), false).unwrap();
    assert_eq!((&failed["status"], failed.get("pending_reason")), (&json!("failed"), None));
    assert!(failed["failure_balance_transaction"].is_string() && failed["failure_reason"].is_string());
    assert_eq!(charge_of(&shop, &intent)["amount_refunded"], 0);
    let heard = shop.heard();
    assert_eq!(heard[heard.len() - 3..], ["refund.updated", "charge.refund.updated", "refund.failed"]);
    assert!(shop.stripe.settle_refund(&id(&pending), true).is_err(), "failed stays failed");
}

#[tokio::test]
async fn a_pending_refund_arrives_and_one_that_arrived_can_still_come_back() {
    let shop = open().await;
    let (_, intent) = shop.paid(&[]).await;
    let refund = id(&shop.stripe.refund_pending(&intent, None).unwrap());
    assert_eq!(shop.stripe.settle_refund(&refund, true).unwrap()["status"], "succeeded");
    assert_eq!(charge_of(&shop, &intent)["refunded"], true);
    assert_eq!(shop.stripe.settle_refund(&refund, false).unwrap()["status"], "failed");
    assert_eq!(charge_of(&shop, &intent)["refunded"], false);
    let cancelled = id(&shop.stripe.refund_pending(&intent, Some(5)).unwrap());
    assert_eq!(shop.stripe.cancel_refund(&cancelled).unwrap()["status"], "canceled");
    assert_eq!(charge_of(&shop, &intent)["amount_refunded"], 0);
}

#[tokio::test]
async fn a_refund_that_was_asked_for_through_the_api_can_be_told_to_wait() {
    let shop = open().await;
    let (_, intent) = shop.paid(&[]).await;
    shop.faults.set(lapidary_sandbox::faults::Fault::once("stripe", "refund_pending"));
    assert_eq!(refunded(&shop, &intent, "5").await.1["status"], "pending");
    assert_eq!(refunded(&shop, &intent, "5").await.1["status"], "succeeded");
}

fn moved(dispute: &Value) -> Vec<(i64, &str)> {
    let all = dispute["balance_transactions"].as_array().unwrap();
    all.iter().map(|one| (one["amount"].as_i64().unwrap(), one["reporting_category"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_dispute_withdraws_at_once_and_winning_it_reinstates() {
    let shop = open().await;
    let (_, intent) = shop.paid(&[]).await;
    let dispute = id(&shop.stripe.dispute(&intent, None).unwrap());
    let open_one = shop.read(&format!("/v1/disputes/{dispute}")).await;
    assert_eq!((&open_one["status"], &open_one["amount"]), (&json!("needs_response"), &json!(1999)));
    assert_eq!(moved(&open_one), [(-1999, "dispute")]);
    assert_eq!(charge_of(&shop, &intent)["disputed"], true);
    assert_eq!(refunded(&shop, &intent, "1").await.1["error"]["code"], "charge_disputed");
    assert!(shop.stripe.dispute(&intent, None).is_err(), "one at a time");

    shop.stripe.close_dispute(&dispute, true).unwrap();
    let listed = shop.read(&format!("/v1/disputes?payment_intent={intent}")).await;
    assert_eq!(listed["data"][0]["status"], "won");
    assert_eq!(moved(&listed["data"][0]), [(-1999, "dispute"), (1999, "dispute_reversal")]);
    assert!(shop.stripe.close_dispute(&dispute, false).is_err());
    assert_eq!(refunded(&shop, &intent, "1").await.0, 200, "what came back can be refunded");
    let heard = shop.heard();
    let at = heard.iter().position(|kind| kind == "charge.dispute.created").unwrap();
    let wanted =
        ["created", "funds_withdrawn", "closed", "funds_reinstated"].map(|end| format!("charge.dispute.{end}"));
    assert_eq!(heard[at..at + 4], wanted);
}

#[tokio::test]
async fn a_lost_dispute_keeps_what_it_took() {
    let shop = open().await;
    let (_, intent) = shop.paid(&[]).await;
    shop.stripe.refund(&intent, Some(999)).unwrap();
    let dispute = shop.stripe.dispute(&intent, None).unwrap();
    assert_eq!(dispute["amount"], 1000, "what the refunds left");
    let lost = shop.stripe.close_dispute(&id(&dispute), false).unwrap();
    assert_eq!((&lost["status"], moved(&lost)), (&json!("lost"), vec![(-1000, "dispute")]));
    let charge = id(&charge_of(&shop, &intent));
    assert_eq!(shop.read(&format!("/v1/disputes?charge={charge}")).await["data"].as_array().unwrap().len(), 1);
    assert!(shop.stripe.refund(&intent, None).is_err());
}

#[tokio::test]
async fn an_inquiry_moves_no_money_unless_it_becomes_a_dispute() {
    let shop = open().await;
    let (_, intent) = shop.paid(&[]).await;
    let asked = shop.stripe.inquire(&intent).unwrap();
    assert_eq!((&asked["status"], moved(&asked)), (&json!("warning_needs_response"), vec![]));
    let escalated = shop.stripe.escalate(&id(&asked)).unwrap();
    assert_eq!((&escalated["status"], moved(&escalated)), (&json!("needs_response"), vec![(-1999, "dispute")]));
    let (_, other) = shop.paid(&[]).await;
    let asked = shop.stripe.inquire(&other).unwrap();
    let closed = shop.stripe.close_dispute(&id(&asked), true).unwrap();
    assert_eq!((&closed["status"], moved(&closed)), (&json!("warning_closed"), vec![]));
}

#[tokio::test]
async fn the_balance_is_the_sum_of_all_movements() {
    let shop = open().await;
    let (_, intent) = shop.paid(&[]).await;
    let fee = 1999 * 29 / 1000 + 30;
    let now = async || shop.read("/v1/balance").await["available"][0]["amount"].as_i64().unwrap();
    assert_eq!(now().await, 1999 - fee);
    shop.stripe.refund(&intent, Some(500)).unwrap();
    let dispute = id(&shop.stripe.dispute(&intent, None).unwrap());
    assert_eq!(now().await, -fee - 1500);
    shop.stripe.close_dispute(&dispute, true).unwrap();
    assert_eq!(now().await, 1499 - fee - 1500);
}
