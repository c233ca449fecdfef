//! Every object the sandbox answers has every field that the vendor always sends. The list of fields is the fixture
//! `stripe-required.json`, taken from the types of npm `stripe` 23.1.0.
use std::collections::BTreeMap;

use serde_json::Value;

use crate::shop::{Shop, id, open};

/// By kind of object, the fields that are never left out; `>` leads into an object or a list.
fn required() -> BTreeMap<String, Vec<String>> {
    serde_json::from_str(include_str!("../fixtures/stripe-required.json")).unwrap()
}

/// Objects of every kind, in every state they can be in.
async fn everything() -> (Shop, Vec<Value>) {
    let shop = open().await;
    let customer = id(&shop.made("/v1/customers", &[("email", "ada@example.test")]).await);
    let more = [("customer", customer.as_str()), ("invoice_creation[enabled]", "true")];
    let (session, intent) = shop.paid(&more).await;
    shop.stripe.refund(&intent, Some(100)).unwrap();
    let failed = id(&shop.stripe.refund_pending(&intent, Some(100)).unwrap());
    shop.stripe.settle_refund(&failed, false).unwrap();
    let won = id(&shop.stripe.dispute(&intent, None).unwrap());
    shop.stripe.close_dispute(&won, true).unwrap();
    shop.stripe.inquire(&intent).unwrap();
    let declined = shop.session(&[]).await;
    shop.stripe.decline(&declined).unwrap();
    let later = shop.session(&[("customer_creation", "always")]).await;
    shop.stripe.pay_later(&later).unwrap();
    let portal =
        shop.made("/v1/billing_portal/sessions", &[("customer", &customer), ("return_url", "http://shop.test")]).await;
    let mut all = vec![portal, shop.read("/v1/account").await, shop.read("/v1/balance").await];
    let items = shop.read(&format!("/v1/checkout/sessions/{session}/line_items")).await;
    all.push(items["data"][0].clone());
    all.push(items["data"][0]["price"].clone());
    for kind in [
        "checkout.session",
        "payment_intent",
        "charge",
        "refund",
        "dispute",
        "invoice",
        "customer",
        "balance_transaction",
        "webhook_endpoint",
        "event",
    ] {
        all.extend(shop.stripe.objects(kind));
    }
    (shop, all)
}

#[tokio::test]
async fn no_object_lacks_a_field_that_the_vendor_always_sends() {
    let required = required();
    let (_shop, all) = everything().await;
    let mut kinds = std::collections::BTreeSet::new();
    for object in &all {
        let kind = object["object"].as_str().unwrap();
        kinds.insert(kind.to_owned());
        let fields = object.as_object().unwrap();
        for name in required.get(kind).unwrap_or_else(|| panic!("{kind} is not in the fixture")) {
            assert!(fields.contains_key(name), "{kind} lacks {name}: {object}");
        }
        assert!(fields.keys().all(|name| !name.starts_with('_')), "{kind} shows a note of the sandbox");
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), required.into_keys().collect::<Vec<_>>(), "each kind was seen");
}

/// An independent client: async-stripe's generated types take an object or refuse it as a whole.
#[tokio::test]
async fn every_object_is_one_that_async_stripe_reads() {
    let (shop, all) = everything().await;
    for object in &all {
        let kind = object["object"].as_str().unwrap();
        let is_read = match kind {
            "account" => reads::<stripe_shared::Account>(object),
            "balance_transaction" => reads::<stripe_shared::BalanceTransaction>(object),
            "billing_portal.session" => reads::<stripe_billing::BillingPortalSession>(object),
            "charge" => reads::<stripe_shared::Charge>(object),
            "checkout.session" => reads::<stripe_shared::CheckoutSession>(object),
            "customer" => reads::<stripe_shared::Customer>(object),
            "dispute" => reads::<stripe_shared::Dispute>(object),
            "event" => reads::<stripe_shared::Event>(object),
            "invoice" => reads::<stripe_shared::Invoice>(object),
            "item" => reads::<stripe_shared::CheckoutSessionItem>(object),
            "payment_intent" => reads::<stripe_shared::PaymentIntent>(object),
            "price" => reads::<stripe_shared::Price>(object),
            "refund" => reads::<stripe_shared::Refund>(object),
            // In crates of it that nothing else here needs.
            "balance" | "webhook_endpoint" => true,
            other => panic!("who reads {other}?"),
        };
        assert!(is_read, "{kind}: {object}");
    }
    let session = id(shop.stripe.objects("checkout.session").first().unwrap());
    let wanted = "expand[]=payment_intent.latest_charge&expand[]=line_items&expand[]=invoice&expand[]=customer";
    let whole = shop.read(&format!("/v1/checkout/sessions/{session}?{wanted}")).await;
    assert!(reads::<stripe_shared::CheckoutSession>(&whole), "{whole}");
}

fn reads<T: miniserde::Deserialize>(object: &Value) -> bool {
    miniserde::json::from_str::<T>(&object.to_string()).is_ok()
}
