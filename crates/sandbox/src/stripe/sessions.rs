//! Checkout Sessions as the API makes and reads them: mode `payment`, on the hosted page.
//! What becomes of one on that page is [`super::payment`]'s.
use serde_json::{Value, json};

use super::book::{Book, id_of, new_id, now, text};
use super::items::{self, Items};
use super::listing;
use super::params::{Params, given_metadata};
use super::refusal::Refusal;
use super::shapes::{self, make};

pub const KIND: &str = "checkout.session";
const HALF_AN_HOUR: i64 = 30 * 60;
const A_DAY: i64 = 24 * 60 * 60;
/// Requests take a moment: the vendor does not count it.
const GRACE_SECONDS: i64 = 60;

pub fn create(book: &mut Book, mut params: Params) -> Result<Value, Refusal> {
    match params.needed("mode")?.as_str() {
        "payment" => {}
        "setup" | "subscription" => {
            return Err(Refusal::invalid("The sandbox sells once: mode must be payment.").about("mode"));
        }
        other => {
            let text = format!("Invalid mode: must be one of payment, setup, or subscription, but is {other}");
            return Err(Refusal::invalid(text).about("mode"));
        }
    }
    params.choice("ui_mode", &["hosted_page"])?;
    let items = items::read(&mut params)?;
    let fields = fields(book, &mut params, &items)?;
    let intent = params.object("payment_intent_data")?.map(intent_data).transpose()?.unwrap_or(json!({}));
    let invoice = params.object("invoice_creation")?.map(invoice_creation).transpose()?;
    taken_and_not_shown(&mut params)?;
    params.nothing_left()?;

    let mut session = make(shapes::CHECKOUT_SESSION, fields);
    if let Some(invoice) = invoice {
        session["invoice_creation"] = invoice;
    }
    let id = new_id("cs_test_a1", 56);
    session["url"] = json!(format!("{}/c/pay/{id}", book.origin));
    session["id"] = json!(id);
    session["created"] = json!(now());
    session["_intent"] = intent;
    session["_line_items"] = json!(items.lines);
    book.put(session.clone());
    Ok(shapes::shown(&session))
}

fn fields(book: &Book, params: &mut Params, items: &Items) -> Result<Value, Refusal> {
    let success_url = params.address("success_url")?.ok_or_else(|| Refusal::missing("success_url"))?;
    let (customer, email) = (params.text("customer")?, params.email("customer_email")?);
    if let Some(customer) = &customer {
        book.named("customer", customer, "customer")?;
        if email.is_some() {
            let text = "You may only specify one of these parameters: customer, customer_email.";
            return Err(Refusal::invalid(text).about("customer"));
        }
    }
    let creation = params.choice("customer_creation", &["always", "if_required"])?;
    if customer.is_some() && creation.is_some() {
        let text = "You may only specify one of these parameters: customer, customer_creation.";
        return Err(Refusal::invalid(text).about("customer_creation"));
    }
    let creation = if customer.is_some() { Value::Null } else { json!(creation.as_deref().unwrap_or("if_required")) };
    let known_email = customer.as_deref().and_then(|id| book.get(id)).map(|one| one["email"].clone());
    let details = known_email.filter(Value::is_string).map(details);
    let adaptive = one_flag(params, "adaptive_pricing")?.unwrap_or(false);
    Ok(json!({
        "amount_subtotal": items.total, "amount_total": items.total, "currency": items.currency,
        "success_url": success_url, "cancel_url": params.address("cancel_url")?,
        "client_reference_id": params.short("client_reference_id", 200)?,
        "customer": customer, "customer_email": email, "customer_creation": creation, "customer_details": details,
        "metadata": given_metadata(params.metadata()?), "expires_at": expires_at(params)?,
        "locale": params.text("locale")?,
        "submit_type": params.choice("submit_type", &["auto", "book", "donate", "pay"])?,
        "allow_promotion_codes": params.flag("allow_promotion_codes")?,
        "billing_address_collection": params.choice("billing_address_collection", &["auto", "required"])?,
        "origin_context": params.choice("origin_context", &["mobile_app", "web"])?,
        "integration_identifier": params.text("integration_identifier")?,
        "adaptive_pricing": { "enabled": adaptive },
    }))
}

/// What is known of who pays.
pub fn details(email: Value) -> Value {
    json!({
        "address": null, "business_name": null, "email": email, "individual_name": null, "name": null, "phone": null,
        "tax_exempt": "none", "tax_ids": [],
    })
}

fn expires_at(params: &mut Params) -> Result<i64, Refusal> {
    let now = now();
    let Some(at) = params.integer("expires_at")? else { return Ok(now + A_DAY) };
    if at < now + HALF_AN_HOUR - GRACE_SECONDS || at > now + A_DAY + GRACE_SECONDS {
        let text = "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from Checkout Session creation.";
        return Err(Refusal::invalid(text).about("expires_at"));
    }
    Ok(at)
}

/// `key[enabled]`.
fn one_flag(params: &mut Params, key: &str) -> Result<Option<bool>, Refusal> {
    let Some(mut inside) = params.object(key)? else { return Ok(None) };
    let name = inside.name("enabled");
    let flag = inside.flag("enabled")?.ok_or_else(|| Refusal::missing(&name))?;
    inside.nothing_left()?;
    Ok(Some(flag))
}

fn intent_data(mut params: Params) -> Result<Value, Refusal> {
    let metadata = given_metadata(params.metadata()?);
    let read = json!({
        "metadata": metadata, "description": params.text("description")?, "receipt_email": params.email("receipt_email")?,
        "statement_descriptor": params.short("statement_descriptor", 22)?,
        "statement_descriptor_suffix": params.short("statement_descriptor_suffix", 22)?,
    });
    params.choice("capture_method", &["automatic", "automatic_async"])?;
    params.nothing_left()?;
    Ok(read)
}

fn invoice_creation(mut params: Params) -> Result<Value, Refusal> {
    let name = params.name("enabled");
    let enabled = params.flag("enabled")?.ok_or_else(|| Refusal::missing(&name))?;
    let mut data = json!({
        "account_tax_ids": null, "custom_fields": null, "description": null, "footer": null, "issuer": null,
        "metadata": {}, "rendering_options": null,
    });
    if let Some(mut inside) = params.object("invoice_data")? {
        data["description"] = json!(inside.text("description")?);
        data["footer"] = json!(inside.text("footer")?);
        data["metadata"] = given_metadata(inside.metadata()?);
        inside.nothing_left()?;
    }
    params.nothing_left()?;
    Ok(json!({ "enabled": enabled, "invoice_data": data }))
}

/// Parameters that change nothing here, but are right.
fn taken_and_not_shown(params: &mut Params) -> Result<(), Refusal> {
    for flag in ["automatic_tax", "phone_number_collection", "managed_payments", "tax_id_collection"] {
        if one_flag(params, flag)? == Some(true) {
            return Err(Refusal::invalid(format!("The sandbox does not know {flag}.")).about(flag));
        }
    }
    params.texts("allowed_payment_method_types")?;
    params.texts("excluded_payment_method_types")?;
    if let Some(mut texts) = params.object("custom_text")? {
        for name in ["after_submit", "submit"] {
            if let Some(mut inside) = texts.object(name)? {
                inside.short("message", 1200)?;
                inside.nothing_left()?;
            }
        }
        texts.nothing_left()?;
    }
    Ok(())
}

pub fn list(book: &Book, params: Params) -> Result<Value, Refusal> {
    listing::list(book, KIND, params, "/v1/checkout/sessions", &["payment_intent", "customer", "status"])
}

/// Every item at once: a session has at most a hundred.
pub fn line_items(book: &Book, id: &str) -> Value {
    let items = book.get(id).and_then(|session| session["_line_items"].as_array().cloned()).unwrap_or_default();
    listing::whole(items, &format!("/v1/checkout/sessions/{id}/line_items"))
}

pub fn list_line_items(book: &Book, id: &str, params: Params) -> Result<Value, Refusal> {
    let session = book.find(KIND, id)?;
    let mut items = session["_line_items"].as_array().cloned().unwrap_or_default();
    // The page turns them round: they are shown in the order they were given.
    items.reverse();
    listing::page(&items, params, &format!("/v1/checkout/sessions/{id}/line_items"), |_| true)
}

pub fn expire(book: &mut Book, id: &str) -> Result<Value, Refusal> {
    let session = book.find(KIND, id)?;
    if session["status"] != "open" {
        let status = text(session, "status");
        let message = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of {status}."
        );
        return Err(Refusal::invalid(message));
    }
    close(book, id);
    Ok(shapes::shown(book.find(KIND, id)?))
}

fn close(book: &mut Book, id: &str) {
    book.change(id, json!({ "status": "expired", "url": null }));
    book.announce("checkout.session.expired", id);
}

/// Ends the sessions whose time has come.
pub fn expire_due(book: &mut Book) {
    let now = now();
    let is_due = |one: &&Value| one["status"] == "open" && one["expires_at"].as_i64().is_some_and(|at| at <= now);
    let due: Vec<String> = book.all(KIND).iter().filter(is_due).map(id_of).collect();
    due.iter().for_each(|id| close(book, id));
}
