//! The page a person meets at a vendor: one plain form, no script. A program can post the same form.
//! Keeps no session: what it was asked with travels in hidden fields and is checked again on the way back.
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::params::Params;
use super::people::{KNOWN, Person};

const STYLE: &str = include_str!("consent.css");
const POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
const OURS: [&str; 3] = ["person", "known", "decision"];

pub struct Ask<'a> {
    pub vendor: &'a str,
    pub action: &'a str,
    pub returns_to: &'a str,
    pub wants: Vec<&'static str>,
    pub params: &'a Params,
    /// Parameter that preselects a person.
    pub hint: &'a str,
}

pub enum Decision {
    Allow(Person),
    Deny,
    Again(&'static str),
}

/// Denying wins; a known person's button allows by itself.
pub fn decision(params: &Params) -> Decision {
    let chosen = params.get("known").or_else(|| params.get("person")).unwrap_or_default();
    match (params.get("decision"), params.get("known")) {
        (Some("deny"), _) => Decision::Deny,
        (Some("allow"), _) | (None, Some(_)) => match Person::called(chosen) {
            Ok(person) => Decision::Allow(person),
            Err(why) => Decision::Again(why),
        },
        _ => Decision::Again("Choose Allow or Deny."),
    }
}

pub fn page(ask: &Ask<'_>, trouble: Option<&str>) -> HttpResponse {
    let vendor = ask.vendor;
    let wants: String = ask.wants.iter().map(|want| format!("<li>{want}</li>")).collect();
    let person = escape(ask.params.get("person").or_else(|| ask.params.get(ask.hint)).unwrap_or_default());
    let trouble_shown =
        trouble.map_or_else(String::new, |why| format!("<p class=\"trouble\" role=\"alert\">{why}</p>"));
    let hidden: String = ask
        .params
        .iter()
        .filter(|(name, _)| !OURS.contains(name))
        .map(|(name, value)| format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">\n", escape(name), escape(value)))
        .collect();
    let people: String = KNOWN
        .iter()
        .map(|known| {
            let (name, note) = (escape(known.name), known.note);
            let note = if note.is_empty() { String::new() } else { format!("<small>{note}</small>") };
            format!("<button type=\"submit\" name=\"known\" value=\"{name}\" formnovalidate>{name}{note}</button>\n")
        })
        .collect();
    let (action, returns_to) = (escape(ask.action), escape(ask.returns_to));
    let body = format!(
        r#"<form class="card" method="post" action="{action}">
<h1>Lapidary asks to sign you in with {vendor}</h1>
<p>It will see:</p>
<ul>{wants}</ul>
<p class="soft">You go back to {returns_to}</p>
{trouble_shown}{hidden}<label for="person">Who are you?</label>
<input type="text" id="person" name="person" value="{person}" autocomplete="off" spellcheck="false" autofocus
  placeholder="Any name, or an e-mail address">
<div class="row"><button type="submit" class="go" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny" formnovalidate>Deny</button></div>
<h2>Or be one of these</h2>
<div class="people">
{people}</div>
</form>"#
    );
    let status = if trouble.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    frame(status, vendor, &format!("Sign in with {vendor}"), &body)
}

/// For requests that must not be sent back anywhere, because nobody vouches for where they came from.
pub fn refusal(vendor: &str, status: StatusCode, code: &str, why: &str) -> HttpResponse {
    let (code, why) = (escape(code), escape(why));
    let body = format!(
        "<div class=\"card\"><h1>Access blocked: this request is invalid</h1><p>{why}</p><p class=\"soft\">Error: {code}</p></div>"
    );
    frame(status, vendor, "Access blocked", &body)
}

fn frame(status: StatusCode, vendor: &str, title: &str, body: &str) -> HttpResponse {
    let page = format!(
        r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title} (sandbox)</title><link rel="icon" href="data:,">
<style>{STYLE}</style></head>
<body><main>
<p class="mark"><strong>Sandbox.</strong> This is not {vendor}. It runs on your machine, knows no password and lets you be anyone.</p>
{body}
</main></body>
</html>
"#
    );
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header(("Content-Security-Policy", POLICY))
        .insert_header(("Cache-Control", "no-store"))
        .insert_header(("Referrer-Policy", "no-referrer"))
        .insert_header(("X-Frame-Options", "DENY"))
        .body(page)
}

fn escape(text: &str) -> String {
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
