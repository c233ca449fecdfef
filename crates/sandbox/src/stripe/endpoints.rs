//! Webhook endpoints. The secret is shown when one is made, and never again.
use serde_json::{Value, json};

use super::book::{API_VERSION, Book, new_id, now};
use super::gate::is_known_version;
use super::listing;
use super::params::{Params, given_metadata, merge_metadata};
use super::refusal::Refusal;
use super::shapes::{self, make, shown};

pub const KIND: &str = "webhook_endpoint";
/// Every kind of event of the API version, one a line.
const EVENT_TYPES: &str = include_str!("event_types.txt");
/// The vendor's limit for an account.
const MOST_ENDPOINTS: usize = 16;

pub fn create(book: &mut Book, mut params: Params) -> Result<Value, Refusal> {
    let url = params.address("url")?.ok_or_else(|| Refusal::missing("url"))?;
    let enabled = enabled_events(&mut params)?.ok_or_else(|| Refusal::missing("enabled_events"))?;
    let version = params.text("api_version")?;
    if let Some(version) = version.as_deref().filter(|version| !is_known_version(version)) {
        return Err(Refusal::invalid(format!("Invalid API version: {version}")).about("api_version"));
    }
    let (description, metadata) = (params.text("description")?, given_metadata(params.metadata()?));
    params.flag("connect")?;
    params.nothing_left()?;
    if book.all(KIND).len() >= MOST_ENDPOINTS {
        return Err(Refusal::invalid(format!(
            "You have reached the maximum of {MOST_ENDPOINTS} test webhook endpoints."
        )));
    }
    let secret = new_id("whsec_", 32);
    let id = new_id("we_1", 23);
    book.put(make(
        shapes::WEBHOOK_ENDPOINT,
        json!({
            "id": id, "url": url, "enabled_events": enabled, "api_version": version, "created": now(),
            "description": description, "metadata": metadata, "_secret": secret,
        }),
    ));
    let mut answer = retrieve(book, &id)?;
    answer["secret"] = json!(secret);
    Ok(answer)
}

/// The endpoint that is there from the start: it has a fixed id and secret and wants every event.
pub fn configure(book: &mut Book, id: &str, url: &str, secret: &str) {
    book.put(make(
        shapes::WEBHOOK_ENDPOINT,
        json!({
            "id": id, "url": url, "enabled_events": ["*"], "api_version": API_VERSION, "created": now(),
            "description": "The sandbox's own", "_secret": secret,
        }),
    ));
}

pub fn retrieve(book: &Book, id: &str) -> Result<Value, Refusal> {
    Ok(shown(book.find(KIND, id)?))
}

pub fn list(book: &Book, params: Params) -> Result<Value, Refusal> {
    listing::list(book, KIND, params, "/v1/webhook_endpoints", &[])
}

pub fn update(book: &mut Book, id: &str, mut params: Params) -> Result<Value, Refusal> {
    let mut metadata = book.find(KIND, id)?["metadata"].clone();
    let mut fields = json!({});
    if let Some(url) = params.address("url")? {
        fields["url"] = json!(url);
    }
    if let Some(enabled) = enabled_events(&mut params)? {
        fields["enabled_events"] = json!(enabled);
    }
    if let Some(description) = params.emptyable("description")? {
        fields["description"] = description;
    }
    if let Some(given) = params.metadata()? {
        merge_metadata(&mut metadata, given);
        fields["metadata"] = metadata;
    }
    if let Some(disabled) = params.flag("disabled")? {
        fields["status"] = json!(if disabled { "disabled" } else { "enabled" });
    }
    params.nothing_left()?;
    book.change(id, fields);
    retrieve(book, id)
}

pub fn delete(book: &mut Book, id: &str, params: Params) -> Result<Value, Refusal> {
    params.nothing_left()?;
    book.find(KIND, id)?;
    book.remove(id);
    book.outbox.retain(|parcel| parcel.endpoint != id);
    Ok(json!({ "id": id, "object": KIND, "deleted": true }))
}

fn enabled_events(params: &mut Params) -> Result<Option<Vec<String>>, Refusal> {
    let wanted = params.texts("enabled_events")?;
    let is_known = |kind: &&String| *kind == "*" || is_event_type(kind);
    if let Some(stranger) = wanted.iter().find(|kind| !is_known(kind)) {
        let text = format!("Invalid enabled_events: {stranger} is no event type.");
        return Err(Refusal::invalid(text).about("enabled_events"));
    }
    Ok((!wanted.is_empty()).then_some(wanted))
}

pub fn is_event_type(kind: &str) -> bool {
    EVENT_TYPES.lines().any(|known| known == kind)
}
