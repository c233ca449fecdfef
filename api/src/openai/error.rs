//! Errors as OpenAI's clients read them: `{"error":{"message","type","param","code"}}`. The only place where a problem or a
//! failed generation becomes one, with the headers that tell an SDK whether to ask again.
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use lapidary_contract::domain::{GenerationStatus, Violation, ViolationCode};
use lapidary_contract::{FailureCode, Generation, ProblemType, Refusal};
use serde_json::{Value, json};

use super::param::param;
use crate::http::error::ApiError;

const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
const X_SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
/// What a model that is too busy for us is given before a client asks again.
const BUSY_SECONDS: u64 = 15;
/// SDKs do not wait longer than this before they ask again: told to wait for more, they come at once.
const SDK_WAIT_MAX_SECONDS: u64 = 60;
const MODERATION_BLOCKED: &str = "moderation_blocked";
const CANCELLED: &str = "cancelled";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError {
    status: u16,
    kind: &'static str,
    code: String,
    param: Option<String>,
    message: String,
    /// Seconds after which asking again may help; none: it does not.
    again: Option<u64>,
}

impl WireError {
    fn new(status: u16, kind: &'static str, code: &str, message: impl Into<String>) -> Self {
        Self { status, kind, code: code.into(), param: None, message: message.into(), again: None }
    }

    fn about(self, param: &str) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    pub fn of(error: &ApiError, request_id: &str) -> Self {
        match error {
            ApiError::Invalid(violations) => violations.first().map_or_else(
                || Self::new(400, "invalid_request_error", "invalid_request", error.to_string()),
                of_violation,
            ),
            ApiError::PromptRefused(refusal) => refused(Some(refusal), request_id),
            ApiError::Unauthenticated => Self::new(
                401,
                "invalid_request_error",
                "invalid_api_key",
                "Incorrect or missing API key: send one of yours as `Authorization: Bearer …`.",
            ),
            _ => {
                let (status, slug) = (error.problem_type().status(), error.problem_type().slug());
                let again = error.retry_after_seconds().or((status >= 500).then_some(1));
                let code = match error.problem_type() {
                    ProblemType::RateLimited => "rate_limit_exceeded".to_owned(),
                    _ => slug.replace('-', "_"),
                };
                Self { again, ..Self::new(status, kind_of(status), &code, error.to_string()) }
            }
        }
    }

    /// Why nothing was delivered; none where something was, or will be.
    pub fn of_end(generation: &Generation, request_id: &str) -> Option<Self> {
        match generation.status {
            GenerationStatus::Cancelled => Some(Self::new(
                400,
                "invalid_request_error",
                CANCELLED,
                "This generation was cancelled. Nothing was charged.",
            )),
            GenerationStatus::Failed => {
                let failure = generation.failure.as_ref();
                let code = failure.map_or(FailureCode::Internal, |failure| failure.code);
                Some(of_failure(code, failure.and_then(|failure| failure.refusal.as_ref()), request_id))
            }
            GenerationStatus::Queued
            | GenerationStatus::Running
            | GenerationStatus::Succeeded
            | GenerationStatus::PartlySucceeded => None,
        }
    }

    /// Its pictures were made, told once, and deleted since.
    pub fn gone() -> Self {
        Self::new(404, "invalid_request_error", "images_deleted", "The images of this call were deleted.")
    }

    /// As told to whoever asked with a key of their own: that one is answered with this for ever.
    pub fn kept(self) -> Self {
        match self.again {
            Some(_) => Self {
                again: None,
                message: format!("{} Ask with another Idempotency-Key: this one stays with this answer.", self.message),
                ..self
            },
            None => self,
        }
    }

    /// Asking for the same again does not help.
    pub fn is_final(&self) -> bool {
        self.again.is_none()
    }

    /// As the log of requests calls a generation's failure.
    pub fn problem(&self) -> ProblemType {
        match (self.status, self.code.as_str()) {
            (_, MODERATION_BLOCKED) => ProblemType::PromptRefused,
            (_, CANCELLED) => ProblemType::IllegalTransition,
            (404, _) => ProblemType::NotFound,
            (500, _) => ProblemType::Internal,
            (501.., _) => ProblemType::VendorFailed,
            _ => ProblemType::Invalid,
        }
    }

    pub fn body(&self) -> Value {
        json!({"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}})
    }

    /// As the last event of a stream.
    pub fn event(&self) -> Bytes {
        Bytes::from(format!("event: error\ndata: {}\n\n", self.body()))
    }

    /// With what stands in the head already.
    pub fn answer(&self, head: &mut HttpResponseBuilder) -> HttpResponse {
        head.insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(seconds) = self.again {
            head.insert_header((header::RETRY_AFTER, seconds));
        }
        self.tell(head.finish())
    }

    /// The SDKs repeat 408, 409, 429 and everything from 500 on unless they are told not to.
    fn tell(&self, mut answer: HttpResponse) -> HttpResponse {
        *answer.status_mut() = status(self.status);
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.again {
            headers.insert(RETRY_AFTER_MS, HeaderValue::from(seconds.saturating_mul(1_000)));
        }
        if self.again.is_none_or(|seconds| seconds > SDK_WAIT_MAX_SECONDS) {
            headers.insert(X_SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        answer.set_body(BoxBody::new(self.body().to_string()))
    }
}

/// A problem in this wire's shape, with all headers that it has in ours.
pub fn response(error: &ApiError, request_id: &str) -> HttpResponse {
    WireError::of(error, request_id).tell(error.response(request_id))
}

fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn kind_of(status: u16) -> &'static str {
    match status {
        402 => "insufficient_quota",
        403 => "permission_error",
        429 => "rate_limit_error",
        503 => "service_unavailable_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

fn refused(refusal: Option<&Refusal>, request_id: &str) -> WireError {
    let categories = refusal.map(|refusal| refusal.categories.join(", ")).unwrap_or_default();
    let because = if categories.is_empty() { String::new() } else { format!(" safety_violations=[{categories}].") };
    let message = format!(
        "Your request was rejected by the safety system. Nothing was charged. If this is wrong, tell the support contact \
         the request ID {request_id}.{because}"
    );
    WireError::new(400, "image_generation_user_error", MODERATION_BLOCKED, message)
}

fn of_failure(code: FailureCode, refusal: Option<&Refusal>, request_id: &str) -> WireError {
    let of =
        |status, kind| WireError::new(status, kind, code.name(), format!("{} Nothing was charged.", code.sentence()));
    match code {
        FailureCode::Refused => refused(refusal, request_id),
        FailureCode::ModelBusy => {
            WireError { again: Some(BUSY_SECONDS), code: "slow_down".into(), ..of(503, "service_unavailable_error") }
        }
        // An SDK that asked again would not help: the operator has to.
        FailureCode::OperatorQuota | FailureCode::OperatorConfiguration => of(503, "service_unavailable_error"),
        // Whatever it costs at the provider was spent once already.
        FailureCode::Timeout => of(504, "server_error"),
        FailureCode::BadAnswer => of(502, "server_error"),
        FailureCode::ModelGone => {
            WireError { code: "model_not_found".into(), ..of(404, "invalid_request_error").about("model") }
        }
        FailureCode::RequestRefused => of(400, "invalid_request_error"),
        FailureCode::Storage => WireError { again: Some(1), ..of(500, "server_error") },
        FailureCode::ReferenceGone => of(400, "invalid_request_error").about("image"),
        FailureCode::Internal => of(500, "server_error"),
    }
}

fn of_violation(violation: &Violation) -> WireError {
    let param = param(&violation.pointer);
    let (name, code) = (param.as_deref().unwrap_or("body"), violation.code);
    if code == ViolationCode::Unknown && name == "model" {
        let message =
            "This model does not exist, or you do not have access to it. GET /openai/v1/models lists those that do.";
        return WireError::new(404, "invalid_request_error", "model_not_found", message).about("model");
    }
    let message = match code {
        ViolationCode::Required => format!("Missing required parameter: '{name}'."),
        ViolationCode::UnknownField => format!("Unknown parameter: '{name}'."),
        _ => format!("Invalid '{name}': {}", sentence(name, code)),
    };
    WireError { param: param.clone(), ..WireError::new(400, "invalid_request_error", code_of(code), message) }
}

fn code_of(code: ViolationCode) -> &'static str {
    match code {
        ViolationCode::Required => "missing_required_parameter",
        ViolationCode::UnknownField => "unknown_parameter",
        ViolationCode::WrongType => "invalid_type",
        ViolationCode::TooLong => "string_above_max_length",
        ViolationCode::TooMany => "array_above_max_length",
        ViolationCode::Duplicate => "duplicate_parameter",
        ViolationCode::NotAvailable => "unsupported_value",
        ViolationCode::TooLarge => "file_too_large",
        ViolationCode::Unreadable | ViolationCode::Animated | ViolationCode::HasMore => "invalid_image",
        ViolationCode::OtherSize | ViolationCode::NotAMask => "invalid_mask",
        ViolationCode::OutOfRange
        | ViolationCode::ContainsNul
        | ViolationCode::Unknown
        | ViolationCode::NoPrice
        | ViolationCode::UnknownTimeZone
        | ViolationCode::UnknownCode
        | ViolationCode::ExpiredCode
        | ViolationCode::RevokedCode
        | ViolationCode::UsedUpCode
        | ViolationCode::NotYours
        | ViolationCode::NotHttps
        | ViolationCode::NotPublic
        | ViolationCode::OneOfTwo => "invalid_value",
    }
}

/// What is not done here for any model says so.
fn sentence(name: &str, code: ViolationCode) -> &'static str {
    match (name, code) {
        (_, ViolationCode::NotAvailable) if name.ends_with("image_url") => {
            "send a data URL of a PNG, WebP or JPEG; addresses are not fetched."
        }
        (_, ViolationCode::NotAvailable) if name.ends_with("file_id") => "files are not kept here; send an image_url.",
        ("output_compression", ViolationCode::NotAvailable) => "only 100 is supported.",
        ("moderation", ViolationCode::NotAvailable) => "only 'auto' is supported.",
        ("style", ViolationCode::NotAvailable) => "only 'vivid' is supported.",
        ("n", ViolationCode::NotAvailable) => "streaming is only supported with 'n' = 1.",
        ("partial_images", ViolationCode::NotAvailable) => "this is only allowed when 'stream' is true.",
        _ => code.sentence(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_no_gems_is_told_not_to_ask_again_and_whoever_is_early_when() {
        let poor = ApiError::InsufficientGems { required: 9, available: 2, debt: 0 };
        let answer = response(&poor, "r");
        assert_eq!(
            (answer.status(), answer.headers().get("x-should-retry")),
            (StatusCode::PAYMENT_REQUIRED, Some(&HeaderValue::from_static("false")))
        );
        assert_eq!(WireError::of(&poor, "r").body()["error"]["code"], "insufficient_gems");
        let early = response(&ApiError::RateLimited { retry_after_seconds: 7 }, "r");
        let header = |name: &str| early.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        assert_eq!((header("retry-after").as_deref(), header("retry-after-ms").as_deref()), (Some("7"), Some("7000")));
        assert_eq!((header("x-should-retry"), header("content-type").as_deref()), (None, Some("application/json")));
        let early = WireError::of(&ApiError::RateLimited { retry_after_seconds: 7 }, "r").body();
        assert_eq!(
            (&early["error"]["code"], &early["error"]["type"]),
            (&"rate_limit_exceeded".into(), &"rate_limit_error".into())
        );
        // An SDK would not wait for so long, and come at once.
        for (seconds, retry) in [(60, None), (61, Some("false"))] {
            let answer = response(&ApiError::RateLimited { retry_after_seconds: seconds }, "r");
            let said = answer.headers().get("x-should-retry").map(|value| value.to_str().expect("text"));
            assert_eq!((said, answer.headers().get("retry-after")), (retry, Some(&HeaderValue::from(seconds))));
        }
    }

    #[test]
    fn what_is_not_told_when_to_come_again_is_told_whether() {
        let again = |error: &ApiError| WireError::of(error, "r").again;
        assert_eq!(again(&ApiError::internal("broken")), Some(1));
        assert_eq!(again(&ApiError::Unavailable { retry_after_seconds: 4 }), Some(4));
        assert_eq!((again(&ApiError::NotFound), again(&ApiError::Suspended)), (None, None));
        let kind = |error: &ApiError| WireError::of(error, "r").body()["error"]["type"].clone();
        assert_eq!(kind(&ApiError::Suspended), "permission_error");
        assert_eq!(kind(&ApiError::internal("broken")), "server_error");
        assert_eq!(kind(&ApiError::Unavailable { retry_after_seconds: 4 }), "service_unavailable_error");
    }

    #[test]
    fn a_failure_is_repeated_only_where_that_may_help_and_costs_nobody_anything() {
        let repeated: Vec<FailureCode> =
            FailureCode::ALL.into_iter().filter(|code| of_failure(*code, None, "r").again.is_some()).collect();
        assert_eq!(repeated, [FailureCode::ModelBusy, FailureCode::Storage]);
        // What a retry makes anew is what it was told to ask for again.
        assert_eq!(repeated, FailureCode::ALL.into_iter().filter(|code| code.may_pass()).collect::<Vec<_>>());
        // Under a key of one's own it is the same for ever.
        for code in FailureCode::ALL {
            let told = of_failure(code, None, "r");
            let kept = told.clone().kept();
            assert!(kept.is_final() && (kept == told) == told.is_final(), "{code:?}");
        }
    }
}
