//! Who listens to webhooks: takes, refuses and judges them as a careful shop does.
use std::sync::{Arc, Mutex};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use aws_lc_rs::hmac;
use serde_json::Value;

use crate::shop::free_port;

/// A delivery as it came.
#[derive(Clone, Debug)]
pub struct Heard {
    pub event: Value,
    pub signature: String,
    pub body: String,
}

impl Heard {
    pub fn kind(&self) -> &str {
        self.event["type"].as_str().unwrap()
    }

    pub fn timestamp(&self) -> i64 {
        self.part("t").parse().unwrap()
    }

    fn part(&self, name: &str) -> &str {
        self.signature.split(',').find_map(|part| part.strip_prefix(&format!("{name}="))).unwrap_or_default()
    }

    /// By the vendor's recipe, written here once more.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, format!("{}.{}", self.part("t"), self.body).as_bytes());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>() == self.part("v1")
    }
}

#[derive(Default)]
pub struct Ears {
    heard: Mutex<Vec<Heard>>,
    /// Statuses to answer with, one each; then 200.
    answers: Mutex<Vec<u16>>,
}

/// Ends with the test's runtime.
pub struct Listener {
    pub url: String,
    ears: Arc<Ears>,
}

impl Listener {
    pub fn start() -> Self {
        let port = free_port();
        let url = format!("http://{}/v1/stripe/webhook", port.local_addr().unwrap());
        let ears = Arc::new(Ears::default());
        let shared = web::Data::from(Arc::clone(&ears));
        let server = HttpServer::new(move || {
            App::new().app_data(shared.clone()).route("/v1/stripe/webhook", web::post().to(hear))
        });
        tokio::spawn(server.workers(1).disable_signals().listen(port).unwrap().run());
        Self { url, ears }
    }

    pub fn answer_with(&self, statuses: &[u16]) {
        self.ears.answers.lock().unwrap().extend(statuses);
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.ears.heard.lock().unwrap().clone()
    }

    pub fn kinds(&self) -> Vec<String> {
        self.heard().iter().map(|one| one.kind().to_owned()).collect()
    }
}

async fn hear(ears: web::Data<Ears>, request: HttpRequest, body: String) -> HttpResponse {
    let signature = request.headers().get("stripe-signature").unwrap().to_str().unwrap().to_owned();
    let event = serde_json::from_str(&body).unwrap();
    ears.heard.lock().unwrap().push(Heard { event, signature, body });
    let mut answers = ears.answers.lock().unwrap();
    let status = if answers.is_empty() { 200 } else { answers.remove(0) };
    HttpResponse::build(status.try_into().unwrap()).finish()
}
