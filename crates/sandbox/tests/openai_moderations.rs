//! The moderation API's shape and refusals, held against names written down from the vendor's SDK.
use std::net::TcpListener;

use lapidary_sandbox::{
    faults::{Fault, Faults},
    openai::{self, OpenAi},
};
use reqwest::{Client, Response};
use serde_json::{Value, json};

// From the SDK's types of November 2026: ModerationCreateResponse, Moderation.
const RESULT: &[&str] = &["flagged", "categories", "category_scores", "category_applied_input_types"];

async fn vendor() -> (OpenAi, Faults) {
    let faults = Faults::default();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (openai::start(listener, faults.clone()).await.unwrap(), faults)
}

async fn ask(openai: &OpenAi, body: Value) -> Response {
    let url = format!("{}/moderations", openai.base_url);
    Client::new().post(url).bearer_auth(&openai.api_key).json(&body).send().await.unwrap()
}

#[tokio::test]
async fn a_verdict_has_the_vendors_shape_and_is_always_the_same() {
    let (openai, _) = vendor().await;
    let inputs = json!(["a lake", "gore by the lake", "Gorenje"]);
    let answer = ask(&openai, json!({"model": "omni-moderation-latest", "input": inputs})).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().contains_key("x-request-id"));
    let body: Value = answer.json().await.unwrap();
    assert!(body["id"].as_str().unwrap().starts_with("modr-") && body["model"].is_string());
    let results = body["results"].as_array().unwrap();
    let flagged: Vec<bool> = results.iter().map(|result| result["flagged"].as_bool().unwrap()).collect();
    assert_eq!(flagged, [false, true, false], "a word, not a part of one");
    for result in results {
        let mut names: Vec<&str> = result.as_object().unwrap().keys().map(String::as_str).collect();
        names.retain(|name| !RESULT.contains(name));
        assert!(names.is_empty(), "{names:?}");
        assert_eq!(result["categories"].as_object().unwrap().len(), 13);
    }
    assert_eq!(results[1]["categories"]["violence/graphic"], true);
    let again: Value = ask(&openai, json!({"input": inputs})).await.json().await.unwrap();
    assert_eq!(again["results"], body["results"]);
    let parts = json!([{"type": "text", "text": "obscene"}]);
    let body: Value = ask(&openai, json!({"input": parts})).await.json().await.unwrap();
    assert_eq!(body["results"][0]["categories"]["sexual"], true);
    assert_eq!(openai.moderated().len(), 7);
}

#[tokio::test]
async fn what_the_vendor_refuses_is_refused() {
    let (openai, _) = vendor().await;
    for (body, code) in [
        (json!({}), "missing_required_parameter"),
        (json!({"input": ""}), "empty_string"),
        (json!({"input": []}), "empty_string"),
        (json!({"input": 7}), "invalid_type"),
        (json!({"input": "a", "model": "gpt-image-2"}), "invalid_value"),
        (json!({"input": "a", "prompt": "b"}), "unknown_parameter"),
    ] {
        let answer = ask(&openai, body.clone()).await;
        assert_eq!(answer.status(), 400, "{body}");
        assert_eq!(answer.json::<Value>().await.unwrap()["error"]["code"], code, "{body}");
    }
    let url = format!("{}/moderations", openai.base_url);
    let without = Client::new().post(&url).json(&json!({"input": "a"})).send().await.unwrap();
    assert_eq!(without.status(), 401);
    assert_eq!(Client::new().get(&url).send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn faults_strike_the_moderation_alone() {
    let (openai, faults) = vendor().await;
    for (kind, status) in [("server_error", 500), ("rate_limited", 429), ("junk", 200), ("no_results", 200)] {
        faults.set(Fault::once("moderation", kind));
        assert_eq!(ask(&openai, json!({"input": "a lake"})).await.status(), status, "{kind}");
    }
    faults.set(Fault::once("moderation", "flag").with("hate"));
    let url = format!("{}/images/generations", openai.base_url);
    let order = json!({"model": "gpt-image-1-mini", "prompt": "a lake", "size": "1024x1024", "quality": "low"});
    let painted = Client::new().post(url).bearer_auth(&openai.api_key).json(&order).send().await.unwrap();
    assert_eq!(painted.status(), 200);
    let body: Value = ask(&openai, json!({"input": "a lake"})).await.json().await.unwrap();
    assert_eq!(
        (&body["results"][0]["flagged"], &body["results"][0]["categories"]["hate"]),
        (&json!(true), &json!(true))
    );
    assert!(faults.list().is_empty());
}
