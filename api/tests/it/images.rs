//! Images after they are made: the gallery, links to the storage, favourites, the trash.
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use actix_web::{App, HttpResponse, HttpServer, web};
use chrono::{DateTime, TimeDelta, Utc};
use lapidary::images::store::{ImageStore, StoreError};
use lapidary::images::trash;
use serde_json::{Value, json};

use crate::harness::{self, Person, TestApp};

async fn one_image(person: &Person<'_>) -> Value {
    let done = person.make(&json!({"prompt": "A fox in the snow", "quality": "low", "size": "1024x640"})).await;
    done["images"][0].clone()
}

fn path_of(image: &Value) -> String {
    format!("/v1/images/{}", text(&image["id"]))
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[track_caller]
fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().expect("a list").iter().map(|image| text(&image["id"]).to_owned()).collect()
}

async fn listed(person: &Person<'_>, query: &str) -> Vec<String> {
    ids(&person.get(&format!("/v1/images{query}")).await.expect_status(200).json())
}

async fn make_older(app: &TestApp, column: &str, days: i64) {
    let statement = format!("update images set {column} = {column} - $1 * interval '1 day'");
    sqlx::query(sqlx::AssertSqlSafe(statement)).bind(days).execute(&mut app.sql().await).await.expect("an update");
}

#[actix_web::test]
async fn the_gallery_is_read_page_by_page_without_gaps_or_repeats() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    for _ in 0..5 {
        person.submit(&json!({"prompt": "A fox", "quality": "low", "size": "1024x640"})).await.expect_status(202);
    }
    app.work().await;
    // As if of one generation: only the id tells them apart.
    let same_time = "update images set created_at = '2026-11-01T12:00:00.123456Z'";
    sqlx::query(same_time).execute(&mut app.sql().await).await.expect("an update");
    let first = person.get("/v1/images?limit=2").await.expect_status(200).json();
    let newer = one_image(&person).await;
    let (mut seen, mut next) = (ids(&first), first["next_cursor"].clone());
    while let Some(cursor) = next.as_str() {
        let page = person.get(&format!("/v1/images?limit=2&cursor={cursor}")).await.expect_status(200).json();
        seen.extend(ids(&page));
        next = page["next_cursor"].clone();
    }
    assert_eq!((seen.len(), seen.iter().collect::<HashSet<_>>().len()), (5, 5));
    assert!(!seen.contains(&text(&newer["id"]).to_owned()), "what is new stands before the first page");
    assert_eq!(listed(&person, "").await.first().map(String::as_str), newer["id"].as_str());
}

#[actix_web::test]
async fn an_image_made_8_days_ago_opens() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let made = one_image(&person).await;
    make_older(&app, "created_at", 8).await;
    let image = person.get(&path_of(&made)).await.expect_status(200).json();
    assert_ne!(image["created_at"], made["created_at"]);
    for url in ["url", "thumbnail_url", "preview_url"] {
        person.browser.get(text(&image[url])).await.expect_status(200);
    }
}

#[actix_web::test]
async fn a_link_stays_the_same_within_an_hour_and_says_when_it_ends() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let path = path_of(&one_image(&person).await);
    let (first, second) = (person.get(&path).await.json(), person.get(&path).await.json());
    let ends = |image: &Value| text(&image["url_expires_at"]).parse::<DateTime<Utc>>().expect("a time");
    let left = ends(&first) - Utc::now();
    assert!(left <= TimeDelta::days(7) && left > TimeDelta::days(7) - TimeDelta::minutes(61), "{left}");
    if ends(&first) == ends(&second) {
        assert_eq!(first["url"], second["url"]);
    }
    assert!(text(&first["url"]).contains("&X-Amz-Expires=604800&"));
    let me = person.get("/v1/me").await.json();
    assert!(text(&first["url"]).contains(&format!("/users/{}/images/", text(&me["id"]))));
}

#[actix_web::test]
async fn content_and_thumbnails_are_found_in_the_storage() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let path = path_of(&one_image(&person).await);
    for (end, content_type, longer_edge) in [
        ("/content", "image/png", 1024),
        ("/thumbnail", "image/webp", 512),
        ("/thumbnail?size=thumbnail", "image/webp", 512),
        ("/thumbnail?size=preview", "image/webp", 1024),
    ] {
        let sent = person.get(&format!("{path}{end}")).await.expect_status(303);
        assert_eq!(sent.header("cache-control"), "private, no-store");
        let stored = person.browser.get(sent.header("location")).await.expect_status(200);
        assert_eq!(stored.header("content-type"), content_type, "{end}");
        assert_eq!(stored.header("cache-control"), "private, max-age=31536000, immutable");
        let picture = image::load_from_memory(&stored.body).expect("a picture");
        assert_eq!(picture.width().max(picture.height()), longer_edge, "{end}");
        let says_so = stored.body.windows(29).any(|bytes| bytes == b"Iptc4xmpExt:DigitalSourceType");
        assert_eq!(says_so, content_type == "image/webp", "derived files say that a model made them");
    }
    person.get(&format!("{path}/thumbnail?size=huge")).await.expect_problem(400, "malformed-request");
}

#[actix_web::test]
async fn a_download_is_the_original_under_a_name_made_of_the_prompt() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let done =
        person.make(&json!({"prompt": "Лиса в \"снегу\"\n/etc/passwd", "quality": "low", "size": "1024x640"})).await;
    let image = &done["images"][0];
    let link = person.get(&format!("{}/download-url", path_of(image))).await.expect_status(200).json();
    let left = text(&link["url_expires_at"]).parse::<DateTime<Utc>>().expect("a time") - Utc::now();
    assert!(left <= TimeDelta::minutes(10) && left > TimeDelta::minutes(9), "{left}");
    let saved = person.browser.get(text(&link["url"])).await.expect_status(200);
    let disposition = saved.header("content-disposition");
    let end: String = text(&image["id"]).chars().rev().take(6).collect::<Vec<_>>().into_iter().rev().collect();
    let name = "%D0%9B%D0%B8%D1%81%D0%B0%20%D0%B2%20%D1%81%D0%BD%D0%B5%D0%B3%D1%83%20etcpasswd%20";
    assert!(disposition.starts_with("attachment; filename=\"____ _ _____ etcpasswd "), "{disposition}");
    assert!(disposition.ends_with(&format!("filename*=UTF-8''{name}{end}.png")), "{disposition}");
    assert_eq!(saved.header("content-type"), "image/png");
    assert_eq!(saved.body, person.browser.get(text(&image["url"])).await.body);
}

#[actix_web::test]
async fn a_favourite_is_kept_listed_and_announced_once() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let (liked, _other) = (one_image(&person).await, one_image(&person).await);
    for _ in 0..2 {
        let image = person.patch(&path_of(&liked), &json!({"is_favourite": true})).await.expect_status(200).json();
        assert_eq!(image["is_favourite"], true);
    }
    assert_eq!(listed(&person, "?favourite=true").await, [text(&liked["id"])]);
    let announced: i64 = sqlx::query_scalar("select count(*) from events where kind = 'image' and subject::text = $1")
        .bind(text(&liked["id"]))
        .fetch_one(&mut app.sql().await)
        .await
        .expect("a count");
    assert_eq!(announced, 1);
    person.patch(&path_of(&liked), &json!({"is_favourite": false})).await.expect_status(200);
    assert!(listed(&person, "?favourite=true").await.is_empty());
}

#[actix_web::test]
async fn a_deleted_image_waits_in_the_trash_and_comes_back() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let image = one_image(&person).await;
    let (id, path) = (text(&image["id"]), path_of(&image));
    for _ in 0..2 {
        let gone = person.delete(&path).await.expect_status(204);
        assert!(gone.body.is_empty());
    }
    assert!(listed(&person, "").await.is_empty());
    assert_eq!(listed(&person, "?trash=true").await, [id]);
    let generation = person.generation(text(&image["generation_id"])).await;
    assert_eq!((generation["images"].as_array().map(Vec::len), &generation["status"]), (Some(0), &json!("succeeded")));
    let waiting = person.get(&path).await.expect_status(200).json();
    assert!(waiting["deleted_at"].is_string());
    person.browser.get(text(&waiting["thumbnail_url"])).await.expect_status(200);
    for _ in 0..2 {
        let back = person.post(&format!("{path}/restore"), &json!({})).await.expect_status(200).json();
        assert!(back["deleted_at"].is_null());
    }
    assert_eq!(listed(&person, "").await, [id]);
    assert!(listed(&person, "?trash=true").await.is_empty());
}

#[actix_web::test]
async fn after_30_days_in_the_trash_an_image_is_erased_with_its_objects() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let (old, recent) = (one_image(&person).await, one_image(&person).await);
    person.delete(&path_of(&old)).await.expect_status(204);
    make_older(&app, "deleted_at", 31).await;
    person.delete(&path_of(&recent)).await.expect_status(204);
    person.post(&format!("{}/restore", path_of(&old)), &json!({})).await.expect_problem(409, "illegal-transition");
    trash::empty(&app.app, app.app.clock.now()).await.expect("it runs");
    person.get(&path_of(&old)).await.expect_problem(404, "not-found");
    for url in ["url", "thumbnail_url", "preview_url"] {
        assert_eq!(person.browser.get(text(&old[url])).await.status, 404, "{url}");
        person.browser.get(text(&recent[url])).await.expect_status(200);
    }
    assert_eq!(listed(&person, "?trash=true").await, [text(&recent["id"])]);
}

#[actix_web::test]
async fn a_wrong_question_about_images_gets_a_clear_answer() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let image = one_image(&person).await;
    for (query, pointer) in
        [("limit=0", "?limit"), ("limit=101", "?limit"), ("favourite=true&trash=true", "?favourite")]
    {
        let problem = person.get(&format!("/v1/images?{query}")).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}");
    }
    for query in ["cursor=junk", "limit=many", "trash=maybe"] {
        person.get(&format!("/v1/images?{query}")).await.expect_problem(400, "malformed-request");
    }
    let problem = person.patch(&path_of(&image), &json!({"prompt": "x"})).await.expect_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/prompt");
    person.get("/v1/images/seven").await.expect_problem(404, "not-found");
    person.get("/v1/images/0191b2c3-0000-7000-8000-0000000abcde").await.expect_problem(404, "not-found");
}

#[actix_web::test]
async fn a_missing_bucket_is_made_once_and_then_found() {
    let app = harness::start().await;
    let mut settings = app.app.settings.clone();
    settings.s3_bucket = format!("made-{}", uuid::Uuid::now_v7().simple());
    let store = ImageStore::new(&settings, app.app.clock.clone());
    store.check().await.expect_err("it is not there yet");
    store.ensure_bucket().await.expect("made");
    store.ensure_bucket().await.expect("still there");
    store.check().await.expect("found");
}

#[actix_web::test]
async fn a_storage_that_does_not_encrypt_keeps_no_object() {
    let app = harness::start().await;
    let calls: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&calls);
    let plain = HttpServer::new(move || {
        let heard = Arc::clone(&heard);
        App::new().default_service(web::to(move |request: actix_web::HttpRequest| {
            heard.lock().expect("a list").push(request.method().to_string());
            async { HttpResponse::Ok().content_type("application/xml").body("<DeleteResult/>") }
        }))
    })
    .workers(1)
    .disable_signals()
    .bind("127.0.0.1:0")
    .expect("a port");
    let mut settings = app.app.settings.clone();
    settings.s3_endpoint = Some(format!("http://{}", plain.addrs()[0]));
    let server = plain.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    let store = ImageStore::new(&settings, app.app.clock.clone());
    let refused = store.put("users/1/images/1/1/original.png", b"bytes".to_vec(), "image/png").await;
    assert!(matches!(refused, Err(StoreError::NotEncrypted)), "{refused:?}");
    assert_eq!(*calls.lock().expect("a list"), ["PUT", "POST"], "it is deleted again");
    handle.stop(false).await;
}
