//! Results that come too late, with pictures that are in storage already: of somebody who is gone they go at once, and where
//! the generation is still there nothing is touched.
use lapidary::generation::settle::{self, Delivered, Outcome, StoredImage};
use lapidary::work::queue::{self, Claimed};
use serde_json::json;
use uuid::Uuid;

use crate::crash::number;
use crate::erasure::{ask, audit, erase};
use crate::erasure_trail::objects;
use crate::harness::{self, Person, TestApp};
use crate::ledger_rows::actor;

const MADE: Outcome = Outcome::Made { failure: None };

async fn claimed(app: &TestApp, person: &Person<'_>) -> Claimed {
    person.submit(&json!({"prompt": "A late fox", "quality": "low"})).await.expect_status(202);
    queue::claim(&app.app).await.expect("the queue").expect("a job")
}

/// What a run has when all is stored and nothing is settled.
async fn delivered(app: &TestApp, job: &Claimed) -> Delivered {
    let id = Uuid::now_v7();
    let object_prefix = format!("users/{}/images/{id}/{}", job.person_id, job.attempt);
    for file in ["original.png", "thumbnail.webp", "preview.webp"] {
        app.app.store.put(&format!("{object_prefix}/{file}"), vec![1_u8], "image/png").await.expect("an object");
    }
    let image = StoredImage {
        id,
        position: 0,
        object_prefix,
        extension: "png",
        content_type: "image/png",
        bytes: 1,
        width: 1,
        height: 1,
        thumbhash: String::new(),
        has_content_credentials: false,
        revised_prompt: None,
        usage: None,
        call: 0,
    };
    Delivered { images: vec![image], calls: Vec::new() }
}

/// Objects of pictures that were made.
async fn pictures(app: &TestApp, person: Uuid) -> usize {
    objects(app, person).await.keys().filter(|key| key.contains("/images/")).count()
}

#[actix_web::test]
async fn what_is_stored_for_somebody_who_was_erased_meanwhile_goes_when_it_is_settled() {
    let app = harness::start().await;
    let (ada, grace) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    grace.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    let other = actor(&grace).await.person_id;
    let others = objects(&app, other).await;
    let job = claimed(&app, &ada).await;
    ask(&ada).await;
    erase(&app).await;
    assert_eq!(objects(&app, job.person_id).await.len(), 0);
    // The upload was under way, and ends after the erasure has looked.
    let late = delivered(&app, &job).await;
    assert_eq!(objects(&app, job.person_id).await.len(), 3);
    settle::settle(&app.app, &job, &late, &MADE).await.expect("settled");
    assert_eq!(objects(&app, job.person_id).await.len(), 0, "nobody waits for the sweep of objects");
    assert_eq!(objects(&app, other).await, others);
    audit(&app).await;
}

#[actix_web::test]
async fn a_settlement_that_nobody_heard_of_is_tried_again_and_takes_no_picture_away() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    let job = claimed(&app, &ada).await;
    let made = delivered(&app, &job).await;
    settle::settle(&app.app, &job, &made, &MADE).await.expect("settled");
    let gems = ada.gems().await;
    settle::settle(&app.app, &job, &made, &MADE).await.expect("settled before");
    assert_eq!(pictures(&app, job.person_id).await, 3);
    assert_eq!((number(&app, "select count(*) from images").await, ada.gems().await), (1, gems));
}

#[actix_web::test]
async fn a_late_result_of_a_generation_that_was_cancelled_is_left_to_the_sweep() {
    let app = harness::start().await;
    let ada = app.person("Ada Lovelace").await;
    let job = claimed(&app, &ada).await;
    settle::settle(&app.app, &job, &Delivered::default(), &Outcome::Cancelled).await.expect("cancelled");
    let late = delivered(&app, &job).await;
    settle::settle(&app.app, &job, &late, &MADE).await.expect("dropped");
    assert_eq!(pictures(&app, job.person_id).await, 3);
    assert_eq!(number(&app, "select count(*) from images").await, 0);
}
