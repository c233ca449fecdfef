//! Zips of images: what is in them, whose they are, and what happens when something breaks meanwhile.
use std::io::Write;
use std::process::Command;
use std::sync::Arc;

use chrono::TimeDelta;
use lapidary::archives::{expire, run, work_queries};
use lapidary::images::orphans;
use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::crash::{number, with_own_store};
use crate::gallery::{make_each, multiply};
use crate::harness::{self, Person, TestApp};

async fn ask(person: &Person<'_>, body: &Value) -> String {
    let asked = person.post("/v1/image-archives", body).await.expect_status(202);
    let archive = asked.json();
    let id = archive["id"].as_str().expect("an id").to_owned();
    assert_eq!(asked.header("location"), format!("/v1/image-archives/{id}"));
    assert_eq!(archive["status"], "queued");
    id
}

async fn read(person: &Person<'_>, id: &str) -> Value {
    person.get(&format!("/v1/image-archives/{id}")).await.expect_status(200).json()
}

/// Names and contents, as Python's own reader finds them; every checksum is compared.
pub fn unzipped(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let path = std::env::temp_dir().join(format!("lapidary-{}.zip", Uuid::now_v7()));
    std::fs::File::create(&path).and_then(|mut file| file.write_all(bytes)).expect("a file");
    let program = "import sys, zipfile, json
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
print(json.dumps([(i.filename, z.read(i).hex(), i.compress_type) for i in z.infolist()]))";
    let read = Command::new("python3").args(["-c", program]).arg(&path).output().expect("Python");
    std::fs::remove_file(&path).expect("removed");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let entries: Vec<(String, String, u32)> = serde_json::from_slice(&read.stdout).expect("JSON");
    let byte = |hex: &[u8]| u8::from_str_radix(std::str::from_utf8(hex).expect("digits"), 16).expect("a byte");
    entries
        .into_iter()
        .map(|(name, hex, stored)| {
            assert_eq!(stored, 0, "pictures do not get smaller");
            (name, hex.as_bytes().chunks(2).map(byte).collect())
        })
        .collect()
}

#[actix_web::test]
async fn an_archive_holds_every_original_byte_for_byte_and_says_what_each_is() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let made = make_each(&person, &["A fox", "雪の中の狐 / ../etc", "=cmd, \"quoted\"\nline"]).await;
    let id = ask(&person, &json!({"image_ids": made})).await;
    assert!(run::step(&app.app).await.expect("a step"));
    assert!(!run::step(&app.app).await.expect("a step"), "nothing waits any more");
    let archive = read(&person, &id).await;
    assert_eq!(
        (&archive["status"], &archive["image_count"], &archive["done_count"]),
        (&json!("ready"), &json!(3), &json!(3))
    );
    let saved = person.browser.get(archive["url"].as_str().expect("a link")).await.expect_status(200);
    assert_eq!(saved.body.len(), usize::try_from(archive["bytes"].as_i64().expect("bytes")).expect("few"));
    assert!(saved.header("content-disposition").starts_with("attachment; filename=\"lapidary-images-2"));
    assert_eq!(saved.header("content-type"), "application/zip");
    let entries = unzipped(&saved.body);
    let of = |name: &str| entries.iter().find(|(known, _)| known == name).map(|(_, bytes)| bytes).expect(name);
    let manifest: Value = serde_json::from_slice(of("manifest.json")).expect("JSON");
    let lines = manifest.as_array().expect("a list");
    assert_eq!((entries.len(), lines.len()), (6, 3));
    for line in lines {
        let image = person.get(&format!("/v1/images/{}", line["id"].as_str().expect("an id"))).await.json();
        let original = person.browser.get(image["url"].as_str().expect("a link")).await.expect_status(200);
        assert!(*of(line["file"].as_str().expect("a name")) == original.body, "{line}");
        for same in
            ["prompt", "attributes", "model", "quality", "width", "height", "bytes", "price_gems", "content_type"]
        {
            assert_eq!(line[same], image[same], "{same}");
        }
        assert_eq!(
            (&line["ai_generated"], &line["digital_source_type"]),
            (&json!(true), &image["digital_source_type"])
        );
    }
    let names: Vec<&String> = entries.iter().map(|(name, _)| name).collect();
    assert!(names.iter().all(|name| !name.contains('/')), "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("雪の中の狐 ")), "{names:?}");
    let csv = String::from_utf8(of("manifest.csv").clone()).expect("UTF-8");
    assert!(csv.starts_with("file,id,created_at,prompt") && csv.contains("\"'=cmd, \"\"quoted\"\""), "{csv}");
    let notice = person.get("/v1/me/notices").await.json()["data"][0].clone();
    assert_eq!((&notice["kind"], &notice["subject"]), (&json!("archive_ready"), &json!(id)));
    let told = number(&app, "select count(*) from events where kind = 'archive'").await;
    assert!(told >= 3, "queued, running, ready: {told}");
}

#[actix_web::test]
async fn a_collection_becomes_an_archive_and_a_key_asks_once() {
    let app = harness::start().await;
    let (person, stranger) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let made = make_each(&person, &["A fox", "A lighthouse", "Thrown away"]).await;
    person.delete(&format!("/v1/images/{}", made[2])).await.expect_status(204);
    let collection = Uuid::now_v7();
    let mut sql = app.sql().await;
    for statement in [
        "insert into collections select $1, person_id, 'Best', now() from images limit 1",
        "insert into collection_images select $1, id, person_id, now() from images",
    ] {
        sqlx::query(statement).bind(collection).execute(&mut sql).await.expect("collected");
    }
    let post = async |key: &str, body: &Value| {
        let request = person.request(reqwest::Method::POST, "/v1/image-archives").header("Idempotency-Key", key);
        harness::Answer::of(request.json(body).send().await).await
    };
    let body = json!({"collection_id": collection});
    let (first, second) = (post("k", &body).await.expect_status(202), post("k", &body).await.expect_status(202));
    assert_eq!((&first.json()["id"], first.json()["image_count"].as_i64()), (&second.json()["id"], Some(2)));
    post("k", &json!({"image_ids": [made[0]]})).await.expect_problem(422, "idempotency-key-reused");
    for (body, pointer, code) in [
        (json!({}), "/image_ids", "required"),
        (json!({"image_ids": [made[0]], "collection_id": collection}), "/collection_id", "duplicate"),
        (json!({"image_ids": [made[2]]}), "/image_ids", "required"),
        (json!({"image_ids": vec![Uuid::now_v7(); 10_001]}), "/image_ids", "too_many"),
    ] {
        let problem = person.post("/v1/image-archives", &body).await.expect_problem(422, "invalid");
        let error = &problem["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)));
    }
    stranger.post("/v1/image-archives", &json!({"collection_id": collection})).await.expect_problem(404, "not-found");
    let theirs = stranger.post("/v1/image-archives", &json!({"image_ids": made})).await;
    theirs.expect_problem(422, "invalid");
    assert_eq!(stranger.get("/v1/image-archives").await.json()["data"], json!([]));
    for _ in 0..4 {
        ask(&person, &json!({"image_ids": [made[0]]})).await;
    }
    let refused = person.post("/v1/image-archives", &json!({"image_ids": [made[0]]})).await;
    assert_eq!(refused.header("retry-after"), "60");
    refused.expect_problem(429, "rate-limited");
    while run::step(&app.app).await.expect("a step") {}
}

#[actix_web::test]
async fn what_a_killed_worker_began_another_one_finishes_and_what_is_erased_is_left_out() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let made = make_each(&person, &["A fox", "A lighthouse"]).await;
    let id = ask(&person, &json!({"image_ids": made})).await;
    // Killed with an upload under way: neither its lease nor its upload is given back.
    let now = app.app.clock.now();
    let killed = work_queries::claim(app.app.db.house(), now, run::LEASE).await.expect("the queue").expect("a job");
    let mut upload = app.app.store.begin_upload(&killed.key(), "application/zip", 0).await.expect("an upload");
    upload.push(&vec![7; 9_000_000]).await.expect("a part");
    let upload_id = upload.id.clone();
    assert!(work_queries::note_upload(app.app.db.house(), &killed, Some(&upload_id)).await.expect("noted"));
    assert!(!run::step(&app.app).await.expect("a step"), "it is still leased");
    assert_eq!(read(&person, &id).await["status"], "running");
    let gone: Uuid = made[0].parse().expect("an id");
    sqlx::query("update generations g set erased_gems = g.erased_gems + i.price_gems from images i where i.id = $1 and g.id = i.generation_id")
        .bind(gone)
        .execute(&mut app.sql().await)
        .await
        .expect("counted");
    sqlx::query("delete from images where id = $1").bind(gone).execute(&mut app.sql().await).await.expect("erased");
    app.app.clock.advance(TimeDelta::seconds(61));
    assert!(run::step(&app.app).await.expect("a step"));
    let archive = read(&person, &id).await;
    assert_eq!(
        (&archive["status"], &archive["done_count"], &archive["image_count"]),
        (&json!("ready"), &json!(1), &json!(2))
    );
    upload.push(&vec![7; 9_000_000]).await.expect_err("the upload of the killed one was ended");
    let late = work_queries::beat(app.app.db.house(), &killed, 1, now).await.expect("a beat");
    assert!(!late, "the killed one may not go on");
    let saved = person.browser.get(archive["url"].as_str().expect("a link")).await.expect_status(200);
    assert_eq!(unzipped(&saved.body).len(), 4);
}

#[actix_web::test]
async fn an_archive_that_storage_refuses_fails_with_a_sentence_after_several_tries() {
    let (app, store) = with_own_store(&[]).await;
    let person = app.person("Ada Lovelace").await;
    let made = make_each(&person, &["A fox"]).await;
    let id = ask(&person, &json!({"image_ids": made})).await;
    store.faults.set(Fault::always("s3", "refuse_put").with("AccessDenied"));
    for attempt in 1..=4 {
        assert_eq!(read(&person, &id).await["status"], if attempt == 1 { "queued" } else { "running" });
        assert!(run::step(&app.app).await.expect("a step"), "attempt {attempt}");
        app.app.clock.advance(TimeDelta::seconds(61));
    }
    let archive = read(&person, &id).await;
    assert_eq!(archive["status"], "failed");
    assert!(archive["failure"].as_str().expect("a sentence").ends_with('.') && archive["url"].is_null());
    assert_eq!(number(&app, "select count(*) from image_archives where upload_id is not null").await, 0);
    store.faults.clear();
    let again = ask(&person, &json!({"image_ids": made})).await;
    assert!(run::step(&app.app).await.expect("a step"));
    assert_eq!(read(&person, &again).await["status"], "ready");
}

#[actix_web::test]
async fn an_archive_is_gone_after_seven_days_or_when_it_is_deleted() {
    let app = harness::start().await;
    let (person, stranger) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let made = make_each(&person, &["A fox"]).await;
    let (old, deleted, unmade) = (
        ask(&person, &json!({"image_ids": made})).await,
        ask(&person, &json!({"image_ids": made})).await,
        ask(&person, &json!({"image_ids": made})).await,
    );
    let path = |id: &str| format!("/v1/image-archives/{id}");
    stranger.get(&path(&old)).await.expect_problem(404, "not-found");
    stranger.delete(&path(&old)).await.expect_problem(404, "not-found");
    for _ in 0..2 {
        person.delete(&path(&unmade)).await.expect_status(204);
    }
    while run::step(&app.app).await.expect("a step") {}
    let links: Vec<String> = [read(&person, &old).await, read(&person, &deleted).await]
        .iter()
        .map(|archive| archive["url"].as_str().expect("a link").to_owned())
        .collect();
    person.delete(&path(&deleted)).await.expect_status(204);
    expire::expire(&app.app, app.app.clock.now()).await.expect("it runs");
    person.browser.get(&links[0]).await.expect_status(200);
    assert_eq!(person.browser.get(&links[1]).await.status, 404);
    // The sweep of objects knows the one that is left.
    app.app.clock.advance(TimeDelta::hours(25));
    let report = orphans::sweep(&app.app, false).await.expect("a sweep").expect("a report");
    assert_eq!((report.counts.deleted, report.counts.unknown), (0, 0));
    person.browser.get(&links[0]).await.expect_status(200);
    app.app.clock.advance(TimeDelta::days(7));
    expire::expire(&app.app, app.app.clock.now()).await.expect("it runs");
    assert_eq!(person.browser.get(&links[0]).await.status, 404);
    let statuses = "select count(*) from image_archives where status = 'expired' and object_key is null";
    assert_eq!(number(&app, statuses).await, 3);
    app.app.clock.advance(TimeDelta::days(30));
    expire::expire(&app.app, app.app.clock.now()).await.expect("it runs");
    assert_eq!(number(&app, "select count(*) from image_archives").await, 0);
}

#[actix_web::test]
async fn an_archive_that_is_deleted_while_it_is_made_leaves_nothing() {
    let (app, store) = with_own_store(&[]).await;
    let person = app.person("Ada Lovelace").await;
    let made = make_each(&person, &["A fox"]).await;
    multiply(&app, &made[0], 20).await;
    let all: Vec<String> =
        sqlx::query_scalar("select id::text from images").fetch_all(&mut app.sql().await).await.expect("images");
    let id = ask(&person, &json!({"image_ids": all})).await;
    store.faults.set(Fault::always("s3", "hang").with(1.0));
    let making = Arc::clone(&app.app);
    let making = actix_web::rt::spawn(async move { run::step(&making).await });
    until(&app, "running").await;
    person.delete(&format!("/v1/image-archives/{id}")).await.expect_status(204);
    assert!(making.await.expect("a task").expect("a step"));
    store.faults.clear();
    expire::expire(&app.app, app.app.clock.now()).await.expect("it runs");
    let left = "select count(*) from image_archives where status <> 'expired' or upload_id is not null or object_key is not null";
    assert_eq!(number(&app, left).await, 0);
}

/// Waits, a moment at a time, until the only archive says so.
async fn until(app: &TestApp, status: &str) {
    let mut beat = tokio::time::interval(std::time::Duration::from_millis(20));
    let mut sql = app.sql().await;
    loop {
        beat.tick().await;
        let now: String =
            sqlx::query_scalar("select status from image_archives").fetch_one(&mut sql).await.expect("a row");
        if now == status {
            return;
        }
    }
}
