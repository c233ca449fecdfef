//! Reads what image servers answer: OpenAI's shapes and those of servers that are nearly like it.
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lapidary_contract::FailureCode;
use lapidary_contract::domain::limits::COMPOSED_PROMPT_MAX;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use super::image_model::{ModelError, ModelImage};

/// Bytes of JSON that a provider may say about usage; more is no such statement.
const USAGE_MAX: usize = 16 * 1024;

/// What one order brought.
pub struct Answer {
    pub images: Vec<ModelImage>,
    /// Why there are fewer than ordered, where the provider said so.
    pub shortfall: Option<ModelError>,
    /// As the provider says it.
    pub usage: Option<Value>,
    pub request_id: Option<String>,
}

pub struct Parsed {
    pub items: Vec<Item>,
    pub usage: Option<Value>,
}

pub struct Item {
    pub source: Source,
    pub revised_prompt: Option<String>,
}

pub enum Source {
    Bytes(Vec<u8>),
    Url(String),
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    data: Option<Vec<Datum>>,
    #[serde(default)]
    usage: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
    #[serde(default)]
    detail: Option<Value>,
}

#[derive(Deserialize)]
struct Datum {
    #[serde(default)]
    b64_json: Option<String>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    revised_prompt: Option<String>,
}

/// Seconds or milliseconds, as far as the provider says; longer than an hour is no hint any more.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    let hint = match number("retry-after-ms") {
        Some(millis) => Some(Duration::from_millis(millis)),
        None => number("retry-after").map(Duration::from_secs),
    };
    hint.filter(|hint| *hint <= Duration::from_secs(3600))
}

pub fn parse(status: StatusCode, bytes: &[u8], retry_after: Option<Duration>) -> Result<Parsed, ModelError> {
    let body: Option<Body> = serde_json::from_slice(bytes).ok();
    let told =
        body.as_ref().and_then(|body| body.error.as_ref().or(body.detail.as_ref())).filter(|told| !told.is_null());
    if !status.is_success() || told.is_some() {
        return Err(error(status, told, retry_after));
    }
    let Some(body) = body else {
        return Err(ModelError::new(FailureCode::BadAnswer, "the answer is not JSON"));
    };
    let mut items = Vec::new();
    for datum in body.data.unwrap_or_default() {
        let source = match (datum.b64_json, datum.url) {
            (Some(text), _) => Source::Bytes(
                STANDARD
                    .decode(text.trim())
                    .map_err(|_| ModelError::new(FailureCode::BadAnswer, "b64_json is not base64"))?,
            ),
            (None, Some(url)) => Source::Url(url),
            (None, None) => continue,
        };
        items.push(Item { source, revised_prompt: datum.revised_prompt.map(storable) });
    }
    if items.is_empty() {
        // Some proxies answer so when a prompt was moderated: no image, no gems.
        return Err(ModelError::new(FailureCode::BadAnswer, "the answer holds no image"));
    }
    Ok(Parsed { items, usage: body.usage.filter(is_storable) })
}

/// PostgreSQL keeps no U+0000: an image must not be lost, and made again, for a word about it.
fn storable(text: String) -> String {
    text.chars().filter(|letter| *letter != '\0').take(COMPOSED_PROMPT_MAX).collect()
}

fn is_storable(usage: &Value) -> bool {
    let text = usage.to_string();
    text.len() <= USAGE_MAX && !text.contains("\\u0000")
}

/// Branches on `code` first: `type` is too coarse.
fn error(status: StatusCode, told: Option<&Value>, retry_after: Option<Duration>) -> ModelError {
    let member = |name: &str| told.and_then(|told| told.get(name)).and_then(Value::as_str).unwrap_or_default();
    let (code, kind) = (member("code"), member("type"));
    let failure = match code {
        "moderation_blocked" | "content_policy_violation" => FailureCode::Refused,
        "billing_hard_limit_reached"
        | "insufficient_quota"
        | "credit_balance_exhausted"
        | "organization_spend_limit_exceeded"
        | "project_spend_limit_exceeded"
        | "organization_usage_limit_exceeded" => FailureCode::OperatorQuota,
        "model_not_found" => FailureCode::ModelGone,
        "invalid_api_key" => FailureCode::OperatorConfiguration,
        _ if kind == "insufficient_quota" => FailureCode::OperatorQuota,
        _ if kind == "image_generation_user_error" => FailureCode::Refused,
        _ => match status.as_u16() {
            401 | 403 => FailureCode::OperatorConfiguration,
            404 => FailureCode::ModelGone,
            408 | 409 | 429 | 500..=599 => FailureCode::ModelBusy,
            400..=499 => FailureCode::RequestRefused,
            _ => FailureCode::BadAnswer,
        },
    };
    // The provider's message may quote the prompt: only its codes are kept.
    let detail = format!("status {} type {kind:?} code {code:?}", status.as_u16());
    let busy = failure == FailureCode::ModelBusy;
    ModelError { retry_after: busy.then(|| retry_after.unwrap_or_default()), ..ModelError::new(failure, detail) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(status: u16, body: &str) -> FailureCode {
        let status = StatusCode::from_u16(status).expect("a status");
        match parse(status, body.as_bytes(), None) {
            Ok(_) => panic!("{body} was taken for an image"),
            Err(error) => error.code,
        }
    }

    #[test]
    fn errors_are_understood_as_object_string_and_detail() {
        let moderated = r#"{"error":{"message":"x","type":"image_generation_user_error","param":null,"code":"moderation_blocked"}}"#;
        assert_eq!(code_of(400, moderated), FailureCode::Refused);
        assert_eq!(code_of(400, r#"{"error":"prompt required"}"#), FailureCode::RequestRefused);
        assert_eq!(code_of(422, r#"{"detail":[{"msg":"bad"}]}"#), FailureCode::RequestRefused);
        assert_eq!(code_of(503, "<html>"), FailureCode::ModelBusy);
        assert_eq!(
            code_of(429, r#"{"error":{"type":"insufficient_quota","code":"credit_balance_exhausted"}}"#),
            FailureCode::OperatorQuota
        );
    }

    #[test]
    fn words_about_an_image_that_cannot_be_stored_do_not_lose_it() {
        let body = r#"{"data":[{"b64_json":"AAAA","revised_prompt":"a\u0000fox"}],"usage":{"note":"\u0000"}}"#;
        let parsed = parse(StatusCode::OK, body.as_bytes(), None).expect("an image");
        assert_eq!(parsed.items[0].revised_prompt.as_deref(), Some("afox"));
        assert_eq!(parsed.usage, None);
        let body = r#"{"data":[{"b64_json":"AAAA"}],"usage":{"total_tokens":7}}"#;
        assert!(parse(StatusCode::OK, body.as_bytes(), None).expect("an image").usage.is_some());
    }

    #[test]
    fn a_success_without_an_image_is_a_failure() {
        assert_eq!(code_of(200, r#"{"created":1,"data":[]}"#), FailureCode::BadAnswer);
        assert_eq!(code_of(200, "<html>hello</html>"), FailureCode::BadAnswer);
        assert_eq!(code_of(200, r#"{"created":1,"data":[{"b64_json":"%%%"}]}"#), FailureCode::BadAnswer);
        assert_eq!(code_of(200, r#"{"error":{"code":"model_not_found"}}"#), FailureCode::ModelGone);
    }
}
