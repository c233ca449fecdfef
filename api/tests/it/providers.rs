//! A provider that does not deliver: one banner instead of a hundred failures, and everybody's gems where they belong.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use futures_util::future::join_all;
use lapidary::generation::{give_up, run};
use lapidary::work::{queue, worker};
use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt;

use crate::harness::{self, Answer, Person, TestApp};
use crate::sse::{Events, second, serve};

pub fn small() -> Value {
    json!({"prompt": "A fox", "quality": "low", "size": "816x816"})
}

fn one_page(list: &Value) -> Vec<Value> {
    list["data"].as_array().expect("a list").clone()
}

pub async fn submit(person: &Person<'_>, times: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..times {
        let queued = person.submit(&small()).await.expect_status(202).json();
        ids.push(queued["id"].as_str().expect("an id").to_owned());
    }
    ids
}

pub async fn statuses(person: &Person<'_>) -> Vec<String> {
    let list = person.get("/v1/generations?limit=100").await.expect_status(200).json();
    one_page(&list).iter().map(|one| one["status"].as_str().expect("a status").to_owned()).collect()
}

pub async fn status(app: &TestApp) -> Vec<Value> {
    let answer = app.browser().get("/v1/status").await.expect_status(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()["paused"].as_array().expect("a list").clone()
}

pub fn later(app: &TestApp, seconds: i64) {
    app.app.clock.advance(TimeDelta::seconds(seconds));
}

/// Lets the provider fail until it is asked no more. Five calls, whoever makes them.
pub async fn bring_down(app: &TestApp) {
    app.fault(Fault::always("openai", "server_error"));
    for _ in 0..5 {
        app.work().await;
        if app.app.providers.is_paused("gpt-image-2.5-flare") {
            return;
        }
        later(app, 20);
    }
    panic!("five calls did not open the breaker");
}

#[actix_web::test]
async fn a_hundred_waiting_generations_outlast_a_dead_provider_and_all_succeed() {
    let app = harness::start().await;
    app.openai.only_sketch();
    let people = [app.person("Ada Lovelace").await, app.person("Grace Hopper").await];
    for person in &people {
        submit(person, 50).await;
    }
    app.fault(Fault::always("openai", "server_error"));
    app.work().await;
    assert_eq!(app.openai.requests().len(), 5, "a handful of calls, not a hundred failures");
    join_all((0..20).map(|_| worker::step(&app.app))).await;
    assert_eq!(app.openai.requests().len(), 5);
    let paused = status(&app).await;
    assert!(paused.iter().any(|one| one["model"] == "gpt-image-2.5-flare"));
    assert!(paused.iter().all(|one| one["code"] == "model_busy" && one["since"] == paused[0]["since"]), "one banner");
    for person in &people {
        let gems = person.gems().await;
        assert_eq!((gems["held"].as_i64(), gems["used"].as_i64()), (Some(50), Some(0)), "only held");
    }
    later(&app, 20);
    app.work().await;
    assert_eq!(app.openai.requests().len(), 6, "one probe, and the rest waits on");
    app.faults.clear();
    later(&app, 60);
    app.work().await;
    for person in &people {
        assert_eq!(statuses(person).await, vec!["succeeded"; 50]);
        let gems = person.gems().await;
        assert_eq!((gems["held"].as_i64(), gems["used"].as_i64()), (Some(0), Some(50)));
    }
    assert_eq!(app.openai.requests().len(), 106);
    assert!(status(&app).await.is_empty());
}

#[actix_web::test]
async fn two_processes_send_exactly_one_probe() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    submit(&person, 8).await;
    bring_down(&app).await;
    let other = second(&app).await;
    other.clock.advance(app.app.clock.now() - other.clock.now());
    other.providers.poll(&other).await.expect("the table");
    let calls = app.openai.requests().len();
    for round in 0..3 {
        for process in [&app.app, &other] {
            process.clock.advance(TimeDelta::seconds(130));
            process.providers.poll(process).await.expect("the table");
        }
        let both = (0..16).map(|turn| if turn % 2 == 0 { &app.app } else { &other });
        let claims = join_all(both.map(|process| async move { (process, queue::claim(process).await) })).await;
        let mut won = claims.into_iter().filter_map(|(process, claim)| Some((process, claim.expect("a claim")?)));
        let (process, job) = won.next().expect("somebody probes");
        assert!(won.next().is_none(), "a second probe in round {round}");
        run::run(process, &job).await.expect("a run");
    }
    assert_eq!(app.openai.requests().len(), calls + 3);
    app.faults.clear();
    for process in [&app.app, &other] {
        process.clock.advance(TimeDelta::seconds(320));
        process.providers.poll(process).await.expect("the table");
    }
    while worker::step(&other).await.expect("a step") {}
    assert!(!other.providers.is_paused("gpt-image-2.5-flare"));
    assert!(app.app.providers.is_paused("gpt-image-2.5-flare"), "it has not heard yet");
    app.app.providers.poll(&app.app).await.expect("the table");
    assert!(status(&app).await.is_empty());
    app.work().await;
    let fresh = refreshed(person).await;
    assert_eq!(statuses(&fresh).await, vec!["succeeded"; 8]);
}

/// With a token of now.
pub async fn refreshed(person: Person<'_>) -> Person<'_> {
    let token = person.browser.refresh().await.expect("a token");
    Person { token, ..person }
}

#[actix_web::test]
async fn a_probe_that_was_lost_is_followed_by_another() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    submit(&person, 2).await;
    bring_down(&app).await;
    app.faults.clear();
    later(&app, 30);
    let lost = queue::claim(&app.app).await.expect("a claim").expect("a probe");
    assert!(queue::claim(&app.app).await.expect("a claim").is_none(), "nobody else asks meanwhile");
    later(&app, 46);
    app.work().await;
    assert!(statuses(&person).await.contains(&"succeeded".to_owned()));
    run::run(&app.app, &lost).await.expect("a run");
    assert_eq!(statuses(&person).await, ["succeeded"; 2]);
}

/// Counts what an operator is woken up for.
#[derive(Clone, Default)]
pub struct Alarms(Arc<Mutex<Vec<String>>>);

impl Alarms {
    pub fn with(&self, words: &str) -> usize {
        self.0.lock().expect("a list").iter().filter(|message| message.contains(words)).count()
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Alarms {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        struct Message(String);
        impl tracing::field::Visit for Message {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        if *event.metadata().level() == tracing::Level::ERROR {
            self.0.lock().expect("a list").push(message.0);
        }
    }
}

#[actix_web::test]
async fn an_exhausted_quota_alarms_the_operator_once_and_the_rest_waits() {
    let alarms = Alarms::default();
    let _heard = tracing::subscriber::set_default(tracing_subscriber::registry().with(alarms.clone()));
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let ids = submit(&person, 10).await;
    app.fault(Fault::always("openai", "quota_exhausted"));
    app.work().await;
    let first = person.generation(&ids[0]).await;
    assert_eq!((first["status"].as_str(), first["failure"]["code"].as_str()), (Some("failed"), Some("operator_quota")));
    assert_eq!(statuses(&person).await.iter().filter(|one| *one == "queued").count(), 9);
    assert_eq!(person.gems().await["held"], 9, "the first one's gem is back");
    assert_eq!(status(&app).await[0]["code"], "operator_quota");
    later(&app, 50);
    app.work().await;
    assert_eq!(app.openai.requests().len(), 1, "a minute is not over");
    later(&app, 30);
    app.work().await;
    assert_eq!(app.openai.requests().len(), 2);
    assert_eq!(alarms.with("provider is paused"), 1, "one alarm for one trouble");
    app.faults.clear();
    later(&app, 200);
    app.work().await;
    let all = statuses(&person).await;
    assert_eq!(all.iter().filter(|one| *one == "succeeded").count(), 8);
    let gems = person.gems().await;
    assert_eq!(
        (gems["held"].as_i64(), gems["used"].as_i64(), gems["remaining"].as_i64()),
        (Some(0), Some(8), Some(42))
    );
}

#[actix_web::test]
async fn whoever_waits_too_long_for_a_provider_gets_their_gems_back() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    submit(&person, 3).await;
    bring_down(&app).await;
    later(&app, 14 * 60);
    give_up::give_up(&app.app).await.expect("a sweep");
    let person = refreshed(person).await;
    assert_eq!(statuses(&person).await, ["queued"; 3], "a quarter of an hour is not over");
    let fresh = submit(&person, 1).await;
    later(&app, 61);
    give_up::give_up(&app.app).await.expect("a sweep");
    let all = one_page(&person.get("/v1/generations").await.json());
    let failed: Vec<&Value> = all.iter().filter(|one| one["status"] == "failed").collect();
    assert_eq!(failed.len(), 3);
    assert!(failed.iter().all(|one| one["failure"]["code"] == "model_busy"));
    let gems = person.gems().await;
    assert_eq!((gems["held"].as_i64(), gems["remaining"].as_i64()), (Some(1), Some(49)));
    app.faults.clear();
    app.work().await;
    assert_eq!(person.generation(&fresh[0]).await["status"], "succeeded", "who came late is the probe");
}

#[actix_web::test]
async fn what_waits_for_a_provider_can_be_cancelled() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let ids = submit(&person, 2).await;
    bring_down(&app).await;
    for id in &ids {
        let path = format!("/v1/generations/{id}/cancel");
        assert_eq!(person.post(&path, &json!({})).await.expect_status(200).json()["status"], "cancelled");
    }
    assert_eq!(person.remaining().await, 50);
    later(&app, 30);
    assert!(!worker::step(&app.app).await.expect("a step"));
    app.faults.clear();
}

#[actix_web::test]
async fn a_model_of_another_provider_is_made_while_one_is_away() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    submit(&person, 2).await;
    bring_down(&app).await;
    let mut sql = app.sql().await;
    // As if the catalogue had named another server for it.
    sqlx::query("update providers set origin = 'https://elsewhere.example'").execute(&mut sql).await.expect("moved");
    app.app.providers.poll(&app.app).await.expect("the table");
    app.faults.clear();
    assert!(status(&app).await.is_empty());
    later(&app, 60);
    app.work().await;
    assert_eq!(statuses(&person).await, ["succeeded"; 2]);
}

#[actix_web::test]
async fn streams_of_every_process_say_when_a_provider_stops_and_when_it_is_back() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let other = second(&app).await;
    let at = format!("{}/v1/events", serve(&other));
    let mut stream = Events::open(&person, &at, None).await;
    submit(&person, 2).await;
    bring_down(&app).await;
    other.providers.poll(&other).await.expect("the table");
    let told = stream.until(|event| event.is("status_changed")).await;
    assert_eq!(told.id, None, "it moves nobody's cursor");
    assert_eq!(told.data["status"]["paused"][0]["code"], "model_busy");
    let mut late = Events::open(&person, &at, None).await;
    assert!(late.next().await.expect("an event").is("status_changed"), "who comes later hears it first");
    app.faults.clear();
    later(&app, 60);
    app.work().await;
    other.providers.poll(&other).await.expect("the table");
    let told = stream.until(|event| event.is("status_changed")).await;
    assert_eq!(told.data["status"]["paused"], json!([]));
    // Who was away when it came back must not go on showing the banner.
    let mut resumed = Events::open(&person, &at, Some(1)).await;
    assert_eq!(resumed.next().await.expect("an event").data["status"]["paused"], json!([]));
}

#[actix_web::test]
async fn a_success_in_ordinary_times_writes_nothing_about_providers() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let mut sql = app.sql().await;
    for statement in [
        "create sequence writes minvalue 0",
        "create function count_write() returns trigger language plpgsql as
         $$ begin perform nextval('writes'); return null; end $$",
        "create trigger count_write after insert or update or delete on providers for each statement
         execute function count_write()",
    ] {
        sqlx::query(statement).execute(&mut sql).await.expect("set up");
    }
    let mut writes = async || -> bool {
        sqlx::query_scalar("select is_called from writes").fetch_one(&mut sql).await.expect("a flag")
    };
    person.make(&small()).await;
    assert!(!writes().await);
    app.fault(Fault::once("openai", "rate_limited").with(1));
    person.submit(&small()).await.expect_status(202);
    app.work().await;
    assert!(writes().await, "a failure is noted");
    later(&app, 30);
    app.work().await;
    let rows: i64 =
        sqlx::query_scalar("select count(*) from providers").fetch_one(&mut app.sql().await).await.expect("a count");
    assert_eq!(rows, 0, "the next success forgets it");
}

/// Gems as an operator grants them.
async fn grant(person: &Person<'_>, gems: i64) {
    let me = person.get("/v1/me").await.json()["id"].as_str().expect("an id").to_owned();
    sqlx::query(
        "with row as (
           insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, created_at)
           select gen_random_uuid(), account_id, 'grants', 'free', $2, 'grant', gen_random_uuid(), now()
           from account_links where person_id = $1::uuid returning account_id, amount)
         update gem_accounts set free = free + row.amount from row where id = row.account_id",
    )
    .bind(me)
    .bind(gems)
    .execute(&mut person.app.sql().await)
    .await
    .expect("more gems");
}

#[actix_web::test]
async fn two_hundred_waiting_of_one_person_do_not_delay_anothers_single_one_in_two_processes() {
    let app = harness::start().await;
    let (greedy, modest) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    grant(&greedy, 150).await;
    submit(&greedy, 200).await;
    let other = second(&app).await;
    let mut running = Vec::new();
    for turn in 0..6 {
        let process = if turn % 2 == 0 { &app.app } else { &other };
        running.push(queue::claim(process).await.expect("a claim").expect("a job"));
    }
    let single = submit(&modest, 1).await;
    let claims = join_all([queue::claim(&app.app), queue::claim(&other)]).await;
    let claims: Vec<_> = claims.into_iter().map(|claim| claim.expect("a claim").expect("a job")).collect();
    assert!(claims.iter().any(|job| job.id.to_string() == single[0]), "the single one is the next");
    assert_eq!(modest.generation(&single[0]).await["status"], "running");
    app.fault(Fault::always("openai", "moderation_blocked"));
    let ended = AtomicUsize::new(0);
    join_all(running.iter().chain(&claims).map(|job| async {
        run::run(&app.app, job).await.expect("a run");
        ended.fetch_add(1, Ordering::Relaxed);
    }))
    .await;
    assert_eq!(ended.into_inner(), 8);
    app.work().await;
    assert_eq!(greedy.remaining().await, 200, "refused pictures cost nothing");
    let _: Answer = modest.get("/v1/gems").await.expect_status(200);
}
