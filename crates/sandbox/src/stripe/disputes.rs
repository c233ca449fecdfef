//! Disputes: opened by a cardholder's bank, which takes the money at once; won, it comes back, lost, it does not.
use serde_json::{Value, json};

use super::balance;
use super::book::{Book, new_id, now, text};
use super::refunds::charge_of;
use super::refusal::Refusal;
use super::shapes::{self, make};

pub const KIND: &str = "dispute";
const DAYS_TO_ANSWER: i64 = 9;

/// `amount`: what is disputed, otherwise what the charge has left. Answers the dispute's id.
pub fn open(book: &mut Book, intent: &str, amount: Option<i64>) -> Result<String, Refusal> {
    let id = begin(book, intent, amount, "needs_response")?;
    withdraw(book, &id);
    Ok(id)
}

/// The bank only asks: no money moves unless it [`escalate`]s.
pub fn inquire(book: &mut Book, intent: &str, amount: Option<i64>) -> Result<String, Refusal> {
    let id = begin(book, intent, amount, "warning_needs_response")?;
    let mut method = book.find(KIND, &id)?["payment_method_details"].clone();
    method["card"]["case_type"] = json!("inquiry");
    book.change(&id, json!({ "payment_method_details": method, "is_charge_refundable": true }));
    Ok(id)
}

fn begin(book: &mut Book, intent: &str, amount: Option<i64>, status: &str) -> Result<String, Refusal> {
    let charge_id = charge_of(book, intent)?;
    let charge = book.find("charge", &charge_id)?.clone();
    let is_open = |one: &Value| one["charge"] == charge_id.as_str() && !is_closed(text(one, "status"));
    if book.all(KIND).iter().any(is_open) {
        return Err(Refusal::invalid("This charge is disputed already."));
    }
    let field = |name: &str| charge[name].as_i64().unwrap_or_default();
    let amount = amount.unwrap_or(field("amount") - field("amount_refunded"));
    if amount < 1 || amount > field("amount") {
        return Err(Refusal::invalid("A dispute is about a part of the charge, or all of it.").about("amount"));
    }
    let id = new_id("du_1", 23);
    let mut dispute = make(
        shapes::DISPUTE,
        json!({
            "id": id, "amount": amount, "charge": charge_id, "created": now(), "currency": charge["currency"],
            "payment_intent": intent, "status": status,
        }),
    );
    dispute["evidence_details"]["due_by"] = json!(now() + DAYS_TO_ANSWER * 24 * 60 * 60);
    dispute["evidence"]["customer_email_address"] = charge["billing_details"]["email"].clone();
    book.put(dispute);
    book.change(&charge_id, json!({ "disputed": true }));
    book.announce("charge.dispute.created", &id);
    Ok(id)
}

fn is_closed(status: &str) -> bool {
    matches!(status, "won" | "lost" | "warning_closed" | "prevented")
}

fn withdraw(book: &mut Book, id: &str) {
    let known = book.get(id).cloned().unwrap_or_default();
    let moved = balance::withdrawn(book, &known);
    add_movement(book, id, &moved, json!({ "_withdrawn": true, "is_charge_refundable": false }));
    book.announce("charge.dispute.funds_withdrawn", id);
}

/// An inquiry becomes a dispute: now the money goes.
pub fn escalate(book: &mut Book, id: &str) -> Result<(), Refusal> {
    expect(book, id, |status| status == "warning_needs_response")?;
    let before = book.change(id, json!({ "status": "needs_response" }));
    book.announce_change("charge.dispute.updated", id, before);
    withdraw(book, id);
    Ok(())
}

/// We win: what was withdrawn comes back. An inquiry just ends.
pub fn win(book: &mut Book, id: &str) -> Result<(), Refusal> {
    expect(book, id, |status| !is_closed(status))?;
    let known = book.find(KIND, id)?.clone();
    if known["_withdrawn"] == true {
        let before = book.change(id, json!({ "status": "won" }));
        book.announce_change("charge.dispute.closed", id, before);
        let moved = balance::reinstated(book, &known);
        add_movement(book, id, &moved, json!({ "_reinstated": true }));
        book.announce("charge.dispute.funds_reinstated", id);
    } else {
        let before = book.change(id, json!({ "status": "warning_closed" }));
        book.announce_change("charge.dispute.closed", id, before);
    }
    Ok(())
}

pub fn lose(book: &mut Book, id: &str) -> Result<(), Refusal> {
    expect(book, id, |status| status == "needs_response" || status == "under_review")?;
    let before = book.change(id, json!({ "status": "lost" }));
    book.announce_change("charge.dispute.closed", id, before);
    Ok(())
}

fn add_movement(book: &mut Book, id: &str, moved: &str, mut fields: Value) {
    let mut all = book.get(id).map(|dispute| dispute["balance_transactions"].clone()).unwrap_or_default();
    if let (Some(all), Some(moved)) = (all.as_array_mut(), book.get(moved)) {
        all.push(moved.clone());
    }
    fields["balance_transactions"] = all;
    book.change(id, fields);
}

fn expect(book: &Book, id: &str, may: impl Fn(&str) -> bool) -> Result<(), Refusal> {
    let status = text(book.find(KIND, id)?, "status");
    if may(status) { Ok(()) } else { Err(Refusal::invalid(format!("This dispute is {status} and stays so."))) }
}
