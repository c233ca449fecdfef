//! The image API's shapes and refusals, held against field names and values written down from the vendor's SDK.
use std::{net::TcpListener, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use lapidary_sandbox::{
    faults::Faults,
    openai::{self, OpenAi},
};
use reqwest::{Client, Response};
use serde_json::{Value, json};

// From the SDK's types of November 2026: ImagesResponse, its usage, and the two events of a stream.
const RESPONSE: &[&str] =
    &["created", "background", "data", "output_format", "quality", "safety_identifier", "size", "usage"];
const USAGE: &[&str] =
    &["input_tokens", "output_tokens", "total_tokens", "input_tokens_details", "output_tokens_details"];
const PARTIAL: &[&str] =
    &["b64_json", "background", "created_at", "output_format", "partial_image_index", "quality", "size", "type"];
const COMPLETED: &[&str] =
    &["b64_json", "background", "created_at", "output_format", "quality", "size", "type", "usage"];

async fn vendor() -> OpenAi {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    openai::start(listener, Faults::default()).await.unwrap()
}

async fn post(openai: &OpenAi, body: &Value) -> Response {
    let url = format!("{}/images/generations", openai.base_url);
    Client::new().post(url).bearer_auth(&openai.api_key).json(body).send().await.unwrap()
}

fn order() -> Value {
    json!({"model": "gpt-image-1-mini", "prompt": "a lake", "size": "1024x1024", "quality": "low"})
}

fn with(fields: Value) -> Value {
    let mut body = order();
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

/// Sends an order that must be refused and answers (status, code, param).
async fn refused(openai: &OpenAi, body: &Value) -> (u16, String, String) {
    let answer = post(openai, body).await;
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    let error = body["error"].as_object().expect("an error object");
    let mut names: Vec<&str> = error.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["code", "message", "param", "type"]);
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    (status, text("code"), text("param"))
}

fn names_are_known(object: &Value, known: &[&str]) {
    for name in object.as_object().unwrap().keys() {
        assert!(known.contains(&name.as_str()), "{name} is no field of the vendor's");
    }
}

fn picture(object: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(object["b64_json"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn an_answer_has_the_vendors_shape_and_headers() {
    let openai = vendor().await;
    let answer = post(&openai, &with(json!({"n": 2, "safety_identifier": "a1b2"}))).await;
    assert_eq!(answer.status(), 200);
    for name in ["x-request-id", "openai-processing-ms", "openai-version", "x-ratelimit-remaining-requests"] {
        assert!(answer.headers().contains_key(name), "{name}");
    }
    let body: Value = answer.json().await.unwrap();
    names_are_known(&body, RESPONSE);
    names_are_known(&body["usage"], USAGE);
    assert!(body["created"].is_u64());
    assert_eq!((&body["background"], &body["output_format"]), (&json!("opaque"), &json!("png")));
    assert_eq!((&body["quality"], &body["size"]), (&json!("low"), &json!("1024x1024")));
    assert_eq!(body["safety_identifier"], "a1b2");
    let usage = &body["usage"];
    assert_eq!(usage["input_tokens"], 8, "two tokens of text and six of overhead");
    assert_eq!(usage["output_tokens"], 2 * 625);
    assert_eq!(usage["total_tokens"], 8 + 2 * 625);
    let data = body["data"].as_array().unwrap();
    assert_eq!(data.len(), 2);
    for image in data {
        names_are_known(image, &["b64_json"]);
        let decoded = image::load_from_memory_with_format(&picture(image), image::ImageFormat::Png).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (1024, 1024));
    }
    assert_ne!(data[0], data[1], "two pictures of one order differ");
}

#[tokio::test]
async fn every_live_model_answers_and_a_retired_one_does_not() {
    let openai = vendor().await;
    for model in [
        "gpt-image-1.5",
        "chatgpt-image-latest",
        "gpt-image-2",
        "gpt-image-2-2026-04-21",
        "gpt-image-2.5-flare",
        "gpt-image-2.5-sunburst",
        "gpt-image-2.6-flare",
        "gpt-image-2.6-sunburst",
    ] {
        assert_eq!(post(&openai, &with(json!({"model": model}))).await.status(), 200, "{model}");
    }
    for model in ["dall-e-2", "dall-e-3", "gpt-image-1", "gpt-image-2.5", "imagen"] {
        let refusal = refused(&openai, &with(json!({"model": model}))).await;
        assert_eq!(refusal, (404, "model_not_found".into(), "model".into()), "{model}");
    }
    let url = format!("{}/models", openai.base_url);
    let list: Value = Client::new().get(url).bearer_auth(&openai.api_key).send().await.unwrap().json().await.unwrap();
    let ids: Vec<&str> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"gpt-image-2") && !ids.contains(&"dall-e-3"));
}

#[tokio::test]
async fn what_the_vendor_refuses_is_refused_by_name() {
    let openai = vendor().await;
    let two = |fields: Value| {
        let mut body = with(fields);
        body["model"] = json!("gpt-image-2");
        body
    };
    let long = "a".repeat(32_001);
    let cases = [
        (with(json!({"response_format": "b64_json"})), "unknown_parameter", "response_format"),
        (with(json!({"style": "vivid"})), "unknown_parameter", "style"),
        (with(json!({"seed": 1})), "unknown_parameter", "seed"),
        (with(json!({"prompt": ""})), "empty_string", "prompt"),
        (with(json!({"prompt": null})), "missing_required_parameter", "prompt"),
        (with(json!({"model": null})), "missing_required_parameter", "model"),
        (with(json!({"prompt": long})), "string_above_max_length", "prompt"),
        (with(json!({"n": 0})), "integer_below_min_value", "n"),
        (with(json!({"n": 11})), "integer_above_max_value", "n"),
        (with(json!({"n": "2"})), "invalid_type", "n"),
        (with(json!({"n": 1.5})), "invalid_type", "n"),
        (with(json!({"size": "1536x864"})), "invalid_value", "size"),
        (with(json!({"quality": "max"})), "invalid_value", "quality"),
        (with(json!({"quality": "hd"})), "invalid_value", "quality"),
        (two(json!({"size": "1000x1000"})), "invalid_value", "size"),
        (two(json!({"size": "3856x1024"})), "invalid_value", "size"),
        (two(json!({"size": "3200x1024"})), "invalid_value", "size"),
        (two(json!({"size": "512x512"})), "invalid_value", "size"),
        (two(json!({"size": "3840x3840"})), "invalid_value", "size"),
        (two(json!({"size": "+1024x1024"})), "invalid_value", "size"),
        (two(json!({"complexity": "low"})), "unsupported_parameter", "complexity"),
        (with(json!({"background": "transparent", "output_format": "jpeg"})), "invalid_value", "background"),
        (with(json!({"output_format": "gif"})), "invalid_value", "output_format"),
        (with(json!({"output_compression": 50})), "invalid_png_output_compression", "output_compression"),
        (with(json!({"output_compression": 101})), "integer_above_max_value", "output_compression"),
        (with(json!({"moderation": "off"})), "invalid_value", "moderation"),
        (with(json!({"partial_images": 2})), "invalid_value", "partial_images"),
        (with(json!({"stream": true, "partial_images": 4})), "integer_above_max_value", "partial_images"),
        (with(json!({"stream": true, "n": 2})), "invalid_value", "n"),
    ];
    for (body, code, param) in cases {
        assert_eq!(refused(&openai, &body).await, (400, code.to_owned(), param.to_owned()));
    }
    assert_eq!(openai.requests().len(), 29, "refused requests are remembered too");
}

#[tokio::test]
async fn a_prompt_of_32000_characters_of_any_script_is_accepted() {
    let openai = vendor().await;
    let prompt = "雪".repeat(32_000);
    assert_eq!(post(&openai, &with(json!({"prompt": prompt}))).await.status(), 200);
    let received = openai.requests();
    assert_eq!(received[0].prompt.as_deref(), Some(prompt.as_str()), "whole, not cut");
    assert!(received[0].has_authorization);
    assert_eq!((received[0].size.as_deref(), received[0].quality.as_deref()), (Some("1024x1024"), Some("low")));
}

#[tokio::test]
async fn a_wrong_or_missing_key_is_401() {
    let openai = vendor().await;
    let url = format!("{}/images/generations", openai.base_url);
    for key in [None, Some("sk-wrong")] {
        let mut request = Client::new().post(&url).json(&order());
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 401);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"]["code"], "invalid_api_key");
    }
}

#[tokio::test]
async fn what_is_no_order_is_refused_in_the_vendors_words() {
    let openai = vendor().await;
    let url = format!("{}/images/generations", openai.base_url);
    let client = Client::new();
    let send = |body: &'static str, mime: &'static str| {
        client.post(&url).bearer_auth(&openai.api_key).header("content-type", mime).body(body).send()
    };
    assert_eq!(send("{\"prompt\":", "application/json").await.unwrap().status(), 400);
    assert_eq!(send("[]", "application/json").await.unwrap().status(), 400);
    assert_eq!(send("{}", "text/plain").await.unwrap().status(), 400);
    let wrong_method = client.get(&url).bearer_auth(&openai.api_key).send().await.unwrap();
    assert_eq!((wrong_method.status().as_u16(), wrong_method.headers()["allow"].to_str().unwrap()), (405, "POST"));
    let nowhere = client.post(format!("{}/images/variations", openai.base_url)).send().await.unwrap();
    assert_eq!(nowhere.status(), 404);
    assert!(nowhere.json::<Value>().await.unwrap()["error"]["message"].as_str().unwrap().contains("Invalid URL"));
}

#[tokio::test]
async fn formats_and_transparency_are_honoured() {
    let openai = vendor().await;
    for (format, expected) in [("jpeg", image::ImageFormat::Jpeg), ("webp", image::ImageFormat::WebP)] {
        let body: Value = post(&openai, &with(json!({"output_format": format, "output_compression": 70})))
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(image::guess_format(&picture(&body["data"][0])).unwrap(), expected);
    }
    let body: Value = post(&openai, &with(json!({"background": "transparent"}))).await.json().await.unwrap();
    assert_eq!(body["background"], "transparent");
    let decoded = image::load_from_memory(&picture(&body["data"][0])).unwrap().into_rgba8();
    assert_eq!(decoded.get_pixel(0, 0).0[3], 0);
    assert_eq!(decoded.get_pixel(512, 512).0[3], 255);
}

#[tokio::test]
async fn free_sizes_are_painted_and_auto_follows_the_words() {
    let openai = vendor().await;
    let big = json!({"model": "gpt-image-2.5-flare", "prompt": "a lake", "size": "1536x864", "quality": "xhigh"});
    let body: Value = post(&openai, &big).await.json().await.unwrap();
    let decoded = image::load_from_memory(&picture(&body["data"][0])).unwrap();
    assert_eq!((decoded.width(), decoded.height()), (1536, 864));
    let auto: Value =
        post(&openai, &json!({"model": "gpt-image-2", "prompt": "a portrait of a fox"})).await.json().await.unwrap();
    assert_eq!((&auto["size"], &auto["quality"]), (&json!("1024x1536"), &json!("medium")));
    assert_eq!(auto["usage"]["output_tokens"], 1372);
}

#[tokio::test]
async fn a_stream_shows_partial_pictures_and_then_the_whole_one() {
    let openai = vendor().await;
    openai.set_speed(Duration::from_millis(30));
    let answer = post(&openai, &with(json!({"stream": true, "partial_images": 2}))).await;
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    let text = answer.text().await.unwrap();
    let events: Vec<(&str, Value)> = text
        .split_terminator("\n\n")
        .map(|event| {
            let (name, data) = event.split_once('\n').unwrap();
            (name.strip_prefix("event: ").unwrap(), serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap())
        })
        .collect();
    assert_eq!(events.len(), 3);
    for (index, (name, data)) in events[..2].iter().enumerate() {
        assert_eq!(*name, "image_generation.partial_image");
        assert_eq!(data["type"], *name);
        names_are_known(data, PARTIAL);
        assert_eq!(data["partial_image_index"], index);
        assert_eq!(image::load_from_memory(&picture(data)).unwrap().width(), 1024);
    }
    let (name, whole) = &events[2];
    assert_eq!(*name, "image_generation.completed");
    names_are_known(whole, COMPLETED);
    names_are_known(&whole["usage"], USAGE);
    assert_eq!(whole["usage"]["output_tokens"], 625 + 200, "each partial picture costs a hundred tokens");
}

#[tokio::test]
async fn the_compatible_dialect_speaks_dall_e_3() {
    let openai = vendor().await;
    let (client, url) = (Client::new(), format!("{}/images/generations", openai.compatible_base_url));
    let send = |body: Value| client.post(&url).bearer_auth(&openai.api_key).json(&body).send();
    let body =
        json!({"model": "dall-e-3", "prompt": "a lake", "size": "1792x1024", "quality": "hd", "style": "natural"});
    let answer: Value = send(body).await.unwrap().json().await.unwrap();
    names_are_known(&answer, &["created", "data"]);
    let image = &answer["data"][0];
    names_are_known(image, &["url", "revised_prompt"]);
    assert!(image["revised_prompt"].as_str().unwrap().starts_with("a lake"));
    // The URL works without a key, as the vendor's does.
    let fetched = client.get(image["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(fetched.headers()["content-type"], "image/png");
    let decoded = image::load_from_memory(&fetched.bytes().await.unwrap()).unwrap();
    assert_eq!((decoded.width(), decoded.height()), (1792, 1024));
    let body = json!({"model": "dall-e-3", "prompt": "a lake", "response_format": "b64_json"});
    let answer: Value = send(body).await.unwrap().json().await.unwrap();
    assert!(image::load_from_memory(&picture(&answer["data"][0])).is_ok());
    for (wrong, status) in [
        (json!({"model": "gpt-image-2", "prompt": "a"}), 404),
        (json!({"model": "dall-e-3", "prompt": "a", "n": 2}), 400),
        (json!({"model": "dall-e-3", "prompt": "a", "quality": "high"}), 400),
        (json!({"model": "dall-e-3", "prompt": "a", "size": "1536x1024"}), 400),
        (json!({"model": "dall-e-3", "prompt": "a", "stream": true}), 400),
        (json!({"model": "dall-e-3", "prompt": "a".repeat(4_001)}), 400),
    ] {
        assert_eq!(send(wrong).await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn the_port_is_free_again_after_the_vendor_is_dropped() {
    let openai = vendor().await;
    let address = openai.base_url.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    drop(openai);
    let closed = async {
        while tokio::net::TcpStream::connect(&address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), closed).await.expect("it stops listening");
}
