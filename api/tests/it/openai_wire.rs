//! OpenAI's wire as its clients meet it: pictures as bytes and links, edits in both forms, streams, and errors in its shape, for
//! the gems that our own wire takes.
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join;
use image::ImageFormat;
use lapidary_sandbox::faults::Fault;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::{self, Answer, Person, TestApp};
use crate::model_faults::Stage;
use crate::references::{mask, picture, written};

pub const GENERATIONS: &str = "/openai/v1/images/generations";
/// A slow machine makes ten pictures in this.
pub const PATIENCE: Duration = Duration::from_secs(180);
const EDITS: &str = "/openai/v1/images/edits";

pub fn fox() -> Value {
    json!({"model": "gpt-image-2.5-flare", "prompt": "A fox", "quality": "low", "size": "1024x1024"})
}

pub fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

pub fn call(person: &Person<'_>, body: &Value) -> RequestBuilder {
    person.request(Method::POST, GENERATIONS).json(body)
}

/// The answer, while the queue is worked off.
pub async fn answered(app: &TestApp, request: RequestBuilder) -> Answer {
    while_working(app, async { Answer::of(request.timeout(PATIENCE).send().await).await }).await
}

/// With the queue worked off until it is over: what is tried again later has its turn, too.
pub async fn while_working<T>(app: &TestApp, asks: impl Future<Output = T>) -> T {
    let is_done = Cell::new(false);
    let asks = async {
        let done = asks.await;
        is_done.set(true);
        done
    };
    let works = async {
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        while !is_done.get() {
            app.work().await;
            beat.tick().await;
        }
    };
    join(asks, works).await.0
}

fn bytes_of(datum: &Value) -> Vec<u8> {
    STANDARD.decode(datum["b64_json"].as_str().expect("base64")).expect("base64")
}

impl Answer {
    /// Asserts a whole error in OpenAI's shape and gives what is in it.
    #[track_caller]
    pub fn expect_error(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), "application/json");
        assert!(!self.header("x-request-id").is_empty());
        let error = self.json()["error"].clone();
        assert_eq!(error["code"], code, "{error}");
        let members: Vec<&str> = error.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(members.len(), 4, "{members:?}");
        for member in ["message", "type"] {
            assert!(!error[member].as_str().unwrap_or_default().is_empty(), "{member} is empty");
        }
        error
    }
}

#[actix_web::test]
async fn pictures_come_as_bytes_or_links_for_the_gems_of_our_own_wire() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.remaining().await;
    let answer = answered(&app, call(&person, &with(fox(), json!({"n": 2, "user": "u-1"})))).await.expect_status(200);
    let told = answer.json();
    assert_eq!((answer.header("gems-cost"), answer.header("content-encoding")), ("2", "identity"));
    assert_eq!(answer.header("gems-remaining"), (before - 2).to_string());
    assert_eq!(person.remaining().await, before - 2);
    assert_eq!((&told["size"], &told["quality"]), (&"1024x1024".into(), &"low".into()));
    assert_eq!((&told["output_format"], &told["safety_identifier"]), (&"png".into(), &"u-1".into()));
    let usage = &told["usage"];
    let number = |name: &str| usage[name].as_i64().expect("a number");
    assert!(number("output_tokens") > 0 && number("total_tokens") == number("input_tokens") + number("output_tokens"));
    let generation = person.get(answer.header("location")).await.expect_status(200).json();
    assert_eq!((&generation["composed_prompt"], &generation["attributes"]), (&"A fox".into(), &json!([])));
    let mut originals = Vec::new();
    for image in generation["images"].as_array().expect("images") {
        originals.push(person.browser.get(image["url"].as_str().expect("a url")).await.expect_status(200).body);
    }
    let data = told["data"].as_array().expect("data");
    assert_eq!((data.len(), originals.len()), (2, 2));
    // Byte for byte, Content Credentials included.
    assert!(data.iter().all(|datum| originals.contains(&bytes_of(datum))));
    assert_ne!(data[0], data[1]);
    let linked =
        answered(&app, call(&person, &with(fox(), json!({"response_format": "url"})))).await.expect_status(200);
    let linked = linked.json()["data"][0].clone();
    assert_eq!(linked.get("b64_json"), None);
    let fetched = app.browser().get(linked["url"].as_str().expect("a url")).await.expect_status(200);
    assert_eq!(fetched.header("content-type"), "image/png");
    // A name from years ago is answered by what replaced it.
    let old = json!({"model": "dall-e-3", "prompt": "A fox", "quality": "standard", "style": "vivid", "response_format": "url"});
    let old = answered(&app, call(&person, &old)).await.expect_status(200);
    assert_eq!(person.get(old.header("location")).await.json()["model"], "gpt-image-2.5-flare");
}

#[actix_web::test]
async fn models_are_those_of_today() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let list = person.get("/openai/v1/models").await.expect_status(200).json();
    let ids: Vec<&str> =
        list["data"].as_array().expect("data").iter().map(|it| it["id"].as_str().expect("id")).collect();
    assert!(list["object"] == "list" && ids.contains(&"gpt-image-2.5-flare") && !ids.contains(&"dall-e-3"), "{ids:?}");
    let one = person.get("/openai/v1/models/gpt-image-2.5-flare-2026-09-08").await.expect_status(200).json();
    assert_eq!((&one["id"], &one["object"]), (&"gpt-image-2.5-flare".into(), &"model".into()));
    for gone in ["dall-e-3", "gpt-image-9"] {
        let answer = person.get(&format!("/openai/v1/models/{gone}")).await;
        assert_eq!(answer.expect_error(404, "model_not_found")["param"], "model");
    }
}

#[actix_web::test]
async fn what_is_wrong_is_said_in_the_shape_of_the_wire_and_holds_nothing() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.gems().await;
    for (more, param, code) in [
        (json!({"n": 11}), "n", "invalid_value"),
        (json!({"n": "1"}), "n", "invalid_type"),
        (json!({"fox": 1}), "fox", "unknown_parameter"),
        (json!({"prompt": null}), "prompt", "missing_required_parameter"),
        (json!({"prompt": " "}), "prompt", "missing_required_parameter"),
        (json!({"prompt": "ö".repeat(32_001)}), "prompt", "string_above_max_length"),
        (json!({"size": "17x17"}), "size", "unsupported_value"),
        (json!({"quality": "best"}), "quality", "unsupported_value"),
        (json!({"output_format": "svg"}), "output_format", "unsupported_value"),
        (json!({"output_compression": 40}), "output_compression", "unsupported_value"),
        (json!({"moderation": "low"}), "moderation", "unsupported_value"),
    ] {
        let answer = Answer::of(call(&person, &with(fox(), more)).send().await).await;
        let error = answer.expect_error(400, code);
        assert_eq!((&error["param"], &error["type"]), (&param.into(), &"invalid_request_error".into()));
        assert_eq!(answer.header("x-should-retry"), "false");
    }
    let unknown = Answer::of(call(&person, &with(fox(), json!({"model": "gpt-image-9"}))).send().await).await;
    assert_eq!(unknown.expect_error(404, "model_not_found")["param"], "model");
    let post = |path: &str| person.request(Method::POST, path);
    let send = async |request: RequestBuilder| Answer::of(request.send().await).await;
    send(post(GENERATIONS).header("content-type", "text/plain").body("{}"))
        .await
        .expect_error(415, "unsupported_media_type");
    send(post(GENERATIONS).header("content-type", "application/json").body("{"))
        .await
        .expect_error(400, "malformed_request");
    let large = with(fox(), json!({"prompt": "a".repeat(600_000)}));
    send(post(GENERATIONS).json(&large)).await.expect_error(413, "payload_too_large");
    let wrong_method = person.get(GENERATIONS).await;
    wrong_method.expect_error(405, "method_not_allowed");
    assert_eq!(wrong_method.header("allow"), "POST");
    person.get("/openai/v1/chat/completions").await.expect_error(404, "not_found");
    send(post("/openai/v1/images/variations").json(&fox())).await.expect_error(404, "not_found");
    let nobody = app.browser();
    for path in ["/openai/v1/models", "/openai/v1/models/gpt-image-2"] {
        nobody.get(path).await.expect_error(401, "invalid_api_key");
    }
    let stranger = nobody.client.post(nobody.at(GENERATIONS)).bearer_auth("lap_nothing").json(&fox()).send().await;
    assert_eq!(Answer::of(stranger).await.expect_error(401, "invalid_api_key")["type"], "invalid_request_error");
    let poor = send(post(GENERATIONS).json(&with(fox(), json!({"quality": "max", "n": 2})))).await;
    assert_eq!(poor.expect_error(402, "insufficient_gems")["type"], "insufficient_quota");
    assert_eq!(poor.header("x-should-retry"), "false");
    assert_eq!(person.gems().await, before);
    // Our own wire says what it always said.
    nobody.get("/v1/gems").await.expect_problem(401, "unauthenticated");
    person
        .submit(&json!({"prompt": "A fox", "quality": "max", "count": 2}))
        .await
        .expect_problem(402, "insufficient-gems");
    person.submit(&json!({"prompt": "A fox", "count": 11})).await.expect_problem(422, "invalid");
}

#[actix_web::test]
async fn what_the_model_does_not_deliver_costs_nothing_and_says_whether_to_ask_again() {
    let stage = Stage::set(&["--model-timeout-seconds=2"]).await;
    let person = stage.app.person("Ada Lovelace").await;
    let before = person.gems().await;
    for (kind, value, status, code, retry) in [
        ("moderation_blocked", Value::Null, 400, "moderation_blocked", "false"),
        ("rate_limited", json!(3600), 503, "slow_down", ""),
        ("hang", json!(600), 504, "timeout", "false"),
        ("empty_data", Value::Null, 502, "bad_answer", "false"),
        ("quota_exhausted", Value::Null, 503, "operator_quota", "false"),
        ("model_not_found", Value::Null, 404, "model_not_found", "false"),
    ] {
        stage.faults.set(Fault::once("openai", kind).with(value));
        let answer = answered(&stage.app, call(&person, &fox())).await;
        let error = answer.expect_error(status, code);
        assert_eq!(answer.header("x-should-retry"), retry, "{kind}");
        assert_eq!(answer.header("retry-after").is_empty(), retry == "false", "{kind}");
        if kind == "moderation_blocked" {
            assert_eq!(error["type"], "image_generation_user_error");
            assert!(error["message"].as_str().expect("text").contains(answer.header("x-request-id")), "{error}");
        }
        assert_eq!(person.gems().await, before, "{kind}");
        stage.faults.clear();
        stage.app.forget_providers().await;
    }
    // Of two pictures one was made: it is answered, and it alone is paid.
    stage.faults.set(Fault::once("openai", "fewer_images"));
    let partly = answered(&stage.app, call(&person, &with(fox(), json!({"n": 2})))).await.expect_status(200);
    assert_eq!((partly.json()["data"].as_array().map(Vec::len), partly.header("gems-cost")), (Some(1), "1"));
}

/// What the model was sent, and what was answered, for each of the two ways to send an edit.
async fn edited(stage: &Stage, request: RequestBuilder) -> (Value, Value) {
    let answer = answered(&stage.app, request).await.expect_status(200);
    let sent = stage.vendor.requests().pop().expect("a request");
    assert_eq!(sent.path, "/v1/images/edits");
    (sent.body, answer.json())
}

#[actix_web::test]
async fn an_edit_comes_as_a_form_or_as_json_and_its_pictures_stand_in_no_list() {
    let stage = Stage::set(&[]).await;
    let person = stage.app.person("Ada Lovelace").await;
    let (first, second) =
        (written(picture(64, 48, 0), ImageFormat::Png), written(picture(64, 48, 1), ImageFormat::Jpeg));
    let masked = mask(64, 48);
    let part = |bytes: &[u8], name: &str| reqwest::multipart::Part::bytes(bytes.to_vec()).file_name(name.to_owned());
    let form = reqwest::multipart::Form::new()
        .text("model", "gpt-image-2.5-flare")
        .text("prompt", "The same at night")
        .text("quality", "low")
        .text("n", "1")
        .part("image[]", part(&first, "a.png"))
        .part("image[]", part(&second, "b.jpg"))
        .part("mask", part(&masked, "m.png"));
    let url = |kind: &str, bytes: &[u8]| json!({"image_url": format!("data:{kind};base64,{}", STANDARD.encode(bytes))});
    let body = json!({"model": "gpt-image-2.5-flare", "prompt": "The same at night", "quality": "low",
        "images": [url("image/png", &first), url("image/jpeg", &second)], "mask": url("image/png", &masked)});
    let mut generations = Vec::new();
    for request in
        [person.request(Method::POST, EDITS).multipart(form), person.request(Method::POST, EDITS).json(&body)]
    {
        let before = person.remaining().await;
        let (sent, told) = edited(&stage, request).await;
        let files = sent["files"].as_array().expect("files");
        let names: Vec<&str> = files.iter().map(|file| file["name"].as_str().expect("a name")).collect();
        assert_eq!(names, ["image[]", "image[]", "mask"]);
        assert_eq!(before - person.remaining().await, 1 + 16);
        image::load_from_memory(&bytes_of(&told["data"][0])).expect("a picture");
        let list = person.get("/v1/generations").await.json();
        generations.push((list["data"][0]["references"].clone(), list["data"][0]["mask_id"].clone()));
    }
    // The same files are the same uploads, and none of them is in the way of those that are kept on purpose.
    assert_eq!(generations[0], generations[1]);
    assert_eq!(person.get("/v1/references").await.json()["data"], json!([]));
    let reference = generations[0].0[0]["reference_id"].as_str().expect("an id");
    let kept = person.upload("", "image/png", &first).await.expect_status(200).json();
    assert_eq!(kept["id"], reference);
    assert_eq!(person.get("/v1/references").await.json()["data"].as_array().map(Vec::len), Some(1));
}

#[actix_web::test]
async fn what_is_wrong_with_a_picture_is_said_of_its_field() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.gems().await;
    let png = written(picture(64, 48, 0), ImageFormat::Png);
    let part = |bytes: &[u8]| reqwest::multipart::Part::bytes(bytes.to_vec()).file_name("a.png");
    let form = || reqwest::multipart::Form::new().text("prompt", "A fox").text("quality", "low");
    let ask = async |form: reqwest::multipart::Form| {
        Answer::of(person.request(Method::POST, EDITS).multipart(form).send().await).await
    };
    for (form, param, code) in [
        (form(), "image", "missing_required_parameter"),
        (form().part("image", part(b"GIF89a")), "image", "invalid_image"),
        (form().part("image", part(&png)).part("mask", part(&png)), "mask", "invalid_mask"),
        (form().part("image", part(&png)).part("mask", part(&mask(65, 48))), "mask", "invalid_mask"),
        (form().part("image", part(&png)).text("n", "eleven"), "n", "invalid_type"),
        (form().part("image", part(&png)).text("input_fidelity", "high"), "input_fidelity", "unsupported_value"),
        (form().part("image", part(&png)).part("markup", part(&png)), "markup", "unsupported_value"),
        (form().part("image", part(&png)).text("n", "1").text("n", "1"), "n", "duplicate_parameter"),
        ((0..17).fold(form(), |form, _| form.part("image[]", part(&png))), "image", "array_above_max_length"),
    ] {
        let error = ask(form).await.expect_error(400, code);
        assert_eq!(error["param"], param);
    }
    for (images, param, code) in [
        (json!([]), "images", "missing_required_parameter"),
        (json!([{"image_url": "https://example.test/a.png"}]), "images[0].image_url", "unsupported_value"),
        (json!([{"file_id": "file-1"}]), "images[0].file_id", "unsupported_value"),
        (json!([{}]), "images[0]", "invalid_value"),
        (json!([{"image_url": "data:image/png;base64,AAAA"}]), "images[0].image_url", "invalid_image"),
    ] {
        let body = json!({"prompt": "A fox", "images": images});
        let answer = Answer::of(person.request(Method::POST, EDITS).json(&body).send().await).await;
        assert_eq!(answer.expect_error(400, code)["param"], param);
    }
    assert_eq!(person.gems().await, before);
}

#[actix_web::test]
async fn whoever_goes_away_leaves_nothing_behind() {
    for silence in ["--openai-silence-seconds=60", "--openai-silence-seconds=0"] {
        let app = harness::start_with(&[silence.to_owned()]).await;
        let person = app.person("Ada Lovelace").await;
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        let held = Arc::strong_count(&app.app);
        let mut asks = Box::pin(async {
            let answer = call(&person, &fox()).send().await.expect("an answer");
            answer.bytes().await
        });
        // It waits for its end, in the handler or in the body that has begun.
        while person.get("/v1/generations").await.json()["data"] == json!([]) || Arc::strong_count(&app.app) <= held {
            tokio::select! {
                _ = &mut asks => panic!("nobody works the queue off"),
                _ = beat.tick() => {}
            }
        }
        drop(asks);
        let gone = async {
            while Arc::strong_count(&app.app) > held {
                beat.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), gone).await.unwrap_or_else(|_| panic!("{silence}: still there"));
        app.work().await;
    }
}
