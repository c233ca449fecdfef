//! The book on disk: what was bought is known after a restart, and what was not delivered goes on.
use std::path::PathBuf;

use lapidary_sandbox::faults::Faults;
use lapidary_sandbox::stripe;

use crate::listener::Listener;
use crate::shop::{Shop, faulty, free_port, read};

/// A folder that goes whatever becomes of the test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn folder() -> Folder {
    let folder = std::env::temp_dir().join(format!("lapidary-test-stripe-{}", uuid::Uuid::now_v7().simple()));
    std::fs::create_dir_all(&folder).unwrap();
    Folder(folder)
}

async fn start(folder: &Folder, app: &str) -> Shop {
    let faults = Faults::default();
    let stripe = stripe::start(free_port(), app, faults.clone(), Some(&folder.0)).await.unwrap();
    faulty(stripe, faults)
}

#[tokio::test]
async fn a_restart_forgets_nothing_and_goes_on_delivering() {
    let folder = folder();
    let shop = start(&folder, "http://127.0.0.1:9").await;
    let (session, intent) = shop.paid(&[("invoice_creation[enabled]", "true")]).await;
    let refund = shop.stripe.refund(&intent, Some(5)).unwrap();
    let customer = read(shop.post_with_key("/v1/customers", &[("name", "Ada")], "key-1").await).await.1;
    let before = shop.stripe.object(&session).unwrap();
    let receipt = shop.stripe.objects("charge")[0]["receipt_url"].as_str().unwrap().to_owned();
    drop(shop);

    let listener = Listener::start();
    let shop = start(&folder, listener.url.trim_end_matches("/v1/stripe/webhook")).await;
    assert_eq!(shop.read(&format!("/v1/checkout/sessions/{session}")).await, before);
    assert_eq!(shop.read(&format!("/v1/refunds?payment_intent={intent}")).await["data"][0], refund);
    let again = shop.post_with_key("/v1/customers", &[("name", "Ada")], "key-1").await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(read(again).await.1, customer);
    shop.stripe.all_is_delivered().await;
    assert_eq!(listener.heard().len(), shop.stripe.objects("event").len(), "what waited is delivered now");
    let path = url::Url::parse(&receipt).unwrap().path().to_owned();
    assert_eq!(shop.request("GET", &path).send().await.unwrap().status(), 200, "the receipt is found at the new port");
}

#[tokio::test]
async fn the_file_is_whole_at_any_time() {
    let folder = folder();
    let shop = start(&folder, "http://127.0.0.1:9").await;
    for _ in 0..20 {
        shop.paid(&[]).await;
        if let Ok(text) = std::fs::read_to_string(folder.0.join("book.json")) {
            serde_json::from_str::<serde_json::Value>(&text).expect("a whole file");
        }
    }
    drop(shop);
    let files: Vec<_> = std::fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["book.json"]);
    assert_eq!(start(&folder, "http://127.0.0.1:9").await.stripe.objects("checkout.session").len(), 20);
}

#[tokio::test]
async fn a_file_that_is_none_of_ours_is_told_and_left_alone() {
    let folder = folder();
    std::fs::write(folder.0.join("book.json"), "dear diary").unwrap();
    assert!(stripe::start(free_port(), "http://127.0.0.1:9", Faults::default(), Some(&folder.0)).await.is_err());
    assert_eq!(std::fs::read_to_string(folder.0.join("book.json")).unwrap(), "dear diary");
}
