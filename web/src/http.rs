//! The only place that fetches. Attaches the access token, refreshes it once for all who wait (in this tab and, through
//! a Web Lock, in the others), retries once, and turns every answer into a value or a `Failure`.
//! The token lives in memory only: never in storage, never in an address.
use std::cell::RefCell;
use std::rc::Rc;

use contract::{AccessToken, Problem, ProblemType, REFRESH_HEADER};
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared};
pub use gloo_net::http::Method;
use gloo_net::http::{Request, RequestBuilder, Response};
use gloo_timers::future::TimeoutFuture;
use lapidary_contract as contract;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Blob, BroadcastChannel, RequestCredentials};

use crate::browser::{self, Locking};
use crate::json;
use crate::ui::failure::Failure;

const REFRESH_LOCK: &str = "lapidary-refresh";
/// How long a tab that waited for the lock listens for the token of the tab that had it.
const NEIGHBOUR_MS: u32 = 120;

/// What a refresh came to.
#[derive(Clone)]
pub enum Refreshed {
    SignedIn,
    SignedOut,
    Failed(Failure),
}

/// What the session wants to hear from the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// The refresh token is gone: sign in again.
    SessionEnded,
    /// Another person signed in in this browser.
    PersonChanged,
    AgeNotConfirmed,
    Suspended,
}

type Listener = Rc<dyn Fn(Said)>;
type Pending = Shared<LocalBoxFuture<'static, Refreshed>>;

thread_local! {
    static TOKEN: RefCell<Option<Rc<str>>> = const { RefCell::new(None) };
    static PENDING: RefCell<Option<Pending>> = const { RefCell::new(None) };
    static LISTENER: RefCell<Option<Listener>> = const { RefCell::new(None) };
    static NEIGHBOURS: RefCell<Option<BroadcastChannel>> = const { RefCell::new(None) };
}

/// Called once at the start: who hears what the wire says, and the channel to the other tabs.
pub fn start(listener: impl Fn(Said) + 'static) {
    LISTENER.set(Some(Rc::new(listener)));
    NEIGHBOURS.set(browser::channel("lapidary-session", |text| match text.strip_prefix("token ") {
        Some(token) => accept(token),
        None => {
            TOKEN.set(None);
            tell(Said::SessionEnded);
        }
    }));
}

fn tell(said: Said) {
    let listener = LISTENER.with_borrow(Clone::clone);
    if let Some(listener) = listener {
        listener(said);
    }
}

fn shout(text: &str) {
    NEIGHBOURS.with_borrow(|channel| {
        if let Some(channel) = channel {
            let _ = channel.post_message(&JsValue::from_str(text));
        }
    });
}

fn token() -> Option<Rc<str>> {
    TOKEN.with_borrow(Clone::clone)
}

fn accept(fresh: &str) {
    let known = token();
    TOKEN.set(Some(fresh.into()));
    if known.is_some_and(|known| person_of(&known) != person_of(fresh)) {
        tell(Said::PersonChanged);
    }
}

/// The subject a token speaks for. Read, not verified: that is the server's work.
fn person_of(token: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?.replace('-', "+").replace('_', "/");
    let text = leptos::prelude::window().atob(&payload).ok()?;
    Some(json::tree(&text).ok()?.get("sub")?.as_str()?.to_owned())
}

/// Refreshes the access token; all who ask while one refresh runs get its answer.
pub async fn refresh() -> Refreshed {
    let pending = PENDING.with_borrow_mut(|pending| {
        let begin = || async {
            let refreshed = refresh_alone(token()).await;
            PENDING.set(None);
            refreshed
        };
        pending.get_or_insert_with(|| begin().boxed_local().shared()).clone()
    });
    pending.await
}

async fn refresh_alone(stale: Option<Rc<str>>) -> Refreshed {
    let mut lock = browser::lock(REFRESH_LOCK, true).await;
    if matches!(lock, Locking::Taken) {
        lock = browser::lock(REFRESH_LOCK, false).await;
        // The tab that had the lock said its token before it let go; the message may be a moment behind.
        TimeoutFuture::new(NEIGHBOUR_MS).await;
        if token().is_some() && token() != stale {
            return Refreshed::SignedIn;
        }
    }
    let answer = once(&Call::new(Method::POST, "/v1/auth/refresh").with_refresh_header(), None).await;
    let refreshed = match answer {
        Ok(response) if response.status() == 401 => {
            TOKEN.set(None);
            Refreshed::SignedOut
        }
        Ok(response) => match body_of(response).await.and_then(|text| read::<AccessToken>(&text)) {
            Ok(fresh) => {
                accept(&fresh.access_token);
                shout(&format!("token {}", fresh.access_token));
                Refreshed::SignedIn
            }
            Err(failure) => Refreshed::Failed(failure),
        },
        Err(failure) => Refreshed::Failed(failure),
    };
    drop(lock);
    refreshed
}

/// Ends the session here, at the server and in the other tabs.
pub async fn sign_out() -> Result<(), Failure> {
    let response = once(&Call::new(Method::POST, "/v1/auth/logout").with_refresh_header(), token().as_deref()).await?;
    if response.status() != 401 {
        checked(response).await?;
    }
    forget();
    Ok(())
}

/// The session of this browser has ended: nothing of it stays in memory, here or in the other tabs.
pub fn forget() {
    TOKEN.set(None);
    shout("ended");
}

/// Chooses a separate account without welcome gems after a sign-in that met a known e-mail address.
pub async fn open_separate_account() -> Result<(), Failure> {
    let call = Call::new(Method::POST, "/v1/auth/separate-account").with_refresh_header();
    checked(once(&call, None).await?).await.map(drop)
}

pub async fn get<T: DeserializeOwned>(path: &str) -> Result<T, Failure> {
    read(&text_of(Call::new(Method::GET, path)).await?)
}

/// For what anyone may read: never starts a refresh.
pub async fn get_public<T: DeserializeOwned>(path: &str) -> Result<T, Failure> {
    read(&public_text(path.to_owned()).await?)
}

/// For what spends: the same key makes a retry the same request.
pub async fn post_with_key<B: Serialize, T: DeserializeOwned>(path: &str, body: &B, key: &str) -> Result<T, Failure> {
    let mut call = Call::new(Method::POST, path).with_body(body)?;
    call.headers.push(("Idempotency-Key", key.to_owned()));
    read(&text_of(call).await?)
}

pub async fn post<B: Serialize, T: DeserializeOwned>(path: &str, body: &B) -> Result<T, Failure> {
    read(&text_of(Call::new(Method::POST, path).with_body(body)?).await?)
}

pub async fn post_empty<T: DeserializeOwned>(path: &str) -> Result<T, Failure> {
    read(&text_of(Call::new(Method::POST, path)).await?)
}

pub async fn patch<B: Serialize, T: DeserializeOwned>(path: &str, body: &B) -> Result<T, Failure> {
    read(&text_of(Call::new(Method::PATCH, path).with_body(body)?).await?)
}

/// For what has nothing to say in either direction.
pub async fn post_nothing(path: &str) -> Result<(), Failure> {
    text_of(Call::new(Method::POST, path)).await.map(drop)
}

/// For answers without a body: `PUT` for what is replaced as a whole, `DELETE` for a part of what is there.
pub async fn send_empty<B: Serialize>(method: Method, path: &str, body: &B) -> Result<(), Failure> {
    text_of(Call::new(method, path).with_body(body)?).await.map(drop)
}

pub async fn delete(path: &str) -> Result<(), Failure> {
    text_of(Call::new(Method::DELETE, path)).await.map(drop)
}

/// As `delete`, for what answers.
pub async fn delete_for<T: DeserializeOwned>(path: &str) -> Result<T, Failure> {
    read(&text_of(Call::new(Method::DELETE, path)).await?)
}

/// Opens the event stream; `signal` ends it.
pub async fn stream(path: &str, last_event_id: Option<String>, signal: AbortSignal) -> Result<Response, Failure> {
    let mut call = Call::new(Method::GET, path);
    call.headers.push(("Accept", "text/event-stream".to_owned()));
    if let Some(id) = last_event_id {
        call.headers.push(("Last-Event-ID", id));
    }
    call.signal = Some(signal);
    send(call).await
}

/// An answer as it is, for a file.
pub async fn blob(path: &str) -> Result<Blob, Failure> {
    let response = web_sys::Response::from(send(Call::new(Method::GET, path)).await?);
    let read = response.blob().map_err(|_| Failure::Offline)?;
    let blob = JsFuture::from(read).await.map_err(|_| Failure::Offline)?;
    Ok(blob.unchecked_into())
}

/// A file as it is.
pub async fn upload<T: DeserializeOwned>(path: &str, file: &Blob) -> Result<T, Failure> {
    let call = Call { body: Some((file.into(), file.type_())), ..Call::new(Method::POST, path) };
    read(&text_of(call).await?)
}

struct Call {
    method: Method,
    path: String,
    body: Option<(JsValue, String)>,
    headers: Vec<(&'static str, String)>,
    signal: Option<AbortSignal>,
}

impl Call {
    fn new(method: Method, path: &str) -> Self {
        Self { method, path: path.to_owned(), body: None, headers: Vec::new(), signal: None }
    }

    fn with_body<B: Serialize>(mut self, body: &B) -> Result<Self, Failure> {
        let text = serde_json::to_string(body).map_err(|_| Failure::Unexpected(String::new()))?;
        self.body = Some((text.into(), "application/json".to_owned()));
        Ok(self)
    }

    fn with_refresh_header(mut self) -> Self {
        self.headers.push((REFRESH_HEADER, "1".to_owned()));
        self
    }
}

async fn send(call: Call) -> Result<Response, Failure> {
    if token().is_none() {
        // The first calls of a page start beside its first refresh: let them wait instead of collecting a 401 each.
        let pending = PENDING.with_borrow(Clone::clone);
        if let Some(pending) = pending {
            pending.await;
        }
    }
    let used = token();
    let response = once(&call, used.as_deref()).await?;
    if response.status() != 401 {
        return checked(response).await;
    }
    if token() == used {
        match refresh().await {
            Refreshed::SignedIn => {}
            Refreshed::SignedOut => {
                tell(Said::SessionEnded);
                return checked(response).await;
            }
            Refreshed::Failed(failure) => {
                if failure.is(ProblemType::Suspended) {
                    tell(Said::Suspended);
                }
                return Err(failure);
            }
        }
    }
    checked(once(&call, token().as_deref()).await?).await
}

async fn once(call: &Call, token: Option<&str>) -> Result<Response, Failure> {
    let mut builder: RequestBuilder = Request::get(&call.path)
        .method(call.method.clone())
        .credentials(RequestCredentials::SameOrigin)
        .abort_signal(call.signal.as_ref());
    if let Some(token) = token {
        builder = builder.header("Authorization", &format!("Bearer {token}"));
    }
    for (name, value) in &call.headers {
        builder = builder.header(name, value);
    }
    let request = match &call.body {
        Some((body, kind)) => builder.header("Content-Type", kind).body(body.clone()),
        None => builder.build(),
    };
    let request = request.map_err(|error| Failure::Unexpected(error.to_string()))?;
    // `fetch` rejects only when no answer came at all.
    request.send().await.map_err(|_| Failure::Offline)
}

async fn checked(response: Response) -> Result<Response, Failure> {
    if response.ok() {
        return Ok(response);
    }
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    let Ok(problem) = json::read::<Problem>(&text) else {
        return Err(Failure::Unexpected(format!("The server answered {status} without saying why.")));
    };
    let Some(kind) = problem.problem_type() else {
        return Err(Failure::Unexpected(problem.detail));
    };
    if kind == ProblemType::AgeNotConfirmed {
        tell(Said::AgeNotConfirmed);
    }
    Err(Failure::Problem(Box::new(problem), kind))
}

async fn body_of(response: Response) -> Result<String, Failure> {
    checked(response).await?.text().await.map_err(|_| Failure::Offline)
}

/// Boxed: what a call waits in is one type, however many kinds of answers there are.
fn text_of(call: Call) -> LocalBoxFuture<'static, Result<String, Failure>> {
    async move { body_of(send(call).await?).await }.boxed_local()
}

fn public_text(path: String) -> LocalBoxFuture<'static, Result<String, Failure>> {
    async move { body_of(once(&Call::new(Method::GET, &path), None).await?).await }.boxed_local()
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    json::read(text)
        .map_err(|misfit| Failure::Unexpected(format!("The answer could not be read: {misfit} is missing.")))
}
