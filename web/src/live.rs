//! One `GET /v1/events` stream per person, shared by all tabs: the tab with the Web Lock reads it and tells the others.
//! Says what changed; reads no resource itself but the balance while the stream does not work.
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::ui::prelude::*;
use futures_channel::oneshot;
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
/// How often is looked for news while no stream can be read.
const POLL_MS: u32 = 5_000;
/// A page that was out of sight for less than this missed nothing that the stream does not bring.
const NAP_MS: f64 = 20_000.0;
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
    /// Whether it is heard that the page is back: once in the page's life.
    static HEARS: Cell<bool> = const { Cell::new(false) };
    /// Ends the pause before the next try to read the stream.
    static PAUSE: RefCell<Option<oneshot::Sender<()>>> = const { RefCell::new(None) };
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
    if !HEARS.replace(true) {
        wake_up(session);
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

/// Back online, or in sight again after a while: every view reads again what it shows, and the stream is tried at once.
fn wake_up(session: Session) {
    let wake = move || {
        drop(PAUSE.take());
        session.wake_up();
        dispatch(session, &reset());
    };
    window_event_listener(leptos::ev::online, move |_| wake());
    let hidden_at = Cell::new(None::<f64>);
    window_event_listener_untyped("visibilitychange", move |_| {
        if document().hidden() {
            hidden_at.set(Some(js_sys::Date::now()));
        } else if hidden_at.take().is_some_and(|since| js_sys::Date::now() - since > NAP_MS) {
            wake();
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
        LiveEvent::GenerationChanged { gems, .. }
        | LiveEvent::PurchaseChanged { gems, .. }
        | LiveEvent::GemsChanged { gems } => session.gems.set(Some(*gems)),
        LiveEvent::NoticesChanged { unread } => session.unread.set(*unread),
        LiveEvent::ArchiveChanged { .. } | LiveEvent::ExportChanged { .. } => {}
        LiveEvent::StatusChanged { status } => session.status.set(status.clone()),
        LiveEvent::Reset => {
            session.read_status();
            session.read_notices();
        }
        LiveEvent::ImageChanged { .. } => {}
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
        let is_polling = failures >= FAILURES_BEFORE_POLLING;
        if is_polling {
            announce_connected(false);
            poll(session).await;
        }
        let (tell, told) = oneshot::channel();
        PAUSE.set(Some(tell));
        select(TimeoutFuture::new(pause_ms(failures, is_polling, js_sys::Math::random())), told).await;
    }
}

/// Longer after every failure, and never the same for all who lost the same server: between half of it and all.
fn pause_ms(failures: u32, is_polling: bool, chance: f64) -> u32 {
    let longest = if is_polling { POLL_MS } else { LONGEST_PAUSE_MS };
    let pause = FIRST_PAUSE_MS.saturating_mul(2_u32.saturating_pow(failures.min(10))).min(longest);
    pause / 2 + (f64::from(pause / 2) * chance) as u32
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
        // Only what arrives says that the line works: there are proxies that open a stream and keep it to themselves.
        *failures = 0;
        announce_connected(true);
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

    const PURCHASE: &str = r#"{"id":"0197f5a0-0000-7000-8000-000000000001","status":"paid","pack":"small","gems":400,"amount":499,
        "currency":"usd","credited_gems":400,"clawed_back_gems":0,"refunded_amount":0,"disputed_amount":0,"billing_email":null,
        "created_at":"2026-11-23T10:00:00Z"}"#;

    #[test]
    fn the_pause_grows_differs_and_ends_growing() {
        assert_eq!(pause_ms(1, false, 0.0), 500);
        assert_eq!(pause_ms(1, false, 1.0), 1_000);
        assert!(pause_ms(2, false, 0.0) >= pause_ms(1, false, 1.0));
        assert_eq!(pause_ms(40, false, 1.0), LONGEST_PAUSE_MS);
        assert_eq!(pause_ms(40, true, 1.0), POLL_MS);
    }

    #[test]
    fn every_event_is_read_as_it_was_written() {
        let gems = GemBalance { remaining: 3, held: 0, used: 0, purchased: 0, free: 3, bought: 0, debt: 0 };
        let purchase = json::read(PURCHASE).expect("a purchase");
        for event in [
            LiveEvent::ImageChanged { image_id: Uuid::nil() },
            LiveEvent::GemsChanged { gems },
            LiveEvent::PurchaseChanged { purchase, gems },
            LiveEvent::NoticesChanged { unread: 2 },
            LiveEvent::Reset,
        ] {
            let text = serde_json::to_string(&event).unwrap();
            assert_eq!(json::read::<LiveEvent>(&text), Ok(event), "{text}");
        }
        assert!(json::read::<LiveEvent>(r#"{"type":"gems_changed"}"#).is_err());
        assert!(json::read::<LiveEvent>(r#"{"type":"else"}"#).is_err());
    }
}
