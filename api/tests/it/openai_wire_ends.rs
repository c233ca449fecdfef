//! How calls in OpenAI's wire end when something is in their way: what is gone, unreadable, revoked, capped or too often by then,
//! and how an answer that has begun goes on and breaks off.
use std::time::Duration;

use futures_util::future::join;
use lapidary_sandbox::faults::Fault;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::api_keys::key_of;
use crate::harness::{self, Answer, Person, TestApp};
use crate::model_faults::Stage;
use crate::openai_wire::{GENERATIONS, PATIENCE, answered, call, fox, while_working, with};
use crate::openai_wire_join::{again, id_of};
use crate::openai_wire_stream::events;
use crate::references::{picture, written};

async fn originals(app: &TestApp) -> Vec<String> {
    let page = app.app.store.list("users/", None, 1_000).await.expect("a list");
    let keys = page.objects.into_iter().map(|listed| listed.object.key);
    keys.filter(|key| key.contains("/images/") && key.ends_with(".png")).collect()
}

async fn lose(app: &TestApp, key: &str) {
    app.app.store.delete_many(&[key.to_owned()]).await.expect("deleted");
}

/// What came until it ended or broke off, and whether it broke.
async fn heard(response: reqwest::Response) -> (Vec<u8>, bool) {
    let (mut response, mut body) = (response, Vec::new());
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return (body, false),
            Err(_) => return (body, true),
        }
    }
}

async fn problem_of(person: &Person<'_>, answer: &Answer) -> Value {
    person.app.app.request_log.flush(&person.app.app.db).await.expect("flushed");
    let path = format!("/v1/me/requests/{}", answer.header("x-request-id"));
    person.get(&path).await.expect_status(200).json()["logged"]["problem"].clone()
}

#[actix_web::test]
async fn a_failure_after_the_answer_began_is_no_success_and_its_retry_hears_it_with_its_status() {
    let stage = Stage::set(&["--openai-silence-seconds=0"]).await;
    let person = stage.app.person("Ada Lovelace").await;
    let before = person.gems().await;
    stage.faults.set(Fault::once("openai", "moderation_blocked"));
    // It begins before anybody works.
    let response = call(&person, &fox()).timeout(PATIENCE).send().await.expect("an answer");
    let status = response.status().as_u16();
    let (body, is_broken) = while_working(&stage.app, heard(response)).await;
    assert_eq!((status, is_broken), (200, true), "a whole 200 is a success to an SDK");
    assert!(body.starts_with(b"\n"), "{body:?}");
    let said: Value = serde_json::from_slice(&body).expect("what went wrong was said first");
    assert_eq!(said["error"]["code"], "moderation_blocked");
    assert_eq!(person.get("/v1/generations").await.json()["data"].as_array().map(Vec::len), Some(1));
    let again = answered(&stage.app, again(&person, &fox(), 1)).await;
    // It has ended by now: nothing is waited for, so it has a status.
    again.expect_error(400, "moderation_blocked");
    assert_eq!((again.header("idempotent-replayed"), again.header("x-should-retry")), ("true", "false"));
    assert_eq!(person.get("/v1/generations").await.json()["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(person.gems().await, before);
}

#[actix_web::test]
async fn pictures_that_were_deleted_are_not_answered_again() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let body = with(fox(), json!({"n": 2}));
    let first = answered(&app, call(&person, &body)).await.expect_status(200);
    let images = person.get(first.header("location")).await.json()["images"].clone();
    let delete = async |at: usize| {
        let path = format!("/v1/images/{}", images[at]["id"].as_str().expect("an id"));
        person.delete(&path).await.expect_status(204);
    };
    delete(0).await;
    let left = answered(&app, again(&person, &body, 1)).await.expect_status(200);
    assert_eq!(left.json()["data"], json!([first.json()["data"][1]]));
    delete(1).await;
    let gone = answered(&app, again(&person, &body, 2)).await;
    gone.expect_error(404, "images_deleted");
    assert_eq!((gone.header("location"), gone.header("x-should-retry")), (first.header("location"), "false"));
    assert_eq!(problem_of(&person, &gone).await, "not-found");
}

#[actix_web::test]
async fn a_picture_that_cannot_be_read_is_an_error_before_the_answer_and_a_broken_line_within_it() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let body = with(fox(), json!({"n": 2}));
    let first = answered(&app, call(&person, &body)).await.expect_status(200);
    let generation = person.get(first.header("location")).await.json();
    let second = generation["images"][1]["id"].as_str().expect("an id").to_owned();
    let keys = originals(&app).await;
    let (second, first_key) = (
        keys.iter().find(|key| key.contains(&second)).expect("the second"),
        keys.iter().find(|key| !key.contains(&second)).expect("the first"),
    );
    lose(&app, second).await;
    let response = again(&person, &body, 1).timeout(PATIENCE).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let (told, is_broken) = heard(response).await;
    assert!(is_broken && told.len() > 10_000, "the first one was told: {}", told.len());
    lose(&app, first_key).await;
    let unread = answered(&app, again(&person, &body, 2)).await;
    unread.expect_error(500, "internal");
    assert_eq!((unread.header("location"), unread.header("x-should-retry")), (first.header("location"), ""));
    assert_eq!(problem_of(&person, &unread).await, "internal");
}

#[actix_web::test]
async fn who_waits_is_told_when_their_key_is_revoked_and_when_the_process_stops() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let key = key_of(&person, &["generations:write"]).await;
    let waits = async |request: RequestBuilder| Answer::of(request.timeout(PATIENCE).send().await).await;
    let until_they_wait = async || {
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        while app.app.openai.waiting() == 0 {
            beat.tick().await;
        }
    };
    let revoked = join(waits(key.request(Method::POST, GENERATIONS).json(&fox())), async {
        until_they_wait().await;
        person.delete(&format!("/v1/me/api-keys/{}", key.id)).await.expect_status(204);
        app.app.auth.revocations.poll(&app.app.db).await.expect("the feed");
    });
    revoked.await.0.expect_error(401, "invalid_api_key");
    let stopped = join(waits(call(&person, &fox())), async {
        until_they_wait().await;
        app.app.live.close();
    });
    let stopped = stopped.await.0;
    stopped.expect_error(503, "unavailable");
    assert_eq!((stopped.header("retry-after"), stopped.header("x-should-retry")), ("1", ""));
    app.work().await;
}

#[actix_web::test]
async fn a_cap_of_ones_own_is_told_as_one_that_asking_again_does_not_help() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let caps = person.request(Method::PUT, "/v1/gems/caps").json(&json!({"daily_gems": 1, "time_zone": "UTC"}));
    Answer::of(caps.send().await).await.expect_status(200);
    answered(&app, call(&person, &fox())).await.expect_status(200);
    let capped = answered(&app, call(&person, &fox())).await;
    assert_eq!(capped.expect_error(402, "gem_cap_reached")["type"], "insufficient_quota");
    assert_eq!(capped.header("x-should-retry"), "false");
}

#[actix_web::test]
async fn a_failure_kept_under_a_key_says_that_it_stays() {
    let stage = Stage::set(&[]).await;
    let person = stage.app.person("Ada Lovelace").await;
    stage.faults.set(Fault::once("openai", "rate_limited").with(3_600));
    let keyed = || call(&person, &fox()).header("Idempotency-Key", "mine");
    for _ in 0..2 {
        let busy = answered(&stage.app, keyed()).await;
        let error = busy.expect_error(503, "slow_down");
        assert_eq!((busy.header("x-should-retry"), busy.header("retry-after")), ("false", ""));
        assert!(error["message"].as_str().expect("text").contains("another Idempotency-Key"), "{error}");
        assert_eq!(problem_of(&person, &busy).await, "vendor-failed");
    }
}

#[actix_web::test]
async fn who_waits_for_long_hears_every_ten_seconds_that_we_are_there() {
    let app = harness::start_with(&["--openai-silence-seconds=0".into()]).await;
    let person = app.person("Ada Lovelace").await;
    let mut response = call(&person, &fox()).timeout(PATIENCE).send().await.expect("an answer");
    for (name, value) in [("x-accel-buffering", "no"), ("content-encoding", "identity"), ("cache-control", "no-store")]
    {
        assert_eq!(response.headers()[name], value);
    }
    assert_eq!(response.chunk().await.expect("a chunk").as_deref(), Some(&b"\n"[..]));
    let next = tokio::time::timeout(Duration::from_secs(25), response.chunk()).await.expect("it is well within 30 s");
    assert_eq!(next.expect("a chunk").as_deref(), Some(&b"\n"[..]));
    drop(response);
    app.work().await;
}

/// A form with one picture.
fn edit(person: &Person<'_>, more: &[(&'static str, &'static str)]) -> RequestBuilder {
    let part = reqwest::multipart::Part::bytes(written(picture(64, 48, 0), image::ImageFormat::Png)).file_name("a.png");
    let form = reqwest::multipart::Form::new().text("prompt", "A fox").part("image", part);
    let form = more.iter().fold(form, |form, (name, value)| form.text(*name, *value));
    person.request(Method::POST, "/openai/v1/images/edits").multipart(form)
}

#[actix_web::test]
async fn an_edit_is_answered_as_a_link_too_and_shows_rough_pictures() {
    let stage = Stage::set(&[]).await;
    let person = stage.app.person("Ada Lovelace").await;
    let linked = edit(&person, &[("quality", "low"), ("response_format", "url")]);
    let linked = answered(&stage.app, linked).await.expect_status(200).json()["data"][0].clone();
    assert_eq!(linked.get("b64_json"), None);
    stage.app.browser().get(linked["url"].as_str().expect("a url")).await.expect_status(200);
    stage.vendor.set_speed(Duration::from_secs(4));
    let shown = edit(&person, &[("quality", "medium"), ("stream", "true"), ("partial_images", "1")]);
    let shown = answered(&stage.app, shown).await.expect_status(200);
    let names: Vec<String> = events(&shown.body).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["image_edit.partial_image", "image_edit.completed"]);
}

#[actix_web::test]
async fn what_clients_rely_on_in_an_event_is_there_whatever_the_model_said() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let body = with(fox(), json!({"stream": true}));
    let told = answered(&app, call(&person, &body)).await.expect_status(200);
    let (_, event) = events(&told.body).pop().expect("an event");
    assert_eq!(event["background"], "auto");
    // As if its provider had said nothing of tokens.
    sqlx::query("update generations set model_answers = '[{\"outcome\": \"made\", \"usage\": null}]'")
        .execute(&mut app.sql().await)
        .await
        .expect("updated");
    let told = answered(&app, again(&person, &body, 1)).await.expect_status(200);
    let (_, event) = events(&told.body).pop().expect("an event");
    let nothing = json!({"image_tokens": 0, "text_tokens": 0});
    let usage = json!({"input_tokens": 0, "output_tokens": 0, "total_tokens": 0, "input_tokens_details": nothing});
    assert_eq!((&event["usage"], &event["size"]), (&usage, &"1024x1024".into()));
    let whole = answered(&app, call(&person, &with(fox(), json!({"background": "opaque"})))).await.expect_status(200);
    assert_eq!(whole.json()["background"], "opaque");
    assert_eq!(id_of(&whole).len(), 36);
}

#[actix_web::test]
async fn a_model_that_ends_says_so_here_too_and_dall_es_scripts_get_links() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let old = json!({"model": "dall-e-2", "prompt": "A fox", "size": "512x512", "quality": "standard"});
    let old = answered(&app, call(&person, &old)).await.expect_status(200);
    assert!(old.header("deprecation").starts_with('@') && old.header("sunset").contains("2026"), "{:?}", old.headers);
    let told = old.json();
    assert!(told["data"][0]["url"].is_string() && told["data"][0].get("b64_json").is_none(), "{told}");
    assert_eq!(told["size"], "1024x1024");
    let natural = json!({"model": "dall-e-3", "prompt": "A fox", "style": "natural"});
    Answer::of(call(&person, &natural).send().await).await.expect_error(400, "unsupported_value");
    let now = answered(&app, call(&person, &fox())).await.expect_status(200);
    assert_eq!((now.header("deprecation"), now.header("sunset")), ("", ""));
}

#[actix_web::test]
async fn what_stands_behind_a_call_is_a_generation_like_one_of_our_own_wire() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let theirs = answered(&app, call(&person, &with(fox(), json!({"n": 2})))).await.expect_status(200);
    let theirs = person.get(theirs.header("location")).await.expect_status(200).json();
    let order = json!({"model": "gpt-image-2.5-flare", "prompt": "A fox", "composed_prompt": "A fox", "quality": "low",
        "size": "1024x1024", "count": 2});
    let ours = person.make(&order).await;
    // Everything but whose and when it is.
    let own = ["id", "request_id", "created_at", "started_at", "finished_at", "images"];
    let rest = |generation: &Value| {
        let mut rest = generation.as_object().expect("an object").clone();
        rest.retain(|name, _| !own.contains(&name.as_str()));
        rest
    };
    assert_eq!(rest(&theirs), rest(&ours));
    let shapes = |generation: &Value| -> Vec<Vec<String>> {
        let images = generation["images"].as_array().expect("images").iter();
        images.map(|image| image.as_object().expect("an object").keys().cloned().collect()).collect()
    };
    assert_eq!((shapes(&theirs), shapes(&theirs).len()), (shapes(&ours), 2));
}
