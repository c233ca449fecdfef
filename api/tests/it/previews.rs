//! Pictures that are seen while they are made: in order, by stream and by polling, gone at the end, and harmless.
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join;
use lapidary::work::{queue, worker};
use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};

use crate::harness::Person;
use crate::model_faults::Stage;
use crate::sse::Events;

/// Two partial pictures on the way, each a second apart.
const THINKING: Duration = Duration::from_secs(3);

fn fox() -> Value {
    json!({"prompt": "A fox", "quality": "medium"})
}

fn index_of(url: &str) -> u32 {
    let name = url.split('?').next().and_then(|path| path.rsplit('/').next()).expect("a name");
    name.trim_end_matches(".webp").rsplit('-').next().and_then(|index| index.parse().ok()).expect("an index")
}

pub async fn poll_for_preview(person: &Person<'_>, id: &str) -> Option<String> {
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    loop {
        beat.tick().await;
        let now = person.generation(id).await;
        match now["preview_url"].as_str() {
            Some(url) => return Some(url.to_owned()),
            None if now["finished_at"].is_string() => return None,
            None => {}
        }
    }
}

#[actix_web::test]
async fn partial_pictures_appear_in_order_and_are_gone_at_the_end() {
    let stage = Stage::set(&[]).await;
    let person = stage.app.person("Ada Lovelace").await;
    stage.vendor.set_speed(THINKING);
    let mut events = Events::open(&person, "/v1/events", None).await;
    let queued = person.submit(&fox()).await.expect_status(202).json();
    let id = queued["id"].as_str().expect("an id");
    let watch = async {
        let mut seen = Vec::new();
        loop {
            let event = events.until(|event| event.data["generation"]["id"] == id).await;
            if let Some(url) = event.data["generation"]["preview_url"].as_str() {
                assert_eq!(event.status(), "running");
                seen.push(index_of(url));
            }
            if event.status() == "succeeded" {
                assert!(event.data["generation"]["preview_url"].is_null());
                return seen;
            }
        }
    };
    let poll = async {
        let url = poll_for_preview(&person, id).await.expect("a preview");
        let picture = person.browser.get(&url).await.expect_status(200);
        assert_eq!(
            (picture.header("content-type"), picture.header("x-amz-server-side-encryption")),
            ("image/webp", "AES256")
        );
    };
    let ((seen, ()), ()) = join(join(watch, poll), stage.app.work()).await;
    let mut sorted = seen.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!((seen, sorted.len()), (sorted.clone(), 2), "each once and in order");
    let keys = stage.keys().await;
    assert_eq!((keys.len(), keys.iter().filter(|key| key.contains("/previews/")).count()), (3, 0), "{keys:?}");
    assert_eq!(stage.vendor.requests()[0].body["partial_images"], 2);
}

#[actix_web::test]
async fn a_preview_that_cannot_be_stored_harms_nothing() {
    let stage = Stage::set(&[]).await;
    let person = stage.app.person("Ada Lovelace").await;
    stage.vendor.set_speed(THINKING);
    let mut sql = stage.app.sql().await;
    for statement in [
        "create function refuse() returns trigger language plpgsql as $$ begin raise 'no previews'; end $$",
        "create trigger refuse before update of preview_key on generations for each row execute function refuse()",
    ] {
        sqlx::query(statement).execute(&mut sql).await.expect("set up");
    }
    let done = person.make(&fox()).await;
    assert_eq!((done["status"].as_str(), done["images"].as_array().map(Vec::len)), (Some("succeeded"), Some(1)));
    assert_eq!(stage.keys().await.len(), 3, "what could not be shown does not stay");
}

#[actix_web::test]
async fn cancelling_in_the_middle_of_a_stream_gives_everything_back() {
    let stage = Stage::set(&[]).await;
    let person = stage.app.person("Ada Lovelace").await;
    stage.vendor.set_speed(Duration::from_secs(20));
    let before = person.gems().await;
    let queued = person.submit(&fox()).await.expect_status(202).json();
    let id = queued["id"].as_str().expect("an id");
    let cancel = async {
        poll_for_preview(&person, id).await.expect("a preview");
        person.post(&format!("/v1/generations/{id}/cancel"), &json!({})).await.expect_status(200);
    };
    join(cancel, stage.app.work()).await;
    let done = person.generation(id).await;
    assert_eq!((done["status"].as_str(), done["preview_url"].as_str()), (Some("cancelled"), None));
    assert_eq!(person.gems().await, before);
    assert_eq!(stage.keys().await, Vec::<String>::new());
}

#[actix_web::test]
async fn a_preview_of_a_lost_worker_is_not_shown_by_the_next_one() {
    let stage = Stage::set(&[]).await;
    let person = stage.app.person("Ada Lovelace").await;
    let queued = person.submit(&fox()).await.expect_status(202).json();
    let id = queued["id"].as_str().expect("an id");
    let job = queue::claim(&stage.app.app).await.expect("a claim").expect("a job");
    let key = format!("users/{}/previews/{}/{}-0.webp", job.person_id, job.id, job.attempt);
    let mut sql = stage.app.sql().await;
    let show = sqlx::query("update generations set preview_key = $2 where id = $1").bind(job.id).bind(&key);
    show.execute(&mut sql).await.expect("shown");
    assert!(person.generation(id).await["preview_url"].is_string());
    let elsewhere = sqlx::query("update generations set preview_key = 'users/somebody/previews/x.webp' where id = $1");
    elsewhere.bind(job.id).execute(&mut sql).await.expect_err("a link into somebody else's folder");
    // The error is told before its row is let go, and the sweep passes over what somebody holds.
    sqlx::query("select 1").execute(&mut sql).await.expect("over");
    stage.app.app.clock.advance(TimeDelta::seconds(queue::LEASE_SECONDS + 1));
    queue::sweep(&stage.app.app).await.expect("a sweep");
    assert!(person.generation(id).await["preview_url"].is_null(), "it waits again");
    let next = queue::claim(&stage.app.app).await.expect("a claim").expect("a job");
    assert!(person.generation(id).await["preview_url"].is_null(), "another attempt has none yet");
    lapidary::generation::run::run(&stage.app.app, &next).await.expect("a run");
}

#[actix_web::test]
async fn an_answer_that_takes_many_leases_keeps_its_lease() {
    let stage = Stage::set(&["--model-timeout-seconds=60"]).await;
    let person = stage.app.person("Ada Lovelace").await;
    stage.faults.set(Fault::once("openai", "hang").with(18));
    let queued = person.submit(&fox()).await.expect_status(202).json();
    let id = queued["id"].as_str().expect("an id");
    let clock = async {
        let mut sql = stage.app.sql().await;
        let mut beat = tokio::time::interval(Duration::from_millis(100));
        let mut moved = 0;
        while moved < 3 {
            beat.tick().await;
            let lease: Option<chrono::DateTime<chrono::Utc>> =
                sqlx::query_scalar("select lease_until from generations where id = $1::uuid")
                    .bind(id)
                    .fetch_one(&mut sql)
                    .await
                    .expect("a row");
            assert!(moved == 0 || lease.is_some(), "the lease was lost");
            let left = lease.map(|lease| lease - stage.app.app.clock.now());
            if left.is_some_and(|left| left > TimeDelta::seconds(queue::LEASE_SECONDS - 2)) {
                // Half a lease passes between two heartbeats: without them it would be lost.
                stage.app.app.clock.advance(TimeDelta::seconds(queue::LEASE_SECONDS / 2));
                moved += 1;
            }
            queue::sweep(&stage.app.app).await.expect("a sweep");
        }
    };
    join(clock, async { assert!(worker::step(&stage.app.app).await.expect("a step")) }).await;
    assert_eq!(person.generation(id).await["status"], "succeeded");
    assert_eq!(stage.vendor.requests().len(), 1, "nobody else asked the model");
}
