//! Every way a storage fails: what helps is tried again, and otherwise the gems are back and nothing lies in the bucket.
use std::time::Duration;

use chrono::TimeDelta;
use lapidary::images::orphans::{self, SweepError};
use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};

use crate::crash::with_own_store;
use crate::harness::TestApp;

fn small() -> Value {
    json!({"prompt": "A fox", "quality": "low"})
}

async fn objects_of_images(app: &TestApp) -> usize {
    let page = app.app.store.list("users/", None, 1_000).await.expect("a list");
    page.objects.iter().filter(|listed| listed.object.key.contains("/images/")).count()
}

#[actix_web::test]
async fn what_passes_in_a_moment_is_tried_again_and_nobody_notices() {
    let (app, store) = with_own_store(&[]).await;
    let person = app.person("Ada Lovelace").await;
    for fault in [
        Fault::once("s3", "slow_down"),
        Fault::once("s3", "internal_error"),
        Fault::once("s3", "cut_put"),
        Fault::once("s3", "error_in_200"),
        Fault::once("s3", "refuse_put").with("ServiceUnavailable"),
        Fault::once("s3", "refuse_put").with("RequestTimeout"),
        Fault::once("s3", "refuse_put").with("OperationAborted"),
    ] {
        let name = format!("{} {}", fault.kind, fault.value);
        store.faults.set(fault);
        let done = person.make(&small()).await;
        assert_eq!(done["status"], "succeeded", "{name}");
        assert!(store.faults.list().is_empty(), "{name} never struck");
    }
    assert_eq!(app.openai.requests().len(), 7, "the model was asked once for each");
}

#[actix_web::test]
async fn a_storage_that_lives_in_another_hour_is_signed_for_in_its_time() {
    let (app, store) = with_own_store(&[]).await;
    let person = app.person("Ada Lovelace").await;
    for hours in [1, -2, 0] {
        store.set_clock_offset(TimeDelta::hours(hours));
        assert_eq!(person.make(&small()).await["status"], "succeeded", "{hours} hours off");
    }
    // What it says is old may be young: nothing is thrown away by its time.
    for (hours, is_swept) in [(-2, false), (0, true)] {
        store.set_clock_offset(TimeDelta::hours(hours));
        assert_eq!(person.make(&small()).await["status"], "succeeded");
        let swept = orphans::sweep(&app.app, false).await;
        assert_eq!(matches!(swept, Err(SweepError::Clock)), !is_swept, "{hours} hours off: {swept:?}");
        assert_eq!(swept.is_ok(), is_swept);
    }
}

#[actix_web::test]
async fn what_does_not_pass_gives_the_gems_back_and_leaves_nothing() {
    let (app, store) = with_own_store(&["--storage-timeout-seconds=1".to_owned()]).await;
    let person = app.person("Ada Lovelace").await;
    let before = person.remaining().await;
    for fault in [
        Fault::once("s3", "refuse_put").with("AccessDenied"),
        Fault::once("s3", "refuse_put").with("ExpiredToken"),
        Fault::once("s3", "refuse_put").with("InvalidAccessKeyId"),
        Fault::once("s3", "unencrypted_put"),
        Fault { times: 30, ..Fault::once("s3", "error_in_200") },
        Fault { times: 30, ..Fault::once("s3", "hang").with(4) },
    ] {
        let name = format!("{} {}", fault.kind, fault.value);
        store.faults.set(fault);
        let done = person.make(&small()).await;
        store.faults.clear();
        assert_eq!((&done["status"], &done["failure"]["code"]), (&json!("failed"), &json!("storage")), "{name}");
        assert_eq!(person.remaining().await, before, "{name}");
        // A hanging storage could not be told to forget either: that is left to the sweep.
        if !name.starts_with("hang") {
            assert_eq!(objects_of_images(&app).await, 0, "{name}");
        }
    }
}

#[actix_web::test]
async fn a_storage_that_is_away_fails_the_generation_and_not_the_service() {
    let (app, store) = with_own_store(&["--storage-timeout-seconds=2".to_owned()]).await;
    let person = app.person("Ada Lovelace").await;
    let before = person.remaining().await;
    let made = person.make(&small()).await;
    drop(store);
    // Connections that are open die with the store's task, a moment after it.
    tokio::time::timeout(Duration::from_secs(60), async {
        let done = person.make(&small()).await;
        assert_eq!(done["failure"]["code"], "storage");
    })
    .await
    .expect("it ends");
    let price = made["price_gems"].as_i64().expect("a price");
    assert_eq!(person.remaining().await, before - price);
    person.get("/v1/images").await.expect_status(200);
}
