//! Reads server-sent events as a client does, and starts the second process that some stories need.
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use lapidary::app::App;
use lapidary::clock::Clock;
use lapidary::config;
use lapidary::server::Application;
use serde_json::Value;

use crate::harness::{Person, TestApp};

/// One event: its id, where it has one, and its data.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: Option<i64>,
    pub data: Value,
}

impl Event {
    pub fn status(&self) -> &str {
        self.data["generation"]["status"].as_str().unwrap_or_default()
    }

    pub fn is(&self, kind: &str) -> bool {
        self.data["type"] == kind
    }
}

pub struct Events {
    pub response: reqwest::Response,
    /// Of any block, with an event or without, as an EventSource keeps it.
    pub last_id: Option<i64>,
    buffer: String,
}

impl Events {
    pub async fn open(person: &Person<'_>, path: &str, last_id: Option<i64>) -> Self {
        let mut request = person.request(reqwest::Method::GET, path).timeout(Duration::from_secs(120));
        if let Some(id) = last_id {
            request = request.header("Last-Event-ID", id.to_string());
        }
        Self::of(request.send().await.expect("a stream"))
    }

    pub fn of(response: reqwest::Response) -> Self {
        assert_eq!(response.status(), 200);
        Self { response, last_id: None, buffer: String::new() }
    }

    /// The next event; none when the stream ended or broke.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.buffer = rest;
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let id = field("id: ").map(|id| id.parse().expect("a number"));
                self.last_id = id.or(self.last_id);
                if let Some(data) = field("data: ") {
                    return Some(Event { id, data: serde_json::from_str(&data).expect("JSON") });
                }
            }
            let chunk = self.response.chunk().await.ok()??;
            self.buffer.push_str(&String::from_utf8_lossy(&chunk));
        }
    }

    /// The next one that this holds for.
    pub async fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if wanted(&event) {
                return event;
            }
        }
    }
}

/// A second process on the same database, without a server.
pub async fn second(app: &TestApp) -> Arc<App> {
    let arguments = std::iter::once("lapidary".to_owned()).chain(app.arguments.clone());
    let settings = config::settings_from(arguments).expect("settings");
    App::build(settings, Clock::default()).await.expect("a second process")
}

/// Serves it; the address.
pub fn serve(app: &Arc<App>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let application = Application::build(Arc::clone(app), listener, 1).expect("a server");
    let url = format!("http://{}", application.address);
    actix_web::rt::spawn(application.serve());
    url
}
