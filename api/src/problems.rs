//! `/problems/{slug}`: what each `type` of a problem means and what to do, for people who follow it. Plain HTML without
//! scripts; words here, shapes in `contract`.
use actix_web::http::header;
use actix_web::{HttpResponse, web};
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lapidary_contract::ProblemType;

use crate::http::error::{ApiError, ApiResult};

/// The colours are the browser's own, light and dark.
const STYLE: &str = "body{max-width:42rem;margin:3rem auto;padding:0 1.25rem;color-scheme:light dark;background:Canvas;\
    color:CanvasText;font:1rem/1.6 system-ui,sans-serif}code,pre{font-family:ui-monospace,monospace}pre{overflow:auto}\
    h1{line-height:1.2}:root{color-scheme:light dark}";

pub fn configure(config: &mut web::ServiceConfig) {
    config.route("/problems", web::get().to(list)).route("/problems/{slug}", web::get().to(one));
}

async fn list() -> HttpResponse {
    let row = |problem: ProblemType| {
        let (slug, status, title) = (problem.slug(), problem.status(), problem.title());
        format!("<li><a href=\"/problems/{slug}\"><code>{slug}</code></a> · {status} · {title}</li>")
    };
    let rows: String = ProblemType::ALL.into_iter().map(row).collect();
    page("Problems", &format!("<p>Every error of the API is one of these (RFC 9457).</p><ul>{rows}</ul>"))
}

async fn one(slug: web::Path<String>) -> ApiResult<HttpResponse> {
    let problem = ProblemType::ALL.into_iter().find(|it| it.slug() == *slug).ok_or(ApiError::NotFound)?;
    let (slug, status, title) = (problem.slug(), problem.status(), problem.title());
    let (meaning, advice) = (meaning(problem), advice(problem));
    let body = format!(
        "<p>HTTP status {status} · <code>/problems/{slug}</code></p><p>{meaning}</p><h2>What to do</h2><p>{advice}</p>\
         <h2>What it looks like</h2><pre>{}</pre>\
         <p>Keep the <code>request_id</code>: it is what support and your own request log know the call by.</p>\
         <p><a href=\"/problems\">All problems</a> · <a href=\"/docs/\">The API</a></p>",
        example(problem)
    );
    Ok(page(title, &body))
}

fn example(problem: ProblemType) -> String {
    let (slug, title, status) = (problem.slug(), problem.title(), problem.status());
    let more = match problem {
        ProblemType::InsufficientGems => ",\n  \"required\": 16,\n  \"available\": 4,\n  \"debt\": 0",
        ProblemType::GemCapReached => {
            ",\n  \"required\": 16,\n  \"available\": 4,\n  \"resets_at\": \"2026-11-30T00:00:00Z\""
        }
        ProblemType::Invalid => {
            ",\n  \"errors\": [{\"pointer\": \"/prompt\", \"code\": \"too_long\", \"detail\": \"This is too long.\"}]"
        }
        _ => "",
    };
    format!(
        "{{\n  \"type\": \"/problems/{slug}\",\n  \"title\": \"{title}\",\n  \"status\": {status},\n  \
         \"detail\": \"…\",\n  \"request_id\": \"019ac0de-0000-7000-8000-000000000000\"{more}\n}}"
    )
}

fn page(title: &str, body: &str) -> HttpResponse {
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HttpResponse::Ok()
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .content_type("text/html; charset=utf-8")
        .body(format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title} · Lapidary</title>\
             <style>{STYLE}</style></head><body><main><h1>{title}</h1>{body}</main></body></html>"
        ))
}

/// What happened.
fn meaning(problem: ProblemType) -> &'static str {
    match problem {
        ProblemType::MalformedRequest => "The body is not JSON, or the query or a cursor cannot be read.",
        ProblemType::IdempotencyKeyRequired => {
            "What spends or buys needs a header <code>Idempotency-Key</code>, so that a retry is never a second purchase."
        }
        ProblemType::Unauthenticated => "The access token or API key is missing, wrong, expired or revoked.",
        ProblemType::InsufficientGems => {
            "There are fewer gems than this costs, or gems are owed. Nothing was held or made."
        }
        ProblemType::GemCapReached => {
            "A cap that you set yourself does not leave enough for this. Nothing was held or made."
        }
        ProblemType::AgeNotConfirmed => {
            "Nobody under 13 may use the service, and this account has not said yet that it is older."
        }
        ProblemType::Suspended => "The operator has suspended this account.",
        ProblemType::AccountClosing => {
            "The person has asked for this account to be erased, and may still undo it. Until then it is for looking only, \
             and its API keys are refused."
        }
        ProblemType::SignInTooOld => {
            "What cannot be taken back is only done for who has signed in within the last five minutes."
        }
        ProblemType::Forbidden => "This is for operators of the service.",
        ProblemType::ScopeMissing => {
            "The API key has not the scope that this route needs, or the route takes no key at all: what decides about an \
             account is done by its person."
        }
        ProblemType::NotFound => "There is nothing here, or it is somebody else's: both look the same.",
        ProblemType::MethodNotAllowed => "The address exists, and knows other methods.",
        ProblemType::IllegalTransition => {
            "What you ask for cannot be done in the state that it is in now, for example cancelling what has finished."
        }
        ProblemType::PayloadTooLarge => "The body has more bytes than this route takes.",
        ProblemType::UnsupportedMediaType => "The body's <code>Content-Type</code> is not one that this route reads.",
        ProblemType::Invalid => {
            "The request was read, and some of its values are not right. Unknown fields count as wrong, too."
        }
        ProblemType::PromptRefused => {
            "The prompt was looked at before anything was made, and refused. Nothing was held."
        }
        ProblemType::IdempotencyKeyReused => "This <code>Idempotency-Key</code> has made another request before.",
        ProblemType::TooManyWaiting => "500 of your generations are waiting already.",
        ProblemType::RateLimited => "More requests than the limits allow. Nothing was held or made.",
        ProblemType::Internal => "Something broke on our side. Gems that were held come back by themselves.",
        ProblemType::VendorFailed => "A service that we depend on did not answer as it should.",
        ProblemType::Unavailable => "The service starts, stops, or is busier than it can be.",
    }
}

/// What to do about it.
fn advice(problem: ProblemType) -> &'static str {
    match problem {
        ProblemType::MalformedRequest => "Mend the request; the same one will fail again.",
        ProblemType::IdempotencyKeyRequired => {
            "Send one of your own with 1 to 255 visible ASCII characters, a UUID for example; the same one when you retry."
        }
        ProblemType::Unauthenticated => "Sign in again, or use a key that lives. The same token will fail again.",
        ProblemType::InsufficientGems => {
            "Buy gems, or ask for less: <code>POST /v1/quotes</code> says what something costs."
        }
        ProblemType::GemCapReached => {
            "Wait until <code>resets_at</code>, or raise your own cap on the page of your gems; a key's cap is its own for ever."
        }
        ProblemType::AgeNotConfirmed => "Confirm the age once on the page, or with <code>PATCH /v1/me</code>.",
        ProblemType::Suspended => "Write to the support contact.",
        ProblemType::AccountClosing => {
            "Undo the erasure on the account page, or with <code>DELETE /v1/me/erasure</code>."
        }
        ProblemType::SignInTooOld => "Sign in again, and ask once more.",
        ProblemType::Forbidden => "Nothing; it is not for you.",
        ProblemType::ScopeMissing => "Make a key with the scope that <code>detail</code> names, on the account page.",
        ProblemType::NotFound => "Look at the address. What is in the trash for 30 days is gone for good.",
        ProblemType::MethodNotAllowed => "Use one of those in the header <code>Allow</code>.",
        ProblemType::IllegalTransition => "Read the resource again; its <code>status</code> says what is possible.",
        ProblemType::PayloadTooLarge => "Send less; <code>detail</code> says how much fits.",
        ProblemType::UnsupportedMediaType => {
            "Send JSON as <code>application/json</code>, pictures as PNG, WebP or JPEG."
        }
        ProblemType::Invalid => {
            "Look at <code>errors</code>: each has a JSON pointer to the value, a code, and a sentence."
        }
        ProblemType::PromptRefused => "Change the wording; <code>categories</code> says what speaks against it.",
        ProblemType::IdempotencyKeyReused => "Use a new key for a new request, and the old body for a retry.",
        ProblemType::TooManyWaiting => "Try again after <code>Retry-After</code> seconds, when some are done.",
        ProblemType::RateLimited => {
            "Wait for <code>Retry-After</code> seconds; <code>RateLimit</code> says what is left, \
             <code>RateLimit-Policy</code> what the limits are."
        }
        ProblemType::Internal => {
            "Try again with the same <code>Idempotency-Key</code>; if it stays, tell support the request id."
        }
        ProblemType::VendorFailed => "Try again in a moment with the same <code>Idempotency-Key</code>.",
        ProblemType::Unavailable => {
            "Try again after <code>Retry-After</code> seconds, with the same <code>Idempotency-Key</code>."
        }
    }
}
