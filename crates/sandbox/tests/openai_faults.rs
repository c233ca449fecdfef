//! Each fault of the image API, seen from outside: once and then gone.
use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use lapidary_sandbox::{
    faults::{Fault, Faults},
    openai::{self, OpenAi},
};
use reqwest::{Client, Response};
use serde_json::{Value, json};

struct Stage {
    openai: OpenAi,
    faults: Faults,
}

async fn stage() -> Stage {
    let faults = Faults::default();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    Stage { openai: openai::start(listener, faults.clone()).await.unwrap(), faults }
}

impl Stage {
    async fn post(&self, extra: Value) -> Response {
        let mut body = json!({"model": "gpt-image-1-mini", "prompt": "a lake", "size": "1024x1024", "quality": "low"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let url = format!("{}/images/generations", self.openai.base_url);
        Client::new().post(url).bearer_auth(&self.openai.api_key).json(&body).send().await.unwrap()
    }

    async fn strike(&self, fault: Fault) -> Response {
        self.faults.set(fault);
        self.post(json!({})).await
    }

    /// Strikes and reads (status, type, code).
    async fn error(&self, fault: Fault) -> (u16, String, String) {
        let answer = self.strike(fault).await;
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap();
        let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
        (status, text("type"), text("code"))
    }

    async fn first_image(&self, kind: &str) -> Value {
        let answer = self.strike(Fault::once("openai", kind)).await;
        assert_eq!(answer.status(), 200);
        answer.json::<Value>().await.unwrap()["data"][0].clone()
    }
}

fn bytes(image: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(image["b64_json"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn refusals_carry_the_vendors_status_type_and_code() {
    let stage = stage().await;
    let invalid = "invalid_request_error";
    let cases = [
        ("moderation_blocked", 400, "image_generation_user_error", "moderation_blocked"),
        ("content_policy_violation", 400, invalid, "content_policy_violation"),
        ("billing_hard_limit", 400, invalid, "billing_hard_limit_reached"),
        ("quota_exhausted", 429, "insufficient_quota", "credit_balance_exhausted"),
        ("server_error", 500, "server_error", ""),
        ("overloaded", 503, "service_unavailable_error", "slow_down"),
        ("model_not_found", 404, invalid, "model_not_found"),
        ("invalid_api_key", 401, invalid, "invalid_api_key"),
    ];
    for (fault, status, kind, code) in cases {
        let seen = stage.error(Fault::once("openai", fault)).await;
        assert_eq!(seen, (status, kind.to_owned(), code.to_owned()), "{fault}");
    }
    assert!(stage.faults.list().is_empty());
    assert_eq!(stage.post(json!({})).await.status(), 200, "all faults are gone");
}

#[tokio::test]
async fn a_moderation_refusal_names_the_request_and_the_violation() {
    let stage = stage().await;
    let answer = stage.strike(Fault::once("openai", "moderation_blocked").with("self-harm")).await;
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body: Value = answer.json().await.unwrap();
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains(&id) && message.contains("safety_violations=[self-harm]"), "{message}");
}

#[tokio::test]
async fn a_rate_limit_hints_only_when_asked_to() {
    let stage = stage().await;
    let without = stage.strike(Fault::once("openai", "rate_limited")).await;
    assert_eq!((without.status().as_u16(), without.headers().get("retry-after")), (429, None));
    let seconds = stage.strike(Fault::once("openai", "rate_limited").with(7)).await;
    assert_eq!(seconds.headers()["retry-after"], "7");
    let millis = stage.strike(Fault::once("openai", "retry_after_ms").with(250)).await;
    assert_eq!((millis.status().as_u16(), &millis.headers()["retry-after-ms"]), (429, &"250".parse().unwrap()));
    let body: Value = millis.json().await.unwrap();
    assert_eq!(body["error"]["code"], "rate_limit_exceeded");
}

#[tokio::test]
async fn a_hanging_model_outlasts_a_clients_patience() {
    let stage = stage().await;
    stage.faults.set(Fault::once("openai", "hang").with(60));
    let url = format!("{}/images/generations", stage.openai.base_url);
    let body = json!({"model": "gpt-image-2", "prompt": "a lake"});
    let client = Client::builder().timeout(Duration::from_millis(300)).build().unwrap();
    let error = client.post(url).bearer_auth(&stage.openai.api_key).json(&body).send().await.unwrap_err();
    assert!(error.is_timeout());
}

#[tokio::test]
async fn a_slow_body_comes_whole_but_late() {
    let stage = stage().await;
    let answer = stage.strike(Fault::once("openai", "slow_body").with(0.6)).await;
    let started = Instant::now();
    let body: Value = answer.json().await.unwrap();
    assert!(started.elapsed() > Duration::from_millis(300));
    assert!(image::load_from_memory(&bytes(&body["data"][0])).is_ok());
}

#[tokio::test]
async fn a_cut_body_breaks_while_it_is_read() {
    let stage = stage().await;
    let answer = stage.strike(Fault::once("openai", "cut_body")).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err());
}

#[tokio::test]
async fn a_cut_stream_ends_without_a_finished_picture() {
    let stage = stage().await;
    stage.faults.set(Fault::once("openai", "cut_stream"));
    let text = stage.post(json!({"stream": true, "partial_images": 1})).await.text().await.unwrap();
    assert!(text.contains("image_generation.partial_image") && !text.contains("image_generation.completed"));
}

#[tokio::test]
async fn a_stream_can_fail_be_refused_be_ignored_and_say_that_it_is_done() {
    let stage = stage().await;
    let streamed = json!({"stream": true, "partial_images": 1});
    let mut texts = Vec::new();
    for fault in ["stream_error", "stream_refused", "stream_ignored", "done_marker", "empty_data", "bad_partial"] {
        stage.faults.set(Fault::once("openai", fault));
        let answer = stage.post(streamed.clone()).await;
        texts.push((answer.status().as_u16(), answer.text().await.unwrap()));
    }
    let [error, refused, ignored, done, empty, bad] = &texts[..] else { panic!("six answers") };
    assert!(error.1.contains("event: error\ndata: {\"error\":{") && !error.1.contains(".completed"));
    assert_eq!(refused.0, 400);
    assert!(refused.1.contains("\"param\":\"stream\""));
    assert!(serde_json::from_str::<Value>(&ignored.1).unwrap()["data"][0]["b64_json"].is_string());
    assert!(done.1.trim_end().ends_with("data: [DONE]"));
    let completed = empty.1.lines().last().or(empty.1.lines().rev().nth(1)).unwrap_or_default();
    assert!(empty.1.contains(".completed") && !completed.contains("b64_json"));
    assert!(bad.1.contains(&BASE64_STANDARD.encode("This is no picture.")) && bad.1.contains(".completed"));
}

#[tokio::test]
async fn hints_can_be_dates_and_overrides_and_answers_anything() {
    let stage = stage().await;
    let date = stage.strike(Fault::once("openai", "retry_after_date").with(90)).await;
    let at = chrono::DateTime::parse_from_rfc2822(date.headers()["retry-after"].to_str().unwrap()).unwrap();
    assert!((85..=91).contains(&(at.to_utc() - chrono::Utc::now()).num_seconds()));
    let never = stage.strike(Fault::once("openai", "should_retry")).await;
    assert_eq!((never.status().as_u16(), &never.headers()["x-should-retry"]), (500, &"false".parse().unwrap()));
    let please = stage.strike(Fault::once("openai", "should_retry").with(true)).await;
    assert_eq!((please.status().as_u16(), &please.headers()["x-should-retry"]), (400, &"true".parse().unwrap()));
    let value = json!({"status": 418, "headers": {"retry-after": "2.5"}, "body": {"detail": "no tea"}});
    let any = stage.strike(Fault::once("openai", "answer_with").with(value)).await;
    assert_eq!((any.status().as_u16(), &any.headers()["retry-after"]), (418, &"2.5".parse().unwrap()));
    assert_eq!(any.json::<Value>().await.unwrap(), json!({"detail": "no tea"}));
}

#[tokio::test]
async fn wrong_mime_is_a_good_body_under_a_wrong_name() {
    let stage = stage().await;
    let answer = stage.strike(Fault::once("openai", "wrong_mime")).await;
    assert_eq!(answer.headers()["content-type"], "text/html");
    assert!(answer.json::<Value>().await.unwrap()["data"][0]["b64_json"].is_string());
}

#[tokio::test]
async fn junk_is_html_with_200() {
    let stage = stage().await;
    let answer = stage.strike(Fault::once("openai", "junk_html")).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().starts_with("<!doctype html>"));
}

#[tokio::test]
async fn local_servers_errors_come_in_their_three_shapes() {
    let stage = stage().await;
    let hidden = stage.strike(Fault::once("openai", "error_in_200")).await;
    assert_eq!(hidden.status(), 200);
    assert!(hidden.json::<Value>().await.unwrap()["error"].is_object());
    let text = stage.strike(Fault::once("openai", "error_string")).await;
    assert_eq!(text.status(), 500);
    assert!(text.json::<Value>().await.unwrap()["error"].is_string());
    let detail = stage.strike(Fault::once("openai", "error_detail")).await;
    assert_eq!(detail.status(), 422);
    assert!(detail.json::<Value>().await.unwrap()["detail"].is_array());
}

#[tokio::test]
async fn missing_pictures_are_missing() {
    let stage = stage().await;
    let empty: Value = stage.strike(Fault::once("openai", "empty_data")).await.json().await.unwrap();
    assert_eq!(empty["data"], json!([]));
    stage.faults.set(Fault::once("openai", "fewer_images"));
    let fewer: Value = stage.post(json!({"n": 3})).await.json().await.unwrap();
    assert_eq!(fewer["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn bytes_that_are_no_picture_are_none() {
    let stage = stage().await;
    assert!(image::guess_format(&bytes(&stage.first_image("not_an_image").await)).is_err());
    let invalid = stage.first_image("invalid_b64").await;
    assert!(BASE64_STANDARD.decode(invalid["b64_json"].as_str().unwrap()).is_err());
}

#[tokio::test]
async fn a_bomb_claims_900_megapixels_in_a_hundred_bytes() {
    let stage = stage().await;
    let bomb = bytes(&stage.first_image("huge_image").await);
    assert!(bomb.len() < 200);
    let reader = image::ImageReader::new(std::io::Cursor::new(bomb)).with_guessed_format().unwrap();
    assert_eq!(reader.into_dimensions().unwrap(), (30_000, 30_000), "the header itself is valid");
}

#[tokio::test]
async fn a_wrong_size_is_a_real_picture_of_another_size() {
    let stage = stage().await;
    let decoded = image::load_from_memory(&bytes(&stage.first_image("wrong_size").await)).unwrap();
    assert_eq!((decoded.width(), decoded.height()), (512, 512));
}

#[tokio::test]
async fn a_url_answer_can_be_fetched_and_a_private_one_points_inwards() {
    let stage = stage().await;
    let image = stage.first_image("url_answer").await;
    assert!(image.get("b64_json").is_none());
    let fetched = reqwest::get(image["url"].as_str().unwrap()).await.unwrap().bytes().await.unwrap();
    assert!(image::load_from_memory(&fetched).is_ok());
    let private = stage.first_image("private_url").await;
    assert!(private["url"].as_str().unwrap().starts_with("http://169.254.169.254/"));
}

#[tokio::test]
async fn a_ready_picture_has_the_weight_asked_for_and_takes_no_thought() {
    let stage = stage().await;
    stage.openai.set_speed(Duration::from_secs(600));
    let ready = || Fault::once("openai", "ready_picture").with(json!({"edge": 512, "bytes": 450_000}));
    let heavy = bytes(&stage.strike(ready()).await.json::<Value>().await.unwrap()["data"][0]);
    assert!((420_000..=450_000).contains(&heavy.len()), "{}", heavy.len());
    assert_eq!(image::load_from_memory(&heavy).unwrap().width(), 512);
    stage.faults.set(ready());
    let streamed = stage.post(json!({"stream": true})).await.text().await.unwrap();
    assert!(streamed.contains(&BASE64_STANDARD.encode(&heavy)), "the same picture, streamed");
}

#[tokio::test]
async fn every_kind_is_known_and_a_strangers_kind_strikes_nothing() {
    let stage = stage().await;
    assert_eq!(openai::KINDS.len(), 42);
    for fault in [Fault::once("openai", "made_up"), Fault::once("s3", "server_error")] {
        assert_eq!(stage.strike(fault).await.status(), 200);
    }
    assert_eq!(stage.faults.list().len(), 2);
}
