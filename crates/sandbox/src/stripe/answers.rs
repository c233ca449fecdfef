//! Which call is whose: method and path to what answers it. Runs under the book's lock and waits for nothing.
use serde_json::{Value, json};

use super::book::{Book, new_id, now, text};
use super::expand::expand;
use super::params::Params;
use super::refusal::Refusal;
use super::shapes::{self, make, shown};
use super::{balance, customers, disputes, endpoints, invoices, listing, refunds, sessions};

const MOST_TYPES: usize = 20;

/// One request of the API, checked so far that it may be executed.
pub struct Call<'a> {
    pub method: &'a str,
    /// What follows `/v1/`.
    pub path: &'a str,
    pub params: Params,
    /// Set by a fault: the refund this call makes waits.
    pub refund_is_pending: bool,
}

pub fn answer(book: &mut Book, mut call: Call<'_>) -> Result<Value, Refusal> {
    let paths = call.params.texts("expand")?;
    let mut answer = dispatch(book, call)?;
    expand(book, &mut answer, &paths)?;
    Ok(answer)
}

fn dispatch(book: &mut Book, call: Call<'_>) -> Result<Value, Refusal> {
    let steps: Vec<&str> = call.path.split('/').collect();
    let params = call.params;
    match (call.method, steps.as_slice()) {
        ("POST", ["checkout", "sessions"]) => sessions::create(book, params),
        ("GET", ["checkout", "sessions"]) => sessions::list(book, params),
        ("GET", ["checkout", "sessions", id, "line_items"]) => sessions::list_line_items(book, id, params),
        ("POST", ["checkout", "sessions", id, "expire"]) => {
            params.nothing_left()?;
            sessions::expire(book, id)
        }
        ("GET", ["checkout", "sessions", id]) => one(book, sessions::KIND, id, params),
        ("POST", ["customers"]) => customers::create(book, params),
        ("GET", ["customers"]) => customers::list(book, params),
        ("GET", ["customers", id]) => one(book, "customer", id, params),
        ("POST", ["customers", id]) => customers::update(book, id, params),
        ("DELETE", ["customers", id]) => customers::delete(book, id, params),
        ("GET", ["payment_intents"]) => {
            listing::list(book, "payment_intent", params, "/v1/payment_intents", &["customer"])
        }
        ("GET", ["payment_intents", id]) => one(book, "payment_intent", id, params),
        ("GET", ["charges"]) => listing::list(book, "charge", params, "/v1/charges", &["payment_intent", "customer"]),
        ("GET", ["charges", id]) => one(book, "charge", id, params),
        ("POST", ["refunds"]) => refunds::create(book, params, call.refund_is_pending),
        ("GET", ["refunds"]) => {
            listing::list(book, refunds::KIND, params, "/v1/refunds", &["payment_intent", "charge"])
        }
        ("GET", ["refunds", id]) => one(book, refunds::KIND, id, params),
        ("GET", ["disputes"]) => {
            listing::list(book, disputes::KIND, params, "/v1/disputes", &["payment_intent", "charge"])
        }
        ("GET", ["disputes", id]) => one(book, disputes::KIND, id, params),
        ("GET", ["invoices"]) => listing::list(book, invoices::KIND, params, "/v1/invoices", &["customer", "status"]),
        ("GET", ["invoices", id]) => one(book, invoices::KIND, id, params),
        ("GET", ["balance_transactions", id]) => one(book, "balance_transaction", id, params),
        ("POST", ["billing_portal", "sessions"]) => open_portal(book, params),
        ("GET", ["events"]) => list_events(book, params),
        ("GET", ["events", id]) => one(book, "event", id, params),
        (_, ["webhook_endpoints", rest @ ..]) => webhook_endpoints(book, call.method, rest, params, call.path),
        ("GET", ["balance"]) => alone(params, balance::balance(book)),
        ("GET", ["account"]) => alone(params, make(shapes::ACCOUNT, json!({}))),
        (method, _) => Err(unrecognized(method, call.path)),
    }
}

fn webhook_endpoints(
    book: &mut Book,
    method: &str,
    rest: &[&str],
    params: Params,
    path: &str,
) -> Result<Value, Refusal> {
    match (method, rest) {
        ("POST", []) => endpoints::create(book, params),
        ("GET", []) => endpoints::list(book, params),
        ("GET", [id]) => one(book, endpoints::KIND, id, params),
        ("POST", [id]) => endpoints::update(book, id, params),
        ("DELETE", [id]) => endpoints::delete(book, id, params),
        (method, _) => Err(unrecognized(method, path)),
    }
}

fn unrecognized(method: &str, path: &str) -> Refusal {
    let text = format!("Unrecognized request URL ({method}: /v1/{path}). Please see https://docs.stripe.com/api.");
    Refusal::new(404, "invalid_request_error", text)
}

fn one(book: &Book, kind: &str, id: &str, params: Params) -> Result<Value, Refusal> {
    params.nothing_left()?;
    Ok(shown(book.find(kind, id)?))
}

fn alone(params: Params, object: Value) -> Result<Value, Refusal> {
    params.nothing_left()?;
    Ok(object)
}

fn list_events(book: &Book, mut params: Params) -> Result<Value, Refusal> {
    let (one, many) = (params.text("type")?, params.texts("types")?);
    if one.is_some() && !many.is_empty() {
        return Err(Refusal::invalid("You may only specify one of these parameters: type, types.").about("type"));
    }
    if many.len() > MOST_TYPES {
        return Err(Refusal::invalid(format!("You may list at most {MOST_TYPES} types.")).about("types"));
    }
    let wanted: Vec<String> = one.into_iter().chain(many).collect();
    if let Some(stranger) = wanted.iter().find(|kind| !kind.ends_with(".*") && !endpoints::is_event_type(kind)) {
        return Err(Refusal::invalid(format!("Invalid event type: {stranger}")).about("types"));
    }
    let delivered = params.flag("delivery_success")?;
    listing::page(book.all("event"), params, "/v1/events", |event| {
        let kind = text(event, "type");
        let fits = |want: &String| want == kind || want.strip_suffix('*').is_some_and(|start| kind.starts_with(start));
        let is_delivered = event["pending_webhooks"] == 0;
        (wanted.is_empty() || wanted.iter().any(fits)) && delivered.is_none_or(|wanted| wanted == is_delivered)
    })
}

fn open_portal(book: &mut Book, mut params: Params) -> Result<Value, Refusal> {
    let customer = params.needed("customer")?;
    book.named("customer", &customer, "customer")?;
    let return_url = params.address("return_url")?;
    let (locale, configuration) = (params.text("locale")?, params.text("configuration")?);
    params.nothing_left()?;
    if let Some(configuration) = configuration {
        return Err(Refusal::no_such_param("configuration", &configuration, "configuration"));
    }
    let url = format!("{}/p/session/{}", book.origin, new_id("test_", 32));
    let session = make(
        shapes::PORTAL_SESSION,
        json!({
            "id": new_id("bps_1", 23), "created": now(), "customer": customer, "return_url": return_url, "locale": locale,
            "url": url,
        }),
    );
    book.put(session.clone());
    Ok(session)
}
