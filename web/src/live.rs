//! One `GET /v1/events` stream per person, shared by all tabs: the tab with the Web Lock reads it and tells the others.
//! Says what changed; reads no resource itself but the balance while the stream does not work.
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::ui::prelude::*;
use futures_util::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use lapidary_contract::{GemBalance, LiveEvent, ProblemType};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, BroadcastChannel, ReadableStreamDefaultReader};

use crate::browser::{self, Locking};
use crate::http;
use crate::json;
use crate::session::Session;
use crate::sse::EventParser;
use crate::ui::failure::Failure;

const EVENTS_LOCK: &str = "lapidary-events";
/// The server beats every 15 s; after two missed beats and a little the line is dead.
const SILENCE_MS: u32 = 35_000;
const FIRST_PAUSE_MS: u32 = 500;
const LONGEST_PAUSE_MS: u32 = 15_000;
/// After so many failures in a row people get polling until the stream works again.
const FAILURES_BEFORE_POLLING: u32 = 3;

type Listener = Rc<dyn Fn(&LiveEvent)>;

thread_local! {
    static LISTENERS: RefCell<Vec<(u64, Listener)>> = const { RefCell::new(Vec::new()) };
    static NEXT: Cell<u64> = const { Cell::new(0) };
    static LAST_ID: RefCell<Option<String>> = const { RefCell::new(None) };
    static CONNECTED: ArcRwSignal<bool> = ArcRwSignal::new(true);
    static CHANNEL: RefCell<Option<BroadcastChannel>> = const { RefCell::new(None) };
    static STARTED: Cell<bool> = const { Cell::new(false) };
}

/// Calls `listener` with every event until the current owner is cleaned up. `LiveEvent::Reset`: read everything again.
pub fn on_event(listener: impl Fn(&LiveEvent) + 'static) {
    let id = NEXT.replace(NEXT.get() + 1);
    LISTENERS.with_borrow_mut(|listeners| listeners.push((id, Rc::new(listener))));
    on_cleanup(move || LISTENERS.with_borrow_mut(|listeners| listeners.retain(|(known, _)| *known != id)));
}

/// Whether changes arrive by themselves; false while polling stands in.
pub fn connected() -> Signal<bool> {
    CONNECTED.with(|connected| connected.read_only().into())
}

/// Begins once, after sign-in.
pub fn start(session: Session) {
    if STARTED.replace(true) {
        return;
    }
    CHANNEL.set(browser::channel(EVENTS_LOCK, move |text| hear(session, &text)));
    spawn_local(async move {
        let lock = browser::lock(EVENTS_LOCK, false).await;
        lead(session).await;
        STARTED.set(false);
        // Without locks every tab leads for itself and must not repeat itself to the others.
        if let Locking::Held(lock) = lock {
            drop(lock);
        }
    });
}

/// From another tab: `id`, a newline and the event; or the state of the line.
fn hear(session: Session, text: &str) {
    match text.split_once('\n') {
        Some((id, data)) => {
            if !id.is_empty() {
                LAST_ID.set(Some(id.to_owned()));
            }
            dispatch(session, data);
        }
        None => set_connected(text == "up"),
    }
}

fn set_connected(is_connected: bool) {
    CONNECTED.with(|connected| {
        if connected.get_untracked() != is_connected {
            connected.set(is_connected);
        }
    });
}

fn tell_tabs(text: &str) {
    CHANNEL.with_borrow(|channel| {
        if let Some(channel) = channel {
            let _ = channel.post_message(&JsValue::from_str(text));
        }
    });
}

fn dispatch(session: Session, data: &str) {
    let Ok(event) = json::read::<LiveEvent>(data) else { return };
    match &event {
        LiveEvent::GenerationChanged { gems, .. } | LiveEvent::GemsChanged { gems } => session.gems.set(Some(*gems)),
        LiveEvent::ImageChanged { .. } | LiveEvent::StatusChanged { .. } | LiveEvent::Reset => {}
    }
    // A listener may subscribe others while it runs.
    let listeners = LISTENERS.with_borrow(|listeners| listeners.iter().map(|(_, it)| it.clone()).collect::<Vec<_>>());
    for listener in listeners {
        listener(&event);
    }
}

/// Says it here and in the other tabs.
fn announce(session: Session, id: Option<&str>, data: &str) {
    tell_tabs(&format!("{}\n{data}", id.unwrap_or_default()));
    dispatch(session, data);
}

fn announce_connected(is_connected: bool) {
    tell_tabs(if is_connected { "up" } else { "down" });
    set_connected(is_connected);
}

fn reset() -> String {
    serde_json::to_string(&LiveEvent::Reset).unwrap_or_default()
}

/// Keeps the stream up until the session ends.
async fn lead(session: Session) {
    let mut failures = 0_u32;
    loop {
        match read_stream(session, &mut failures).await {
            Err(failure) if failure.is(ProblemType::Unauthenticated) => return,
            Ok(()) | Err(_) => failures += 1,
        }
        if failures >= FAILURES_BEFORE_POLLING {
            announce_connected(false);
            poll(session).await;
        }
        let pause = FIRST_PAUSE_MS.saturating_mul(2_u32.saturating_pow(failures.min(10))).min(LONGEST_PAUSE_MS);
        TimeoutFuture::new(pause).await;
    }
}

async fn poll(session: Session) {
    if let Ok(gems) = http::get::<GemBalance>("/v1/gems").await {
        session.gems.set(Some(gems));
        announce(session, None, &reset());
    }
}

async fn read_stream(session: Session, failures: &mut u32) -> Result<(), Failure> {
    let controller = AbortController::new().map_err(|_| Failure::Offline)?;
    let resumes_after = LAST_ID.with_borrow(Clone::clone);
    let is_resumed = resumes_after.is_some();
    let response = http::stream("/v1/events", resumes_after, controller.signal()).await?;
    let body = response.body().ok_or(Failure::Offline)?;
    let reader = body.get_reader().unchecked_into::<ReadableStreamDefaultReader>();
    *failures = 0;
    announce_connected(true);
    if !is_resumed {
        // What changed between the first reads and this moment was said to nobody.
        announce(session, None, &reset());
    }
    let mut parser = EventParser::default();
    loop {
        let next = JsFuture::from(reader.read());
        let Either::Left((read, _)) = select(next, TimeoutFuture::new(SILENCE_MS)).await else {
            controller.abort();
            return Err(Failure::Offline);
        };
        let Some(bytes) = bytes_of(read.map_err(|_| Failure::Offline)?.as_ref()) else { return Ok(()) };
        for event in parser.push(&bytes) {
            if let Some(id) = &event.id {
                LAST_ID.set(Some(id.clone()));
            }
            announce(session, event.id.as_deref(), &event.data);
        }
    }
}

/// The chunk of a read; none at the end of the stream.
fn bytes_of(read: &JsValue) -> Option<Vec<u8>> {
    let value = js_sys::Reflect::get(read, &"value".into()).ok()?;
    value.dyn_into::<js_sys::Uint8Array>().ok().map(|chunk| chunk.to_vec())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_event_is_read_as_it_was_written() {
        let gems = GemBalance { remaining: 3, held: 0, used: 0, purchased: 0, free: 3, bought: 0, debt: 0 };
        for event in
            [LiveEvent::ImageChanged { image_id: Uuid::nil() }, LiveEvent::GemsChanged { gems }, LiveEvent::Reset]
        {
            let text = serde_json::to_string(&event).unwrap();
            assert_eq!(json::read::<LiveEvent>(&text), Ok(event), "{text}");
        }
        assert!(json::read::<LiveEvent>(r#"{"type":"gems_changed"}"#).is_err());
        assert!(json::read::<LiveEvent>(r#"{"type":"else"}"#).is_err());
    }
}
