//! OpenAI's image API and Chat Completions on a port of their own: `/v1` speaks to the GPT image models, `/compatible/v1`
//! the older dialect of DALL·E 3. As strict as the vendor; what goes wrong is asked for through [`Faults`], never by words in a prompt.
mod chat;
mod edits;
mod fields;
mod models;
mod multipart;
mod order;
mod picture;
mod ready;
mod refusal;
mod routes;
mod shelf;
mod stream;
mod strikes;

use std::{
    collections::HashMap,
    net::TcpListener,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpMessage, HttpServer,
    dev::{Server, ServerHandle, Service},
    http::header::{HeaderMap, HeaderName, HeaderValue},
    web,
};
use serde_json::Value;

use crate::{faults::Faults, took::Took};
pub use chat::KINDS as CHAT_KINDS;
pub use strikes::KINDS;

const API_KEY: &str = "sk-sandbox-lapidary-0001";
/// More than any test sends; keeps a long demo from growing.
const REMEMBERED_REQUESTS: usize = 10_000;

/// The running vendor. Stops when dropped.
pub struct OpenAi {
    /// `http://127.0.0.1:port/v1`
    pub base_url: String,
    /// `http://127.0.0.1:port/compatible/v1`: `dall-e-3` with url or b64 answers.
    pub compatible_base_url: String,
    pub api_key: String,
    state: Arc<State>,
    server: ServerHandle,
}

/// What a caller sent to an endpoint that makes something, whether it was accepted or not.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub model: Option<String>,
    pub prompt: Option<String>,
    pub n: Option<u64>,
    pub size: Option<String>,
    pub quality: Option<String>,
    /// The JSON as it came, or a form's fields and what its `files` are; null when it was neither.
    pub body: Value,
    pub has_authorization: bool,
    pub content_type: Option<String>,
    pub user_agent: Option<String>,
    pub organization: Option<String>,
    pub project: Option<String>,
    pub idempotency_key: Option<String>,
}

struct State {
    faults: Faults,
    origin: String,
    speed: Mutex<Duration>,
    only_sketches: AtomicBool,
    received: Mutex<Vec<Received>>,
    /// How many pictures of a prompt were painted: asked again, the model paints another one.
    painted: Mutex<HashMap<String, u32>>,
    shelf: shelf::Shelf,
    /// Two pictures at a time: a 4K picture takes a hundred megabytes while it is painted.
    easels: tokio::sync::Semaphore,
}

/// Identifies one request, as `x-request-id` says it.
#[derive(Clone)]
struct RequestId(String);

/// Serves on a thread of its own until the answer is dropped.
pub async fn start(listener: TcpListener, faults: Faults) -> std::io::Result<OpenAi> {
    let origin = format!("http://{}", listener.local_addr()?);
    let state = Arc::new(State {
        faults,
        origin: origin.clone(),
        speed: Mutex::default(),
        only_sketches: AtomicBool::new(false),
        received: Mutex::default(),
        painted: Mutex::default(),
        shelf: shelf::Shelf::default(),
        easels: tokio::sync::Semaphore::new(2),
    });
    let (started, starting) = tokio::sync::oneshot::channel();
    let shared = Arc::clone(&state);
    std::thread::Builder::new().name("sandbox-openai".into()).spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            match serve(listener, shared) {
                Ok(server) => {
                    let _ = started.send(Ok(server.handle()));
                    if let Err(error) = server.await {
                        tracing::error!(%error, "the OpenAI sandbox stopped");
                    }
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            }
        });
    })?;
    let server = starting.await.map_err(std::io::Error::other)??;
    Ok(OpenAi {
        base_url: format!("{origin}/v1"),
        compatible_base_url: format!("{origin}/compatible/v1"),
        api_key: API_KEY.into(),
        state,
        server,
    })
}

impl OpenAi {
    /// Everything asked of those endpoints so far, oldest first.
    pub fn requests(&self) -> Vec<Received> {
        locked(&self.state.received).clone()
    }

    /// How long the model pretends to think about each request. Zero at first.
    pub fn set_speed(&self, speed: Duration) {
        *locked(&self.state.speed) = speed;
    }

    /// Pictures are squares of colours from here on: for those who need thousands.
    pub fn only_sketch(&self) {
        self.state.only_sketches.store(true, Ordering::Relaxed);
    }
}

impl Drop for OpenAi {
    fn drop(&mut self) {
        // The command is sent at once; the answer is for those who want to wait.
        drop(self.server.stop(false));
    }
}

impl State {
    /// A picture that is ready needs no thought.
    fn speed(&self, strike: &strikes::Strike) -> Duration {
        if matches!(strike, strikes::Strike::Ready(_)) { Duration::ZERO } else { *locked(&self.speed) }
    }

    fn only_sketches(&self) -> bool {
        self.only_sketches.load(Ordering::Relaxed)
    }

    fn remember(&self, received: Received) {
        let mut all = locked(&self.received);
        if all.len() >= REMEMBERED_REQUESTS {
            all.remove(0);
        }
        all.push(received);
    }

    /// Reserves `count` picture numbers of a prompt.
    fn next_variant(&self, prompt: &str, count: u32) -> u32 {
        let mut painted = locked(&self.painted);
        if painted.len() >= REMEMBERED_REQUESTS {
            painted.clear();
        }
        let next = painted.entry(prompt.to_owned()).or_default();
        let variant = *next;
        *next = next.wrapping_add(count);
        variant
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(listener: TcpListener, state: Arc<State>) -> std::io::Result<Server> {
    let state = web::Data::from(state);
    let server = HttpServer::new(move || {
        App::new().app_data(state.clone()).app_data(web::PayloadConfig::new(4 << 20)).configure(routes::mount).wrap_fn(
            |request, service| {
                let (started, took) = (Instant::now(), Took::begins("openai"));
                let id = RequestId(format!("req_{}", uuid::Uuid::now_v7().simple()));
                request.extensions_mut().insert(id.clone());
                let answer = service.call(request);
                async move {
                    let mut answer = answer.await?;
                    dress(answer.headers_mut(), &id, started);
                    took.ends();
                    Ok(answer)
                }
            },
        )
    });
    Ok(server.workers(2).disable_signals().shutdown_timeout(1).listen(listener)?.run())
}

/// The headers every answer of the vendor wears.
fn dress(headers: &mut HeaderMap, id: &RequestId, started: Instant) {
    let took = started.elapsed().as_millis().to_string();
    for (name, value) in [
        ("x-request-id", id.0.as_str()),
        ("openai-organization", "sandbox"),
        ("openai-processing-ms", took.as_str()),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", "500"),
        ("x-ratelimit-remaining-requests", "499"),
        ("x-ratelimit-reset-requests", "120ms"),
        ("x-ratelimit-limit-tokens", "250000"),
        ("x-ratelimit-remaining-tokens", "249000"),
        ("x-ratelimit-reset-tokens", "1s"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}
