//! Bad input gets a clear answer: the right problem, the right pointer, nothing charged.
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{self, Answer};

#[actix_web::test]
async fn each_wrong_member_is_named_with_its_pointer() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.gems().await;
    let cases: Vec<(Value, &str, &str)> = vec![
        (json!({"prompt": ""}), "/prompt", "required"),
        (json!({}), "/prompt", "required"),
        (json!({"prompt": " \u{200b}\n\u{feff}"}), "/prompt", "required"),
        (json!({"prompt": 7}), "/prompt", "wrong_type"),
        (json!({"prompt": "A fox", "promt": "x"}), "/promt", "unknown_field"),
        (json!({"prompt": "A\u{0}fox"}), "/prompt", "contains_nul"),
        (json!({"prompt": "🦊".repeat(4001)}), "/prompt", "too_long"),
        (json!({"prompt": "A fox", "composed_prompt": "x".repeat(32_001)}), "/composed_prompt", "too_long"),
        (json!({"prompt": "A fox", "count": 0}), "/count", "out_of_range"),
        (json!({"prompt": "A fox", "count": 11}), "/count", "out_of_range"),
        (json!({"prompt": "A fox", "count": -1}), "/count", "wrong_type"),
        (json!({"prompt": "A fox", "count": "2"}), "/count", "wrong_type"),
        (json!({"prompt": "A fox", "model": "gpt-image-99"}), "/model", "unknown"),
        (json!({"prompt": "A fox", "size": "10x10"}), "/size", "not_available"),
        (json!({"prompt": "A fox", "size": "big"}), "/size", "unknown"),
        (json!({"prompt": "A fox", "quality": "superb"}), "/quality", "not_available"),
        (json!({"prompt": "A fox", "attributes": [{"section": "Light"}]}), "/attributes/0/value", "required"),
        (
            json!({"prompt": "A fox", "attributes": [{"section": "Light", "value": "a\u{0}"}]}),
            "/attributes/0/value",
            "contains_nul",
        ),
    ];
    for (body, pointer, code) in cases {
        for path in ["/v1/generations", "/v1/quotes"] {
            let request =
                person.request(reqwest::Method::POST, path).header("Idempotency-Key", Uuid::now_v7().to_string());
            let problem = Answer::of(request.json(&body).send().await).await.expect_problem(422, "invalid");
            let errors = problem["errors"].as_array().expect("errors");
            assert!(
                errors.iter().any(|error| error["pointer"] == pointer && error["code"] == code),
                "{pointer} {code}: {errors:?}"
            );
        }
    }
    assert_eq!(person.gems().await, before);
}

#[actix_web::test]
async fn what_is_no_json_or_too_large_is_refused() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let post = |body: Vec<u8>, kind: &'static str| {
        let request = person.request(reqwest::Method::POST, "/v1/quotes").header("Content-Type", kind);
        async move { Answer::of(request.body(body).send().await).await }
    };
    for junk in [&b"{"[..], b"", b"nonsense", b"{\"prompt\":\"x\"} x", b"\xff\xfe"] {
        post(junk.to_vec(), "application/json").await.expect_problem(400, "malformed-request");
    }
    post(b"prompt=x".to_vec(), "application/x-www-form-urlencoded").await.expect_problem(415, "unsupported-media-type");
    let large = json!({"prompt": "x".repeat(600 * 1024)}).to_string().into_bytes();
    post(large, "application/json").await.expect_problem(413, "payload-too-large");
}

#[actix_web::test]
async fn a_hundred_megabytes_are_refused_without_being_read() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let request = person
        .request(reqwest::Method::POST, "/v1/generations")
        .header("Content-Type", "application/json")
        .header("Idempotency-Key", "large")
        .body(vec![b'x'; 100 * 1024 * 1024]);
    // The server may close before all is sent: then there is no answer to read, and that is an answer too.
    if let Ok(response) = request.send().await {
        assert_eq!(response.status().as_u16(), 413);
    }
    person.get("/v1/me").await.expect_status(200);
}

#[actix_web::test]
async fn a_missing_or_too_long_idempotency_key_is_refused() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let body = json!({"prompt": "A fox"});
    person.post("/v1/generations", &body).await.expect_problem(400, "idempotency-key-required");
    person.submit_with(&"k".repeat(256), &body).await.expect_problem(400, "idempotency-key-required");
    person.submit_with("\"\"", &body).await.expect_problem(400, "idempotency-key-required");
}

#[actix_web::test]
async fn a_wrong_method_is_told_what_is_allowed() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    for (method, path, allow) in [
        (reqwest::Method::PUT, "/v1/generations", "GET, HEAD, POST"),
        (reqwest::Method::POST, "/v1/gems", "GET, HEAD"),
        (reqwest::Method::DELETE, "/v1/catalogue", "GET, HEAD"),
    ] {
        let answer = Answer::of(person.request(method, path).send().await).await;
        assert_eq!(answer.header("allow"), allow);
        answer.expect_problem(405, "method-not-allowed");
    }
    person.get("/v1/nothing").await.expect_problem(404, "not-found");
    person.get("/v1/generations/not-an-id").await.expect_problem(404, "not-found");
}

#[actix_web::test]
async fn a_bad_page_query_is_refused() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    for list in ["/v1/generations", "/v1/images", "/v1/gems/transfers"] {
        person.get(&format!("{list}?limit=0")).await.expect_problem(422, "invalid");
        person.get(&format!("{list}?limit=101")).await.expect_problem(422, "invalid");
        person.get(&format!("{list}?limit=x")).await.expect_problem(400, "malformed-request");
        person.get(&format!("{list}?cursor=x")).await.expect_problem(400, "malformed-request");
    }
}

#[actix_web::test]
async fn not_enough_gems_says_how_many_are_missing() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let body = json!({"prompt": "A fox", "quality": "max", "count": 10});
    let problem = person.submit(&body).await.expect_problem(402, "insufficient-gems");
    assert_eq!(problem["available"].as_i64(), Some(50));
    assert!(problem["required"].as_i64() > Some(50));
    assert_eq!(problem["debt"].as_i64(), Some(0));
}
