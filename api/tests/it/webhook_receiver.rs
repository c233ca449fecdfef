//! A receiver of webhooks that checks signatures by itself, from the specification's words and with none of our code.
use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::harness::{Answer, Person};

/// One message as it came.
#[derive(Clone, Debug)]
pub struct Heard {
    pub id: String,
    pub timestamp: i64,
    pub signatures: Vec<String>,
    pub content_type: String,
    pub body: Vec<u8>,
}

impl Heard {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub fn kind(&self) -> String {
        self.json()["type"].as_str().expect("a type").to_owned()
    }

    /// Whether one of its signatures is this secret's.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("the prefix")).expect("base64");
        assert_eq!(key.len(), 32);
        let content = [format!("{}.{}.", self.id, self.timestamp).into_bytes(), self.body.clone()].concat();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        self.signatures.iter().any(|signature| {
            let tag = STANDARD.decode(signature.strip_prefix("v1,").expect("version 1")).expect("base64");
            hmac::verify(&key, &content, &tag).is_ok()
        })
    }
}

/// A status and headers.
type Prepared = (u16, Vec<(String, String)>);

#[derive(Clone)]
struct State {
    heard: Arc<Mutex<Vec<Heard>>>,
    answers: Arc<Mutex<VecDeque<Prepared>>>,
    came: Arc<Notify>,
}

pub struct Receiver {
    pub url: String,
    state: State,
    server: actix_web::dev::ServerHandle,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

/// Instead of a status: it takes the message and never answers.
pub const NEVER: u16 = 0;

async fn hear(request: HttpRequest, body: web::Bytes, state: web::Data<State>) -> HttpResponse {
    let header =
        |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let heard = Heard {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp").parse().expect("seconds"),
        signatures: header("webhook-signature").split(' ').map(str::to_owned).collect(),
        content_type: header("content-type"),
        body: body.to_vec(),
    };
    state.heard.lock().expect("a lock").push(heard);
    state.came.notify_waiters();
    let (status, headers) = state.answers.lock().expect("a lock").pop_front().unwrap_or((204, Vec::new()));
    if status == NEVER {
        std::future::pending::<()>().await;
    }
    let mut answer = HttpResponse::build(status.try_into().expect("a status"));
    for header in headers {
        answer.insert_header(header);
    }
    answer.finish()
}

impl Receiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let state = State { heard: Arc::default(), answers: Arc::default(), came: Arc::default() };
        let shared = web::Data::new(state.clone());
        let app = move || App::new().app_data(shared.clone()).default_service(web::to(hear));
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).expect("it listens").run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { url, state, server: handle }
    }

    /// The next message gets this, and those after it what was said after it; then 204.
    pub fn answer(&self, status: u16) {
        self.answer_with(status, &[]);
    }

    pub fn answer_with(&self, status: u16, headers: &[(&str, &str)]) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.state.answers.lock().expect("a lock").push_back((status, headers));
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.state.heard.lock().expect("a lock").clone()
    }

    /// Once so many have come; half a minute is more than any of them takes.
    pub async fn until(&self, count: usize) -> Vec<Heard> {
        let came = tokio::time::timeout(Duration::from_secs(30), self.so_many(count)).await;
        came.unwrap_or_else(|_| panic!("{} messages came, {count} were waited for", self.heard().len()))
    }

    async fn so_many(&self, count: usize) -> Vec<Heard> {
        loop {
            let came = self.state.came.notified();
            tokio::pin!(came);
            came.as_mut().enable();
            let heard = self.heard();
            if heard.len() >= count {
                return heard;
            }
            came.await;
        }
    }
}

/// An endpoint of theirs; its path and its secret.
pub async fn endpoint(person: &Person<'_>, receiver: &Receiver, types: &[&str]) -> (String, String) {
    let made = person.post("/v1/webhook-endpoints", &json!({"url": receiver.url, "event_types": types})).await;
    let made = made.expect_status(201).json();
    let id = made["id"].as_str().expect("an id");
    (format!("/v1/webhook-endpoints/{id}"), made["secret"].as_str().expect("a secret").to_owned())
}

/// Asks for a test; the path of its delivery.
pub async fn test(person: &Person<'_>, endpoint: &str) -> String {
    let asked = person.post(&format!("{endpoint}/test"), &json!({})).await.expect_status(202).json();
    format!("{endpoint}/deliveries/{}", asked["id"].as_str().expect("an id"))
}

pub async fn read(person: &Person<'_>, path: &str) -> Value {
    person.get(path).await.expect_status(200).json()
}

/// An access token lives ten minutes: tests move the time further.
pub async fn renew(person: &mut Person<'_>) {
    person.token = person.browser.refresh().await.expect("an access token");
}

pub async fn post_empty(person: &Person<'_>, path: &str) -> Answer {
    Answer::of(person.request(reqwest::Method::POST, path).send().await).await
}
