//! Provenance: a seal that a model's provider put into a picture arrives unbroken, and what is derived says how it came about.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lapidary::images::credentials::has_content_credentials;
use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};

use crate::harness;

/// Really signed with the C2PA library, by a certificate made for this: one changed byte breaks the seal.
const SIGNED: [(&[u8], &str); 3] = [
    (include_bytes!("../fixtures/credentials/signed.png"), "image/png"),
    (include_bytes!("../fixtures/credentials/signed.jpg"), "image/jpeg"),
    (include_bytes!("../fixtures/credentials/signed.webp"), "image/webp"),
];

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[actix_web::test]
async fn a_signed_picture_arrives_byte_for_byte_and_says_that_it_is_signed() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    // A whole answer, and a stream with partial pictures.
    for quality in ["low", "medium"] {
        for (signed, content_type) in SIGNED {
            app.fault(Fault::once("openai", "given_picture").with(STANDARD.encode(signed)));
            let done = person.make(&json!({"prompt": "A fox", "quality": quality})).await;
            assert_eq!(done["status"], "succeeded", "{done}");
            let image = &done["images"][0];
            assert_eq!(image["content_type"], content_type);
            assert_eq!(image["bytes"].as_u64(), u64::try_from(signed.len()).ok());
            assert_eq!(image["has_content_credentials"], true, "{content_type}");
            assert_eq!(image["digital_source_type"], "trainedAlgorithmicMedia");
            let path = format!("/v1/images/{}", text(&image["id"]));
            assert_eq!(person.get(&path).await.json()["has_content_credentials"], true);
            let sent = person.get(&format!("{path}/content")).await.expect_status(303);
            let download = person.get(&format!("{path}/download-url")).await.expect_status(200).json();
            for url in [sent.header("location"), text(&image["url"]), text(&download["url"])] {
                assert!(person.browser.get(url).await.expect_status(200).body == signed, "{content_type}: other bytes");
            }
        }
    }
}

#[actix_web::test]
async fn the_sandbox_signs_as_the_gpt_models_do_and_a_plain_picture_is_told_from_it() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let image = person.make(&json!({"prompt": "A fox", "quality": "low"})).await["images"][0].clone();
    assert_eq!(image["has_content_credentials"], true);
    let original = person.browser.get(text(&image["url"])).await.body;
    assert!(has_content_credentials(&original));
    image::load_from_memory(&original).expect("it is still a picture");
    app.fault(Fault::once("openai", "ready_picture").with(json!({"edge": 640, "bytes": 400_000})));
    let plain = person.make(&json!({"prompt": "A fox", "quality": "low"})).await["images"][0].clone();
    assert_eq!(plain["has_content_credentials"], false);
    for derived in ["thumbnail_url", "preview_url"] {
        let webp = person.browser.get(text(&image[derived])).await.expect_status(200).body;
        let mark = b"digitalsourcetype/trainedAlgorithmicMedia\"";
        assert!(webp.windows(mark.len()).any(|bytes| bytes == mark), "{derived}");
        assert!(!has_content_credentials(&webp), "a smaller picture has no seal of its own");
    }
}
