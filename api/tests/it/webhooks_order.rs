//! Outgoing webhooks: what one receiver does to its person's others, what an answer counts for that comes when its endpoint is
//! another by then, and how often somebody may ask for one.
use std::sync::Arc;

use chrono::TimeDelta;
use lapidary::webhooks::{forget, run};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::crash::number;
use crate::harness::{self, Person, TestApp};
use crate::webhook_receiver::{self as receiver, NEVER, Receiver, endpoint, post_empty, read};

async fn step(app: &TestApp) -> usize {
    run::step(&app.app).await.expect("a step")
}

#[actix_web::test]
async fn a_persons_own_receivers_that_never_answer_leave_places_for_their_quick_one() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let (stuck, fine) = (Receiver::start(), Receiver::start());
    let (path, _) = endpoint(&person, &fine, &["webhook.test"]).await;
    receiver::test(&person, &path).await;
    assert_eq!(step(&app).await, 1);
    // New ones, of which nobody knows yet that they are quick.
    for _ in 0..2 {
        endpoint(&person, &stuck, &["image.created", "generation.succeeded"]).await;
    }
    person.make(&json!({"prompt": "A fox", "quality": "low", "count": 4})).await;
    person.make(&json!({"prompt": "A fox", "quality": "low", "count": 4})).await;
    (0..20).for_each(|_| stuck.answer(NEVER));
    app.app.clock.follow(app.app.db.house()).await.expect("the time");
    let (open, told) = watch::channel(true);
    let sender = actix_web::rt::spawn(run::work(Arc::clone(&app.app), told));
    stuck.until(4).await;
    for count in 2..=5 {
        receiver::test(&person, &path).await;
        assert_eq!(fine.until(count).await.len(), count);
    }
    assert_eq!(stuck.heard().len(), 4, "half of a person's places at most");
    open.send_replace(false);
    sender.await.expect("it ends");
}

#[actix_web::test]
async fn a_new_address_is_not_known_to_be_quick() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let (first, second) = (Receiver::start(), Receiver::start());
    let (path, _) = endpoint(&person, &first, &[]).await;
    let slow = async || number(&app, "select count(*) from webhook_endpoints where is_slow").await;
    assert_eq!(slow().await, 1);
    receiver::test(&person, &path).await;
    step(&app).await;
    assert_eq!(slow().await, 0);
    person.patch(&path, &json!({"description": "Mine", "url": first.url})).await.expect_status(200);
    assert_eq!(slow().await, 0, "the same address is");
    person.patch(&path, &json!({"url": second.url})).await.expect_status(200);
    assert_eq!(slow().await, 1);
}

/// A receiver whose answer waits until the test says it.
async fn asked(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.expect("somebody");
    let (mut heard, mut piece) = (Vec::new(), [0; 4096]);
    while !heard.ends_with(b"}}") {
        let count = stream.read(&mut piece).await.expect("a request");
        heard.extend_from_slice(&piece[..count]);
    }
    stream
}

async fn answer(mut stream: TcpStream, status: &str) {
    let text = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(text.as_bytes()).await.expect("answered");
}

async fn waiting_endpoint(person: &Person<'_>) -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let made = person.post("/v1/webhook-endpoints", &json!({"url": url})).await.expect_status(201);
    assert_eq!(made.header("cache-control"), "no-store", "a secret is in it");
    (listener, format!("/v1/webhook-endpoints/{}", made.json()["id"].as_str().expect("an id")))
}

#[actix_web::test]
async fn what_the_old_address_answers_counts_for_the_old_address_alone() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    for status in ["410 Gone", "500 Oops"] {
        let (listener, path) = waiting_endpoint(&person).await;
        let delivery = receiver::test(&person, &path).await;
        let sending = Arc::clone(&app.app);
        let sending = actix_web::rt::spawn(async move { run::step(&sending).await });
        let stream = asked(&listener).await;
        person.patch(&path, &json!({"url": receiver.url})).await.expect_status(200);
        answer(stream, status).await;
        assert_eq!(sending.await.expect("it ends").expect("a step"), 1);
        let now = read(&person, &path).await;
        assert_eq!((&now["status"], now.get("failing_since")), (&json!("enabled"), None), "{status}");
        assert_eq!(read(&person, &delivery).await["status"], "pending", "{status}");
        app.app.clock.advance(TimeDelta::seconds(6));
        step(&app).await;
        let done = read(&person, &delivery).await;
        assert_eq!((&done["status"], done["attempts"].as_array().map(Vec::len)), (&json!("delivered"), Some(2)));
    }
    assert_eq!(receiver.heard().len(), 2);
}

#[actix_web::test]
async fn what_arrives_while_its_endpoint_is_switched_off_is_in_the_log_as_it_was() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    for (status, ended, code) in [("204 No Content", "delivered", 204), ("500 Oops", "failed", 500)] {
        let (listener, path) = waiting_endpoint(&person).await;
        let delivery = receiver::test(&person, &path).await;
        let sending = Arc::clone(&app.app);
        let sending = actix_web::rt::spawn(async move { run::step(&sending).await });
        let stream = asked(&listener).await;
        person.patch(&path, &json!({"status": "disabled"})).await.expect_status(200);
        answer(stream, status).await;
        sending.await.expect("it ends").expect("a step");
        let done = read(&person, &delivery).await;
        assert_eq!((&done["status"], &done["attempts"][0]["response_status"]), (&json!(ended), &json!(code)));
        assert!(done["finished_at"].is_string());
    }
    app.app.clock.advance(TimeDelta::days(1));
    assert_eq!(step(&app).await, 0, "nothing is tried again there");
}

#[actix_web::test]
async fn nothing_waits_for_an_endpoint_that_is_off() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let receiver = Receiver::start();
    let (path, _) = endpoint(&person, &receiver, &[]).await;
    let delivery = receiver::test(&person, &path).await;
    person.patch(&path, &json!({"status": "disabled"})).await.expect_status(200);
    // As what was told in the very moment of switching it off.
    let late = "update webhook_deliveries set status = 'pending', finished_at = null";
    sqlx::query(late).execute(&mut app.sql().await).await.expect("late");
    forget::forget(&app.app, app.app.clock.now()).await.expect("a round");
    assert_eq!(read(&person, &delivery).await["status"], "failed");
}

#[actix_web::test]
async fn tests_and_resends_are_counted_together_over_all_endpoints_of_a_person() {
    let app = harness::start().await;
    let (person, other) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let receiver = Receiver::start();
    let (first, _) = endpoint(&person, &receiver, &[]).await;
    let (second, _) = endpoint(&person, &receiver, &[]).await;
    let delivery = receiver::test(&person, &first).await;
    let mut asked = 1;
    let refused = loop {
        let path = if asked % 2 == 0 { format!("{second}/test") } else { format!("{delivery}/resend") };
        let answer = post_empty(&person, &path).await;
        if answer.status != 202 {
            break answer;
        }
        asked += 1;
    };
    assert!((10..=12).contains(&asked), "{asked}");
    refused.expect_problem(429, "rate-limited");
    // Nor does a new endpoint begin anew.
    person.delete(&second).await.expect_status(204);
    let (third, _) = endpoint(&person, &receiver, &[]).await;
    post_empty(&person, &format!("{third}/test")).await.expect_problem(429, "rate-limited");
    let (theirs, _) = endpoint(&other, &receiver, &[]).await;
    receiver::test(&other, &theirs).await;
}
