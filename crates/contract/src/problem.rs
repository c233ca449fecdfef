//! Problems (RFC 9457): one enum of types that the API produces and the page matches exhaustively.
use lapidary_domain::ViolationCode;
use serde::{Deserialize, Serialize};

use crate::api_key::Scope;
use crate::generation::RefusalStage;

/// What went wrong, as a program tells it apart. The URI is `/problems/{slug}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemType {
    MalformedRequest,
    IdempotencyKeyRequired,
    Unauthenticated,
    InsufficientGems,
    GemCapReached,
    AgeNotConfirmed,
    Suspended,
    AccountClosing,
    SignInTooOld,
    Forbidden,
    ScopeMissing,
    NotFound,
    MethodNotAllowed,
    IllegalTransition,
    PayloadTooLarge,
    UnsupportedMediaType,
    Invalid,
    PromptRefused,
    IdempotencyKeyReused,
    TooManyWaiting,
    RateLimited,
    Internal,
    VendorFailed,
    Unavailable,
}

impl ProblemType {
    pub const ALL: [Self; 24] = [
        Self::MalformedRequest,
        Self::IdempotencyKeyRequired,
        Self::Unauthenticated,
        Self::InsufficientGems,
        Self::GemCapReached,
        Self::AgeNotConfirmed,
        Self::Suspended,
        Self::AccountClosing,
        Self::SignInTooOld,
        Self::Forbidden,
        Self::ScopeMissing,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::IllegalTransition,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::Invalid,
        Self::PromptRefused,
        Self::IdempotencyKeyReused,
        Self::TooManyWaiting,
        Self::RateLimited,
        Self::Internal,
        Self::VendorFailed,
        Self::Unavailable,
    ];

    pub fn slug(self) -> &'static str {
        match self {
            Self::MalformedRequest => "malformed-request",
            Self::IdempotencyKeyRequired => "idempotency-key-required",
            Self::Unauthenticated => "unauthenticated",
            Self::InsufficientGems => "insufficient-gems",
            Self::GemCapReached => "gem-cap-reached",
            Self::AgeNotConfirmed => "age-not-confirmed",
            Self::Suspended => "suspended",
            Self::AccountClosing => "account-closing",
            Self::SignInTooOld => "sign-in-too-old",
            Self::Forbidden => "forbidden",
            Self::ScopeMissing => "scope-missing",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::IllegalTransition => "illegal-transition",
            Self::PayloadTooLarge => "payload-too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::Invalid => "invalid",
            Self::PromptRefused => "prompt-refused",
            Self::IdempotencyKeyReused => "idempotency-key-reused",
            Self::TooManyWaiting => "too-many-waiting",
            Self::RateLimited => "rate-limited",
            Self::Internal => "internal",
            Self::VendorFailed => "vendor-failed",
            Self::Unavailable => "unavailable",
        }
    }

    /// HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::MalformedRequest | Self::IdempotencyKeyRequired => 400,
            Self::Unauthenticated => 401,
            Self::InsufficientGems | Self::GemCapReached => 402,
            Self::AgeNotConfirmed
            | Self::Suspended
            | Self::AccountClosing
            | Self::SignInTooOld
            | Self::Forbidden
            | Self::ScopeMissing => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::IllegalTransition => 409,
            Self::PayloadTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Invalid | Self::PromptRefused | Self::IdempotencyKeyReused => 422,
            Self::TooManyWaiting | Self::RateLimited => 429,
            Self::Internal => 500,
            Self::VendorFailed => 502,
            Self::Unavailable => 503,
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::MalformedRequest => "The request cannot be read",
            Self::IdempotencyKeyRequired => "An Idempotency-Key is needed",
            Self::Unauthenticated => "Sign in first",
            Self::InsufficientGems => "Not enough gems",
            Self::GemCapReached => "Your own cap is reached",
            Self::AgeNotConfirmed => "Confirm your age first",
            Self::Suspended => "This account is suspended",
            Self::AccountClosing => "This account is about to be erased",
            Self::SignInTooOld => "Sign in once more first",
            Self::Forbidden => "Not allowed",
            Self::ScopeMissing => "This key may not do that",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "This method is not allowed here",
            Self::IllegalTransition => "Not possible in this state",
            Self::PayloadTooLarge => "The request is too large",
            Self::UnsupportedMediaType => "This content type is not supported",
            Self::Invalid => "Some values are not right",
            Self::PromptRefused => "The prompt was refused",
            Self::IdempotencyKeyReused => "This Idempotency-Key was used for another request",
            Self::TooManyWaiting => "Too many generations are waiting",
            Self::RateLimited => "Too many requests",
            Self::Internal => "Something went wrong on our side",
            Self::VendorFailed => "A service we depend on failed",
            Self::Unavailable => "Not available right now",
        }
    }

    pub fn from_uri(uri: &str) -> Option<Self> {
        let slug = uri.rsplit('/').next()?;
        Self::ALL.into_iter().find(|problem| problem.slug() == slug)
    }
}

/// The body of every 4xx and 5xx, as `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// URI reference, for example `/problems/insufficient-gems`.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    /// A sentence for people.
    pub detail: String,
    pub request_id: String,
    /// With `invalid`: what is wrong where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// With `insufficient-gems` and `gem-cap-reached`: gems needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<i64>,
    /// With `insufficient-gems`: gems that can be spent; with `gem-cap-reached`: gems that the cap still allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<i64>,
    /// With `insufficient-gems`: gems owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debt: Option<i64>,
    /// With `gem-cap-reached`: when the day or month of the cap ends.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::moment::at_or_none")]
    pub resets_at: Option<chrono::DateTime<chrono::Utc>>,
    /// With `scope-missing`: what the key would need; absent where no key is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// With `prompt-refused`: where on its way it was refused; nothing was held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<RefusalStage>,
    /// With `prompt-refused`: what speaks against it, in the words of whoever looked, for example `violence`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
}

impl Problem {
    pub fn problem_type(&self) -> Option<ProblemType> {
        ProblemType::from_uri(&self.kind)
    }
}

/// One wrong member of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the body, or `?name` for a query parameter.
    pub pointer: String,
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::ViolationCode))]
    pub code: ViolationCode,
    /// A sentence for people.
    pub detail: String,
}
