//! Webhooks: signed, retried, and each fault of theirs; who wants which, and that they end with the vendor.
use std::time::{Duration, Instant};

use lapidary_sandbox::faults::{Fault, Faults};
use lapidary_sandbox::stripe;
use serde_json::{Value, json};

use crate::listener::Listener;
use crate::shop::{Shop, faulty, free_port, id, read};

async fn stage() -> (Shop, Listener) {
    let (listener, faults) = (Listener::start(), Faults::default());
    let url = listener.url.trim_end_matches("/v1/stripe/webhook");
    let stripe = stripe::start(free_port(), url, faults.clone(), None).await.unwrap();
    stripe.set_first_retry(Duration::from_millis(10));
    (faulty(stripe, faults), listener)
}

/// Expires a new session: one event and no more.
async fn one_event(shop: &Shop) -> String {
    let session = shop.session(&[]).await;
    shop.stripe.expire(&session).unwrap();
    session
}

async fn delivered(shop: &Shop) {
    tokio::time::timeout(Duration::from_secs(20), shop.stripe.all_is_delivered()).await.expect("all is delivered");
}

#[tokio::test]
async fn every_event_arrives_signed_over_its_raw_body() {
    let (shop, listener) = stage().await;
    let (session, _) = shop.paid(&[("client_reference_id", "p-1")]).await;
    delivered(&shop).await;
    let heard = listener.heard();
    assert_eq!(heard.len(), 4);
    let now = chrono::Utc::now().timestamp();
    for one in &heard {
        assert!(one.is_signed_with(&shop.stripe.webhook_secret), "{}", one.signature);
        assert!((now - one.timestamp()).abs() < 10);
        assert_eq!((&one.event["object"], &one.event["livemode"]), (&json!("event"), &json!(false)));
        assert_ne!(one.body, one.event.to_string(), "re-serialised it would be another body");
        let stored = shop.read(&format!("/v1/events/{}", id(&one.event))).await;
        assert_eq!((&stored["data"], &stored["pending_webhooks"]), (&one.event["data"], &json!(0)));
    }
    let completed = heard.iter().find(|one| one.kind() == "checkout.session.completed").unwrap();
    let object = &completed.event["data"]["object"];
    assert_eq!(
        (&object["id"], &object["client_reference_id"], &object["payment_status"]),
        (&json!(session), &json!("p-1"), &json!("paid"))
    );
    assert_eq!(completed.event["api_version"], "2026-09-30.endive");
}

#[tokio::test]
async fn an_event_of_a_request_names_it() {
    let (shop, listener) = stage().await;
    read(shop.post_with_key("/v1/customers", &[("name", "Ada")], "key-9").await).await;
    delivered(&shop).await;
    let request = &listener.heard()[0].event["request"];
    assert!(request["id"].as_str().unwrap().starts_with("req_"));
    assert_eq!(request["idempotency_key"], "key-9");
    one_event(&shop).await;
    delivered(&shop).await;
    assert_eq!(listener.heard()[1].event["request"], json!({ "id": null, "idempotency_key": null }));
}

#[tokio::test]
async fn a_refused_delivery_comes_again_with_the_same_event_until_it_is_taken() {
    let (shop, listener) = stage().await;
    listener.answer_with(&[500, 302, 404]);
    one_event(&shop).await;
    delivered(&shop).await;
    let heard = listener.heard();
    assert_eq!(heard.len(), 4);
    assert!(heard.iter().all(|one| one.event["id"] == heard[0].event["id"]));
    let statuses: Vec<Option<u16>> = shop.stripe.deliveries().iter().map(|one| one.status).collect();
    assert_eq!(statuses, [Some(500), Some(302), Some(404), Some(200)]);
}

#[tokio::test]
async fn a_dropped_event_is_never_sent_but_is_there_to_be_read_and_resent() {
    let (shop, listener) = stage().await;
    shop.faults.set(Fault::once("stripe", "webhook_dropped"));
    one_event(&shop).await;
    delivered(&shop).await;
    assert!(listener.heard().is_empty());
    let events = shop.read("/v1/events?types[]=checkout.session.expired&delivery_success=false").await;
    let event = id(&events["data"][0]);
    shop.stripe.resend(&event);
    delivered(&shop).await;
    assert_eq!(id(&listener.heard()[0].event), event);
}

#[tokio::test]
async fn a_duplicated_event_comes_as_often_as_asked() {
    let (shop, listener) = stage().await;
    shop.faults.set(Fault::once("stripe", "webhook_duplicated").with(10));
    one_event(&shop).await;
    delivered(&shop).await;
    let heard = listener.heard();
    assert_eq!(heard.len(), 10);
    assert!(heard.iter().all(|one| one.event == heard[0].event));
}

#[tokio::test]
async fn a_reordered_event_comes_after_the_next() {
    let (shop, listener) = stage().await;
    shop.faults
        .set(Fault::once("stripe", "webhook_reordered").with(json!({ "event": "charge.succeeded", "seconds": 10 })));
    shop.paid(&[]).await;
    delivered(&shop).await;
    let kinds = listener.kinds();
    let place = |kind: &str| kinds.iter().position(|one| one == kind).unwrap();
    assert!(place("charge.succeeded") > 0, "{kinds:?}");
    assert_eq!(kinds.len(), 4);
}

#[tokio::test]
async fn a_delayed_event_takes_its_time_and_holds_up_no_other() {
    let (shop, listener) = stage().await;
    let value = json!({ "event": "checkout.session.completed", "seconds": 0.6 });
    shop.faults.set(Fault::once("stripe", "webhook_delayed").with(value));
    let began = Instant::now();
    shop.paid(&[]).await;
    delivered(&shop).await;
    assert!(began.elapsed() > Duration::from_millis(600));
    assert_eq!(listener.kinds().last().map(String::as_str), Some("checkout.session.completed"));
}

#[tokio::test]
async fn a_bad_signature_and_an_old_timestamp_are_what_they_say() {
    let (shop, listener) = stage().await;
    shop.faults.set(Fault::once("stripe", "webhook_bad_signature"));
    one_event(&shop).await;
    delivered(&shop).await;
    shop.faults.set(Fault::once("stripe", "webhook_old_timestamp"));
    one_event(&shop).await;
    delivered(&shop).await;
    let (heard, secret) = (listener.heard(), &shop.stripe.webhook_secret);
    assert!(!heard[0].is_signed_with(secret));
    assert!(heard[1].is_signed_with(secret));
    assert!(chrono::Utc::now().timestamp() - heard[1].timestamp() >= 600);
}

#[tokio::test]
async fn an_endpoint_gets_what_it_asked_for_in_its_version_under_its_own_secret() {
    let (shop, own) = stage().await;
    let other = Listener::start();
    let form = [
        ("url", other.url.as_str()),
        ("enabled_events[]", "checkout.session.expired"),
        ("enabled_events[]", "refund.created"),
        ("api_version", "2026-10-28.endive"),
    ];
    let made = shop.made("/v1/webhook_endpoints", &form).await;
    let (endpoint, secret) = (id(&made), made["secret"].as_str().unwrap().to_owned());
    let again = shop.read(&format!("/v1/webhook_endpoints/{endpoint}")).await;
    assert_eq!((again.get("secret"), &again["status"]), (None, &json!("enabled")), "the secret is shown once");
    let (_, intent) = shop.paid(&[]).await;
    shop.stripe.refund(&intent, None).unwrap();
    one_event(&shop).await;
    delivered(&shop).await;
    assert_eq!(
        (other.kinds(), own.heard().len()),
        (vec!["refund.created".into(), "checkout.session.expired".into()], 7)
    );
    assert!(
        other.heard().iter().all(|one| one.is_signed_with(&secret) && one.event["api_version"] == "2026-10-28.endive")
    );

    shop.made(&format!("/v1/webhook_endpoints/{endpoint}"), &[("disabled", "true")]).await;
    one_event(&shop).await;
    let gone = shop.request("DELETE", &format!("/v1/webhook_endpoints/{endpoint}")).send().await.unwrap();
    assert_eq!(read(gone).await.1, json!({ "id": endpoint, "object": "webhook_endpoint", "deleted": true }));
    one_event(&shop).await;
    delivered(&shop).await;
    assert_eq!(other.heard().len(), 2);
}

#[tokio::test]
async fn a_wrong_endpoint_is_refused() {
    let (shop, listener) = stage().await;
    let url = listener.url.as_str();
    let cases: [&[(&str, &str)]; 5] = [
        &[("url", url)],
        &[("enabled_events[]", "*")],
        &[("url", "ftp://x.test"), ("enabled_events[]", "*")],
        &[("url", url), ("enabled_events[]", "gems.bought")],
        &[("url", url), ("enabled_events[]", "*"), ("api_version", "2020-01-01")],
    ];
    for form in cases {
        assert_eq!(shop.post("/v1/webhook_endpoints", form).await.0, 400, "{form:?}");
    }
}

#[tokio::test]
async fn events_are_listed_by_kind_and_time() {
    let (shop, _listener) = stage().await;
    let (_, intent) = shop.paid(&[]).await;
    shop.stripe.refund(&intent, Some(5)).unwrap();
    let kinds = |list: &Value| -> Vec<String> {
        list["data"].as_array().unwrap().iter().map(|one| one["type"].as_str().unwrap().to_owned()).collect()
    };
    let wanted = "/v1/events?types[]=refund.created&types[]=checkout.session.completed";
    assert_eq!(kinds(&shop.read(wanted).await), ["refund.created", "checkout.session.completed"]);
    assert_eq!(kinds(&shop.read("/v1/events?type=charge.*").await), ["charge.refunded", "charge.succeeded"]);
    let later = chrono::Utc::now().timestamp() + 60;
    assert!(kinds(&shop.read(&format!("{wanted}&created[gte]={later}")).await).is_empty());
    assert_eq!(shop.get("/v1/events?types[]=gems.bought").await.0, 400);
    let many: String = (0..21).map(|_| "types[]=refund.created&").collect();
    assert_eq!(shop.get(&format!("/v1/events?{many}")).await.0, 400);
}

#[tokio::test]
async fn nothing_is_delivered_after_the_vendor_has_stopped() {
    let (shop, listener) = stage().await;
    shop.faults.set(Fault::once("stripe", "webhook_delayed").with(0.3));
    listener.answer_with(&[500; 20]);
    shop.paid(&[]).await;
    drop(shop);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let heard = listener.heard().len();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(listener.heard().len(), heard);
}
