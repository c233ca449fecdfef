//! What every page of the vendor has: a head, a style, a note that this is the sandbox, and no script.
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

const STYLE: &str = include_str!("page.css");
const POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

pub fn page(status: StatusCode, title: &str, body: &str) -> HttpResponse {
    let html = format!(
        r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{} (sandbox)</title><link rel="icon" href="data:,">
<style>{STYLE}</style></head>
<body><main>
<p class="mark"><strong>Sandbox.</strong> This is not Stripe. It runs on your machine and moves no money.</p>
{body}
</main></body>
</html>
"#,
        escape(title)
    );
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header(("Content-Security-Policy", POLICY))
        .insert_header(("Cache-Control", "no-store"))
        .insert_header(("Referrer-Policy", "no-referrer"))
        .insert_header(("X-Frame-Options", "DENY"))
        .body(html)
}

pub fn nothing_here(why: &str) -> HttpResponse {
    let body = format!("<div class=\"card\"><h1>Nothing here</h1><p>{}</p></div>", escape(why));
    page(StatusCode::NOT_FOUND, "Nothing here", &body)
}

pub fn go_to(address: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header(("location", address)).finish()
}

/// `1999`, `usd` → `19.99 USD`.
pub fn money(amount: i64, currency: &str) -> String {
    let code = currency.to_uppercase();
    match has_no_cents(currency) {
        true => format!("{amount} {code}"),
        false => {
            format!("{}{}.{:02} {code}", if amount < 0 { "−" } else { "" }, amount.abs() / 100, amount.abs() % 100)
        }
    }
}

/// `19.99` → 1999; None when it is no such number.
pub fn amount(text: &str, currency: &str) -> Option<i64> {
    let (whole, part) = text.trim().split_once(['.', ',']).unwrap_or((text.trim(), ""));
    let digits = |text: &str| text.chars().all(|letter| letter.is_ascii_digit());
    if has_no_cents(currency) {
        return whole.parse().ok().filter(|_| part.is_empty());
    }
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 2 {
        return None;
    }
    format!("{whole}{part:0<2}").parse().ok()
}

fn has_no_cents(currency: &str) -> bool {
    currency == "jpy"
}

pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_and_read_in_its_own_units() {
        assert_eq!(
            (money(1999, "usd"), money(5, "eur"), money(500, "jpy")),
            ("19.99 USD".into(), "0.05 EUR".into(), "500 JPY".into())
        );
        assert_eq!(
            (amount("19.99", "usd"), amount("5", "eur"), amount("0,5", "eur")),
            (Some(1999), Some(500), Some(50))
        );
        assert_eq!(
            (amount("500", "jpy"), amount("1.999", "usd"), amount("-1", "usd"), amount("", "usd")),
            (Some(500), None, None, None)
        );
    }
}
