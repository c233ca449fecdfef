//! Refunds: whole or in parts, never more than the charge. One can wait, and can fail even after it succeeded.
use serde_json::{Value, json};

use super::balance;
use super::book::{Book, new_id, now, text};
use super::params::{Params, given_metadata};
use super::payment::successful_charge;
use super::refusal::Refusal;
use super::shapes::{self, make, shown};

pub const KIND: &str = "refund";
const REASONS: [&str; 3] = ["duplicate", "fraudulent", "requested_by_customer"];

/// What a refund is asked to be.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// None: what is left.
    pub amount: Option<i64>,
    pub reason: Option<String>,
    pub metadata: Value,
    /// It is not known at once whether it arrives.
    pub is_pending: bool,
}

pub fn create(book: &mut Book, mut params: Params, is_pending: bool) -> Result<Value, Refusal> {
    let (intent, charge) = (params.text("payment_intent")?, params.text("charge")?);
    let amount = params.integer_from("amount", 1)?;
    let reason = params.choice("reason", &REASONS)?;
    let metadata = given_metadata(params.metadata()?);
    params.nothing_left()?;
    let charge = match (intent, charge) {
        (Some(intent), None) => {
            book.named("payment_intent", &intent, "payment_intent")?;
            charge_of(book, &intent)?
        }
        (None, Some(charge)) => text(book.named("charge", &charge, "charge")?, "id").to_owned(),
        (Some(intent), Some(charge)) => {
            let known = book.named("charge", &charge, "charge")?;
            if known["payment_intent"] != intent.as_str() {
                return Err(Refusal::invalid("The charge does not belong to the payment_intent.").about("charge"));
            }
            charge
        }
        (None, None) => {
            let text = "One of the following params should be provided for this request: payment_intent or charge.";
            return Err(Refusal::invalid(text).code("parameter_missing").about("payment_intent"));
        }
    };
    let id = refund(book, &charge, Wish { amount, reason, metadata, is_pending })?;
    Ok(shown(book.find(KIND, &id)?))
}

pub fn charge_of(book: &Book, intent: &str) -> Result<String, Refusal> {
    let known = book.find("payment_intent", intent)?;
    let charge = successful_charge(book, known).map(|charge| text(charge, "id").to_owned());
    charge.ok_or_else(|| {
        let message = format!("This PaymentIntent ({intent}) does not have a successful charge to refund.");
        Refusal::invalid(message).about("payment_intent")
    })
}

pub fn refund(book: &mut Book, charge: &str, wish: Wish) -> Result<String, Refusal> {
    let known = book.find("charge", charge)?.clone();
    let left = may_be_refunded(book, &known)?;
    let amount = wish.amount.unwrap_or(left);
    if amount > left {
        let message = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})");
        return Err(Refusal::invalid(message).about("amount"));
    }
    let id = new_id("re_3", 23);
    let mut refund = make(
        shapes::REFUND,
        json!({
            "id": id, "amount": amount, "charge": charge, "created": now(), "currency": known["currency"],
            "customer": known["customer"], "payment_intent": known["payment_intent"],
            "payment_method": known["payment_method"], "reason": wish.reason,
            "metadata": if wish.metadata.is_object() { wish.metadata } else { json!({}) },
            "status": if wish.is_pending { "pending" } else { "succeeded" },
        }),
    );
    if wish.is_pending {
        refund["pending_reason"] = json!("processing");
    }
    refund["balance_transaction"] = json!(balance::refunded(book, &refund));
    book.put(refund);
    let before = count(book, charge, amount);
    book.announce("refund.created", &id);
    book.announce_change("charge.refunded", charge, before);
    Ok(id)
}

/// How much of a charge is left, or why nothing may be refunded.
fn may_be_refunded(book: &Book, charge: &Value) -> Result<i64, Refusal> {
    let id = text(charge, "id");
    if charge["status"] != "succeeded" {
        return Err(Refusal::invalid(format!("Charge {id} has not succeeded; it cannot be refunded.")).about("charge"));
    }
    let is_withdrawn = |one: &Value| one["charge"] == id && one["_withdrawn"] == true && one["_reinstated"] != true;
    if book.all("dispute").iter().any(is_withdrawn) {
        let text = format!("Charge {id} has been charged back; cannot issue a refund.");
        return Err(Refusal::invalid(text).code("charge_disputed").about("charge"));
    }
    let field = |name: &str| charge[name].as_i64().unwrap_or_default();
    match field("amount_captured") - field("amount_refunded") {
        0 => {
            let text = format!("Charge {id} has already been refunded.");
            Err(Refusal::invalid(text).code("charge_already_refunded").about("charge"))
        }
        left => Ok(left),
    }
}

/// Adds to what the charge says is refunded. A failed refund takes it back.
fn count(book: &mut Book, charge: &str, amount: i64) -> Value {
    let known = book.get(charge).cloned().unwrap_or_default();
    let refunded = known["amount_refunded"].as_i64().unwrap_or_default() + amount;
    let is_whole = known["amount"] == refunded;
    book.change(charge, json!({ "amount_refunded": refunded, "refunded": is_whole }))
}

/// A refund that waits arrives.
pub fn succeed(book: &mut Book, id: &str) -> Result<(), Refusal> {
    expect(book, id, &["pending", "requires_action"])?;
    let before = book.change(id, json!({ "status": "succeeded", "pending_reason": null }));
    forget_null(book, id, "pending_reason");
    updated(book, id, before);
    Ok(())
}

/// A refund comes back: the money is ours again, and the charge counts it no more.
pub fn fail(book: &mut Book, id: &str) -> Result<(), Refusal> {
    expect(book, id, &["pending", "requires_action", "succeeded"])?;
    undo(book, id, json!({ "status": "failed", "failure_reason": "expired_or_canceled_card" }));
    book.announce("refund.failed", id);
    Ok(())
}

pub fn cancel(book: &mut Book, id: &str) -> Result<(), Refusal> {
    expect(book, id, &["pending", "requires_action"])?;
    undo(book, id, json!({ "status": "canceled", "failure_reason": "merchant_request" }));
    Ok(())
}

fn undo(book: &mut Book, id: &str, mut fields: Value) {
    let known = book.get(id).cloned().unwrap_or_default();
    fields["failure_balance_transaction"] = json!(balance::refund_failed(book, &known));
    let before = book.change(id, fields);
    forget_null(book, id, "pending_reason");
    count(book, text(&known, "charge"), -known["amount"].as_i64().unwrap_or_default());
    updated(book, id, before);
}

fn updated(book: &mut Book, id: &str, before: Value) {
    book.announce_change("refund.updated", id, before.clone());
    book.announce_change("charge.refund.updated", id, before);
}

/// The vendor leaves this field out rather than null.
fn forget_null(book: &mut Book, id: &str, field: &str) {
    let Some(mut known) = book.get(id).cloned() else { return };
    if let Some(fields) = known.as_object_mut() {
        fields.remove(field);
    }
    book.put(known);
}

fn expect(book: &Book, id: &str, statuses: &[&str]) -> Result<(), Refusal> {
    let status = text(book.find(KIND, id)?, "status");
    if statuses.contains(&status) {
        return Ok(());
    }
    Err(Refusal::invalid(format!("This refund is {status} and stays so.")))
}
