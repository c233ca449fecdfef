//! What a death leaves behind is found again: leases by any clock, work that a stop cut off, objects that no row knows,
//! rows whose objects are gone, and one object that cannot be deleted.
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::TimeDelta;
use lapidary::app::App;
use lapidary::clock::Clock;
use lapidary::images::orphans::{self, Steps};
use lapidary::work::{Background, queue, schedule};
use lapidary_sandbox::faults::{Fault, Faults};
use lapidary_sandbox::s3;
use lapidary_sandbox::watchdog::Watchdog;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{self, TestApp};

/// Where they keep their objects; it goes when this process does.
fn own_stores() -> &'static Path {
    static STORES: OnceLock<(PathBuf, Watchdog)> = OnceLock::new();
    let make = || {
        let folder = std::env::temp_dir().join(format!("lapidary-own-s3-{}", Uuid::now_v7().simple()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let watchdog = Watchdog::remove_at_end(&folder).expect("a watchdog");
        (folder, watchdog)
    };
    &STORES.get_or_init(make).0
}

/// A store of its own: its faults concern no other test.
pub async fn with_own_store(extra: &[String]) -> (TestApp, s3::S3) {
    let folder = own_stores().join(Uuid::now_v7().simple().to_string());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let store = s3::start(listener, folder, Faults::default()).await.expect("S3");
    store.create_bucket("own").expect("a bucket");
    let mut flags = vec![format!("--s3-endpoint={}", store.url), "--s3-bucket=own".to_owned()];
    flags.extend_from_slice(extra);
    (harness::start_with(&flags).await, store)
}

/// Waits, a moment at a time, until the only generation says so.
pub async fn until_status(app: &TestApp, id: &str, status: &str) {
    let mut sql = app.sql().await;
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..1_000 {
        beat.tick().await;
        if status_of(&mut sql, id).await == status {
            return;
        }
    }
    panic!("it is still {}", status_of(&mut sql, id).await);
}

async fn status_of(sql: &mut sqlx::PgConnection, id: &str) -> String {
    let id: Uuid = id.parse().expect("an id");
    sqlx::query_scalar("select status from generations where id = $1").bind(id).fetch_one(sql).await.expect("a row")
}

pub async fn number(app: &TestApp, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(&mut app.sql().await).await.expect("a number")
}

fn id_of(value: &Value) -> String {
    value["id"].as_str().expect("an id").to_owned()
}

fn small() -> Value {
    json!({"prompt": "A fox", "quality": "low"})
}

#[actix_web::test]
async fn a_process_whose_clock_is_wrong_follows_the_database_and_steals_no_lease() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let queued = person.submit(&small()).await.expect_status(202).json();
    let job = queue::claim(&app.app).await.expect("the queue").expect("a job");
    for error in [TimeDelta::seconds(45), TimeDelta::hours(-3)] {
        let other = App::build(app.app.settings.clone(), Clock::wrong_by(error)).await.expect("an app");
        other.clock.follow(other.db.house()).await.expect("the time");
        queue::sweep(&other).await.expect("a sweep");
        let held = queue::heartbeat(&app.app, &job).await.expect("a heartbeat");
        assert_eq!(held, queue::Beat::GoOn, "a clock that is wrong by {error} took the lease");
    }
    lapidary::generation::run::run(&app.app, &job).await.expect("a run");
    assert_eq!(person.generation(&id_of(&queued)).await["status"], "succeeded");
}

#[actix_web::test]
async fn what_a_stopping_process_cannot_finish_waits_again_at_once_and_costs_no_attempt() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    app.openai.set_speed(Duration::from_secs(3600));
    let background = Background::start(Arc::clone(&app.app));
    let queued = person.submit(&small()).await.expect_status(202).json();
    until_status(&app, &id_of(&queued), "running").await;
    app.app.stop.go_on();
    app.app.stop.go_on();
    background.end().await.end().await;
    let row: (String, i32, i32) = sqlx::query_as("select status, attempt, forgiven_attempts from generations")
        .fetch_one(&mut app.sql().await)
        .await
        .expect("a row");
    assert_eq!(row, ("queued".to_owned(), 1, 1));
    app.openai.set_speed(Duration::ZERO);
    app.work().await;
    assert_eq!(person.generation(&id_of(&queued)).await["status"], "succeeded");
}

#[actix_web::test]
async fn a_cancelled_run_of_a_stopping_process_ends_and_does_not_wait_again() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.remaining().await;
    let queued = person.submit(&small()).await.expect_status(202).json();
    let job = queue::claim(&app.app).await.expect("the queue").expect("a job");
    person.post(&format!("/v1/generations/{}/cancel", id_of(&queued)), &json!({})).await.expect_status(200);
    let lease = queue::Lease { id: job.id, attempt: job.attempt };
    assert_eq!(queue::give_back(&app.app, &[lease]).await.expect("given back"), 0);
    app.app.clock.advance(TimeDelta::seconds(1));
    queue::sweep(&app.app).await.expect("a sweep");
    assert_eq!(person.generation(&id_of(&queued)).await["status"], "cancelled");
    assert_eq!(person.remaining().await, before);
}

async fn put(app: &TestApp, key: &str) {
    app.app.store.put(key, b"something".to_vec(), "image/png").await.expect("an object");
}

async fn keys(app: &TestApp) -> Vec<String> {
    let page = app.app.store.list("", None, 1_000).await.expect("a list");
    page.objects.into_iter().map(|listed| listed.object.key).collect()
}

#[actix_web::test]
async fn objects_that_no_row_knows_are_swept_after_a_day_and_nothing_else_is() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let made = person.make(&small()).await;
    let waits = id_of(&person.submit(&small()).await.expect_status(202).json());
    let known = keys(&app).await;
    let owner: Uuid =
        sqlx::query_scalar("select person_id from images").fetch_one(&mut app.sql().await).await.expect("an owner");
    let (nobody, lost) = (Uuid::now_v7(), Uuid::now_v7());
    let orphans_of_all_kinds = [
        format!("users/{owner}/images/{lost}/1/original.png"),
        format!("users/{owner}/images/{lost}/1/preview.webp"),
        format!("users/{owner}/previews/{}/1/0.png", id_of(&made)),
        format!("users/{nobody}/images/{lost}/1/original.png"),
        format!("users/{nobody}/picture"),
        format!("users/{nobody}/exports/all.zip"),
    ];
    let left_alone = [
        format!("users/{owner}/previews/{waits}/1/0.png"),
        format!("users/{owner}/exports/all.zip"),
        "backup/lapidary.sql".to_owned(),
    ];
    for key in orphans_of_all_kinds.iter().chain(&left_alone) {
        put(&app, key).await;
    }
    let young = orphans::sweep(&app.app, false).await.expect("a sweep").expect("a report");
    assert_eq!(young.counts.deleted, 0, "an upload of today may belong to a run of today");
    app.app.clock.advance(TimeDelta::hours(25));
    let dry = orphans::sweep(&app.app, true).await.expect("a sweep").expect("a report");
    assert_eq!((dry.counts.deleted, dry.counts.unknown, dry.counts.missing), (6, 1, 0));
    assert_eq!(keys(&app).await.len(), known.len() + 9, "a dry run deletes nothing");
    let swept = orphans::sweep(&app.app, false).await.expect("a sweep").expect("a report");
    assert_eq!((swept.counts.deleted, swept.counts.failed, swept.counts.missing), (6, 0, 0));
    let mut expected: Vec<String> = known.into_iter().chain(left_alone).collect();
    expected.sort();
    assert_eq!(keys(&app).await, expected);
    let traces = number(
        &app,
        "select count(*) from sweep_runs where finished_at is not null and lease_until is null and kind like 'objects%'",
    );
    assert_eq!(traces.await, 3, "each run leaves its date");
    app.work().await;
}

#[actix_web::test]
async fn a_sweep_goes_on_where_a_dead_process_left_it_and_only_one_is_at_it() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    person.make(&json!({"prompt": "Foxes", "quality": "low", "count": 2})).await;
    let owner: Uuid =
        sqlx::query_scalar("select person_id from images").fetch_one(&mut app.sql().await).await.expect("an owner");
    for _ in 0..5 {
        put(&app, &format!("users/{owner}/images/{}/1/original.png", Uuid::now_v7())).await;
    }
    app.app.clock.advance(TimeDelta::hours(25));
    // It was swept two days ago: where nobody did, it would only look.
    let mut sql = app.sql().await;
    sqlx::query(
        "insert into sweep_runs (id, kind, is_dry_run, started_at, finished_at) values (gen_random_uuid(), 'objects', false, $1, $1)",
    )
    .bind(app.app.clock.now() - TimeDelta::days(2))
    .execute(&mut sql)
    .await
    .expect("a run");
    // Pages of two: the three objects of an image lie on two of them.
    let steps = Steps { pages: 1, page_size: 2 };
    orphans::daily_by(&app.app, steps).await.expect("a round");
    sqlx::query("update sweep_runs set lease_until = $1 where finished_at is null")
        .bind(app.app.clock.now() + TimeDelta::minutes(5))
        .execute(&mut sql)
        .await
        .expect("a process that is at it");
    assert!(orphans::round(&app.app, false, steps).await.expect("a round").is_none(), "two are at it");
    app.app.clock.advance(TimeDelta::minutes(6));
    let mut rounds = 0;
    while number(&app, "select count(*) from sweep_runs where finished_at is null").await == 1 {
        orphans::daily_by(&app.app, steps).await.expect("a round");
        rounds += 1;
    }
    assert!(rounds > 3, "it was done in {rounds} rounds");
    let row: (i64, i64, i64) = sqlx::query_as(
        "select seen, deleted, missing from sweep_runs where kind = 'objects' order by started_at desc limit 1",
    )
    .fetch_one(&mut sql)
    .await
    .expect("a row");
    // Two images of three objects, and the picture of the person if the provider gave one.
    assert_eq!((row.1, row.2), (5, 0));
    assert!(row.0 >= 11);
    orphans::daily_by(&app.app, steps).await.expect("a round");
    assert_eq!(number(&app, "select count(*) from sweep_runs where kind = 'objects'").await, 2, "once a day is enough");
}

#[actix_web::test]
async fn an_image_whose_objects_are_gone_is_told_and_its_row_stays() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    person.make(&small()).await;
    let originals: Vec<String> = keys(&app).await.into_iter().filter(|key| key.contains("original")).collect();
    app.app.store.delete_many(&originals).await.expect("deleted by somebody else");
    app.app.clock.advance(TimeDelta::hours(25));
    let report = orphans::sweep(&app.app, false).await.expect("a sweep").expect("a report");
    assert_eq!((report.counts.missing, report.counts.deleted), (1, 0));
    assert_eq!(number(&app, "select count(*) from images").await, 1);
}

#[actix_web::test]
async fn an_object_that_cannot_be_deleted_does_not_keep_the_others_in_the_trash() {
    let (app, store) = with_own_store(&[]).await;
    let person = app.person("Ada Lovelace").await;
    for _ in 0..2 {
        let made = person.make(&small()).await;
        person.delete(&format!("/v1/images/{}", id_of(&made["images"][0]))).await.expect_status(204);
    }
    app.app.clock.advance(TimeDelta::days(31));
    // One that is only busy is deleted in the same round; one that is refused stays.
    store.faults.set(Fault::once("s3", "partial_delete").with("AccessDenied"));
    schedule::keep_house(&app.app).await;
    assert_eq!(number(&app, "select count(*) from images").await, 1);
    store.faults.set(Fault::once("s3", "partial_delete").with("SlowDown"));
    schedule::keep_house(&app.app).await;
    assert_eq!(number(&app, "select count(*) from images").await, 1, "it lets others go first for an hour");
    app.app.clock.advance(TimeDelta::hours(2));
    schedule::keep_house(&app.app).await;
    assert_eq!(number(&app, "select count(*) from images").await, 0);
}

#[actix_web::test]
async fn a_job_that_fails_does_not_stop_the_ones_after_it() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let made = person.make(&small()).await;
    person.delete(&format!("/v1/images/{}", id_of(&made["images"][0]))).await.expect_status(204);
    app.app.clock.advance(TimeDelta::days(31));
    let mut sql = app.sql().await;
    for statement in [
        "create function refuse() returns trigger language plpgsql as $$ begin raise 'not now'; end $$",
        "create trigger refuse before delete on events for each statement execute function refuse()",
        "create trigger refuse before delete on sign_in_attempts for each statement execute function refuse()",
    ] {
        sqlx::query(statement).execute(&mut sql).await.expect("set up");
    }
    schedule::keep_house(&app.app).await;
    assert_eq!(number(&app, "select count(*) from images").await, 0, "the trash is emptied");
    assert_eq!(
        number(&app, "select count(*) from sweep_runs where finished_at is not null and kind = 'objects_dry_run'")
            .await,
        1
    );
}
