//! The request log: which requests have a row, and how one is found that another process has on its way.
use std::time::Instant;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::api_keys::key_of;
use crate::harness::{self, Answer};
use crate::process::Process;
use crate::request_log::{details, list, row, rows};

#[actix_web::test]
async fn what_another_process_began_a_moment_ago_is_told_with_its_row() {
    let app = harness::start().await;
    let person = app.person("Ada").await;
    let process = Process::serve(&app, &["--worker-slots=0"]).await;
    let there = person.browser.client.post(format!("{}/v1/generations", process.url)).bearer_auth(&person.token);
    let there = there.header("Idempotency-Key", "one").json(&json!({"prompt": "A fox", "quality": "low"}));
    let answer = Answer::of(there.send().await).await.expect_status(202);
    // The generation is there at once, its row is not.
    let told = details(&person, answer.header("x-request-id")).await;
    assert_eq!((&told["generation"]["id"], &told["logged"]["status"]), (&answer.json()["id"], &json!(202)));
    app.work().await;
}

#[actix_web::test]
async fn whoever_is_refused_all_the_time_leaves_a_row_now_and_then() {
    let app = harness::start_with(&["--requests-per-minute=4".into()]).await;
    let (person, other) = (app.person("Ada").await, app.person("Grace").await);
    let caller = key_of(&person, &["gems:read"]).await;
    let began = Instant::now();
    let mut refused = 0;
    for _ in 0..200 {
        refused += usize::from(caller.get("/v1/gems").await.status == 429);
    }
    let told = rows(&app).await.into_iter().filter(|row| row.contains("rate-limited")).count();
    // Ten at once, and one more in each six seconds that it took.
    let allowed = 10 + usize::try_from(began.elapsed().as_secs()).expect("few") / 5 + 1;
    assert!(refused >= 100 && (1..=allowed).contains(&told), "{told} rows of {refused}");
    // Others have room of their own.
    let missing = other.get(&format!("/v1/images/{}", Uuid::now_v7())).await;
    assert_eq!(row(&app, &missing).await["status"], 404);
}

#[actix_web::test]
async fn what_is_refused_at_the_door_is_logged_however_its_path_is_written() {
    let app = harness::start().await;
    let person = app.person("Ada").await;
    let caller = key_of(&person, &["gems:read"]).await;
    let refused = caller.get("/v1/%69mages").await;
    let row = row(&app, &refused).await;
    assert_eq!((&row["route"], &row["problem"]), (&json!("/v1/images"), &json!("scope-missing")));
    refused.expect_problem(403, "scope-missing");
}

#[actix_web::test]
async fn what_failed_and_what_a_key_asked_are_found_by_indexes_of_their_own() {
    let app = harness::start().await;
    let person = app.person("Ada").await;
    let caller = key_of(&person, &["gems:read"]).await;
    caller.get("/v1/gems").await.expect_status(200);
    caller.get("/v1/images").await.expect_status(403);
    person.get("/v1/gems").await.expect_status(200);
    let ids = |rows: Vec<Value>| rows.iter().map(|row| row["status"].as_i64().expect("a status")).collect::<Vec<_>>();
    let key = &caller.id;
    assert_eq!(ids(list(&person, &format!("?key={key}")).await), [403, 200]);
    assert_eq!(ids(list(&person, &format!("?key={key}&failed=true")).await), [403]);
    assert_eq!(ids(list(&person, &format!("?key={key}&status=2xx")).await), [200]);
    assert_eq!(ids(list(&person, &format!("?key={key}&route=/v1/images")).await), [403]);
    assert_eq!(ids(list(&person, "?failed=true").await), [403]);
    assert!(list(&person, "?failed=true&route=/v1/gems").await.is_empty());
    // A day as the program makes it has both.
    let day = format!("request_log_{}", app.app.clock.today().format("%Y%m%d"));
    let of_day = "select indexdef from pg_indexes where tablename = $1 order by 1";
    let indexes: Vec<String> =
        sqlx::query_scalar(of_day).bind(day).fetch_all(&mut app.sql().await).await.expect("indexes");
    for part in ["WHERE (status >= 400)", "WHERE (api_key_id IS NOT NULL)"] {
        assert!(indexes.iter().any(|index| index.contains(part)), "{part}: {indexes:?}");
    }
}
