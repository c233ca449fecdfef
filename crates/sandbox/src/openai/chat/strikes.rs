//! What each fault of vendor `chat` does to a completion. A kind that is not listed here never strikes it.
use std::time::Duration;

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::super::refusal::Refusal;
use super::super::strikes as images;
use super::ask::{Ask, Format};
use crate::faults::Fault;

/// Every kind of fault the language model knows.
pub const KINDS: &[&str] = &[
    "refusal",
    "content_filter",
    "content_filter_error",
    "bad_request",
    "invalid_api_key",
    "forbidden",
    "model_not_found",
    "rate_limited",
    "quota_exhausted",
    "server_error",
    "overloaded",
    "hang",
    "slow_body",
    "cut_body",
    "junk_html",
    "html_error",
    "error_in_200",
    "empty_choices",
    "null_content",
    "cut_content",
    "junk_content",
    "few_sections",
    "few_values",
    "duplicate_values",
    "long_values",
    "nul_values",
    "repeat_sections",
    "fenced",
    "thinking",
    "parts",
    "no_json_schema",
    "no_response_format",
    "answer_with",
];

#[derive(Debug)]
pub enum Strike {
    None,
    Refuse(Refusal),
    Answer(HttpResponse),
    Hang(Duration),
    /// The answer in many pieces, or only half of it.
    Body(images::Strike),
    /// What it says is another thing; by the fault's kind.
    Spoil(String, Value),
}

pub fn of(fault: &Fault, request_id: &str, ask: &Ask) -> Strike {
    let seconds =
        |default: f64| Duration::try_from_secs_f64(fault.value.as_f64().unwrap_or(default)).unwrap_or_default();
    match fault.kind.as_str() {
        "hang" => Strike::Hang(seconds(600.0)),
        "slow_body" => Strike::Body(images::Strike::SlowBody(seconds(3.0))),
        "cut_body" => Strike::Body(images::Strike::CutBody),
        "answer_with" => match images::answer_with(&fault.value) {
            images::Strike::Answer(answer) => Strike::Answer(answer),
            _ => Strike::None,
        },
        "junk_html" => {
            Strike::Answer(HttpResponse::Ok().content_type("text/html").body("<title>Just a moment…</title>"))
        }
        "html_error" => {
            let status = images::status(&fault.value, 502);
            Strike::Answer(HttpResponse::build(status).content_type("text/html").body("<center>nginx</center>"))
        }
        "error_in_200" => {
            let refusal = Refusal::new(200, "server_error", "", "The upstream model failed.");
            Strike::Answer(HttpResponse::Ok().json(refusal.body()))
        }
        "no_json_schema" if !matches!(ask.format, Format::Schema(_)) => Strike::None,
        "no_response_format" if ask.format == Format::Text => Strike::None,
        "no_json_schema" => {
            Strike::Refuse(Refusal::value("response_format.type", "json_schema", &["json_object", "text"]))
        }
        "no_response_format" => {
            let detail = json!([{"type": "extra_forbidden", "loc": ["body", "response_format"], "msg": "Extra inputs are not permitted"}]);
            Strike::Answer(HttpResponse::UnprocessableEntity().json(json!({"detail": detail})))
        }
        kind => match refusal(kind, fault, request_id, ask) {
            Some(refusal) => Strike::Refuse(refusal),
            None => Strike::Spoil(kind.to_owned(), fault.value.clone()),
        },
    }
}

fn refusal(kind: &str, fault: &Fault, request_id: &str, ask: &Ask) -> Option<Refusal> {
    Some(match kind {
        "content_filter_error" => {
            let text = "Your prompt was flagged as potentially violating our usage policy. Please try again with a different prompt.";
            Refusal::invalid("messages", "content_filter", text)
        }
        "bad_request" => Refusal::invalid("messages", "invalid_value", "Invalid value."),
        "invalid_api_key" => Refusal::invalid_api_key("Incorrect API key provided: ****gone."),
        "forbidden" => Refusal::new(403, "invalid_request_error", "", "Your project has no access to this model."),
        "model_not_found" => Refusal::model_not_found(&ask.model),
        // `value`: seconds for the header, or null for none.
        "rate_limited" => images::rate_limited(kind, fault),
        "quota_exhausted" => {
            let text = "You exceeded your current quota, please check your plan and billing details.";
            Refusal::new(429, "insufficient_quota", "insufficient_quota", text)
        }
        "server_error" => {
            let text = format!("The server had an error while processing your request. (request ID {request_id})");
            Refusal::new(500, "server_error", "", text)
        }
        "overloaded" => {
            let text = "The engine is currently overloaded, please try again later.";
            Refusal::new(503, "service_unavailable_error", "slow_down", text)
        }
        _ => return None,
    })
}

/// The message and why it ended.
pub fn spoil(said: Value, strike: &Strike) -> (Value, &'static str) {
    let message = |content: Value| json!({"role": "assistant", "content": content, "refusal": null, "annotations": []});
    let Strike::Spoil(kind, value) = strike else { return (message(json!(said.to_string())), "stop") };
    let text = said.to_string();
    match kind.as_str() {
        "refusal" => {
            let words = value.as_str().unwrap_or("I'm sorry, I can't help with that.");
            (json!({"role": "assistant", "content": null, "refusal": words, "annotations": []}), "stop")
        }
        "content_filter" => (message(json!("")), "content_filter"),
        "null_content" => (message(Value::Null), "stop"),
        "cut_content" => {
            let half: String = text.chars().take(text.chars().count() / 2).collect();
            (message(json!(half)), "length")
        }
        "junk_content" => (message(json!(value.as_str().unwrap_or("Certainly! Which picture do you mean?"))), "stop"),
        "fenced" => (message(json!(format!("Here you are:\n\n```json\n{text}\n```\n"))), "stop"),
        "thinking" => (message(json!(format!("<think>\n{{\"sections\": maybe}}\n</think>\n{text}"))), "stop"),
        "parts" => (message(json!([{"type": "text", "text": text}])), "stop"),
        kind => (message(json!(spoilt(said, kind).to_string())), "stop"),
    }
}

/// Sections with something wrong in each.
fn spoilt(mut said: Value, kind: &str) -> Value {
    let Some(sections) = said["sections"].as_array_mut() else { return said };
    if kind == "few_sections" {
        sections.truncate(2);
    }
    for section in sections {
        if kind == "repeat_sections" {
            section["name"] = json!("  light ");
        }
        let Some(values) = section["values"].as_array_mut() else { continue };
        match kind {
            "few_values" => values.truncate(9),
            "duplicate_values" => {
                let first = values.first().and_then(Value::as_str).unwrap_or_default().to_owned();
                for (nth, value) in values.iter_mut().enumerate().skip(1) {
                    *value = if nth % 2 == 0 { json!(first.to_uppercase()) } else { json!(format!("  {first} ")) };
                }
            }
            "long_values" => values.iter_mut().for_each(|value| *value = json!("very ".repeat(40))),
            "nul_values" => values.iter_mut().for_each(|value| *value = json!(format!("a\u{0}{value}"))),
            _ => {}
        }
    }
    said
}

pub fn deliver(mut body: Value, strike: &Strike) -> HttpResponse {
    if matches!(strike, Strike::Spoil(kind, _) if kind == "empty_choices") {
        body["choices"] = json!([]);
    }
    let whole = images::Strike::None;
    images::deliver(body.to_string(), if let Strike::Body(strike) = strike { strike } else { &whole })
}
