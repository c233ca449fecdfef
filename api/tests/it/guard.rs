//! `serve` and `work` themselves, started where a promise would be broken: each stops, and says which.
use lapidary_sandbox::faults::{Fault, Faults};

use crate::doctor::{own_store, public_store};
use crate::harness::{self, TestApp};
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
