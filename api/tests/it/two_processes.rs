//! Two real processes on one database: what one does the other knows within a second, nothing runs twice, and replacing
//! them one by one loses nothing.
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use lapidary_sandbox::faults::Fault;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api_keys::key_of;
use crate::crash::{number, until_status};
use crate::harness::{self, Answer, Person, TestApp};
use crate::process::Process;

/// Within this the other process has heard of it. A notice usually brings it in a quarter of a second; without one the
/// poll does in one second, and a busy machine adds some.
const SOON: Duration = Duration::from_secs(2);

fn small() -> Value {
    json!({"prompt": "A fox", "quality": "low"})
}

async fn ask(person: &Person<'_>, process: &Process, method: Method, path: &str, body: &Value) -> Answer {
    let request = person.browser.client.request(method, format!("{}{path}", process.url)).bearer_auth(&person.token);
    Answer::of(request.header("Idempotency-Key", Uuid::now_v7().to_string()).json(body).send().await).await
}

/// As a caller should: who is told to come back comes back with the same key.
async fn submit(person: &Person<'_>, process: &Process) -> String {
    let (key, mut beat) = (Uuid::now_v7().to_string(), tokio::time::interval(Duration::from_secs(1)));
    loop {
        beat.tick().await;
        let request = person.browser.client.post(format!("{}/v1/generations", process.url)).bearer_auth(&person.token);
        let answer = Answer::of(request.header("Idempotency-Key", &key).json(&small()).send().await).await;
        if answer.status != 503 {
            return answer.expect_status(202).json()["id"].as_str().expect("an id").to_owned();
        }
    }
}

async fn give(app: &TestApp, gems: i64) {
    sqlx::query(
        "with row as (
           insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, created_at)
           select gen_random_uuid(), account_id, 'grants', 'free', $1, 'grant', gen_random_uuid(), now()
           from account_links returning account_id, amount
         ) update gem_accounts a set free = a.free + row.amount from row where a.id = row.account_id",
    )
    .bind(gems)
    .execute(&mut app.sql().await)
    .await
    .expect("gems");
}

/// Asks the other process until it refuses the token, and waits for the end of the stream there.
async fn until_refused(person: &Person<'_>, process: &Process, stream: &mut reqwest::Response) {
    let ended = async { while stream.chunk().await.is_ok_and(|chunk| chunk.is_some()) {} };
    let refused = async {
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        while ask(person, process, Method::GET, "/v1/me", &json!({})).await.status != 401 {
            beat.tick().await;
        }
    };
    let both = async { tokio::join!(ended, refused) };
    tokio::time::timeout(SOON, both).await.expect("the other process has not heard of it");
}

async fn stream_of(person: &Person<'_>, process: &Process) -> reqwest::Response {
    let path = format!("{}/v1/events", process.url);
    let stream = person.browser.client.get(path).bearer_auth(&person.token).timeout(Duration::from_secs(60));
    let stream = stream.send().await.expect("a stream");
    assert_eq!(stream.status(), 200);
    ask(person, process, Method::GET, "/v1/me", &json!({})).await.expect_status(200);
    stream
}

#[actix_web::test]
async fn a_suspension_reaches_the_other_process_and_its_streams_within_a_second() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let process = Process::serve(&app, &["--worker-slots=0"]).await;
    let mut stream = stream_of(&person, &process).await;
    let id: Uuid = sqlx::query_scalar("select id from people").fetch_one(&mut app.sql().await).await.expect("an id");
    let suspend = lapidary::config::PeopleAct::Suspend { person_id: id };
    lapidary::auth::people::apply(suspend, &app.app.db, &app.app.clock).await.expect("suspended");
    until_refused(&person, &process, &mut stream).await;
}

#[actix_web::test]
async fn the_end_of_a_session_reaches_the_other_process_and_its_streams_within_a_second() {
    let app = harness::start().await;
    let (first, second) =
        (Process::serve(&app, &["--worker-slots=0"]).await, Process::serve(&app, &["--worker-slots=0"]).await);
    // Signing out of one device, everywhere else, and everywhere.
    for path in ["/v1/me/sessions/{id}", "/v1/me/sessions?keep_current=true", "/v1/me/sessions"] {
        let (here, there) = (app.person("Ada Lovelace").await, app.person("Ada Lovelace").await);
        let listed = ask(&there, &first, Method::GET, "/v1/me/sessions", &json!({})).await.expect_status(200).json();
        let mut all = listed["data"].as_array().expect("sessions").iter();
        let id = all.find(|one| one["is_current"] == true).expect("its own")["id"].as_str().expect("an id").to_owned();
        let mut stream = stream_of(&there, &second).await;
        let path = path.replace("{id}", &id);
        ask(&here, &first, Method::DELETE, &path, &json!({})).await.expect_status(204);
        until_refused(&there, &second, &mut stream).await;
    }
}

#[actix_web::test]
async fn the_end_of_a_key_reaches_the_other_process_and_its_streams_within_a_second() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let (first, second) =
        (Process::serve(&app, &["--worker-slots=0"]).await, Process::serve(&app, &["--worker-slots=0"]).await);
    // Whoever hears by the notice, and whoever finds it in the feed: this process rings no bell.
    for is_rung in [true, false] {
        let caller = key_of(&person, &["me:read", "generations:read"]).await;
        let program = Person { app: &app, browser: app.browser(), token: caller.key.clone() };
        let mut stream = stream_of(&program, &second).await;
        let path = format!("/v1/me/api-keys/{}", caller.id);
        let revoked = match is_rung {
            true => ask(&person, &first, Method::DELETE, &path, &json!({})).await,
            false => person.delete(&path).await,
        };
        revoked.expect_status(204);
        until_refused(&program, &second, &mut stream).await;
    }
}

#[actix_web::test]
async fn a_process_on_its_way_out_hears_of_ended_sessions_and_keys_until_its_last_answer() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let caller = key_of(&person, &["me:read"]).await;
    let program = Person { app: &app, browser: app.browser(), token: caller.key.clone() };
    let process = Process::serve(&app, &["--worker-slots=0"]).await;
    for one in [&person, &program] {
        ask(one, &process, Method::GET, "/v1/me", &json!({})).await.expect_status(200);
    }
    process.signal("TERM");
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    while !process.logged().contains("stopping") {
        beat.tick().await;
    }
    person.delete(&format!("/v1/me/api-keys/{}", caller.id)).await.expect_status(204);
    person.delete("/v1/me/sessions").await.expect_status(204);
    // It lingers for three seconds.
    let refused = async {
        for one in [&person, &program] {
            while ask(one, &process, Method::GET, "/v1/me", &json!({})).await.status != 401 {
                beat.tick().await;
            }
        }
    };
    tokio::time::timeout(SOON, refused).await.expect("it has not heard of it");
}

#[actix_web::test]
async fn a_cancel_reaches_the_run_in_the_other_process_sooner_than_its_heartbeat() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let (serving, _working) = (Process::serve(&app, &["--worker-slots=0"]).await, Process::work(&app, &[]));
    app.openai.set_speed(Duration::from_secs(3600));
    // Three times: the heartbeat of five seconds could be near by chance once.
    for _ in 0..3 {
        let id = submit(&person, &serving).await;
        until_status(&app, &id, "running").await;
        let began = Instant::now();
        ask(&person, &serving, Method::POST, &format!("/v1/generations/{id}/cancel"), &json!({}))
            .await
            .expect_status(200);
        until_status(&app, &id, "cancelled").await;
        assert!(began.elapsed() < SOON, "it took {:?}", began.elapsed());
    }
}

#[actix_web::test]
async fn two_workers_run_nothing_twice_under_two_hundred_at_once() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    give(&app, 2_000).await;
    let before = person.remaining().await;
    app.fault(Fault::always("openai", "moderation_blocked"));
    let serving = Process::serve(&app, &["--worker-slots=16"]).await;
    let _working = Process::work(&app, &["--worker-slots=16"]);
    join_all((0..200).map(|_| submit(&person, &serving))).await;
    let mut beat = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..600 {
        beat.tick().await;
        if number(&app, "select count(*) from generations where finished_at is null").await == 0 {
            break;
        }
    }
    assert_eq!(number(&app, "select count(*) from generations where status = 'failed' and attempt = 1").await, 200);
    assert_eq!(app.openai.requests().len(), 200, "the model was asked once for each");
    assert_eq!(person.remaining().await, before);
}

#[actix_web::test]
async fn a_process_that_is_told_to_stop_is_not_ready_while_its_runs_finish() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let mut process = Process::serve(&app, &["--stop-seconds=30"]).await;
    app.openai.set_speed(Duration::from_secs(4));
    let id = submit(&person, &process).await;
    until_status(&app, &id, "running").await;
    process.signal("TERM");
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    let ready = format!("{}/health/ready", process.url);
    let began = Instant::now();
    loop {
        beat.tick().await;
        let answer = Answer::of(person.browser.client.get(&ready).send().await).await;
        if answer.status == 503 {
            break;
        }
        assert!(began.elapsed() < SOON, "it still says that it is ready");
    }
    // Whoever was sent here a moment ago is served.
    ask(&person, &process, Method::GET, "/v1/gems", &json!({})).await.expect_status(200);
    assert!(process.ended().await.success());
    let done = person.generation(&id).await;
    assert_eq!(done["status"], "succeeded");
}

#[actix_web::test]
async fn a_second_signal_stops_at_once_and_what_ran_waits_for_the_next_process() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let mut process = Process::serve(&app, &["--stop-seconds=600"]).await;
    app.openai.set_speed(Duration::from_secs(3600));
    let id = submit(&person, &process).await;
    until_status(&app, &id, "running").await;
    process.signal("TERM");
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    while !process.logged().contains("stopping") {
        beat.tick().await;
    }
    process.signal("TERM");
    assert!(process.ended().await.success());
    until_status(&app, &id, "queued").await;
    assert_eq!(number(&app, "select (attempt - forgiven_attempts)::bigint from generations").await, 0);
    app.openai.set_speed(Duration::ZERO);
    let _next = Process::work(&app, &[]);
    until_status(&app, &id, "succeeded").await;
}

#[actix_web::test]
async fn replacing_both_processes_one_by_one_loses_nothing() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    give(&app, 500).await;
    app.openai.only_sketch();
    app.openai.set_speed(Duration::from_millis(700));
    let before = person.gems().await["used"].as_i64().expect("a number");
    let flags = ["--stop-seconds=0", "--worker-slots=3"];
    let (mut first, mut second) = (Process::serve(&app, &flags).await, Process::serve(&app, &flags).await);
    join_all((0..12).map(|_| submit(&person, &first))).await;
    until_any_runs(&app).await;
    assert!(first.terminate().await.success());
    let third = Process::serve(&app, &flags).await;
    join_all((0..6).map(|_| submit(&person, &third))).await;
    assert!(second.terminate().await.success());
    let _fourth = Process::serve(&app, &flags).await;
    let mut beat = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..600 {
        beat.tick().await;
        if number(&app, "select count(*) from generations where finished_at is null").await == 0 {
            break;
        }
    }
    assert_eq!(number(&app, "select count(*) from generations where status = 'succeeded'").await, 18);
    let captured = number(&app, "select sum(captured_gems)::bigint from generations").await;
    assert_eq!(person.gems().await["used"], before + captured);
    assert_eq!(number(&app, "select count(*) from images").await, 18);
}

async fn until_any_runs(app: &TestApp) {
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    while number(app, "select count(*) from generations where status = 'running'").await == 0 {
        beat.tick().await;
    }
}
