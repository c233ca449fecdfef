//! `serve` and `work` themselves, started where a promise would be broken: each stops, and says which.
use std::time::Duration;

use lapidary_sandbox::faults::{Fault, Faults};
use sqlx::Connection;

use crate::doctor::{own_store, public_store};
use crate::harness::{self, TestApp};
use crate::metrics::free_port;
use crate::process::Process;

/// Starts it and gives what it said when it had stopped by itself.
async fn stopped(app: &TestApp, command: &str, extra: &[&str]) -> String {
    let mut process = Process::start(app, command, &[&["--listen=127.0.0.1:0"], extra].concat());
    let status = process.ended().await;
    let said = process.logged();
    assert!(!status.success(), "{command} ended as if all was well: {said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.starts_with("lapidary: "), "its last words are a sentence: {said}");
    last.to_owned()
}

#[actix_web::test]
async fn nothing_starts_on_a_public_bucket() {
    let app = harness::start().await;
    let (url, handle) = public_store();
    let said = stopped(&app, "serve", &[&format!("--s3-endpoint={url}")]).await;
    assert!(said.contains("the bucket is public: anybody can read its objects"), "{said}");
    handle.stop(false).await;
}

#[actix_web::test]
async fn nothing_starts_on_a_bucket_that_does_not_encrypt() {
    let (app, faults) = (harness::start().await, Faults::default());
    let (_store, flags, folder) = own_store(&faults).await;
    faults.set(Fault::always("s3", "unencrypted_put"));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let said = stopped(&app, "serve", &flags).await;
    assert!(said.contains("does not say that it encrypts objects at rest"), "{said}");
    std::fs::remove_dir_all(folder).expect("removed");
}

#[actix_web::test]
async fn neither_server_nor_worker_starts_on_an_older_schema() {
    let app = harness::start().await;
    sqlx::query("delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)")
        .execute(&mut app.sql().await)
        .await
        .expect("an older schema");
    for command in ["serve", "work"] {
        let said = stopped(&app, command, &[]).await;
        assert!(said.contains("1 migration is missing") && said.contains("lapidary migrate"), "{command}: {said}");
    }
}

#[actix_web::test]
async fn nothing_starts_where_strangers_could_see_people() {
    let app = harness::start().await;
    sqlx::query("alter table images disable row level security").execute(&mut app.sql().await).await.expect("altered");
    let said = stopped(&app, "serve", &[]).await;
    assert!(said.contains("row-level security is off for images"), "{said}");
}

/// Tables of others stand open in the same schema, and the storage has its troubles: both are told, neither ends it.
#[actix_web::test]
async fn what_is_not_certain_lets_it_live_and_is_told_in_the_log() {
    let (app, faults) = (harness::start().await, Faults::default());
    let theirs = "create table spatial_ref_sys (srid int); grant all on spatial_ref_sys to public";
    sqlx::raw_sql(theirs).execute(&mut app.sql().await).await.expect("somebody else's table");
    let (_store, flags, folder) = own_store(&faults).await;
    faults.set(Fault::always("s3", "refuse").with("InternalError"));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let mut process = Process::serve(&app, &flags).await;
    let mut beat = tokio::time::interval(Duration::from_millis(50));
    let told = "the storage refuses an object with InternalError";
    while !process.logged().contains(told) {
        beat.tick().await;
    }
    faults.clear();
    let ready = reqwest::get(format!("{}/health/ready", process.url)).await.expect("an answer");
    assert_eq!(ready.status(), 200, "{}", process.logged());
    assert!(process.terminate().await.success(), "{}", process.logged());
    assert!(!process.logged().contains("a promise would be broken"), "{}", process.logged());
    std::fs::remove_dir_all(folder).expect("removed");
}

/// The lock keeps the guard from looking at strangers' rows: nothing else is in the way of being ready.
#[actix_web::test]
async fn nobody_is_sent_to_a_process_that_has_not_judged_its_database() {
    let app = harness::start().await;
    let mut sql = app.sql().await;
    let mut tx = sql.begin().await.expect("a transaction");
    sqlx::query("lock table images in access exclusive mode").execute(&mut *tx).await.expect("a lock");
    let port = free_port();
    let mut process = Process::start(&app, "serve", &[&format!("--listen=127.0.0.1:{port}")]);
    let status = async |path: &str| {
        let mut beat = tokio::time::interval(Duration::from_millis(50));
        loop {
            beat.tick().await;
            if let Ok(answer) = reqwest::get(format!("http://127.0.0.1:{port}/health/{path}")).await {
                return answer.status().as_u16();
            }
        }
    };
    assert_eq!(status("live").await, 200, "the first answer waits for nobody");
    // The guard waits for the lock from some moment on.
    let waits = "select count(*) from pg_locks where not granted and relation = 'images'::regclass";
    let mut beat = tokio::time::interval(Duration::from_millis(50));
    while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut *tx).await.expect("locks") == 0 {
        beat.tick().await;
    }
    assert_eq!(status("ready").await, 503);
    tx.rollback().await.expect("the lock is gone");
    while status("ready").await != 200 {
        beat.tick().await;
    }
    assert!(process.terminate().await.success());
}
