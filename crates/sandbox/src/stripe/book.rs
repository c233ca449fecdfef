//! Everything the vendor knows: objects, events, deliveries that wait, answers kept for retries. Changes are made under
//! one lock, by one call at a time, and announced here. Never waits for anything.
use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::idempotency::Kept;
use super::refusal::Refusal;
use super::shapes::{self, make, merge, shown};

pub const API_VERSION: &str = "2026-09-30.endive";
const DAY_SECONDS: i64 = 24 * 60 * 60;
const EVENTS_LIVE_SECONDS: i64 = 30 * DAY_SECONDS;

#[derive(Default, Deserialize, Serialize)]
pub struct Book {
    /// By kind of object, oldest first.
    shelves: BTreeMap<String, Vec<Value>>,
    /// Where an object stands: kind and place.
    #[serde(skip)]
    places: HashMap<String, (String, usize)>,
    pub kept: HashMap<String, Kept>,
    pub outbox: Vec<Parcel>,
    #[serde(skip)]
    pub origin: String,
    /// The API request that is being answered, if it is one that changes things.
    #[serde(skip)]
    pub cause: Cause,
    /// Grows with every change: tells who writes it down that there is something new.
    #[serde(skip)]
    pub version: u64,
}

/// What an event says about the request that made it.
#[derive(Clone, Default)]
pub struct Cause {
    pub request_id: Option<String>,
    pub idempotency_key: Option<String>,
}

/// An event on its way to an endpoint.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Parcel {
    pub event: String,
    pub endpoint: String,
    /// How often it was tried.
    pub attempts: u32,
}

pub fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

/// An id as the vendor makes them.
pub fn new_id(prefix: &str, length: usize) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut random = vec![0; length];
    // Only fails where the system has no randomness at all; then nothing here may go on.
    aws_lc_rs::rand::fill(&mut random).expect("the system gives randomness");
    let letters = random.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
    prefix.chars().chain(letters).collect()
}

impl Book {
    /// What an earlier run wrote down.
    pub fn read(text: &str) -> serde_json::Result<Self> {
        let mut book: Self = serde_json::from_str(text)?;
        // What was under way when that run ended has changed nothing.
        book.kept.retain(|_, kept| kept.is_answered());
        book.find_places();
        Ok(book)
    }

    fn find_places(&mut self) {
        self.places.clear();
        for (kind, shelf) in &self.shelves {
            for (place, object) in shelf.iter().enumerate() {
                self.places.insert(text(object, "id").to_owned(), (kind.clone(), place));
            }
        }
    }

    pub fn get(&self, id: &str) -> Option<&Value> {
        let (kind, place) = self.places.get(id)?;
        self.shelves.get(kind)?.get(*place)
    }

    /// An object of this kind, or the vendor's 404.
    pub fn find(&self, kind: &str, id: &str) -> Result<&Value, Refusal> {
        let found = self.get(id).filter(|object| text(object, "object") == kind);
        found.ok_or_else(|| Refusal::no_such(noun(kind), id))
    }

    /// As [`Book::find`] for what a parameter names: then it is a 400.
    pub fn named(&self, kind: &str, id: &str, param: &str) -> Result<&Value, Refusal> {
        let found = self.get(id).filter(|object| text(object, "object") == kind && object["deleted"] != true);
        found.ok_or_else(|| Refusal::no_such_param(noun(kind), id, param))
    }

    /// Oldest first.
    pub fn all(&self, kind: &str) -> &[Value] {
        self.shelves.get(kind).map_or(&[], Vec::as_slice)
    }

    /// Keeps a new object, or another state of a known one.
    pub fn put(&mut self, object: Value) -> String {
        self.version += 1;
        let (id, kind) = (text(&object, "id").to_owned(), text(&object, "object").to_owned());
        if let Some(slot) = self.places.get(&id).and_then(|(kind, at)| self.shelves.get_mut(kind)?.get_mut(*at)) {
            *slot = object;
            return id;
        }
        let shelf = self.shelves.entry(kind.clone()).or_default();
        self.places.insert(id.clone(), (kind, shelf.len()));
        shelf.push(object);
        id
    }

    /// Sets fields of an object; answers what they were, as `previous_attributes` says it.
    pub fn change(&mut self, id: &str, fields: Value) -> Value {
        self.version += 1;
        let mut before = json!({});
        let place = self.places.get(id);
        let Some(object) = place.and_then(|(kind, at)| self.shelves.get_mut(kind)?.get_mut(*at)) else { return before };
        for (name, value) in fields.as_object().into_iter().flatten() {
            if object[name] != *value && !name.starts_with('_') {
                before[name] = object[name].clone();
            }
        }
        merge(object, fields);
        before
    }

    pub fn remove(&mut self, id: &str) {
        self.version += 1;
        let Some((kind, place)) = self.places.get(id).cloned() else { return };
        if let Some(shelf) = self.shelves.get_mut(&kind) {
            shelf.remove(place);
        }
        self.find_places();
    }

    /// Makes the event that an object came to be, or is now so.
    pub fn announce(&mut self, kind: &str, id: &str) {
        self.announce_change(kind, id, json!({}));
    }

    /// Makes the event that an object changed, with what was there before.
    pub fn announce_change(&mut self, kind: &str, id: &str, before: Value) {
        let mut data = json!({ "object": self.get(id).map(shown) });
        if before.as_object().is_some_and(|fields| !fields.is_empty()) {
            data["previous_attributes"] = before;
        }
        let wanted_by = self.endpoints_that_want(kind);
        let event = new_id("evt_1", 23);
        let cause = json!({ "id": self.cause.request_id, "idempotency_key": self.cause.idempotency_key });
        self.put(make(
            shapes::EVENT,
            json!({
                "id": event, "type": kind, "created": now(), "api_version": API_VERSION, "data": data,
                "pending_webhooks": wanted_by.len(), "request": cause,
            }),
        ));
        let parcels = wanted_by.into_iter().map(|endpoint| Parcel { event: event.clone(), endpoint, attempts: 0 });
        self.outbox.extend(parcels);
    }

    pub fn endpoints_that_want(&self, kind: &str) -> Vec<String> {
        self.all("webhook_endpoint").iter().filter(|one| wants(one, kind)).map(id_of).collect()
    }

    /// Forgets what the vendor forgets: kept answers after a day, events after thirty.
    pub fn forget_old(&mut self) {
        let now = now();
        self.kept.retain(|_, kept| now - kept.since < DAY_SECONDS);
        let is_old = |event: &Value| now - event["created"].as_i64().unwrap_or(now) > EVENTS_LIVE_SECONDS;
        if let Some(events) = self.shelves.get_mut("event").filter(|events| events.first().is_some_and(is_old)) {
            events.retain(|event| !is_old(event));
            self.version += 1;
            self.find_places();
        }
    }
}

fn wants(endpoint: &Value, kind: &str) -> bool {
    let enabled = endpoint["enabled_events"].as_array();
    endpoint["status"] == "enabled" && enabled.is_some_and(|all| all.iter().any(|one| one == "*" || one == kind))
}

/// A text field; empty where there is none.
pub fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap_or_default()
}

pub fn id_of(object: &Value) -> String {
    text(object, "id").to_owned()
}

/// A kind of object as messages name it.
fn noun(kind: &str) -> &str {
    match kind {
        "checkout.session" => "checkout.session",
        "webhook_endpoint" => "webhook endpoint",
        other => other,
    }
}
