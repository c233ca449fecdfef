//! A session from its making to its end: paid, declined, paid later, given away, expired.
use serde_json::{Value, json};

use crate::shop::{CHECKOUT, Shop, id, open};

#[tokio::test]
async fn a_new_session_is_open_unpaid_and_repeats_what_it_was_told() {
    let shop = open().await;
    let more = [
        ("cancel_url", "http://shop.test/back"),
        ("client_reference_id", "purchase-1"),
        ("metadata[purchase]", "purchase-1"),
        ("customer_email", "ada@example.test"),
        ("line_items[0][quantity]", "3"),
    ];
    let form: Vec<(&str, &str)> =
        CHECKOUT.iter().filter(|(name, _)| !name.ends_with("[quantity]")).chain(&more).copied().collect();
    let session = shop.made("/v1/checkout/sessions", &form).await;
    let seen = ["status", "payment_status", "mode", "client_reference_id", "currency", "customer_email", "ui_mode"];
    let seen: Vec<&str> = seen.iter().map(|name| session[*name].as_str().unwrap()).collect();
    assert_eq!(seen, ["open", "unpaid", "payment", "purchase-1", "usd", "ada@example.test", "hosted_page"]);
    assert_eq!((&session["amount_total"], &session["payment_intent"]), (&json!(5997), &Value::Null));
    assert_eq!(session["metadata"], json!({ "purchase": "purchase-1" }));
    assert!(id(&session).starts_with("cs_test_") && session["url"].as_str().unwrap().starts_with(&shop.stripe.url));
    assert_eq!(session["expires_at"].as_i64().unwrap() - session["created"].as_i64().unwrap(), 24 * 60 * 60);
    assert!(session.as_object().unwrap().keys().all(|name| !name.starts_with('_')), "the sandbox's notes stay here");
    let items = shop.read(&format!("/v1/checkout/sessions/{}/line_items", id(&session))).await;
    assert_eq!((&items["data"][0]["quantity"], &items["data"][0]["description"]), (&json!(3), &json!("1,800 gems")));
}

#[tokio::test]
async fn a_paid_session_is_complete_with_intent_charge_and_invoice_in_the_vendors_order() {
    let shop = open().await;
    let customer = id(&shop.made("/v1/customers", &[("email", "ada@example.test")]).await);
    let more = [
        ("customer", customer.as_str()),
        ("invoice_creation[enabled]", "true"),
        ("payment_intent_data[metadata][purchase]", "p-1"),
    ];
    let (session, intent) = shop.paid(&more).await;
    let session = shop.read(&format!("/v1/checkout/sessions/{session}?expand[]=payment_intent.latest_charge")).await;
    assert_eq!(
        (&session["status"], &session["payment_status"], &session["url"]),
        (&json!("complete"), &json!("paid"), &Value::Null)
    );
    assert_eq!(session["customer_details"]["email"], "ada@example.test");
    let (intent_seen, charge) = (&session["payment_intent"], &session["payment_intent"]["latest_charge"]);
    assert_eq!((&intent_seen["id"], &intent_seen["status"]), (&json!(intent), &json!("succeeded")));
    assert_eq!(
        (&charge["amount"], &charge["paid"], &charge["customer"]),
        (&json!(1999), &json!(true), &json!(customer))
    );
    assert_eq!(
        (&intent_seen["metadata"], &charge["metadata"]),
        (&json!({ "purchase": "p-1" }), &json!({ "purchase": "p-1" }))
    );
    let invoice = shop.read(&format!("/v1/invoices/{}", session["invoice"].as_str().unwrap())).await;
    assert_eq!((&invoice["status"], &invoice["amount_paid"]), (&json!("paid"), &json!(1999)));
    let wanted = [
        "customer.created",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
    ];
    assert_eq!(shop.heard(), wanted);
    let completed = &shop.stripe.objects("event")[4];
    assert_eq!(completed["data"]["object"]["invoice"], Value::Null, "the invoice comes after the event");
}

#[tokio::test]
async fn a_guest_pays_with_any_address_and_becomes_a_customer_only_when_asked() {
    let shop = open().await;
    let guest = shop.session(&[("customer_email", "ada@example.test")]).await;
    let paid = shop.stripe.pay_as(&guest, "somebody@else.test").unwrap();
    assert_eq!((&paid["customer"], &paid["customer_details"]["email"]), (&Value::Null, &json!("somebody@else.test")));
    assert_eq!(paid["customer_email"], "ada@example.test");
    let always = shop.session(&[("customer_creation", "always")]).await;
    let paid = shop.stripe.pay_as(&always, "grace@example.test").unwrap();
    let customer = shop.read(&format!("/v1/customers/{}", paid["customer"].as_str().unwrap())).await;
    assert_eq!(customer["email"], "grace@example.test");
    assert!(shop.stripe.pay_as(&shop.session(&[]).await, "no address").is_err());
}

#[tokio::test]
async fn a_declined_card_leaves_the_session_open_for_another_try() {
    let shop = open().await;
    let session = shop.session(&[]).await;
    let declined = shop.stripe.decline(&session).unwrap();
    assert_eq!((&declined["status"], &declined["payment_status"]), (&json!("open"), &json!("unpaid")));
    let intent = shop.read(&format!("/v1/payment_intents/{}", declined["payment_intent"].as_str().unwrap())).await;
    assert_eq!(intent["status"], "requires_payment_method");
    assert_eq!(intent["last_payment_error"]["code"], "card_declined");
    assert!(shop.stripe.refund(&id(&intent), None).is_err(), "there is nothing to refund");
    let paid = shop.stripe.pay(&session).unwrap();
    assert_eq!(paid["payment_intent"], intent["id"], "the same payment goes on");
    let wanted = [
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ];
    assert_eq!(shop.heard(), wanted);
}

#[tokio::test]
async fn a_late_payment_is_complete_and_unpaid_until_the_money_comes_or_not() {
    for (comes, status, last) in [
        (true, "paid", "checkout.session.async_payment_succeeded"),
        (false, "unpaid", "checkout.session.async_payment_failed"),
    ] {
        let shop = open().await;
        let session = shop.session(&[]).await;
        let waiting = shop.stripe.pay_later(&session).unwrap();
        assert_eq!((&waiting["status"], &waiting["payment_status"]), (&json!("complete"), &json!("unpaid")));
        let intent = waiting["payment_intent"].as_str().unwrap();
        assert_eq!(shop.stripe.object(intent).unwrap()["status"], "processing");
        assert!(shop.stripe.refund(intent, None).is_err() && shop.stripe.pay(&session).is_err());
        let settled = shop.stripe.settle_later(&session, comes).unwrap();
        assert_eq!((&settled["status"], &settled["payment_status"]), (&json!("complete"), &json!(status)));
        assert_eq!(shop.heard().last().map(String::as_str), Some(last));
        assert!(shop.stripe.settle_later(&session, true).is_err(), "it is settled once");
    }
}

#[tokio::test]
async fn what_was_given_away_needs_no_payment() {
    let shop = open().await;
    let session = shop.session(&[]).await;
    let given = shop.stripe.give_away(&session).unwrap();
    assert_eq!((&given["status"], &given["payment_status"]), (&json!("complete"), &json!("no_payment_required")));
    assert_eq!((&given["amount_total"], &given["payment_intent"]), (&json!(0), &Value::Null));
    assert_eq!(shop.heard(), ["checkout.session.completed"]);
}

#[tokio::test]
async fn an_open_session_can_be_expired_once_and_a_complete_one_never() {
    let shop = open().await;
    let session = shop.session(&[]).await;
    let path = format!("/v1/checkout/sessions/{session}/expire");
    let expired = shop.made(&path, &[]).await;
    assert_eq!((&expired["status"], &expired["url"]), (&json!("expired"), &Value::Null));
    assert_eq!(shop.post(&path, &[]).await.0, 400);
    assert!(shop.stripe.pay(&session).is_err());
    let (paid, _) = shop.paid(&[]).await;
    assert_eq!(shop.post(&format!("/v1/checkout/sessions/{paid}/expire"), &[]).await.0, 400);
    assert_eq!(shop.heard()[0], "checkout.session.expired");
}

#[tokio::test]
async fn a_session_whose_time_has_come_expires_by_itself() {
    let shop = open().await;
    let session = shop.session(&[]).await;
    shop.stripe.alter(&session, json!({ "expires_at": chrono::Utc::now().timestamp() - 1 }));
    assert!(shop.stripe.pay(&session).is_err(), "not even in the second before it is noticed");
    while shop.heard().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(shop.stripe.object(&session).unwrap()["status"], "expired");
}

#[tokio::test]
async fn sessions_are_found_by_their_payment() {
    let shop = open().await;
    let (first, intent) = shop.paid(&[]).await;
    shop.paid(&[]).await;
    let found = shop.read(&format!("/v1/checkout/sessions?payment_intent={intent}")).await;
    assert_eq!((found["data"].as_array().unwrap().len(), id(&found["data"][0])), (1, first));
}

#[tokio::test]
async fn a_payment_in_another_currency_says_what_was_seen() {
    let shop = open().await;
    let session = shop.session(&[]).await;
    let act = serde_json::from_value(json!({ "act": "pay", "id": session, "presentment": ["eur", 1850] })).unwrap();
    let paid = shop.stripe.act(act).unwrap();
    assert_eq!(paid["presentment_details"], json!({ "presentment_amount": 1850, "presentment_currency": "eur" }));
    assert_eq!((&paid["currency"], &paid["amount_total"]), (&json!("usd"), &json!(1999)));
}

async fn changed(shop: &Shop, customer: &str, form: &[(&str, &str)]) -> Value {
    shop.made(&format!("/v1/customers/{customer}"), form).await
}

#[tokio::test]
async fn customers_are_changed_field_by_field_and_deleted_for_good() {
    let shop = open().await;
    let made =
        shop.made("/v1/customers", &[("email", "ada@example.test"), ("name", "Ada"), ("metadata[a]", "1")]).await;
    let customer = id(&made);
    let seen = changed(&shop, &customer, &[("name", ""), ("metadata[a]", ""), ("metadata[b]", "2")]).await;
    assert_eq!(
        (&seen["name"], &seen["email"], &seen["metadata"]),
        (&Value::Null, &json!("ada@example.test"), &json!({ "b": "2" }))
    );
    let event = shop.stripe.objects("event").pop().unwrap();
    assert_eq!(event["data"]["previous_attributes"]["name"], "Ada");
    let gone = shop.request("DELETE", &format!("/v1/customers/{customer}")).send().await.unwrap();
    let gone: Value = gone.json().await.unwrap();
    assert_eq!(gone, json!({ "id": customer, "object": "customer", "deleted": true }));
    assert_eq!(shop.read(&format!("/v1/customers/{customer}")).await, gone);
    assert_eq!(shop.post(&format!("/v1/customers/{customer}"), &[("name", "B")]).await.0, 404);
    assert_eq!(shop.read("/v1/customers").await["data"], json!([]));
    let used = [&CHECKOUT[..], &[("customer", customer.as_str())]].concat();
    assert_eq!(shop.post("/v1/checkout/sessions", &used).await.0, 400);
    assert_eq!(shop.heard(), ["customer.created", "customer.updated", "customer.deleted"]);
}
