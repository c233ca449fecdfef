//! Honest waiting: the place in the queue and the time it will take, from what others waited, and nothing more of them.
use chrono::TimeDelta;
use lapidary::generation::run;
use lapidary::work::queue;
use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};

use crate::harness::{self, Person, TestApp};
use crate::sse::Events;

fn low() -> Value {
    json!({"prompt": "A fox", "quality": "low", "size": "816x816"})
}

/// Makes one picture and says that it took so long.
async fn took(person: &Person<'_>, body: &Value, seconds: i32) {
    let done = person.make(body).await;
    assert_eq!(done["status"], "succeeded");
    sqlx::query("update generations set started_at = finished_at - make_interval(secs => $2) where id = $1::uuid")
        .bind(done["id"].as_str())
        .bind(f64::from(seconds))
        .execute(&mut person.app.sql().await)
        .await
        .expect("history");
}

async fn refresh(app: &TestApp) {
    app.app.estimates.refresh(&app.app).await.expect("the history");
}

async fn queued(person: &Person<'_>, body: &Value) -> String {
    person.submit(body).await.expect_status(202).json()["id"].as_str().expect("an id").to_owned()
}

#[actix_web::test]
async fn an_estimate_is_the_median_of_what_the_same_model_and_quality_took() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let id = queued(&person, &low()).await;
    refresh(&app).await;
    assert_eq!(person.generation(&id).await["estimated_seconds"], Value::Null, "without history nothing is promised");
    app.work().await;
    for seconds in [20, 40, 41] {
        took(&person, &low(), seconds).await;
    }
    sqlx::query("update generations set started_at = null where id = $1::uuid")
        .bind(&id)
        .execute(&mut app.sql().await)
        .await
        .expect("not part of the history");
    refresh(&app).await;
    let other = app.person("Grace Hopper").await;
    let id = queued(&other, &low()).await;
    let first = other.generation(&id).await;
    assert_eq!((first["queue_position"].as_i64(), first["estimated_seconds"].as_i64()), (Some(0), Some(40)));
    let dear = queued(&other, &json!({"prompt": "A fox", "quality": "medium"})).await;
    let dear = other.generation(&dear).await;
    assert_eq!(dear["queue_position"], 1);
    assert_eq!(dear["estimated_seconds"], 80, "one ahead, and this model's median for want of the quality's");
    let list = other.get("/v1/generations").await.expect_status(200).json();
    assert_eq!((&list["data"][1]["estimated_seconds"], &list["data"][1]["queue_position"]), (&json!(40), &json!(0)));
    let job = queue::claim(&app.app).await.expect("a claim").expect("a job");
    let running = other.generation(&id).await;
    let left = running["estimated_seconds"].as_i64().expect("an estimate");
    assert!((35..=40).contains(&left), "{left}");
    assert_eq!(running["queue_position"], Value::Null);
    app.app.clock.advance(TimeDelta::seconds(20));
    let left = other.generation(&id).await["estimated_seconds"].as_i64().expect("an estimate");
    assert!((15..=20).contains(&left), "{left}");
    app.app.clock.advance(TimeDelta::seconds(90));
    let left = other.generation(&id).await["estimated_seconds"].as_i64().expect("an estimate");
    assert!(left > 0, "what takes longer than usual is not said to be finished");
    run::run(&app.app, &job).await.expect("a run");
    assert_eq!(other.generation(&id).await["estimated_seconds"], Value::Null);
    app.work().await;
}

#[actix_web::test]
async fn events_say_the_place_and_the_time_too() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    took(&person, &low(), 30).await;
    refresh(&app).await;
    let mut stream = Events::open(&person, "/v1/events", None).await;
    queued(&person, &low()).await;
    let event = stream.until(|event| event.status() == "queued").await;
    assert_eq!(event.data["generation"]["queue_position"], 0);
    assert_eq!(event.data["generation"]["estimated_seconds"], 30);
    app.work().await;
}

#[actix_web::test]
async fn the_place_in_the_queue_counts_turns_and_not_one_persons_rows() {
    let app = harness::start().await;
    let (greedy, modest) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(queued(&greedy, &low()).await);
    }
    let single = queued(&modest, &low()).await;
    assert_eq!(modest.generation(&single).await["queue_position"], 1, "people take turns");
    assert_eq!(greedy.generation(&ids[0]).await["queue_position"], 1);
    assert_eq!(greedy.generation(&ids[4]).await["queue_position"], 5);
    let list = greedy.get("/v1/generations?limit=20").await.json();
    let places: Vec<i64> = list["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["queue_position"].as_i64().expect("a place"))
        .collect();
    assert_eq!(places, (1..=12).rev().collect::<Vec<i64>>());
    app.fault(Fault::always("openai", "moderation_blocked"));
    app.work().await;
}

#[actix_web::test]
async fn nothing_is_promised_while_a_provider_is_away() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    took(&person, &low(), 30).await;
    refresh(&app).await;
    app.fault(Fault::once("openai", "invalid_api_key"));
    queued(&person, &low()).await;
    let waiting = queued(&person, &low()).await;
    app.work().await;
    let waiting = person.generation(&waiting).await;
    assert_eq!((waiting["status"].as_str(), waiting["queue_position"].as_i64()), (Some("queued"), Some(0)));
    assert_eq!(waiting["estimated_seconds"], Value::Null);
    app.app.clock.advance(TimeDelta::seconds(80));
    app.work().await;
}

#[actix_web::test]
async fn thousands_waiting_are_counted_without_reading_them_all_for_each_row() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let single = queued(&person, &low()).await;
    // Three thousand people with one each, who exist only in the queue.
    sqlx::query(
        "with p as (insert into people (id, email, email_normalised, created_at)
           select gen_random_uuid(), 'x', 'x', now() from generate_series(1, 3000) returning id)
         insert into generations (id, person_id, account_id, idempotency_key, fingerprint, request_id, status, prompt,
           composed_prompt, attributes, model, width, height, quality, count, share_gems, catalogue_version, available_at,
           created_at)
         select gen_random_uuid(), p.id, g.account_id, 'k', g.fingerprint, 'r', 'queued', 'x', 'x', '[]', g.model, 816, 816,
           'low', 1, 0, '1', now(), now()
         from p, generations g where g.id = $1::uuid",
    )
    .bind(&single)
    .execute(&mut app.sql().await)
    .await
    .expect("a crowd");
    for _ in 0..30 {
        queued(&person, &low()).await;
    }
    let list = person.get("/v1/generations?limit=100").await.expect_status(200).json();
    assert_eq!(list["data"][0]["queue_position"], 3_030);
    assert_eq!(list["data"][30]["queue_position"], 3_000);
    let mut sql = app.sql().await;
    sqlx::query("delete from generations where prompt = 'x'").execute(&mut sql).await.expect("the crowd leaves");
    app.fault(Fault::always("openai", "moderation_blocked"));
    app.work().await;
}
