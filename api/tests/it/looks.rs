//! Background and format: asked for where the model has them, refused where not, and delivered.
use lapidary_sandbox::faults::Fault;
use serde_json::json;

use crate::harness::{self, Answer};

#[actix_web::test]
async fn a_transparent_picture_arrives_with_its_alpha_in_the_format_that_was_asked_for() {
    let app = harness::start().await;
    app.openai.only_sketch();
    let person = app.person("Ada Lovelace").await;
    for (format, kind) in [("png", "image/png"), ("webp", "image/webp")] {
        let body = json!({"prompt": "A fox", "quality": "low", "background": "transparent", "output_format": format});
        let done = person.make(&body).await;
        assert_eq!((&done["background"], &done["output_format"]), (&"transparent".into(), &format.into()));
        let image = &done["images"][0];
        assert_eq!(image["content_type"], kind);
        let original = person.browser.get(image["url"].as_str().expect("a url")).await.expect_status(200);
        let pixels = image::load_from_memory(&original.body).expect("a picture").into_rgba8();
        assert_eq!((pixels.get_pixel(2, 2).0[3], pixels.get_pixel(512, 512).0[3]), (0, 255), "{format}");
        let sent = app.openai.requests().pop().expect("a request").body;
        assert_eq!((&sent["background"], &sent["output_format"]), (&"transparent".into(), &format.into()));
    }
    let done = person.make(&json!({"prompt": "A fox", "quality": "low", "output_format": "jpeg"})).await;
    assert_eq!(done["images"][0]["content_type"], "image/jpeg");
    let done = person.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    assert_eq!((done["background"].is_null(), &done["output_format"]), (true, &"png".into()));
    assert_eq!(app.openai.requests().pop().expect("a request").body["background"], json!(null), "it was not asked");
}

#[actix_web::test]
async fn a_look_the_model_does_not_have_is_refused_with_its_pointer() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    for (body, pointer) in [
        (json!({"prompt": "A fox", "background": "transparent", "output_format": "jpeg"}), "/output_format"),
        (json!({"prompt": "A fox", "background": "plaid"}), "/background"),
        (json!({"prompt": "A fox", "output_format": "gif"}), "/output_format"),
        (json!({"prompt": "A fox", "model": "gpt-image-2", "background": "transparent"}), "/background"),
    ] {
        for answer in [person.submit(&body).await, person.post("/v1/quotes", &body).await] {
            let problem = answer.expect_problem(422, "invalid");
            assert_eq!(problem["errors"][0]["pointer"], pointer);
            assert_eq!(problem["errors"][0]["code"], "not_available");
        }
    }
    let catalogue = person.get("/v1/catalogue").await.json();
    let two = catalogue["models"].as_array().expect("models").iter().find(|model| model["id"] == "gpt-image-2");
    assert_eq!(two.expect("a model")["backgrounds"], json!(["opaque"]));
    assert_eq!(two.expect("a model")["edits"]["reference_gems"], 8);
}

#[actix_web::test]
async fn another_look_is_another_request() {
    let app = harness::start().await;
    app.openai.only_sketch();
    let person = app.person("Ada Lovelace").await;
    let asked = |background: Option<&str>| json!({"prompt": "A fox", "quality": "low", "background": background});
    let first = person.submit_with("k", &asked(Some("opaque"))).await.expect_status(202).json();
    let again = person.submit_with("k", &asked(Some("opaque"))).await.expect_status(202).json();
    assert_eq!(first["id"], again["id"]);
    for other in [Some("transparent"), None] {
        person.submit_with("k", &asked(other)).await.expect_problem(422, "idempotency-key-reused");
    }
    app.work().await;
}

#[actix_web::test]
async fn the_sandbox_refuses_what_the_vendor_refuses() {
    let app = harness::start().await;
    let client = reqwest::Client::new();
    let ask = async |body: serde_json::Value| {
        let request = client.post(format!("{}/images/generations", app.openai.base_url));
        Answer::of(request.bearer_auth(&app.openai.api_key).json(&body).send().await).await
    };
    let body = json!({"model": "gpt-image-2.5-flare", "prompt": "A fox", "background": "transparent"});
    let refused = ask(json!({"model": "gpt-image-2.5-flare", "prompt": "A fox", "background": "transparent",
        "output_format": "jpeg"}))
    .await
    .expect_status(400);
    assert_eq!(refused.json()["error"]["param"], "background");
    app.fault(Fault::once("openai", "ready_picture").with(json!({"edge": 16, "bytes": 10})));
    ask(body).await.expect_status(200);
}
