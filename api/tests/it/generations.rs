//! The main job: queued, run, stored, shown; whatever breaks in between.
use chrono::TimeDelta;
use lapidary::work::{queue, worker};
use serde_json::json;

use crate::harness;

#[actix_web::test]
async fn a_closed_tab_loses_nothing() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    person.submit(&json!({"prompt": "A lighthouse in fog"})).await.expect_status(202);
    app.work().await;
    let again = app.browser();
    assert_eq!(again.sign_in("github", "Ada Lovelace").await, "/studio");
    let token = again.refresh().await.expect("a token");
    let person = harness::Person { app: &app, browser: again, token };
    let images = person.get("/v1/images").await.expect_status(200).json();
    assert_eq!(images["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(images["data"][0]["prompt"], "A lighthouse in fog");
}

#[actix_web::test]
async fn a_prompt_in_any_script_with_twelve_attributes_reaches_the_model_whole() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let catalogue = person.get("/v1/catalogue").await.expect_status(200).json();
    let attributes: Vec<_> = catalogue["sections"]
        .as_array()
        .expect("sections")
        .iter()
        .take(12)
        .map(|section| json!({"section": section["name"], "value": section["values"][0]}))
        .collect();
    assert_eq!(attributes.len(), 12);
    for prompt in ["Лиса на льду", "雪の中の狐", "雪地里的狐狸", "ثعلب في الثلج", "🦊❄️ family 👨‍👩‍👧‍👦"]
    {
        let done = person.make(&json!({"prompt": prompt, "attributes": attributes, "quality": "low"})).await;
        assert_eq!(done["status"], "succeeded", "{prompt}");
        let sent = app.openai.requests().pop().and_then(|received| received.prompt).expect("a request");
        assert_eq!(sent, done["composed_prompt"].as_str().expect("a text"));
        assert!(sent.starts_with(prompt));
        for attribute in &attributes {
            assert!(sent.contains(attribute["value"].as_str().expect("a value")), "{sent}");
        }
    }
}

#[actix_web::test]
async fn an_edited_text_is_sent_verbatim_and_attributes_stay_data() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let text = "  My own words,\nnothing else.  ";
    let body = json!({"prompt": "A fox", "attributes": [{"section": "Light", "value": "golden hour"}],
        "composed_prompt": text, "quality": "low"});
    let done = person.make(&body).await;
    assert_eq!(app.openai.requests().pop().and_then(|received| received.prompt).as_deref(), Some(text));
    assert_eq!(done["images"][0]["attributes"][0]["value"], "golden hour");
}

#[actix_web::test]
async fn the_original_is_stored_as_the_model_sent_it_and_opens() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let done = person.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    let image = &done["images"][0];
    let original = person.browser.get(image["url"].as_str().expect("a url")).await.expect_status(200);
    assert_eq!(original.body.len(), usize::try_from(image["bytes"].as_i64().expect("bytes")).expect("a size"));
    assert_eq!(original.header("x-amz-server-side-encryption"), "AES256");
    assert_eq!(original.header("content-type"), "image/png");
    for small in ["thumbnail_url", "preview_url"] {
        let picture = person.browser.get(image[small].as_str().expect("a url")).await.expect_status(200);
        assert_eq!(picture.header("content-type"), "image/webp");
    }
}

#[actix_web::test]
async fn a_retired_model_answers_with_its_replacement() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let done = person.make(&json!({"prompt": "A fox", "model": "gpt-image-1", "quality": "low"})).await;
    assert_eq!(done["status"], "succeeded");
    assert_ne!(done["model"], "gpt-image-1");
}

#[actix_web::test]
async fn a_cancelled_generation_gives_its_gems_back_at_once() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.gems().await;
    let queued = person.submit(&json!({"prompt": "A fox"})).await.expect_status(202).json();
    let path = format!("/v1/generations/{}/cancel", queued["id"].as_str().expect("an id"));
    let cancelled = person.post(&path, &json!({})).await.expect_status(200).json();
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(person.gems().await, before);
    person.post(&path, &json!({})).await.expect_status(200);
    assert!(!worker::step(&app.app).await.expect("a step"), "nothing waits any more");
    let done = person.make(&json!({"prompt": "A fox", "quality": "low"})).await;
    let path = format!("/v1/generations/{}/cancel", done["id"].as_str().expect("an id"));
    person.post(&path, &json!({})).await.expect_problem(409, "illegal-transition");
}

#[actix_web::test]
async fn a_lost_worker_is_replaced_and_its_late_result_dropped() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.remaining().await;
    let queued = person.submit(&json!({"prompt": "A fox", "quality": "low"})).await.expect_status(202).json();
    let lost = queue::claim(&app.app).await.expect("a claim").expect("a job");
    app.app.clock.advance(TimeDelta::seconds(queue::LEASE_SECONDS + 1));
    queue::sweep(&app.app).await.expect("a sweep");
    app.work().await;
    let done = person.generation(queued["id"].as_str().expect("an id")).await;
    assert_eq!((done["status"].as_str(), done["images"].as_array().map(Vec::len)), (Some("succeeded"), Some(1)));
    lapidary::generation::run::run(&app.app, &lost).await.expect("it ends quietly");
    let after = person.generation(queued["id"].as_str().expect("an id")).await;
    assert_eq!(after["images"].as_array().map(Vec::len), Some(1));
    assert_eq!(person.remaining().await, before - done["price_gems"].as_i64().expect("a price"));
}

#[actix_web::test]
async fn many_waiting_of_one_person_do_not_hold_up_anothers_single_one() {
    let app = harness::start().await;
    let (greedy, modest) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    for _ in 0..6 {
        greedy.submit(&json!({"prompt": "A fox", "quality": "low"})).await.expect_status(202);
    }
    let single = modest.submit(&json!({"prompt": "A whale", "quality": "low"})).await.expect_status(202).json();
    let first = queue::claim(&app.app).await.expect("a claim").expect("a job");
    let second = queue::claim(&app.app).await.expect("a claim").expect("a job");
    assert_eq!(second.id.to_string(), single["id"].as_str().expect("an id"));
    for job in [first, second] {
        lapidary::generation::run::run(&app.app, &job).await.expect("a run");
    }
    app.work().await;
}

#[actix_web::test]
async fn the_stream_tells_every_state_and_resumes_where_it_broke() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let mut stream = person.request(reqwest::Method::GET, "/v1/events").send().await.expect("a stream");
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    person.submit(&json!({"prompt": "A fox", "quality": "low"})).await.expect_status(202);
    app.work().await;
    let mut text = String::new();
    while !text.contains("\"status\":\"succeeded\"") {
        let chunk = stream.chunk().await.expect("a chunk").expect("the stream goes on");
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    let first_id = text.lines().find_map(|line| line.strip_prefix("id: ")).expect("an id").to_owned();
    drop(stream);
    let mut resumed = person
        .request(reqwest::Method::GET, "/v1/events")
        .header("Last-Event-ID", first_id)
        .send()
        .await
        .expect("a stream");
    let mut text = String::new();
    while !text.contains("\"status\":\"succeeded\"") {
        let chunk = resumed.chunk().await.expect("a chunk").expect("the stream goes on");
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(text.contains("\"gems\":{\"remaining\""), "the balance stands beside it");
}
