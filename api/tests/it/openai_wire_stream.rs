//! Answers in OpenAI's wire that begin before their end is known: streams with rough pictures, and white space before JSON.
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lapidary_sandbox::faults::Fault;
use serde_json::{Value, json};

use crate::model_faults::Stage;
use crate::openai_wire::{answered, call, fox, with};

/// Name and data of each event.
pub fn events(body: &[u8]) -> Vec<(String, Value)> {
    let text = String::from_utf8_lossy(body).into_owned();
    let blocks = text.split("\n\n").filter(|block| block.contains("data: "));
    let line =
        |block: &str, name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
    blocks.map(|it| (line(it, "event: "), serde_json::from_str(&line(it, "data: ")).expect("JSON"))).collect()
}

fn is_picture(data: &Value) -> bool {
    let bytes = STANDARD.decode(data["b64_json"].as_str().expect("base64")).expect("base64");
    image::load_from_memory(&bytes).is_ok()
}

#[actix_web::test]
async fn a_stream_shows_at_most_as_many_rough_pictures_as_asked_and_then_the_whole_one() {
    let stage = Stage::set(&[]).await;
    let person = stage.app.person("Ada Lovelace").await;
    stage.vendor.set_speed(Duration::from_secs(4));
    let body = with(fox(), json!({"quality": "medium", "stream": true, "partial_images": 1}));
    let answer = answered(&stage.app, call(&person, &body)).await.expect_status(200);
    assert_eq!((answer.header("content-type"), answer.header("gems-cost")), ("text/event-stream", "3"));
    let told = events(&answer.body);
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["image_generation.partial_image", "image_generation.completed"]);
    for (name, data) in &told {
        assert_eq!(data["type"], name.as_str());
        assert!(is_picture(data) && data["created_at"].is_i64());
    }
    assert_eq!((&told[0].1["partial_image_index"], &told[0].1["output_format"]), (&0.into(), &"webp".into()));
    assert!(told[1].1["usage"]["output_tokens"].as_i64().is_some_and(|tokens| tokens > 0));
    assert_eq!((&told[1].1["size"], &told[1].1["output_format"]), (&"1024x1024".into(), &"png".into()));
    // Without being asked for, none is shown.
    stage.vendor.set_speed(Duration::ZERO);
    let plain = answered(&stage.app, call(&person, &with(fox(), json!({"stream": true})))).await.expect_status(200);
    assert_eq!(events(&plain.body).len(), 1);
}

#[actix_web::test]
async fn what_fails_before_the_first_event_has_a_status_and_later_it_is_an_event() {
    for (silence, status) in [("--openai-silence-seconds=600", 400), ("--openai-silence-seconds=0", 200)] {
        let stage = Stage::set(&[silence]).await;
        let person = stage.app.person("Ada Lovelace").await;
        let before = person.gems().await;
        stage.faults.set(Fault::once("openai", "moderation_blocked"));
        let answer =
            answered(&stage.app, call(&person, &with(fox(), json!({"stream": true})))).await.expect_status(status);
        let error = match status {
            200 => {
                let told = events(&answer.body);
                assert_eq!((told.len(), told[0].0.as_str()), (1, "error"));
                assert!(answer.body.starts_with(b": "), "it began at once");
                told[0].1["error"].clone()
            }
            _ => answer.expect_error(400, "moderation_blocked"),
        };
        assert_eq!(error["code"], "moderation_blocked");
        assert_eq!(person.gems().await, before);
    }
}

#[actix_web::test]
async fn a_call_that_takes_long_begins_with_white_space_and_is_json_all_the_same() {
    let stage = Stage::set(&["--openai-silence-seconds=0"]).await;
    let person = stage.app.person("Ada Lovelace").await;
    let answer = answered(&stage.app, call(&person, &fox())).await.expect_status(200);
    assert!(answer.body.starts_with(b"\n{"), "{:?}", &answer.body[..10]);
    assert!(is_picture(&answer.json()["data"][0]));
    // What was held: how much is taken was not known yet.
    assert_eq!((answer.header("gems-cost"), answer.header("content-type")), ("1", "application/json"));
}
