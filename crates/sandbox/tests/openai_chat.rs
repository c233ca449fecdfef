//! Chat Completions' shapes and refusals, held against field names and codes written down from the vendor's SDK.
use std::net::TcpListener;

use lapidary_sandbox::{
    faults::{Fault, Faults},
    openai::{self, OpenAi},
};
use reqwest::{Client, Response};
use serde_json::{Value, json};

// From the SDK's types of November 2026.
const COMPLETION: &[&str] =
    &["id", "choices", "created", "model", "object", "service_tier", "system_fingerprint", "usage"];
const CHOICE: &[&str] = &["finish_reason", "index", "logprobs", "message"];
const MESSAGE: &[&str] = &["content", "refusal", "role", "annotations", "audio", "function_call", "tool_calls"];

async fn vendor() -> (OpenAi, Faults) {
    let faults = Faults::default();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (openai::start(listener, faults.clone()).await.unwrap(), faults)
}

async fn post(openai: &OpenAi, body: &Value) -> Response {
    let url = format!("{}/chat/completions", openai.base_url);
    Client::new().post(url).bearer_auth(&openai.api_key).json(body).send().await.unwrap()
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {"sections": {"type": "array", "items": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "values": {"type": "array", "items": {"type": "string"}}},
            "required": ["name", "values"],
            "additionalProperties": false,
        }}},
        "required": ["sections"],
        "additionalProperties": false,
    })
}

fn ask(user: &str) -> Value {
    json!({
        "model": "gpt-5.4-nano",
        "messages": [{"role": "system", "content": "Answer with JSON."}, {"role": "user", "content": user}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "strict": true, "schema": schema()}},
    })
}

async fn said(openai: &OpenAi, user: &str) -> Value {
    let answer: Value = post(openai, &ask(user)).await.json().await.unwrap();
    serde_json::from_str(answer["choices"][0]["message"]["content"].as_str().expect("content")).expect("JSON")
}

#[tokio::test]
async fn a_completion_has_the_vendors_fields_and_fits_its_schema() {
    let (openai, _) = vendor().await;
    let answer = post(&openai, &ask("A fox crossing a frozen river")).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["x-request-id"].to_str().unwrap().starts_with("req_"));
    let answer: Value = answer.json().await.unwrap();
    for (object, known) in
        [(&answer, COMPLETION), (&answer["choices"][0], CHOICE), (&answer["choices"][0]["message"], MESSAGE)]
    {
        for name in object.as_object().expect("an object").keys() {
            assert!(known.contains(&name.as_str()), "{name} is no field of the vendor's");
        }
    }
    assert_eq!(
        (&answer["object"], &answer["choices"][0]["finish_reason"]),
        (&json!("chat.completion"), &json!("stop"))
    );
    let usage = &answer["usage"];
    let number = |name: &str| usage[name].as_u64().unwrap();
    assert_eq!(number("total_tokens"), number("prompt_tokens") + number("completion_tokens"));
}

#[tokio::test]
async fn it_says_the_same_each_time_in_the_prompts_words_and_nothing_it_should_avoid() {
    let (openai, _) = vendor().await;
    let material =
        |avoid: &[String]| json!({"prompt": "A fox crossing a frozen river", "avoid_sections": avoid}).to_string();
    let first = said(&openai, &material(&[])).await;
    assert_eq!(first, said(&openai, &material(&[])).await);
    assert!(first.to_string().contains("crossing") || first.to_string().contains("frozen"), "{first}");
    let mut avoid: Vec<String> = Vec::new();
    for _ in 0..6 {
        let said = said(&openai, &material(&avoid)).await;
        let sections = said["sections"].as_array().unwrap();
        assert_eq!(sections.len(), 4);
        for section in sections {
            let name = section["name"].as_str().unwrap().to_owned();
            assert!(!avoid.contains(&name), "{name} again");
            let mut values: Vec<&str> =
                section["values"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            values.sort_unstable();
            values.dedup();
            assert_eq!(values.len(), 12, "{section}");
            avoid.push(name);
        }
    }
    let thai = said(&openai, "สุนัขจิ้งจอกข้ามแม่น้ำ").await;
    assert_eq!(thai["sections"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn what_the_vendor_refuses_is_refused() {
    let (openai, _) = vendor().await;
    let with = |path: &str, value: Value| {
        let mut body = ask("A fox");
        *body.pointer_mut(path).expect(path) = value;
        body
    };
    let plus = |name: &str, value: Value| {
        let mut body = ask("A fox");
        body[name] = value;
        body
    };
    let loose = |change: fn(&mut Value)| {
        let mut schema = schema();
        change(&mut schema);
        with("/response_format/json_schema/schema", schema)
    };
    for (body, status, code, param) in [
        (with("/model", json!("gpt-9")), 404, "model_not_found", "model"),
        (with("/model", Value::Null), 400, "missing_required_parameter", "model"),
        (plus("colour", json!(1)), 400, "unknown_parameter", "colour"),
        (plus("max_tokens", json!(9)), 400, "unsupported_parameter", "max_tokens"),
        (with("/messages", json!([])), 400, "empty_array", "messages"),
        (with("/messages", json!("hello")), 400, "invalid_type", "messages"),
        (with("/messages/0/role", json!("king")), 400, "invalid_value", "messages[0].role"),
        (with("/messages/1/content", json!(5)), 400, "invalid_type", "messages[1].content"),
        (with("/messages/1", json!({"role": "user"})), 400, "missing_required_parameter", "messages[1].content"),
        (with("/response_format/type", json!("yaml")), 400, "invalid_value", "response_format.type"),
        (
            with("/response_format/json_schema", json!({"schema": {}})),
            400,
            "missing_required_parameter",
            "response_format.json_schema.name",
        ),
        (
            with("/response_format/json_schema/name", json!("a b")),
            400,
            "invalid_value",
            "response_format.json_schema.name",
        ),
        (loose(|it| it["additionalProperties"] = json!(true)), 400, "", "response_format"),
        (loose(|it| it["properties"]["sections"]["items"]["required"] = json!(["name"])), 400, "", "response_format"),
        (loose(|it| it["type"] = json!("array")), 400, "", "response_format"),
    ] {
        let answer = post(&openai, &body).await;
        assert_eq!(answer.status().as_u16(), status, "{body}");
        let error = answer.json::<Value>().await.unwrap()["error"].clone();
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        assert_eq!((text("code"), text("param")), (code.to_owned(), param.to_owned()), "{body}");
    }
    let mut object = with("/response_format", json!({"type": "json_object"}));
    assert_eq!(post(&openai, &object).await.status(), 200);
    object["messages"][0]["content"] = json!("Answer.");
    assert_eq!(post(&openai, &object).await.status(), 400, "the word is missing");
    let url = format!("{}/chat/completions", openai.base_url);
    assert_eq!(Client::new().post(&url).json(&object).send().await.unwrap().status(), 401);
    assert_eq!(Client::new().get(&url).send().await.unwrap().status(), 405);
    let other = with(
        "/response_format/json_schema/schema",
        json!({
            "type": "object", "additionalProperties": false, "required": ["n", "word"],
            "properties": {"n": {"type": "integer"}, "word": {"type": "string", "enum": ["a", "b"]}},
        }),
    );
    let answer: Value = post(&openai, &other).await.json().await.unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], r#"{"n":1,"word":"a"}"#);
}

#[tokio::test]
async fn faults_of_pictures_do_not_strike_it_nor_the_other_way_round() {
    let (openai, faults) = vendor().await;
    faults.set(Fault::once("openai", "server_error"));
    faults.set(Fault::once("chat", "refusal"));
    let answer: Value = post(&openai, &ask("A fox")).await.json().await.unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], Value::Null);
    assert!(answer["choices"][0]["message"]["refusal"].as_str().is_some_and(|words| !words.is_empty()));
    assert_eq!(post(&openai, &ask("A fox")).await.status(), 200);
    assert_eq!(faults.list().len(), 1, "the other one waits for a picture");
}
