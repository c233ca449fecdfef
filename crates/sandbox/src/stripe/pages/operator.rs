//! The operator's page, in place of the vendor's Dashboard: every payment with its refunds and disputes, and what can
//! be done to it. Plain forms; the newest payments first.
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Vendor;
use super::super::acts::{Act, perform};
use super::super::book::{Book, text};
use super::super::{disputes, refunds, sessions};
use super::frame::{amount, escape, go_to, money, page};
use crate::control::is_from_elsewhere;

const MOST_SHOWN: usize = 50;

#[derive(Deserialize)]
pub struct Given {
    /// An act's name, see [`Act`].
    act: String,
    id: String,
    /// In whole units of the payment's currency, `4.99`; empty: all.
    #[serde(default)]
    amount: String,
    #[serde(default)]
    is_pending: bool,
}

#[derive(Default, Deserialize)]
pub struct Shown {
    trouble: Option<String>,
}

pub async fn act(vendor: web::Data<Vendor>, request: HttpRequest, given: web::Form<Given>) -> HttpResponse {
    if is_from_elsewhere(request.headers()) {
        return HttpResponse::Forbidden().body("only from this page");
    }
    let mut book = vendor.book();
    let done = read(&book, &given)
        .and_then(|act| perform(&mut book, act).map(drop).map_err(|refusal| refusal.message().to_owned()));
    drop(book);
    vendor.changed();
    match done {
        Ok(()) => go_to("/operator"),
        Err(why) => {
            let said = url::form_urlencoded::Serializer::new(String::new()).append_pair("trouble", &why).finish();
            go_to(&format!("/operator?{said}"))
        }
    }
}

fn read(book: &Book, given: &Given) -> Result<Act, String> {
    let mut act = json!({ "act": given.act, "id": given.id });
    let currency = book.get(&given.id).map(|object| text(object, "currency")).unwrap_or("usd");
    if !given.amount.trim().is_empty() {
        act["amount"] = json!(amount(&given.amount, currency).ok_or("Write the amount as 4.99.")?);
    }
    if given.is_pending {
        act["is_pending"] = json!(true);
    }
    serde_json::from_value(act).map_err(|_| "There is no such act.".to_owned())
}

pub async fn show(vendor: web::Data<Vendor>, shown: web::Query<Shown>) -> HttpResponse {
    let book = vendor.book();
    let all = book.all(sessions::KIND);
    let payments: String = all.iter().rev().take(MOST_SHOWN).map(|session| payment(&book, session)).collect();
    let list = match payments.is_empty() {
        true => "<div class=\"card\"><p>Nobody has bought anything yet.</p></div>".to_owned(),
        false => payments,
    };
    let trouble = shown
        .trouble
        .as_deref()
        .map_or_else(String::new, |why| format!("<p class=\"trouble\" role=\"alert\">{}</p>", escape(why)));
    let body = format!(
        "<div class=\"wide\"><h1>Payments</h1><p class=\"soft\">What the vendor's Dashboard would show, newest first: {} in all.</p>{trouble}{list}</div>",
        all.len()
    );
    page(StatusCode::OK, "Payments", &body)
}

fn payment(book: &Book, session: &Value) -> String {
    let currency = text(session, "currency");
    let state = match (text(session, "status"), text(session, "payment_status")) {
        ("complete", status) => status,
        (status, _) => status,
    };
    let email = text(&session["customer_details"], "email");
    let intent = text(session, "payment_intent");
    let names: Vec<&str> =
        session["_line_items"].as_array().into_iter().flatten().map(|line| text(line, "description")).collect();
    let mut parts = String::new();
    if state == "open" {
        parts += &acts(&[button("expire", text(session, "id"), "Expire"), open_link(text(session, "id"))]);
    }
    if is_under_way(book, session) {
        let id = text(session, "id");
        parts += &acts(&[button("later_succeeds", id, "The money comes"), button("later_fails", id, "It does not")]);
    }
    if state == "paid" {
        parts += &acts(&[
            with_amount("refund", intent, "Refund", false),
            with_amount("refund", intent, "Refund, pending", true),
            with_amount("dispute", intent, "Dispute", false),
        ]);
    }
    let of_this = |one: &&Value| !intent.is_empty() && text(one, "payment_intent") == intent;
    let refunded = book.all(refunds::KIND).iter().filter(of_this).map(refund);
    let happened: String = refunded.chain(book.all(disputes::KIND).iter().filter(of_this).map(dispute)).collect();
    let list = if happened.is_empty() { happened } else { format!("<ul>{happened}</ul>") };
    let email = if email.is_empty() { "nobody yet" } else { email };
    format!(
        "<section class=\"card\"><h2>{} · {} <span class=\"state {state}\">{}</span></h2>\
         <p class=\"soft\">{} · <code>{}</code> · for <code>{}</code></p>{parts}{list}</section>",
        money(session["amount_total"].as_i64().unwrap_or_default(), currency),
        escape(&names.join(", ")),
        state.replace('_', " "),
        escape(email),
        escape(text(session, "id")),
        escape(text(session, "client_reference_id")),
    )
}

fn is_under_way(book: &Book, session: &Value) -> bool {
    let intent = book.get(text(session, "payment_intent"));
    session["payment_status"] == "unpaid" && intent.is_some_and(|intent| intent["status"] == "processing")
}

fn refund(refund: &Value) -> String {
    let (id, status) = (text(refund, "id"), text(refund, "status"));
    let mut may = Vec::new();
    if status == "pending" {
        may.push(button("refund_succeeds", id, "Arrives"));
        may.push(button("refund_cancelled", id, "Cancel"));
    }
    if matches!(status, "pending" | "succeeded") {
        may.push(button("refund_fails", id, "Comes back (fails)"));
    }
    item("Refund", refund, status, &may)
}

fn dispute(dispute: &Value) -> String {
    let (id, status) = (text(dispute, "id"), text(dispute, "status"));
    let may = match status {
        "needs_response" | "under_review" => {
            vec![button("dispute_won", id, "We win"), button("dispute_lost", id, "We lose")]
        }
        "warning_needs_response" => vec![button("escalate", id, "Funds withdrawn"), button("dispute_won", id, "Close")],
        _ => Vec::new(),
    };
    item("Dispute", dispute, status, &may)
}

fn item(what: &str, object: &Value, status: &str, may: &[String]) -> String {
    let sum = money(object["amount"].as_i64().unwrap_or_default(), text(object, "currency"));
    let said = status.replace('_', " ");
    format!(
        "<li>{what} of {sum} <span class=\"state {status}\">{said}</span> <code>{}</code>{}</li>",
        text(object, "id"),
        acts(may)
    )
}

fn acts(forms: &[String]) -> String {
    if forms.is_empty() { String::new() } else { format!("<div class=\"acts\">{}</div>", forms.concat()) }
}

fn open_link(session: &str) -> String {
    format!("<a href=\"/c/pay/{session}\">Checkout page</a>")
}

fn button(act: &str, id: &str, label: &str) -> String {
    form(act, id, &format!("<button>{label}</button>"))
}

fn with_amount(act: &str, id: &str, label: &str, is_pending: bool) -> String {
    let pending = if is_pending { "<input type=\"hidden\" name=\"is_pending\" value=\"true\">" } else { "" };
    let fields = format!(
        "<input name=\"amount\" inputmode=\"decimal\" placeholder=\"all\" aria-label=\"{label}: how much\">{pending}<button>{label}</button>"
    );
    form(act, id, &fields)
}

fn form(act: &str, id: &str, inside: &str) -> String {
    let id = escape(id);
    format!(
        "<form method=\"post\" action=\"/operator/acts\"><input type=\"hidden\" name=\"act\" value=\"{act}\">\
         <input type=\"hidden\" name=\"id\" value=\"{id}\">{inside}</form>"
    )
}
