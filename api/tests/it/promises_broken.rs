//! Promises broken on purpose: the page says so, whoever watches hears it once, and it is kept again when it is mended. And
//! the data map, which must know every column there is.
use std::time::Duration;

use chrono::TimeDelta;
use lapidary::promises::data::tables;
use lapidary::requests::days;
use lapidary::work::schedule;
use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};
use sqlx::Executor;
use uuid::Uuid;

use crate::crash::with_own_store;
use crate::harness::{self, TestApp};
use crate::metrics::{free_port, scrape};
use crate::process::Process;
use crate::promises::{SWEPT, evidence, is_kept, look, promise};

#[track_caller]
fn is(seen: &Value, id: &str, state: &str, words: &str) {
    let of = promise(seen, id);
    assert_eq!(of["state"], state, "{of:#}");
    let said = of["evidence"].as_array().expect("evidence");
    let says = |it: &Value| it["state"] == state && it["value"].as_str().is_some_and(|value| value.contains(words));
    assert!(said.iter().any(says), "nothing {state} says {words:?}: {of:#}");
}

async fn run(app: &TestApp, statement: &str) {
    app.sql().await.execute(sqlx::AssertSqlSafe(statement.to_owned())).await.expect("it runs");
}

#[actix_web::test]
async fn a_table_without_row_level_security_breaks_the_promise_of_isolation() {
    let app = harness::start_with(&["--database-at-rest=LUKS".to_owned()]).await;
    app.person("Ada Lovelace").await;
    run(&app, "alter table presets disable row level security").await;
    let seen = look(&app).await;
    is(&seen, "P7", "broken", "Row-level security is off for presets");
    let before = promise(&seen, "P7")["last_seen_at"].clone();
    assert_eq!(before, Value::Null, "it was never seen kept");
    run(&app, "alter table presets enable row level security").await;
    let seen = look(&app).await;
    assert_eq!(promise(&seen, "P7")["state"], "declared");
    let kept_at = promise(&seen, "P7")["last_seen_at"].clone();
    run(&app, "create policy everybody on presets to lapidary_person using (true)").await;
    run(
        &app,
        "insert into presets (id, person_id, name, attributes, created_at, updated_at)
               select gen_random_uuid(), id, 'x', '[]', now(), now() from people",
    )
    .await;
    app.app.clock.advance(TimeDelta::minutes(5));
    let seen = look(&app).await;
    is(&seen, "P7", "broken", "A stranger sees rows of presets");
    assert_eq!(promise(&seen, "P7")["last_seen_at"], kept_at, "when it was last seen kept");
}

#[actix_web::test]
async fn what_storage_says_of_an_object_breaks_the_promises_of_encryption_and_folders() {
    let (app, store) = with_own_store(&["--database-at-rest=LUKS".to_owned()]).await;
    let person = app.person("Ada Lovelace").await;
    store.faults.set(Fault::once("s3", "unencrypted_head"));
    is(&look(&app).await, "P7", "broken", "Storage does not say so of a probe");
    let made = person.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    store.faults.set(Fault::once("s3", "unencrypted_head"));
    let seen = look(&app).await;
    is(&seen, "P7", "broken", "Storage does not say so of the newest picture");
    is_kept(&seen, "P9");
    app.app.store.put("of-somebody.png", vec![1_u8], "image/png").await.expect("stored");
    is(&look(&app).await, "P9", "broken", "1 objects or folders lie outside");
    app.app.store.delete_many(&["of-somebody.png".to_owned()]).await.expect("deleted");
    store.faults.set(Fault::always("s3", "refuse"));
    let seen = look(&app).await;
    is(&seen, "P7", "stale", "Could not be looked at");
    is(&seen, "P9", "stale", "Could not be looked at");
    store.faults.clear();
    let image = made["images"][0]["id"].as_str().expect("an id").to_owned();
    let prefix: String = sqlx::query_scalar("select object_prefix from images where id = $1::uuid")
        .bind(image)
        .fetch_one(&mut app.sql().await)
        .await
        .expect("a prefix");
    let key = format!("{prefix}/original.png");
    let bytes = app.app.store.read(&key).await.expect("read").expect("there");
    app.app.store.delete_many(std::slice::from_ref(&key)).await.expect("deleted");
    is(&look(&app).await, "P2", "broken", "It is not in storage");
    app.app.store.put(&key, bytes, "image/png").await.expect("stored");
    is_kept(&look(&app).await, "P2");
}

#[actix_web::test]
async fn an_old_key_and_a_disk_nobody_speaks_for_are_told() {
    let app = harness::start().await;
    app.person("Ada Lovelace").await;
    is(&look(&app).await, "P7", "stale", "Nobody has said how it is done");
    run(&app, "update signing_keys set created_at = now() - interval '100 days'").await;
    is(&look(&app).await, "P7", "broken", "100 days; it changes every 90");
    app.app.auth.keys.tend(&app.app.db, app.app.clock.now()).await.expect("a new key");
    let seen = look(&app).await;
    assert_eq!(evidence(&seen, "P7", "Age of the signing key")["state"], "kept");
}

#[actix_web::test]
async fn jobs_that_do_not_run_and_what_should_be_gone_are_told() {
    let app = harness::start().await;
    run(&app, SWEPT).await;
    schedule::keep_house(&app.app).await;
    for id in ["P4", "P9", "P10", "P12"] {
        is_kept(&look(&app).await, id);
    }
    run(
        &app,
        "update sweep_runs set started_at = started_at - interval '3 days',
                 finished_at = finished_at - interval '3 days' where kind = 'objects'",
    )
    .await;
    let seen = look(&app).await;
    is(&seen, "P9", "stale", "Has not run for too long");
    is(&seen, "P10", "stale", "Has not run for too long");
    run(&app, "update sweep_runs set missing = 2, unknown = 3 where kind = 'objects'").await;
    let seen = look(&app).await;
    is(&seen, "P2", "broken", "2; they are to be restored");
    is(&seen, "P9", "broken", "3 objects of a shape");
    let long_ago = app.app.clock.today() - chrono::Days::new(40);
    days::make(&app.app.db, long_ago).await.expect("a day");
    is(&look(&app).await, "P4", "broken", &long_ago.to_string());
    app.browser().sign_in("github", "Grace Hopper").await;
    run(&app, "update people set created_at = now() - interval '2 days'").await;
    is(&look(&app).await, "P12", "broken", "Some are still there");
    run(&app, "delete from sweep_runs where kind = 'objects'; update sweep_runs set missing = 0, unknown = 0").await;
    run(&app, SWEPT).await;
    schedule::keep_house(&app.app).await;
    for id in ["P2", "P4", "P9", "P10", "P12"] {
        is_kept(&look(&app).await, id);
    }
}

#[actix_web::test]
async fn a_ledger_that_does_not_add_up_and_changed_words_are_told() {
    let app = harness::start().await;
    app.person("Ada Lovelace").await;
    run(&app, "update gem_accounts set free = free + 1").await;
    schedule::keep_house(&app.app).await;
    is(&look(&app).await, "P3", "broken", "1 rules are broken");
    run(&app, "update gem_accounts set free = free - 1").await;
    app.app.clock.advance(TimeDelta::hours(25));
    schedule::keep_house(&app.app).await;
    is_kept(&look(&app).await, "P3");
    run(&app, "update policy_versions set text_hash = sha256('other words') where kind = 'terms'").await;
    is(&look(&app).await, "P13", "broken", "other words than when it was published");
}

#[actix_web::test]
async fn a_column_nobody_described_breaks_the_promise_and_the_metric_and_is_logged_once() {
    let app = harness::start().await;
    app.person("Ada Lovelace").await;
    run(&app, "alter table identities add column provider_token text").await;
    let port = free_port();
    let process = Process::serve(&app, &[&format!("--metrics-listen=127.0.0.1:{port}")]).await;
    let answer = reqwest::get(format!("{}/v1/promises", process.url)).await.expect("an answer");
    let seen: Value = answer.json().await.expect("JSON");
    is(&seen, "P1", "broken", "identities.provider_token");
    let mut beat = tokio::time::interval(Duration::from_millis(50));
    let numbers = loop {
        beat.tick().await;
        let numbers = scrape(port).await;
        if numbers.contains_key("lapidary_promise_kept{promise=\"P15\"}") {
            break numbers;
        }
    };
    assert_eq!(numbers.get("lapidary_promise_kept{promise=\"P1\"}"), Some(&0.0), "{numbers:#?}");
    assert_eq!(numbers.get("lapidary_promise_kept{promise=\"P3\"}"), Some(&1.0));
    let logged = process.logged();
    let told = logged.lines().filter(|line| line.contains("a promise is not seen kept") && line.contains("\"P1\""));
    assert_eq!(told.count(), 1, "{logged}");
    let found = crate::doctor::wrongs(&app, &[]).await;
    assert!(found.iter().any(|it| it.check == "promises" && it.says.contains("P1 is broken")), "{found:#?}");
}

#[actix_web::test]
async fn a_new_installation_sees_every_promise_kept_as_soon_as_its_house_is() {
    let app = harness::start_with(&["--database-at-rest=LUKS".to_owned()]).await;
    let process = Process::serve(&app, &[]).await;
    let mut beat = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..300 {
        beat.tick().await;
        let answer = reqwest::get(format!("{}/v1/promises", process.url)).await.expect("an answer");
        let seen: Value = answer.json().await.expect("JSON");
        let fine = ["kept", "declared"];
        let all = seen["promises"].as_array().expect("promises");
        if all.iter().all(|it| fine.contains(&it["state"].as_str().expect("a state"))) {
            return;
        }
    }
    panic!("some are never seen kept: {:#}", look(&app).await);
}

#[actix_web::test]
async fn a_thousand_questions_make_one_look() {
    let app = harness::start().await;
    let browser = app.browser();
    let asked = (0..100).map(|_| browser.get("/v1/promises"));
    let answers = futures_util::future::join_all(asked).await;
    let tag = answers[0].header("etag").to_owned();
    assert!(!tag.is_empty() && answers[0].header("cache-control").contains("max-age"));
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.header("etag") == tag), "one look");
    let request = browser.client.get(browser.at("/v1/promises")).header("If-None-Match", &tag);
    assert_eq!(harness::Answer::of(request.send().await).await.status, 304);
    app.app.clock.advance(TimeDelta::minutes(14));
    assert_eq!(browser.get("/v1/promises").await.header("etag"), tag);
    app.app.clock.advance(TimeDelta::minutes(2));
    assert_ne!(browser.get("/v1/promises").await.header("etag"), tag, "a process that looks no more is asked");
}

#[actix_web::test]
async fn nothing_that_is_told_names_a_person_an_object_or_a_secret() {
    let page = std::env::temp_dir().join(format!("lapidary-page-{}", Uuid::now_v7()));
    std::fs::create_dir_all(&page).expect("a folder");
    std::fs::write(page.join("index.html"), "<!doctype html><title>Lapidary</title>").expect("a page");
    let app = harness::start_with(&[format!("--page-dir={}", page.display())]).await;
    std::fs::remove_dir_all(&page).expect("the folder goes");
    let person = app.person("Ada Lovelace").await;
    let made = person.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    let mut said = look(&app).await.to_string();
    said.push_str(&app.browser().get("/v1/promises/data").await.json().to_string());
    // The one address that is told, as the page's policy tells it to every browser.
    let storage = format!("This server, and {} for pictures", app.app.page.as_ref().expect("a page").storage_origin());
    assert!(said.contains(&storage), "{said}");
    let said = said.replace(&storage, "");
    let id = person.get("/v1/me").await.json()["id"].as_str().expect("an id").to_owned();
    let image = made["images"][0]["id"].as_str().expect("an id").to_owned();
    let secrets =
        [&id, &image, &app.database_url, &app.openai.api_key, &app.stripe.secret_key, &app.github.client_secret];
    for secret in secrets {
        assert!(!said.contains(secret.as_str()), "{secret} was said");
    }
    assert!(!said.contains("example.test") && !said.contains("127.0.0.1"), "{said}");
}

#[actix_web::test]
async fn the_data_map_knows_every_column_of_every_table_and_no_other() {
    let app = harness::start().await;
    let columns: Vec<(String, String)> = sqlx::query_as(
        "select c.table_name::text, c.column_name::text from information_schema.columns c
         join information_schema.tables t using (table_schema, table_name)
         where table_schema = 'public' and t.table_type = 'BASE TABLE' and table_name <> '_sqlx_migrations'
           and table_name !~ '^request_log_[0-9]'",
    )
    .fetch_all(&mut app.sql().await)
    .await
    .expect("columns");
    let unknown: Vec<_> = columns.iter().filter(|(table, column)| !tables::knows(table, column)).collect();
    assert!(unknown.is_empty(), "say in promises/data/tables.rs what they hold: {unknown:?}");
    for table in tables::ALL {
        for name in table.columns.iter().flat_map(|(_, names)| names.split(' ')) {
            let is_there = columns.iter().any(|(of, column)| of == table.name && column == name);
            assert!(is_there, "{}.{name} is in the data map and not in the database", table.name);
        }
    }
}
