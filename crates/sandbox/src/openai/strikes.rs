//! What each fault does to an answer. A kind that is not listed here never strikes the image endpoints.
use std::time::{Duration, SystemTime};

use actix_web::{
    HttpResponse,
    http::{StatusCode, header::HttpDate},
    web::Bytes,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};

use super::{order::Order, picture, ready::Wanted, refusal::Refusal};
use crate::faults::Fault;

/// Every kind of fault the image endpoints know.
pub const KINDS: &[&str] = &[
    "moderation_blocked",
    "content_policy_violation",
    "billing_hard_limit",
    "rate_limited",
    "retry_after_ms",
    "quota_exhausted",
    "server_error",
    "overloaded",
    "hang",
    "slow_body",
    "cut_body",
    "cut_stream",
    "wrong_mime",
    "junk_html",
    "empty_data",
    "error_in_200",
    "error_string",
    "error_detail",
    "not_an_image",
    "huge_image",
    "invalid_b64",
    "wrong_size",
    "model_not_found",
    "invalid_api_key",
    "url_answer",
    "private_url",
    "fewer_images",
    "ready_picture",
    "stream_error",
    "stream_refused",
    "form_refused",
    "stream_ignored",
    "bad_partial",
    "done_marker",
    "retry_after_date",
    "should_retry",
    "conflict",
    "request_timeout",
    "forbidden",
    "html_error",
    "answer_with",
];

#[derive(Debug)]
pub enum Strike {
    None,
    Refuse(Refusal),
    Answer(HttpResponse),
    Hang(Duration),
    SlowBody(Duration),
    CutBody,
    CutStream,
    WrongMime,
    EmptyData,
    NotAnImage,
    HugeImage,
    InvalidB64,
    WrongSize,
    UrlAnswer,
    PrivateUrl,
    FewerImages,
    Ready(Wanted),
    /// An error where the picture should come.
    StreamError(Refusal),
    /// One plain answer, as from a server that knows no streams.
    StreamIgnored,
    /// Partial pictures that are none.
    BadPartial,
    /// `[DONE]` after the last event.
    DoneMarker,
}

/// What this fault means for this order.
pub fn of(fault: &Fault, request_id: &str, order: &Order) -> Strike {
    let seconds = |default: f64| {
        Duration::try_from_secs_f64(fault.value.as_f64().unwrap_or(default)).unwrap_or(Duration::from_secs(3600))
    };
    match fault.kind.as_str() {
        "hang" => Strike::Hang(seconds(600.0)),
        "slow_body" => Strike::SlowBody(seconds(3.0)),
        "cut_body" => Strike::CutBody,
        "cut_stream" => Strike::CutStream,
        "wrong_mime" => Strike::WrongMime,
        "empty_data" => Strike::EmptyData,
        "not_an_image" => Strike::NotAnImage,
        "huge_image" => Strike::HugeImage,
        "invalid_b64" => Strike::InvalidB64,
        "wrong_size" => Strike::WrongSize,
        "url_answer" => Strike::UrlAnswer,
        "private_url" => Strike::PrivateUrl,
        "fewer_images" => Strike::FewerImages,
        "ready_picture" => Strike::Ready(Wanted::read(&fault.value)),
        "junk_html" => {
            let page = "<!doctype html><title>Just a moment…</title><p>Checking your browser.</p>";
            Strike::Answer(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page))
        }
        "error_in_200" => {
            let refusal = Refusal::new(200, "server_error", "", "The upstream model failed.");
            Strike::Answer(HttpResponse::Ok().json(refusal.body()))
        }
        "error_string" => {
            let text = fault.value.as_str().unwrap_or("the model is not loaded");
            Strike::Answer(HttpResponse::InternalServerError().json(json!({"error": text})))
        }
        "error_detail" => {
            if let Some(detail) = fault.value.as_str() {
                return Strike::Answer(HttpResponse::ServiceUnavailable().json(json!({"detail": detail})));
            }
            let detail = json!([{"type": "value_error", "loc": ["body", "size"], "msg": "size is not supported"}]);
            Strike::Answer(HttpResponse::UnprocessableEntity().json(json!({"detail": detail})))
        }
        "stream_ignored" => Strike::StreamIgnored,
        "bad_partial" => Strike::BadPartial,
        "done_marker" => Strike::DoneMarker,
        "stream_error" => stream_error(fault, order),
        "stream_refused" => stream_refused(fault, order),
        "form_refused" => form_refused(fault, order),
        "html_error" => {
            let page = "<html><head><title>Bad gateway</title></head><body><center>nginx</center></body></html>";
            Strike::Answer(HttpResponse::build(status(&fault.value, 502)).content_type("text/html").body(page))
        }
        "answer_with" => answer_with(&fault.value),
        kind => Strike::Refuse(refusal(kind, fault, request_id, order)),
    }
}

pub fn status(value: &Value, default: u16) -> StatusCode {
    let given = value.as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(default);
    StatusCode::from_u16(given).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// `value`: the error's code. A plain request gets it as a body with 200.
fn stream_error(fault: &Fault, order: &Order) -> Strike {
    let code = fault.value.as_str().unwrap_or("server_error");
    let refusal = Refusal::new(200, "image_generation_error", code, "The picture could not be finished.");
    if order.stream.is_some() {
        return Strike::StreamError(refusal);
    }
    Strike::Answer(HttpResponse::Ok().json(refusal.body()))
}

/// `value`: the parameter that is not known, or `detail` for FastAPI's shape. Strikes only who streams.
fn stream_refused(fault: &Fault, order: &Order) -> Strike {
    if order.stream.is_none() {
        return Strike::None;
    }
    match fault.value.as_str() {
        Some("detail") => {
            let detail = json!([{"type": "extra_forbidden", "loc": ["body", "stream"], "msg": "Extra inputs are not permitted"}]);
            Strike::Answer(HttpResponse::UnprocessableEntity().json(json!({"detail": detail})))
        }
        name => Strike::Refuse(Refusal::unknown_parameter(name.unwrap_or("stream"))),
    }
}

/// `value`: the status, 415 or 404. Strikes only who sends a form.
fn form_refused(fault: &Fault, order: &Order) -> Strike {
    if !order.edit.as_ref().is_some_and(|edit| edit.is_form) {
        return Strike::None;
    }
    Strike::Answer(HttpResponse::build(status(&fault.value, 415)).content_type("text/plain").body("no forms here"))
}

/// `value`: {"status", "headers": {name: text}, "body": JSON, or text that is sent as it is}.
pub fn answer_with(value: &Value) -> Strike {
    let mut answer = HttpResponse::build(status(&value["status"], 200));
    for (name, text) in value["headers"].as_object().into_iter().flatten() {
        answer.insert_header((name.as_str(), text.as_str().unwrap_or_default()));
    }
    Strike::Answer(match &value["body"] {
        Value::String(text) => answer.content_type("text/plain").body(text.clone()),
        body => answer.json(body),
    })
}

fn refusal(kind: &str, fault: &Fault, request_id: &str, order: &Order) -> Refusal {
    let wanted = |default: &str| fault.value.as_str().unwrap_or(default).to_owned();
    match kind {
        "moderation_blocked" => {
            let why = wanted("violence");
            let text = format!(
                "Your request was rejected by the safety system. If you believe this is an error, contact us at \
                 help.openai.com and include the request ID {request_id}. safety_violations=[{why}]."
            );
            Refusal::new(400, "image_generation_user_error", "moderation_blocked", text)
        }
        "content_policy_violation" => {
            let text = "Your request was rejected as a result of our safety system. Your prompt may contain text that \
                        is not allowed by our safety system.";
            Refusal::new(400, "invalid_request_error", "content_policy_violation", text)
        }
        "billing_hard_limit" => {
            let text = "Billing hard limit has been reached.";
            Refusal::new(400, "invalid_request_error", "billing_hard_limit_reached", text)
        }
        "rate_limited" | "retry_after_ms" | "retry_after_date" => rate_limited(kind, fault),
        "should_retry" => should_retry(fault.value.as_bool().unwrap_or(false)),
        "conflict" => Refusal::new(409, "invalid_request_error", "", "Another request is under way."),
        "request_timeout" => Refusal::new(408, "server_error", "", "The request took too long to arrive."),
        "forbidden" => {
            let text = "Your organization must be verified to use this model.";
            Refusal::new(403, "invalid_request_error", &wanted(""), text)
        }
        "quota_exhausted" => {
            let text = "You exceeded your current quota, please check your plan and billing details.";
            Refusal::new(429, "insufficient_quota", &wanted("credit_balance_exhausted"), text)
        }
        "overloaded" => {
            let text = "The engine is currently overloaded, please try again later.";
            Refusal::new(503, "service_unavailable_error", &wanted("slow_down"), text)
        }
        "model_not_found" => Refusal::model_not_found(order.model.map_or("dall-e-3", |model| model.id)),
        "invalid_api_key" => Refusal::invalid_api_key("Incorrect API key provided: ****gone."),
        _ => {
            let text = format!(
                "The server had an error while processing your request. Sorry about that! (request ID {request_id})"
            );
            Refusal::new(500, "server_error", "", text)
        }
    }
}

/// `x-should-retry` against what the status would say: false with a 500, true with a 400.
fn should_retry(it_should: bool) -> Refusal {
    let (status, kind) = if it_should { (400, "invalid_request_error") } else { (500, "server_error") };
    Refusal::new(status, kind, "", "The provider knows better.").header("x-should-retry", it_should)
}

/// `value`: seconds for the header, or null for none; with `retry_after_ms` milliseconds, with `retry_after_date` seconds
/// from now, said as a date.
pub fn rate_limited(kind: &str, fault: &Fault) -> Refusal {
    let value = fault.value.as_f64();
    let in_milliseconds = kind == "retry_after_ms";
    let seconds = if in_milliseconds { value.unwrap_or(1500.0) / 1000.0 } else { value.unwrap_or(51.84) };
    let text = format!("You've exceeded the rate limit, please slow down and try again after {seconds} seconds.");
    let refusal = Refusal::new(429, "requests", "rate_limit_exceeded", text);
    match value {
        _ if kind == "retry_after_date" => {
            let at = SystemTime::now() + Duration::try_from_secs_f64(seconds).unwrap_or_default();
            refusal.header("retry-after", HttpDate::from(at))
        }
        _ if in_milliseconds => refusal.header("retry-after-ms", value.unwrap_or(1500.0)),
        Some(value) => refusal.header("retry-after", value),
        None => refusal,
    }
}

/// One entry of `data`, honest through `make` or as the strike has it.
pub fn image(bytes: Vec<u8>, strike: &Strike, make: impl FnOnce(Vec<u8>) -> Value) -> Value {
    match strike {
        Strike::NotAnImage => make(b"This is a sentence and not a picture.".to_vec()),
        Strike::HugeImage => make(picture::bomb()),
        Strike::InvalidB64 => json!({"b64_json": format!("%{}%", BASE64_STANDARD.encode(b"no base64"))}),
        Strike::PrivateUrl => json!({"url": "http://169.254.169.254/latest/meta-data/iam/security-credentials/"}),
        _ => make(bytes),
    }
}

/// Sends a JSON body, as a whole or as the strike has it.
pub fn deliver(body: String, strike: &Strike) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer.content_type(if matches!(strike, Strike::WrongMime) { "text/html" } else { "application/json" });
    match strike {
        Strike::SlowBody(time) => answer.streaming(drip(body, *time)),
        Strike::CutBody | Strike::CutStream => answer.streaming(cut(body)),
        _ => answer.body(body),
    }
}

fn drip(body: String, time: Duration) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    const PARTS: usize = 12;
    let pause = time / PARTS as u32;
    let body = Bytes::from(body);
    let size = body.len().div_ceil(PARTS).max(1);
    let parts: Vec<Bytes> =
        (0..body.len()).step_by(size).map(|at| body.slice(at..(at + size).min(body.len()))).collect();
    stream::iter(parts).then(move |part| async move {
        tokio::time::sleep(pause).await;
        Ok(part)
    })
}

/// Half of it, then the connection breaks.
pub fn cut(body: String) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    let body = Bytes::from(body);
    let half = body.slice(..body.len() / 2);
    // A pause lets the first half reach the wire before the connection goes.
    stream::iter([Ok(half), Err(std::io::Error::other("the line was cut"))]).then(|part| async move {
        if part.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        part
    })
}
