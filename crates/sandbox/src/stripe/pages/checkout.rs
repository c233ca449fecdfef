//! The hosted checkout page: pay, decline, pay later, close. One form; a script can post it as a person does.
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::Value;

use super::super::Vendor;
use super::super::acts::{Act, perform};
use super::super::book::{Book, text};
use super::super::refusal::Refusal;
use super::super::sessions::KIND;
use super::frame::{escape, go_to, money, nothing_here, page};

/// What the vendor's own pages replace.
const PLACE_OF_ID: &str = "{CHECKOUT_SESSION_ID}";

#[derive(Deserialize)]
pub struct Choice {
    /// `pay`, `decline`, `pay_later` or `close`.
    decision: String,
    #[serde(default)]
    email: String,
}

#[derive(Default, Deserialize)]
pub struct Shown {
    declined: Option<String>,
}

pub async fn show(vendor: web::Data<Vendor>, id: web::Path<String>, shown: web::Query<Shown>) -> HttpResponse {
    let book = vendor.book();
    let Ok(session) = book.find(KIND, &id) else { return nothing_here("There is no such checkout.") };
    let trouble = shown.declined.as_deref().map(|_| "Your card was declined. Try another way to pay.");
    match text(session, "status") {
        "open" => form(&book, session, trouble, StatusCode::OK),
        status => over(session, status),
    }
}

pub async fn decide(vendor: web::Data<Vendor>, id: web::Path<String>, choice: web::Form<Choice>) -> HttpResponse {
    let (id, Choice { decision, email }) = (id.into_inner(), choice.into_inner());
    let email = Some(email).filter(|email| !email.trim().is_empty());
    let done = {
        let mut book = vendor.book();
        let Ok(session) = book.find(KIND, &id) else { return nothing_here("There is no such checkout.") };
        if decision == "close" {
            return match session["cancel_url"].as_str() {
                Some(back) => go_to(&with_id(back, &id)),
                None => nothing_here("The shop named no page to go back to."),
            };
        }
        choose(&mut book, &decision, &id, email)
    };
    vendor.changed();
    match done {
        Ok(()) if decision == "decline" => go_to(&format!("/c/pay/{id}?declined=card")),
        Ok(()) => go_to(&success(&vendor.book(), &id)),
        Err(refusal) => {
            let book = vendor.book();
            match book.find(KIND, &id) {
                Ok(session) if session["status"] == "open" => {
                    form(&book, session, Some(refusal.message()), StatusCode::UNPROCESSABLE_ENTITY)
                }
                Ok(session) => over(session, text(session, "status")),
                Err(_) => nothing_here("There is no such checkout."),
            }
        }
    }
}

fn choose(book: &mut Book, decision: &str, id: &str, email: Option<String>) -> Result<(), Refusal> {
    let id = id.to_owned();
    let act = match decision {
        "pay" => Act::Pay { id, email, presentment: None },
        "decline" => Act::Decline { id, email },
        "pay_later" => Act::PayLater { id, email },
        _ => return Err(Refusal::invalid("Choose how to go on.")),
    };
    perform(book, act).map(drop)
}

fn success(book: &Book, id: &str) -> String {
    let address = book.get(id).map(|session| text(session, "success_url").to_owned()).unwrap_or_default();
    with_id(&address, id)
}

fn with_id(address: &str, id: &str) -> String {
    address.replace(PLACE_OF_ID, id)
}

fn form(book: &Book, session: &Value, trouble: Option<&str>, status: StatusCode) -> HttpResponse {
    let id = text(session, "id");
    let currency = text(session, "currency");
    let lines: String = session["_line_items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|line| {
            let count = match line["quantity"].as_i64() {
                Some(1) | None => String::new(),
                Some(count) => format!(" × {count}"),
            };
            let price = money(line["amount_total"].as_i64().unwrap_or_default(), currency);
            format!("<tr><td>{}{count}</td><td class=\"number\">{price}</td></tr>", escape(text(line, "description")))
        })
        .collect();
    let total = money(session["amount_total"].as_i64().unwrap_or_default(), currency);
    let customer = book.get(text(session, "customer")).map(|one| text(one, "email")).unwrap_or_default();
    let email = if customer.is_empty() { text(session, "customer_email") } else { customer };
    let alert =
        trouble.map_or_else(String::new, |why| format!("<p class=\"trouble\" role=\"alert\">{}</p>", escape(why)));
    let close = match session["cancel_url"].is_string() {
        true => "<button type=\"submit\" name=\"decision\" value=\"close\" formnovalidate>Close</button>",
        false => "",
    };
    let body = format!(
        r#"<form class="card" method="post" action="/c/pay/{id}">
<h1>Checkout</h1>
<p class="total">{total}</p>
<table>{lines}</table>
{alert}<label for="email">E-mail</label>
<input type="email" id="email" name="email" value="{}" autocomplete="email" placeholder="you@example.test">
<p class="soft">Card 4242 4242 4242 4242 is filled in for you.</p>
<button type="submit" class="go" name="decision" value="pay">Pay {total}</button>
<div class="choices">
<button type="submit" name="decision" value="decline">Card is declined</button>
<button type="submit" name="decision" value="pay_later">Pay later by bank</button>
{close}
</div>
</form>"#,
        escape(email)
    );
    page(status, "Checkout", &body)
}

/// A session that cannot be paid any more.
fn over(session: &Value, status: &str) -> HttpResponse {
    let (title, why) = match (status, text(session, "payment_status")) {
        ("expired", _) => ("This checkout has expired", "Go back to the shop and begin again."),
        (_, "unpaid") => ("Your payment is under way", "The shop will hear from your bank."),
        _ => ("This is paid", "You need not pay again."),
    };
    let back = if status == "expired" { text(session, "cancel_url") } else { text(session, "success_url") };
    let link = match back.is_empty() {
        true => String::new(),
        false => format!("<p><a href=\"{}\">Back to the shop</a></p>", escape(&with_id(back, text(session, "id")))),
    };
    let body = format!("<div class=\"card\"><h1>{title}</h1><p>{why}</p>{link}</div>");
    page(StatusCode::OK, title, &body)
}
