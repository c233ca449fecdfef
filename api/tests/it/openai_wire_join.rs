//! SDKs repeat a call that broke, without an idempotency key: it joins the first and costs once. And whatever is another call
//! stays one.
use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use lapidary_sandbox::faults::Fault;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::api_keys::key_of;
use crate::harness::{self, Answer, Person, TestApp};
use crate::openai_wire::{GENERATIONS, PATIENCE, answered, call, fox, while_working, with};
use crate::sse;

pub fn again(person: &Person<'_>, body: &Value, tries: u32) -> RequestBuilder {
    call(person, body).header("X-Stainless-Retry-Count", tries.to_string())
}

async fn ids(person: &Person<'_>) -> BTreeSet<String> {
    let list = person.get("/v1/generations").await.expect_status(200).json();
    let data = list["data"].as_array().expect("data").clone();
    data.iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
}

/// So many calls that reach us and break off before their answer.
async fn cut(person: &Person<'_>, body: &Value, calls: usize) {
    let before = ids(person).await.len();
    let sent = join_all((0..calls).map(|_| call(person, body).timeout(PATIENCE).send()));
    let arrived = async {
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        while ids(person).await.len() < before + calls {
            beat.tick().await;
        }
    };
    tokio::select! {
        _ = sent => panic!("nobody works the queue off"),
        () = arrived => {}
    }
}

pub fn id_of(answer: &Answer) -> &str {
    answer.header("location").rsplit('/').next().expect("an id")
}

#[actix_web::test]
async fn a_call_that_broke_and_is_tried_again_is_charged_once_in_every_process() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.remaining().await;
    cut(&person, &fox(), 1).await;
    let joined = answered(&app, again(&person, &fox(), 1)).await.expect_status(200);
    assert_eq!(
        (joined.header("idempotent-replayed"), joined.json()["data"].as_array().map(Vec::len)),
        ("true", Some(1))
    );
    // The last try may come to another process, when everything is done.
    let other = sse::serve(&sse::second(&app).await);
    let request = person.browser.client.post(format!("{other}{GENERATIONS}")).bearer_auth(&person.token);
    let last = Answer::of(request.json(&fox()).header("X-Stainless-Retry-Count", "2").send().await).await;
    let last = last.expect_status(200);
    assert_eq!((id_of(&joined), joined.json()), (id_of(&last), last.json()));
    assert_eq!((ids(&person).await.len(), person.remaining().await), (1, before - 1));
}

#[actix_web::test]
async fn ten_calls_alike_that_all_broke_stay_ten() {
    let app = harness::start().await;
    app.openai.only_sketch();
    let person = app.person("Ada Lovelace").await;
    let before = person.remaining().await;
    cut(&person, &fox(), 10).await;
    let first = ids(&person).await;
    for tries in [1, 2] {
        let retries = join_all((0..10).map(|_| again(&person, &fox(), tries).timeout(PATIENCE).send()));
        let answers = while_working(&app, retries).await;
        let mut found = BTreeSet::new();
        for answer in answers {
            found.insert(id_of(&Answer::of(answer).await.expect_status(200)).to_owned());
        }
        assert_eq!(found, first, "try {tries}");
    }
    assert_eq!(person.remaining().await, before - 10);
}

#[actix_web::test]
async fn another_body_session_or_person_and_a_later_hour_are_other_calls() {
    let app = harness::start().await;
    let (mut person, stranger) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    // The same person on another device: as another key of theirs.
    let elsewhere = app.person("Ada Lovelace").await;
    cut(&person, &fox(), 1).await;
    for body in [
        with(fox(), json!({"prompt": "A fox "})),
        with(fox(), json!({"response_format": "url"})),
        with(fox(), json!({"user": "somebody"})),
    ] {
        let answer = answered(&app, again(&person, &body, 1)).await.expect_status(200);
        assert_eq!(answer.header("idempotent-replayed"), "", "{body}");
    }
    let mut known = ids(&person).await;
    assert_eq!(known.len(), 4);
    for other in [&elsewhere, &stranger] {
        let answer = answered(&app, again(other, &fox(), 1)).await.expect_status(200);
        assert!(known.insert(id_of(&answer).to_owned()));
    }
    // So is a key of the same person, which joins what it began itself.
    let key = key_of(&person, &["generations:write"]).await;
    let tried = key.request(Method::POST, GENERATIONS).json(&fox()).header("X-Stainless-Retry-Count", "1");
    for is_new in [true, false] {
        let answer = answered(&app, tried.try_clone().expect("a request")).await.expect_status(200);
        assert_eq!(known.insert(id_of(&answer).to_owned()), is_new);
    }
    let other = key_of(&person, &["generations:write"]).await;
    let tried = other.request(Method::POST, GENERATIONS).json(&fox()).header("X-Stainless-Retry-Count", "1");
    assert!(known.insert(id_of(&answered(&app, tried).await.expect_status(200)).to_owned()), "another key's");
    // Not told as a retry: a call of its own.
    assert!(known.insert(id_of(&answered(&app, call(&person, &fox())).await.expect_status(200)).to_owned()));
    let tried = async |person: &Person<'_>| {
        id_of(&answered(&app, again(person, &fox(), 1)).await.expect_status(200)).to_owned()
    };
    app.app.clock.advance(TimeDelta::minutes(14));
    person.token = person.browser.refresh().await.expect("a token");
    assert!(!known.insert(tried(&person).await) && !known.insert(tried(&person).await), "both are within 15 minutes");
    // Each try that finds it counts anew.
    app.app.clock.advance(TimeDelta::minutes(14));
    person.token = person.browser.refresh().await.expect("a token");
    assert!(!known.insert(tried(&person).await));
    app.app.clock.advance(TimeDelta::minutes(15));
    person.token = person.browser.refresh().await.expect("a token");
    assert!(known.insert(tried(&person).await), "15 minutes later it is a new one");
}

#[actix_web::test]
async fn a_retry_hears_what_its_call_failed_of_and_makes_anew_what_may_be_over_by_now() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.remaining().await;
    app.fault(Fault::once("openai", "moderation_blocked"));
    answered(&app, call(&person, &fox())).await.expect_error(400, "moderation_blocked");
    // Whoever asks again never heard it.
    let heard = answered(&app, again(&person, &fox(), 1)).await;
    heard.expect_error(400, "moderation_blocked");
    assert_eq!((heard.header("idempotent-replayed"), heard.header("x-should-retry")), ("true", "false"));
    assert_eq!((ids(&person).await.len(), person.remaining().await), (1, before));
    let owl = with(fox(), json!({"prompt": "An owl"}));
    let sibling = answered(&app, call(&person, &owl)).await.expect_status(200);
    app.fault(Fault::once("openai", "rate_limited").with(3_600));
    answered(&app, call(&person, &owl)).await.expect_error(503, "slow_down");
    app.faults.clear();
    app.forget_providers().await;
    let newer = answered(&app, call(&person, &owl)).await.expect_status(200);
    let anew = answered(&app, again(&person, &owl, 1)).await.expect_status(200);
    assert_eq!(anew.header("idempotent-replayed"), "");
    assert!(![id_of(&sibling), id_of(&newer)].contains(&id_of(&anew)), "theirs were told");
    assert_eq!((ids(&person).await.len(), person.remaining().await), (5, before - 3));
    // That one is what the next try of the same call finds.
    let last = answered(&app, again(&person, &owl, 2)).await.expect_status(200);
    assert_eq!((id_of(&last), last.header("idempotent-replayed")), (id_of(&anew), "true"));
}

#[actix_web::test]
async fn a_retry_finds_its_own_call_among_calls_alike() {
    let app = harness::start().await;
    app.openai.only_sketch();
    let person = app.person("Ada Lovelace").await;
    let told = answered(&app, call(&person, &fox())).await.expect_status(200);
    cut(&person, &fox(), 1).await;
    let own = answered(&app, again(&person, &fox(), 1)).await.expect_status(200);
    assert_ne!(id_of(&own), id_of(&told), "that one was answered");
    // Another process does not know which one was answered: the newer one is the likelier.
    let bat = with(fox(), json!({"prompt": "A bat"}));
    let told = answered(&app, call(&person, &bat)).await.expect_status(200);
    cut(&person, &bat, 1).await;
    let other = sse::serve(&sse::second(&app).await);
    let request = person.browser.client.post(format!("{other}{GENERATIONS}")).bearer_auth(&person.token);
    let own = answered(&app, request.json(&bat).header("X-Stainless-Retry-Count", "1")).await.expect_status(200);
    assert_ne!(id_of(&own), id_of(&told));
    assert_eq!(own.header("idempotent-replayed"), "true");
    // Two broke; whichever one of them finds, it finds again.
    let owl = with(fox(), json!({"prompt": "An owl"}));
    cut(&person, &owl, 2).await;
    let found =
        async |tries: u32| id_of(&answered(&app, again(&person, &owl, tries)).await.expect_status(200)).to_owned();
    let first = found(1).await;
    assert_eq!(found(2).await, first);
    assert_ne!(found(1).await, first);
    // One broke, and a newer one is still waited for.
    let elk = with(fox(), json!({"prompt": "An elk"}));
    let before = ids(&person).await;
    cut(&person, &elk, 1).await;
    let broke = &ids(&person).await - &before;
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    while app.app.openai.waiting() > 0 {
        beat.tick().await;
    }
    let mut waits = Box::pin(call(&person, &elk).timeout(PATIENCE).send());
    while ids(&person).await.len() < before.len() + 2 || app.app.openai.waiting() == 0 {
        tokio::select! {
            _ = &mut waits => panic!("nobody works the queue off"),
            _ = beat.tick() => {}
        }
    }
    let retried = async { Answer::of(again(&person, &elk, 1).timeout(PATIENCE).send().await).await };
    let both = while_working(&app, async { futures_util::future::join(waits, retried).await });
    let (waited, retried) = both.await;
    assert_eq!(BTreeSet::from([id_of(&retried).to_owned()]), broke);
    assert_ne!(id_of(&Answer::of(waited).await), id_of(&retried));
}

#[actix_web::test]
async fn a_call_refused_before_it_was_accepted_joins_nobody_elses() {
    let app = harness::start_with(&["--spends-per-minute=1".into()]).await;
    let person = app.person("Ada Lovelace").await;
    let before = person.remaining().await;
    let first = answered(&app, call(&person, &fox())).await.expect_status(200);
    let early = answered(&app, call(&person, &fox())).await;
    assert_eq!(early.expect_error(429, "rate_limit_exceeded")["type"], "rate_limit_error");
    assert!(!early.header("retry-after").is_empty() && early.header("x-should-retry").is_empty());
    // Its retry is refused too, and the one after that is let in.
    answered(&app, again(&person, &fox(), 1)).await.expect_error(429, "rate_limit_exceeded");
    app.app.clock.advance(TimeDelta::minutes(1));
    let made = answered(&app, again(&person, &fox(), 2)).await.expect_status(200);
    assert_eq!(made.header("idempotent-replayed"), "");
    assert_ne!(id_of(&made), id_of(&first));
    // What a third try began is found by a fourth, and not by what was called since.
    app.app.clock.advance(TimeDelta::minutes(1));
    answered(&app, call(&person, &fox())).await.expect_status(200);
    let last = answered(&app, again(&person, &fox(), 3)).await.expect_status(200);
    assert_eq!(id_of(&last), id_of(&made));
    assert_eq!((ids(&person).await.len(), person.remaining().await), (3, before - 3));
}

#[actix_web::test]
async fn a_retry_that_is_looked_at_while_its_call_is_accepted_joins_it() {
    let app = harness::start_with(&["--moderation=on".into()]).await;
    let person = app.person("Ada Lovelace").await;
    let before = person.remaining().await;
    app.fault(Fault::once("moderation", "hang").with(2));
    let retry = async { Answer::of(again(&person, &fox(), 1).timeout(PATIENCE).send().await).await };
    let first = async {
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        while app.openai.moderated().is_empty() {
            beat.tick().await;
        }
        Answer::of(call(&person, &fox()).timeout(PATIENCE).send().await).await
    };
    let both = while_working(&app, async { futures_util::future::join(retry, first).await });
    let (retry, first) = both.await;
    assert_eq!((id_of(&retry.expect_status(200)), id_of(&first)), (id_of(&first), id_of(&first)));
    assert_eq!((ids(&person).await.len(), person.remaining().await), (1, before - 1));
}

#[actix_web::test]
async fn a_cancelled_call_is_not_bought_again_by_its_retry() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.remaining().await;
    cut(&person, &fox(), 1).await;
    let id = ids(&person).await.pop_first().expect("one");
    person.post(&format!("/v1/generations/{id}/cancel"), &json!({})).await.expect_status(200);
    let answer = answered(&app, again(&person, &fox(), 1)).await;
    answer.expect_error(400, "cancelled");
    assert_eq!((ids(&person).await.len(), person.remaining().await), (1, before));
}

#[actix_web::test]
async fn an_idempotency_key_of_ones_own_is_honoured_as_in_our_wire() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let keyed = |body: &Value| call(&person, body).header("Idempotency-Key", "\"mine\"");
    let first = answered(&app, keyed(&fox())).await.expect_status(200);
    let second = answered(&app, keyed(&fox())).await.expect_status(200);
    assert_eq!(
        (id_of(&first), first.json(), second.header("idempotent-replayed")),
        (id_of(&second), second.json(), "true")
    );
    let reused = Answer::of(keyed(&with(fox(), json!({"prompt": "An owl"}))).send().await).await;
    reused.expect_error(422, "idempotency_key_reused");
    // A key belongs to its route: our own wire has never heard of this one.
    let ours = json!({"prompt": "A fox", "quality": "low"});
    person.submit_with("mine", &ours).await.expect_status(202);
    app.work().await;
    assert_eq!(ids(&person).await.len(), 2);
}

/// A form with one picture.
fn edit(person: &Person<'_>, tries: u32, number: u32) -> RequestBuilder {
    let png = crate::references::written(crate::references::picture(64, 48, number), image::ImageFormat::Png);
    let part = reqwest::multipart::Part::bytes(png).file_name("a.png");
    let form = reqwest::multipart::Form::new().text("prompt", "A fox").text("quality", "low").part("image", part);
    let request = person.request(Method::POST, "/openai/v1/images/edits").multipart(form);
    request.header("X-Stainless-Retry-Count", tries.to_string())
}

#[actix_web::test]
async fn an_edit_is_like_another_when_its_fields_and_its_files_are() {
    let app: TestApp = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let first = answered(&app, edit(&person, 0, 0)).await.expect_status(200);
    // The boundary of the form is another one each time.
    let joined = answered(&app, edit(&person, 1, 0)).await.expect_status(200);
    assert_eq!((id_of(&first), joined.header("idempotent-replayed")), (id_of(&joined), "true"));
    let other = answered(&app, edit(&person, 1, 1)).await.expect_status(200);
    assert_ne!(id_of(&first), id_of(&other));
}

#[actix_web::test]
async fn a_call_that_is_accepted_after_its_retry_joins_that() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let before = person.remaining().await;
    let png = crate::references::written(crate::references::picture(64, 48, 0), image::ImageFormat::Png);
    let file = b"--x\r\ncontent-disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\n";
    let field = |name: &str, value: &str| {
        format!("\r\n--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}").into_bytes()
    };
    let begins = [&file[..], &png, &field("prompt", "A fox")].concat();
    let ends = [field("quality", "low"), b"\r\n--x--\r\n".to_vec()].concat();
    let (goes_on, mut may_go_on) = tokio::sync::mpsc::channel::<Vec<u8>>(2);
    goes_on.send(begins).await.expect("it is read");
    let body = futures_util::stream::poll_fn(move |context| {
        may_go_on.poll_recv(context).map(|part| part.map(Ok::<_, std::io::Error>))
    });
    let slow = person
        .request(Method::POST, "/openai/v1/images/edits")
        .header("content-type", "multipart/form-data; boundary=x");
    let slow = slow.body(reqwest::Body::wrap_stream(body)).timeout(PATIENCE);
    let first = async { Answer::of(slow.send().await).await };
    let retry = async {
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        let mut sql = app.sql().await;
        while sqlx::query_scalar::<_, i64>("select count(*) from reference_images")
            .fetch_one(&mut sql)
            .await
            .expect("a count")
            == 0
        {
            beat.tick().await;
        }
        let retry = Answer::of(edit(&person, 1, 0).timeout(PATIENCE).send().await).await.expect_status(200);
        goes_on.send(ends).await.expect("it is read");
        drop(goes_on);
        retry
    };
    let both = while_working(&app, async { futures_util::future::join(first, retry).await });
    let (first, retry) = both.await;
    let first = first.expect_status(200);
    assert_eq!((id_of(&first), first.header("idempotent-replayed")), (id_of(&retry), "true"));
    assert_eq!((ids(&person).await.len(), person.remaining().await), (1, before - 9));
    // A call of its own later is one.
    let later = answered(&app, edit(&person, 0, 0)).await.expect_status(200);
    assert_ne!(id_of(&later), id_of(&first));
}
