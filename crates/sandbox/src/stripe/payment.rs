//! What becomes of a session on the hosted page: paid, declined, paid later, given away. Makes the PaymentIntent, the
//! charge, the invoice and their events in the vendor's order.
use serde_json::{Value, json};

use super::balance;
use super::book::{Book, new_id, now, text};
use super::customers;
use super::invoices;
use super::params::is_email;
use super::refusal::Refusal;
use super::sessions::{self, KIND};
use super::shapes::{self, make};

/// Who pays, and how it is shown to them.
#[derive(Clone, Debug, Default)]
pub struct Payer {
    /// None: the customer's own address, or the one the session was made with.
    pub email: Option<String>,
    /// Adaptive pricing let them pay in their own currency: currency and amount.
    pub presentment: Option<(String, i64)>,
}

pub fn pay(book: &mut Book, session: &str, payer: &Payer) -> Result<(), Refusal> {
    let email = begin(book, session, payer)?;
    let intent = intent_of(book, session);
    let charge = charge(book, &intent, &email, "card");
    succeed(book, &charge);
    complete(book, session, &intent, &email, true, payer);
    invoices::create_paid(book, session);
    Ok(())
}

/// The card is declined: the session stays open and may be tried again.
pub fn decline(book: &mut Book, session: &str, payer: &Payer) -> Result<(), Refusal> {
    let email = begin(book, session, payer)?;
    let intent = intent_of(book, session);
    let charge = charge(book, &intent, &email, "card");
    fail(book, &charge, "card_declined", "generic_decline", "Your card was declined.");
    book.change(session, json!({ "payment_intent": intent }));
    Ok(())
}

/// A bank debit: the session is complete, the money may come or not.
pub fn pay_later(book: &mut Book, session: &str, payer: &Payer) -> Result<(), Refusal> {
    let email = begin(book, session, payer)?;
    let intent = intent_of(book, session);
    let charge = charge(book, &intent, &email, "us_bank_account");
    book.change(&intent, json!({ "status": "processing", "latest_charge": charge }));
    book.announce("charge.pending", &charge);
    book.announce("payment_intent.processing", &intent);
    complete(book, session, &intent, &email, false, payer);
    Ok(())
}

pub fn settle_later(book: &mut Book, session: &str, comes: bool) -> Result<(), Refusal> {
    let known = book.find(KIND, session)?;
    let intent = text(known, "payment_intent").to_owned();
    let status = book.get(&intent).map(|intent| text(intent, "status")).unwrap_or_default();
    if known["status"] != "complete" || known["payment_status"] != "unpaid" || status != "processing" {
        return Err(Refusal::invalid("This payment is not under way."));
    }
    let charge = book.get(&intent).map(|intent| text(intent, "latest_charge").to_owned()).unwrap_or_default();
    if comes {
        succeed(book, &charge);
        book.change(session, json!({ "payment_status": "paid" }));
        book.announce("checkout.session.async_payment_succeeded", session);
        invoices::create_paid(book, session);
    } else {
        fail(book, &charge, "payment_method_provider_decline", "insufficient_funds", "The debit was returned unpaid.");
        book.announce("checkout.session.async_payment_failed", session);
    }
    Ok(())
}

/// A promotion code of a hundred percent: complete, and nothing is paid.
pub fn give_away(book: &mut Book, session: &str) -> Result<(), Refusal> {
    let email = begin(book, session, &Payer { email: Some("guest@example.test".into()), presentment: None })?;
    let total = book.find(KIND, session)?["amount_subtotal"].clone();
    book.change(
        session,
        json!({
            "status": "complete", "payment_status": "no_payment_required", "url": null, "amount_total": 0,
            "total_details": { "amount_discount": total, "amount_shipping": 0, "amount_tax": 0 },
            "customer_details": sessions::details(json!(email)),
        }),
    );
    book.announce("checkout.session.completed", session);
    Ok(())
}

/// Whose address it is, if the session can still be paid.
fn begin(book: &Book, session: &str, payer: &Payer) -> Result<String, Refusal> {
    let session = book.find(KIND, session)?;
    if session["status"] != "open" || session["expires_at"].as_i64().is_some_and(|at| at <= now()) {
        return Err(Refusal::invalid("This Checkout Session is not open any more."));
    }
    let given = payer.email.as_deref().map(str::trim).filter(|email| !email.is_empty());
    let customer = session["customer"].as_str().and_then(|id| book.get(id)).and_then(|one| one["email"].as_str());
    match given.or(customer).or(session["customer_email"].as_str()) {
        Some(email) if is_email(email) => Ok(email.to_owned()),
        Some(_) => Err(Refusal::invalid("Enter an e-mail address.").code("email_invalid").about("email")),
        None => Ok("guest@example.test".to_owned()),
    }
}

/// The session's PaymentIntent; the first attempt makes it.
fn intent_of(book: &mut Book, session: &str) -> String {
    let session = book.get(session).cloned().unwrap_or_default();
    if let Some(intent) = session["payment_intent"].as_str() {
        return intent.to_owned();
    }
    let id = new_id("pi_3", 23);
    let given = &session["_intent"];
    let metadata = given["metadata"].as_object().cloned().unwrap_or_default();
    book.put(make(
        shapes::PAYMENT_INTENT,
        json!({
            "id": id, "amount": session["amount_total"], "currency": session["currency"], "created": now(),
            "client_secret": format!("{id}_secret_{}", new_id("", 25)), "customer": session["customer"],
            "description": given["description"], "receipt_email": given["receipt_email"], "metadata": metadata,
            "statement_descriptor": given["statement_descriptor"],
            "statement_descriptor_suffix": given["statement_descriptor_suffix"],
        }),
    ));
    book.announce("payment_intent.created", &id);
    id
}

/// An attempt, not yet decided.
fn charge(book: &mut Book, intent: &str, email: &str, method: &str) -> String {
    let id = new_id("ch_3", 23);
    let paid = book.get(intent).cloned().unwrap_or_default();
    let pays = new_id("pm_1", 23);
    let mut charge = make(
        shapes::CHARGE,
        json!({
            "id": id, "amount": paid["amount"], "currency": paid["currency"], "created": now(), "captured": false,
            "customer": paid["customer"], "description": paid["description"], "metadata": paid["metadata"],
            "payment_intent": intent, "payment_method": pays, "receipt_email": paid["receipt_email"],
            "status": "pending", "paid": false,
        }),
    );
    charge["billing_details"]["email"] = json!(email);
    if method != "card" {
        let account = json!({
            "account_holder_type": "individual", "account_type": "checking", "bank_name": "STRIPE TEST BANK",
            "fingerprint": "sandboxBank1", "last4": "6789", "payment_reference": null,
            "routing_number": "110000000",
        });
        charge["payment_method_details"] = json!({ "type": method, "us_bank_account": account });
        book.change(intent, json!({ "payment_method_types": ["card", method] }));
    }
    book.put(charge);
    book.change(intent, json!({ "latest_charge": id, "payment_method": pays }));
    id
}

fn succeed(book: &mut Book, charge: &str) {
    let known = book.get(charge).cloned().unwrap_or_default();
    let (amount, intent) = (known["amount"].clone(), text(&known, "payment_intent").to_owned());
    let moved = balance::charged(book, &known);
    let receipt = format!("{}/receipts/{charge}/{}", book.origin, new_id("", 16));
    let outcome = json!({
        "advice_code": null, "network_advice_code": null, "network_decline_code": null,
        "network_status": "approved_by_network", "reason": null, "risk_level": "normal", "risk_score": 12,
        "seller_message": "Payment complete.", "type": "authorized",
    });
    book.change(
        charge,
        json!({
            "status": "succeeded", "paid": true, "captured": true, "amount_captured": amount, "outcome": outcome,
            "balance_transaction": moved, "receipt_url": receipt,
        }),
    );
    book.announce("charge.succeeded", charge);
    book.change(&intent, json!({ "status": "succeeded", "amount_received": amount, "last_payment_error": null }));
    book.announce("payment_intent.succeeded", &intent);
}

fn fail(book: &mut Book, charge: &str, code: &str, decline_code: &str, message: &str) {
    let outcome = json!({
        "advice_code": "try_again_later", "network_advice_code": null, "network_decline_code": "05",
        "network_status": "declined_by_network", "reason": decline_code, "risk_level": "normal", "risk_score": 44,
        "seller_message": "The bank did not return any further details with this decline.", "type": "issuer_declined",
    });
    book.change(
        charge,
        json!({ "status": "failed", "paid": false, "failure_code": code, "failure_message": message, "outcome": outcome }),
    );
    book.announce("charge.failed", charge);
    let intent = book.get(charge).map(|charge| text(charge, "payment_intent").to_owned()).unwrap_or_default();
    let error = json!({
        "type": "card_error", "code": code, "decline_code": decline_code, "message": message, "charge": charge,
        "doc_url": format!("https://docs.stripe.com/error-codes/{code}"),
    });
    book.change(
        &intent,
        json!({ "status": "requires_payment_method", "last_payment_error": error, "payment_method": null }),
    );
    book.announce("payment_intent.payment_failed", &intent);
}

fn complete(book: &mut Book, session: &str, intent: &str, email: &str, is_paid: bool, payer: &Payer) {
    let known = book.get(session).cloned().unwrap_or_default();
    let mut fields = json!({
        "status": "complete", "payment_status": if is_paid { "paid" } else { "unpaid" }, "url": null,
        "payment_intent": intent, "customer_details": sessions::details(json!(email)),
    });
    if known["customer"].is_null() && known["customer_creation"] == "always" {
        let customer = customers::open(book, json!({ "email": email, "metadata": {} }));
        fields["customer"] = json!(customer);
        let charge = book.get(intent).map(|intent| text(intent, "latest_charge").to_owned()).unwrap_or_default();
        for id in [intent, charge.as_str()] {
            book.change(id, json!({ "customer": customer }));
        }
    }
    if let Some((currency, amount)) = &payer.presentment {
        let details = json!({ "presentment_amount": amount, "presentment_currency": currency });
        fields["presentment_details"] = details.clone();
        book.change(intent, json!({ "presentment_details": details }));
    }
    book.change(session, fields);
    book.announce("checkout.session.completed", session);
}

/// The charge of a PaymentIntent that brought money.
pub fn successful_charge<'a>(book: &'a Book, intent: &Value) -> Option<&'a Value> {
    book.get(text(intent, "latest_charge")).filter(|charge| charge["status"] == "succeeded")
}
