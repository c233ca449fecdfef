//! What a buyer keeps or looks at: receipt, invoice and its PDF, the billing portal. Found by an address nobody guesses.
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde_json::Value;

use super::super::Vendor;
use super::super::book::{Book, text};
use super::frame::{escape, money, nothing_here, page};

/// The object of a page, if its address is the whole one.
fn at_its_address<'a>(book: &'a Book, id: &str, field: &str, path: &str) -> Option<&'a Value> {
    let address = format!("{}{path}", book.origin);
    // The port may be another one than when the page was made.
    let end = |text: &str| url::Url::parse(text).map(|url| url.path().to_owned()).unwrap_or_default();
    book.get(id).filter(|object| !text(object, field).is_empty() && end(text(object, field)) == end(&address))
}

pub async fn receipt(vendor: web::Data<Vendor>, at: web::Path<(String, String)>) -> HttpResponse {
    let (id, secret) = at.into_inner();
    let book = vendor.book();
    let path = format!("/receipts/{id}/{secret}");
    let Some(charge) = at_its_address(&book, &id, "receipt_url", &path) else {
        return nothing_here("No such receipt.");
    };
    let currency = text(charge, "currency");
    let paid = money(charge["amount"].as_i64().unwrap_or_default(), currency);
    let refunded = match charge["amount_refunded"].as_i64().unwrap_or_default() {
        0 => String::new(),
        amount => format!("<tr><td>Refunded</td><td class=\"number\">{}</td></tr>", money(amount, currency)),
    };
    let body = format!(
        r#"<div class="card"><h1>Receipt</h1><p class="total">{paid}</p>
<table><tr><td>Paid</td><td class="number">{}</td></tr><tr><td>By</td><td class="number">{}</td></tr>
<tr><td>Number</td><td class="number"><code>{}</code></td></tr>{refunded}</table></div>"#,
        day(&charge["created"]),
        escape(text(&charge["billing_details"], "email")),
        escape(&id),
    );
    page(StatusCode::OK, "Receipt", &body)
}

pub async fn invoice(vendor: web::Data<Vendor>, at: web::Path<(String, String)>) -> HttpResponse {
    let (id, secret) = at.into_inner();
    let book = vendor.book();
    let path = format!("/invoices/{id}/{secret}");
    let Some(invoice) = at_its_address(&book, &id, "hosted_invoice_url", &path) else {
        return nothing_here("No such invoice.");
    };
    let lines: String = lines(invoice)
        .map(|(what, price)| format!("<tr><td>{}</td><td class=\"number\">{price}</td></tr>", escape(what)))
        .collect();
    let body = format!(
        r#"<div class="card"><h1>Invoice {}</h1><p class="total">{}</p><p class="soft">Paid {} by {}</p>
<table>{lines}</table><p><a href="{}">Download as PDF</a></p></div>"#,
        escape(text(invoice, "number")),
        total(invoice),
        day(&invoice["created"]),
        escape(text(invoice, "customer_email")),
        escape(&format!("{path}/pdf")),
    );
    page(StatusCode::OK, "Invoice", &body)
}

pub async fn invoice_pdf(vendor: web::Data<Vendor>, at: web::Path<(String, String)>) -> HttpResponse {
    let (id, secret) = at.into_inner();
    let book = vendor.book();
    let path = format!("/invoices/{id}/{secret}/pdf");
    let Some(invoice) = at_its_address(&book, &id, "invoice_pdf", &path) else {
        return nothing_here("No such invoice.");
    };
    let mut written =
        vec![format!("Invoice {}", text(invoice, "number")), format!("Paid {}", day(&invoice["created"]))];
    written.push(text(invoice, "customer_email").to_owned());
    written.extend(lines(invoice).map(|(what, price)| format!("{what}: {price}")));
    written.push(format!("Total: {}", total(invoice)));
    let name = format!("inline; filename=\"Invoice-{}.pdf\"", text(invoice, "number"));
    HttpResponse::Ok().content_type("application/pdf").insert_header(("Content-Disposition", name)).body(pdf(&written))
}

/// A sheet of text, as small as a PDF can be.
fn pdf(lines: &[String]) -> String {
    let plain = |line: &String| -> String {
        line.chars()
            .filter(|letter| letter.is_ascii_graphic() || *letter == ' ')
            .filter(|letter| !"()\\".contains(*letter))
            .collect()
    };
    let shown: String = lines.iter().map(|line| format!("({}) Tj T*\n", plain(line))).collect();
    let text = format!("BT /F1 14 Tf 20 TL 72 760 Td\n{shown}ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let (mut file, mut places) = ("%PDF-1.4\n".to_owned(), String::new());
    for (number, object) in objects.iter().enumerate() {
        places += &format!("{:010} 00000 n \n", file.len());
        file += &format!("{} 0 obj\n{object}\nendobj\n", number + 1);
    }
    let (start, size) = (file.len(), objects.len() + 1);
    file += &format!("xref\n0 {size}\n0000000000 65535 f \n{places}");
    file += &format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n");
    file
}

/// The customer's invoices, and the way back.
pub async fn portal(vendor: web::Data<Vendor>, secret: web::Path<String>) -> HttpResponse {
    let book = vendor.book();
    let end = format!("/p/session/{secret}");
    let session = book.all("billing_portal.session").iter().find(|one| text(one, "url").ends_with(&end));
    let Some(session) = session else { return nothing_here("This link has expired.") };
    let customer = text(session, "customer");
    let invoices: String = book
        .all("invoice")
        .iter()
        .rev()
        .filter(|invoice| text(invoice, "customer") == customer)
        .map(|invoice| {
            let link = escape(text(invoice, "hosted_invoice_url"));
            format!(
                "<tr><td>{}</td><td><a href=\"{link}\">{}</a></td><td class=\"number\">{}</td></tr>",
                day(&invoice["created"]),
                escape(text(invoice, "number")),
                total(invoice)
            )
        })
        .collect();
    let shown =
        if invoices.is_empty() { "<p>No invoices yet.</p>".to_owned() } else { format!("<table>{invoices}</table>") };
    let email = book.get(customer).map(|one| text(one, "email")).unwrap_or_default();
    let back = match text(session, "return_url") {
        "" => String::new(),
        url => format!("<p><a href=\"{}\">Back to the shop</a></p>", escape(url)),
    };
    let body = format!(
        "<div class=\"card\"><h1>Billing</h1><p class=\"soft\">{}</p><h2>Invoices</h2>{shown}{back}</div>",
        escape(email)
    );
    page(StatusCode::OK, "Billing", &body)
}

fn lines(invoice: &Value) -> impl Iterator<Item = (&str, String)> {
    let currency = text(invoice, "currency");
    let price = move |line: &Value| money(line["amount"].as_i64().unwrap_or_default(), currency);
    invoice["lines"]["data"].as_array().into_iter().flatten().map(move |line| (text(line, "description"), price(line)))
}

fn total(invoice: &Value) -> String {
    money(invoice["total"].as_i64().unwrap_or_default(), text(invoice, "currency"))
}

fn day(at: &Value) -> String {
    let at = chrono::DateTime::from_timestamp(at.as_i64().unwrap_or_default(), 0).unwrap_or_default();
    at.format("%Y-%m-%d").to_string()
}
