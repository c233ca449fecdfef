//! Invoices that Checkout makes after a payment, when it was asked to (`invoice_creation`).
use serde_json::{Value, json};

use super::book::{Book, new_id, now, text};
use super::shapes::{self, make};

pub const KIND: &str = "invoice";

/// After the fact: the event that the session is complete does not know the invoice yet.
pub fn create_paid(book: &mut Book, session: &str) {
    let session = book.get(session).cloned().unwrap_or_default();
    if session["invoice_creation"]["enabled"] != true || session["invoice"].is_string() {
        return;
    }
    let id = new_id("in_1", 23);
    let invoice = make(shapes::INVOICE, fields(book, &session, &id));
    book.put(invoice);
    book.change(text(&session, "id"), json!({ "invoice": id }));
    for event in ["invoice.created", "invoice.finalized", "invoice.paid", "invoice.payment_succeeded"] {
        book.announce(event, &id);
    }
}

fn fields(book: &Book, session: &Value, id: &str) -> Value {
    let (now, total, currency) = (now(), &session["amount_total"], &session["currency"]);
    let customer = book.get(text(session, "customer")).cloned().unwrap_or_default();
    let number = book.all(KIND).len() + 1;
    let prefix = customer["invoice_prefix"].as_str().unwrap_or("GUEST001");
    let wanted = &session["invoice_creation"]["invoice_data"];
    let hosted = format!("{}/invoices/{id}/{}", book.origin, new_id("", 16));
    json!({
        "id": id, "created": now, "effective_at": now, "period_start": now, "period_end": now,
        "amount_due": total, "amount_paid": total, "amount_remaining": 0, "currency": currency, "subtotal": total,
        "subtotal_excluding_tax": total, "total": total, "total_excluding_tax": total, "ending_balance": 0,
        "customer": session["customer"], "customer_email": session["customer_details"]["email"],
        "customer_name": customer["name"], "description": wanted["description"], "footer": wanted["footer"],
        "metadata": wanted["metadata"], "number": format!("{prefix}-{number:04}"), "invoice_pdf": format!("{hosted}/pdf"),
        "hosted_invoice_url": hosted, "webhooks_delivered_at": now,
        "status_transitions": { "finalized_at": now, "marked_uncollectible_at": null, "paid_at": now, "voided_at": null },
        "lines": {
            "object": "list", "data": lines(session, id, now), "has_more": false, "url": format!("/v1/invoices/{id}/lines"),
        },
    })
}

fn lines(session: &Value, invoice: &str, now: i64) -> Vec<Value> {
    let line = |item: &Value| {
        let pricing = json!({
            "price_details": { "price": item["price"]["id"], "product": item["price"]["product"] },
            "type": "price_details", "unit_amount_decimal": item["price"]["unit_amount_decimal"],
        });
        make(
            shapes::INVOICE_LINE,
            json!({
                "id": new_id("il_1", 23), "amount": item["amount_total"], "subtotal": item["amount_subtotal"],
                "currency": item["currency"], "description": item["description"], "invoice": invoice,
                "period": { "start": now, "end": now }, "pricing": pricing, "quantity": item["quantity"],
                "quantity_decimal": item["quantity"].to_string(),
            }),
        )
    };
    session["_line_items"].as_array().into_iter().flatten().map(line).collect()
}
