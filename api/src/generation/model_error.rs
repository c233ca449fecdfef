//! Why a call to a model brought no picture, and whether asking again can help: OpenAI's errors and those of servers that
//! are nearly like it (wire §6, §7, §10). Keeps codes, never a provider's words: they may quote the prompt.
use std::time::Duration;

use chrono::{DateTime, Utc};
use lapidary_contract::FailureCode;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// Whether the same order is worth another call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    Never,
    /// The provider was busy and made nothing: later, as often as patience lasts.
    Later,
    /// The line broke in the middle (§5 a stream without its end, §7 a broken connection). It may have been billed; but
    /// without another call the person gets no picture, so the operator risks one more bill and not two.
    Once,
}

/// Why there is no image.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{code:?}: {detail}")]
pub struct ModelError {
    pub code: FailureCode,
    /// For the log: the provider's codes, or what broke.
    pub detail: String,
    pub again: Again,
    /// Not before this, as the provider says.
    pub retry_after: Option<Duration>,
    pub request_id: Option<String>,
    /// Some bill for a refusal, and say so.
    pub usage: Option<Value>,
    /// The server knows neither `stream` nor `partial_images`.
    pub is_about_streaming: bool,
    /// The server may know no forms: its page is not there, or its type is not taken.
    pub is_about_form: bool,
    /// The key or the account is refused, so every order of everybody's is. A 403 may be about one model or one prompt.
    pub is_about_account: bool,
}

/// What the headers of an answer advise (§7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    pub retry_after: Option<Duration>,
    /// `x-should-retry`: the provider knows better than its status does.
    pub should_retry: Option<bool>,
}

impl Hints {
    /// `retry-after-ms` is finer than `retry-after`, which is seconds, with a fraction or not, or a date.
    pub fn read(headers: &HeaderMap, now: DateTime<Utc>) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let date = |text: &str| DateTime::parse_from_rfc2822(text).ok().map(|at| at.to_utc());
        let seconds = |text: &str| Duration::try_from_secs_f64(text.parse().ok()?).ok();
        // By the provider's own clock where it shows one.
        let now = text("date").and_then(date).unwrap_or(now);
        let until = |text: &str| date(text).map(|at| (at - now).to_std().unwrap_or_default());
        let millis = text("retry-after-ms").and_then(seconds).map(|thousand| thousand / 1000);
        let retry_after = millis.or_else(|| text("retry-after").and_then(|text| seconds(text).or_else(|| until(text))));
        let should_retry = match text("x-should-retry") {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        };
        Self { retry_after, should_retry }
    }
}

impl ModelError {
    pub fn new(code: FailureCode, detail: impl Into<String>) -> Self {
        let again = if code == FailureCode::ModelBusy { Again::Later } else { Again::Never };
        Self {
            code,
            detail: detail.into(),
            again,
            retry_after: None,
            request_id: None,
            usage: None,
            is_about_streaming: false,
            is_about_form: false,
            is_about_account: code == FailureCode::OperatorQuota,
        }
    }

    pub fn bad_answer(detail: impl Into<String>) -> Self {
        Self::new(FailureCode::BadAnswer, detail)
    }

    /// The answer did not come to its end.
    pub fn broke_off(detail: impl Into<String>) -> Self {
        Self { again: Again::Once, ..Self::bad_answer(detail) }
    }

    /// No answer, or not all of it. reqwest writes the URL into its errors; ours may carry a key in a query one day.
    pub fn transport(error: &reqwest::Error) -> Self {
        if error.is_builder() {
            Self::new(FailureCode::OperatorConfiguration, "the request cannot be built from the settings")
        } else if error.is_connect() {
            Self::new(FailureCode::ModelBusy, "cannot connect")
        } else if error.is_timeout() {
            // §7: no idempotency. It may have been made and billed, and waited for long enough: never by ourselves.
            Self::new(FailureCode::Timeout, "no answer in time")
        } else {
            Self::broke_off("the connection broke")
        }
    }

    /// `told` is the `error` or `detail` of the body (§6, §10), where it was JSON at all.
    pub fn answered(status: StatusCode, told: Option<&Value>, hints: Hints) -> Self {
        let member = |name: &str| told.and_then(|told| told.get(name)).and_then(Value::as_str).unwrap_or_default();
        let (code, kind) = (member("code"), member("type"));
        // LocalAI and vLLM give the status as `code`, sometimes beside a 200.
        let number = told.and_then(|told| told.get("code")).and_then(Value::as_u64);
        let number = number.and_then(|number| u16::try_from(number).ok()).filter(|number| *number >= 400);
        let effective = if status.is_success() { number.unwrap_or(status.as_u16()) } else { status.as_u16() };
        let failure = named(code).or_else(|| named(kind)).unwrap_or_else(|| of_status(effective, told.is_some()));
        let is_about_account = match failure {
            FailureCode::OperatorQuota => true,
            FailureCode::OperatorConfiguration => effective == 401 || named(code).or_else(|| named(kind)).is_some(),
            _ => false,
        };
        let is_about_streaming = failure == FailureCode::RequestRefused && is_about_streaming(told);
        let again = match (failure, hints.should_retry) {
            // Whatever the header says: asking again changes none of these, and some of them bill.
            (
                FailureCode::Refused
                | FailureCode::OperatorQuota
                | FailureCode::OperatorConfiguration
                | FailureCode::ModelGone
                | FailureCode::Timeout
                | FailureCode::Storage
                | FailureCode::ReferenceGone
                | FailureCode::Internal,
                _,
            )
            | (_, Some(false)) => Again::Never,
            (FailureCode::ModelBusy, _) | (_, Some(true)) => Again::Later,
            (FailureCode::BadAnswer | FailureCode::RequestRefused, None) => Again::Never,
        };
        let detail = format!("status {} type {:?} code {:?}", status.as_u16(), short(kind), short(code));
        Self {
            again,
            retry_after: hints.retry_after,
            is_about_streaming,
            is_about_form: matches!(effective, 404 | 415) && named(code).or_else(|| named(kind)).is_none()
                || code == "unsupported_content_type",
            is_about_account,
            ..Self::new(failure, detail)
        }
    }
}

/// A stranger's word, in a log line.
fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

/// What a code or a type says by itself; `code` is asked first, `type` is too coarse (§6).
fn named(name: &str) -> Option<FailureCode> {
    Some(match name {
        // 400 moderation; the second is DALL·E's; the others are Azure's (§9).
        "moderation_blocked"
        | "content_policy_violation"
        | "image_generation_user_error"
        | "content_filter"
        | "contentFilter"
        | "ResponsibleAIPolicyViolation" => FailureCode::Refused,
        // 400 billing and 429 with a quota code: only the operator can help.
        "billing_hard_limit_reached"
        | "insufficient_quota"
        | "credit_balance_exhausted"
        | "organization_spend_limit_exceeded"
        | "project_spend_limit_exceeded"
        | "organization_usage_limit_exceeded" => FailureCode::OperatorQuota,
        "model_not_found" | "DeploymentNotFound" => FailureCode::ModelGone,
        "invalid_api_key" => FailureCode::OperatorConfiguration,
        // 429 without a quota code, 500 and 503; the names matter where they come inside a 200 or a stream.
        "rate_limit_exceeded" | "server_error" | "service_unavailable_error" | "slow_down" | "server_is_overloaded" => {
            FailureCode::ModelBusy
        }
        _ => return None,
    })
}

fn of_status(status: u16, is_told: bool) -> FailureCode {
    match status {
        402 => FailureCode::OperatorQuota,
        // A redirect or a page that is not there means that the base URL leads elsewhere.
        300..=399 | 401 | 403 | 405 => FailureCode::OperatorConfiguration,
        404 if is_told => FailureCode::ModelGone,
        404 => FailureCode::OperatorConfiguration,
        501 | 505 => FailureCode::RequestRefused,
        408 | 409 | 425 | 429 | 500..=599 => FailureCode::ModelBusy,
        400..=499 => FailureCode::RequestRefused,
        _ => FailureCode::BadAnswer,
    }
}

/// OpenAI names the parameter; FastAPI has it in `loc`; others have a sentence. A sentence that quotes a prompt about
/// a stream costs one more refused call, no more.
fn is_about_streaming(told: Option<&Value>) -> bool {
    let Some(told) = told else { return false };
    match told.get("param").and_then(Value::as_str).filter(|name| !name.is_empty()) {
        Some(name) => name == "stream" || name == "partial_images",
        None => {
            let text = told.to_string();
            text.contains("stream") || text.contains("partial_images")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hints(pairs: &[(&'static str, &str)]) -> Hints {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().expect("a value"));
        }
        Hints::read(&headers, "2026-11-23T10:00:00Z".parse().expect("a time"))
    }

    #[test]
    fn hints_are_seconds_decimals_milliseconds_or_dates() {
        let after = |pairs: &[(&'static str, &str)]| hints(pairs).retry_after.map(|hint| hint.as_millis());
        assert_eq!(after(&[("retry-after", "7")]), Some(7_000));
        assert_eq!(after(&[("retry-after", "51.84")]), Some(51_840));
        assert_eq!(after(&[("retry-after-ms", "250.5"), ("retry-after", "7")]), Some(250));
        assert_eq!(after(&[("retry-after", "Mon, 23 Nov 2026 10:00:30 GMT")]), Some(30_000));
        assert_eq!(after(&[("retry-after", "Mon, 23 Nov 2026 09:00:00 GMT")]), Some(0));
        let by_their_clock =
            [("retry-after", "Mon, 23 Nov 2026 08:00:20 GMT"), ("date", "Mon, 23 Nov 2026 08:00:00 GMT")];
        assert_eq!(after(&by_their_clock), Some(20_000));
        for nonsense in ["-1", "NaN", "soon", "1e300"] {
            assert_eq!(after(&[("retry-after", nonsense)]), None, "{nonsense}");
        }
        assert_eq!(hints(&[("x-should-retry", "false")]).should_retry, Some(false));
    }

    #[test]
    fn a_quota_is_never_taken_for_a_rate_limit() {
        for code in ["credit_balance_exhausted", "organization_spend_limit_exceeded", "project_spend_limit_exceeded"] {
            let told = json!({"type": "requests", "code": code});
            let error = ModelError::answered(StatusCode::TOO_MANY_REQUESTS, Some(&told), Hints::default());
            assert_eq!((error.code, error.again), (FailureCode::OperatorQuota, Again::Never), "{code}");
        }
        let told = json!({"type": "insufficient_quota", "code": "something_new"});
        let error = ModelError::answered(StatusCode::TOO_MANY_REQUESTS, Some(&told), Hints::default());
        assert_eq!(error.code, FailureCode::OperatorQuota);
    }

    #[test]
    fn only_a_refused_key_or_account_is_about_everybody() {
        let is_about_account = |status: u16, told: Option<Value>| {
            let status = StatusCode::from_u16(status).expect("a status");
            ModelError::answered(status, told.as_ref(), Hints::default()).is_about_account
        };
        assert!(is_about_account(401, None));
        assert!(is_about_account(402, None));
        assert!(is_about_account(403, Some(json!({"code": "invalid_api_key"}))));
        assert!(is_about_account(403, Some(json!({"code": "insufficient_quota"}))));
        for status in [301, 403, 404, 405, 500] {
            assert!(!is_about_account(status, None), "{status}");
        }
        assert!(!is_about_account(403, Some(json!({"message": "must be verified to use this model"}))));
    }

    #[test]
    fn a_header_decides_only_where_asking_again_can_help() {
        let again = |status: u16, told: Value, should_retry| {
            let status = StatusCode::from_u16(status).expect("a status");
            ModelError::answered(status, Some(&told), Hints { retry_after: None, should_retry }).again
        };
        assert_eq!(again(500, json!("x"), Some(false)), Again::Never);
        assert_eq!(again(400, json!("x"), Some(true)), Again::Later);
        assert_eq!(again(400, json!({"code": "moderation_blocked"}), Some(true)), Again::Never);
        assert_eq!(again(401, json!("x"), Some(true)), Again::Never);
        assert_eq!(again(200, json!({"code": 503}), None), Again::Later);
    }

    #[test]
    fn a_server_without_streams_is_recognised_in_every_shape() {
        for told in [
            json!({"param": "stream", "code": "unknown_parameter", "message": "Unknown parameter: 'stream'."}),
            json!({"param": "partial_images", "code": "unknown_parameter"}),
            json!([{"type": "extra_forbidden", "loc": ["body", "partial_images"], "msg": "not permitted"}]),
            json!("streaming is not supported"),
        ] {
            assert!(ModelError::answered(StatusCode::BAD_REQUEST, Some(&told), Hints::default()).is_about_streaming);
        }
        for told in [json!({"param": "size", "message": "a stream"}), json!({"code": "moderation_blocked"})] {
            assert!(!ModelError::answered(StatusCode::BAD_REQUEST, Some(&told), Hints::default()).is_about_streaming);
        }
    }
}
