//! The way of one API request: key, version, encoding, fault, idempotency, execution, answer.
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::answers::{self, Call};
use super::book::{API_VERSION, Book, Cause, new_id};
use super::form;
use super::idempotency::{self, Answer, Claim};
use super::params::Params;
use super::refusal::Refusal;
use super::strikes::{self, Strike};
use super::{SECRET_KEY, Vendor};

const SILENCE: Duration = Duration::from_secs(3600);
const FORM: &str = "application/x-www-form-urlencoded";

/// Everything under `/v1`.
pub async fn answer(vendor: web::Data<Vendor>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let request_id = new_id("req_", 14);
    // A task of its own: a caller that hangs up does not undo what has begun.
    let (vendor, id) = (vendor.into_inner(), request_id.clone());
    let asked = read(&request, &body);
    vendor.remember(&request, &asked, &body);
    let outcome = match asked {
        Ok(asked) => match actix_web::rt::spawn(async move { decide(&vendor, asked, &id).await }).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::refused(&Refusal::new(500, "api_error", "The sandbox broke."), &request_id),
        },
        Err(refusal) => Outcome::refused(&refusal, &request_id),
    };
    outcome.send(&request_id)
}

/// A request that is well-formed.
pub struct Checked {
    pub method: String,
    pub path: String,
    pub encoded: Vec<u8>,
    pub key: Option<String>,
}

enum Outcome {
    Answer {
        answer: Answer,
        is_replayed: bool,
    },
    /// The connection ends without a word.
    Nothing,
}

impl Outcome {
    fn refused(refusal: &Refusal, request_id: &str) -> Self {
        let answer = Answer { status: refusal.status, body: refusal.body(request_id) };
        Self::Answer { answer, is_replayed: false }
    }

    fn send(self, request_id: &str) -> HttpResponse {
        let Self::Answer { answer, is_replayed } = self else {
            let broken = std::io::Error::other("the line was cut");
            return HttpResponse::Ok().streaming(futures_util::stream::iter([Err::<web::Bytes, _>(broken)]));
        };
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        response.insert_header(("Request-Id", request_id)).insert_header(("Stripe-Version", API_VERSION));
        if is_replayed {
            response.insert_header(("Idempotent-Replayed", "true"));
        }
        response.content_type("application/json").body(pretty(&answer.body))
    }
}

/// The vendor indents what it sends.
pub fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn read(request: &HttpRequest, body: &[u8]) -> Result<Checked, Refusal> {
    let headers = request.headers();
    check_key(headers)?;
    let version = header(headers, "stripe-version").unwrap_or(API_VERSION);
    if !is_known_version(version) {
        let text = format!("Invalid Stripe API version: {version}");
        return Err(Refusal::invalid(text));
    }
    let method = request.method().as_str().to_owned();
    let (query, is_get) = (request.query_string(), method == "GET");
    if is_get && !body.is_empty() {
        return Err(Refusal::invalid("GET requests have no body; send parameters in the query."));
    }
    if !is_get && !query.is_empty() {
        return Err(Refusal::invalid("Send parameters in the body of this request, not in its query."));
    }
    let declared = header(headers, CONTENT_TYPE.as_str()).and_then(|kind| kind.split(';').next()).unwrap_or_default();
    if !body.is_empty() && !declared.trim().eq_ignore_ascii_case(FORM) {
        let text = format!(
            "Invalid request (check that your POST content type is {FORM}). If you have questions, we can help."
        );
        return Err(Refusal::invalid(text));
    }
    let encoded = if is_get { query.as_bytes().to_vec() } else { body.to_vec() };
    let key = header(headers, "idempotency-key").filter(|_| method == "POST").map(str::to_owned);
    Ok(Checked { method, path: request.match_info().query("path").to_owned(), encoded, key })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// `Bearer` or `Basic` with the key as the user.
fn check_key(headers: &HeaderMap) -> Result<(), Refusal> {
    let given = header(headers, "authorization").unwrap_or_default();
    let key = match given.split_once(' ') {
        Some((kind, token)) if kind.eq_ignore_ascii_case("bearer") => token.trim().to_owned(),
        Some((kind, token)) if kind.eq_ignore_ascii_case("basic") => {
            let user = BASE64_STANDARD.decode(token.trim()).ok().and_then(|pair| String::from_utf8(pair).ok());
            user.as_deref().and_then(|pair| pair.split(':').next()).unwrap_or_default().to_owned()
        }
        _ => {
            let text = "You did not provide an API key. You need to provide your API key in the Authorization header, using \
                        Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').";
            return Err(Refusal::new(401, "invalid_request_error", text));
        }
    };
    if key == SECRET_KEY {
        return Ok(());
    }
    let end: String = key.chars().skip(key.chars().count().saturating_sub(4)).collect();
    Err(Refusal::new(401, "invalid_request_error", format!("Invalid API Key provided: ********{end}")))
}

/// Any month of the release that callers are written for.
pub fn is_known_version(version: &str) -> bool {
    let Some(date) = version.strip_suffix(".endive") else { return false };
    date.len() == 10 && chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").is_ok()
}

async fn decide(vendor: &Vendor, asked: Checked, request_id: &str) -> Outcome {
    let strike = strikes::of_request(&vendor.faults, &asked);
    // Before the key is taken: whoever gives up may come again with it.
    match &strike {
        Strike::Refuse(refusal) => return Outcome::refused(refusal, request_id),
        Strike::Hang => {
            tokio::time::sleep(SILENCE).await;
            return Outcome::Nothing;
        }
        _ => {}
    }
    let what = format!("{} /v1/{}?{}", asked.method, asked.path, String::from_utf8_lossy(&asked.encoded));
    if let Some(key) = &asked.key {
        let claimed = idempotency::claim(&mut vendor.book(), key, &what);
        match claimed {
            Ok(Claim::Ours) => {}
            Ok(Claim::Replay(answer)) => return Outcome::Answer { answer, is_replayed: true },
            Err(refusal) => return Outcome::refused(&refusal, request_id),
        }
    }
    if let Strike::Slow(time) = strike {
        tokio::time::sleep(time).await;
    }
    let answer = execute(&mut vendor.book(), &asked, request_id, &strike);
    vendor.changed();
    match strike {
        Strike::LoseAnswer => Outcome::Nothing,
        _ => Outcome::Answer { answer, is_replayed: false },
    }
}

fn execute(book: &mut Book, asked: &Checked, request_id: &str, strike: &Strike) -> Answer {
    let refusal_of = |refusal: &Refusal| Answer { status: refusal.status, body: refusal.body(request_id) };
    let kept = match strike {
        Strike::Keep(refusal) => Ok(refusal_of(refusal)),
        _ => {
            book.cause = Cause { request_id: Some(request_id.to_owned()), idempotency_key: asked.key.clone() };
            let done = form::parse(&asked.encoded).and_then(|form| {
                let refund_is_pending = matches!(strike, Strike::PendingRefund);
                let params = Params::of(form);
                answers::answer(book, Call { method: &asked.method, path: &asked.path, params, refund_is_pending })
            });
            book.cause = Cause::default();
            done.map(|body| Answer { status: 200, body })
        }
    };
    match (&asked.key, &kept) {
        (Some(key), Ok(answer)) => idempotency::keep(book, key, answer.clone()),
        // Nothing has begun: the key may be used again.
        (Some(key), Err(_)) => idempotency::release(book, key),
        (None, _) => {}
    }
    kept.unwrap_or_else(|refusal| refusal_of(&refusal))
}
