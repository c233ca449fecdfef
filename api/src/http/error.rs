//! ApiError, named by meaning; here and only here it becomes a problem with a status.
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use lapidary_contract::domain::Violation;
use lapidary_contract::{FieldError, Problem, ProblemType, Refusal, Scope};

use super::database_fault::DatabaseFault;
use super::rate::Standing;

#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("{0}")]
    Malformed(String),
    #[error("Send a header Idempotency-Key with a value of your own: 1 to 255 visible ASCII characters.")]
    IdempotencyKeyRequired,
    #[error("The access token or API key is missing, wrong or expired.")]
    Unauthenticated,
    #[error("You need {required} gems and have {available}.")]
    InsufficientGems { required: i64, available: i64, debt: i64 },
    #[error("This needs {required} gems, and your own cap leaves {available}.")]
    GemCapReached { required: i64, available: i64, resets_at: chrono::DateTime<chrono::Utc> },
    #[error("Confirm that you are 13 or older first.")]
    AgeNotConfirmed,
    #[error("This account is suspended. Write to the support contact.")]
    Suspended,
    #[error(
        "This account is about to be erased. Undo that first; until then you can look at everything and take it along."
    )]
    AccountClosing,
    #[error("Sign in once more: this needs a sign-in of the last five minutes.")]
    SignInTooOld,
    #[error("This is only for operators.")]
    Forbidden,
    #[error("{}", scope_sentence(*.needed))]
    ScopeMissing { needed: Option<Scope> },
    #[error("There is nothing here.")]
    NotFound,
    #[error("Allowed here: {allow}.")]
    MethodNotAllowed { allow: String },
    #[error("{0}")]
    IllegalTransition(&'static str),
    #[error("The body is larger than {max_bytes} bytes.")]
    PayloadTooLarge { max_bytes: usize },
    #[error("Send the body as application/json.")]
    UnsupportedMediaType,
    #[error("Send a picture as image/png, image/webp or image/jpeg.")]
    UnsupportedPicture,
    #[error("Some values are not right.")]
    Invalid(Vec<Violation>),
    #[error("This prompt was refused before anything was made. Nothing was held. Change the wording.")]
    PromptRefused(Box<Refusal>),
    #[error("This Idempotency-Key belongs to another request. Use a new one.")]
    IdempotencyKeyReused,
    #[error("You have {max} generations waiting. Try again when some are done.")]
    TooManyWaiting { max: i64, retry_after_seconds: u64 },
    #[error("Too many of these. Try again later.")]
    RateLimited { retry_after_seconds: u64 },
    #[error("You asked for too much that costs in a short time. Nothing was held. Try again later.")]
    SpendsLimited { standing: Standing },
    #[error("Something went wrong on our side. Nothing was lost or charged.")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("{vendor} does not answer as it should. Try again in a moment.")]
    VendorFailed {
        vendor: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("The service is not ready. Try again in a moment.")]
    Unavailable { retry_after_seconds: u64 },
    #[error("The service is not ready. Try again in a moment.")]
    DatabaseFailed {
        retry_after_seconds: u64,
        #[source]
        source: sqlx::Error,
    },
}

pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    pub fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    pub fn problem_type(&self) -> ProblemType {
        match self {
            Self::Malformed(_) => ProblemType::MalformedRequest,
            Self::IdempotencyKeyRequired => ProblemType::IdempotencyKeyRequired,
            Self::Unauthenticated => ProblemType::Unauthenticated,
            Self::InsufficientGems { .. } => ProblemType::InsufficientGems,
            Self::GemCapReached { .. } => ProblemType::GemCapReached,
            Self::AgeNotConfirmed => ProblemType::AgeNotConfirmed,
            Self::Suspended => ProblemType::Suspended,
            Self::AccountClosing => ProblemType::AccountClosing,
            Self::SignInTooOld => ProblemType::SignInTooOld,
            Self::Forbidden => ProblemType::Forbidden,
            Self::ScopeMissing { .. } => ProblemType::ScopeMissing,
            Self::NotFound => ProblemType::NotFound,
            Self::MethodNotAllowed { .. } => ProblemType::MethodNotAllowed,
            Self::IllegalTransition(_) => ProblemType::IllegalTransition,
            Self::PayloadTooLarge { .. } => ProblemType::PayloadTooLarge,
            Self::UnsupportedMediaType | Self::UnsupportedPicture => ProblemType::UnsupportedMediaType,
            Self::Invalid(_) => ProblemType::Invalid,
            Self::PromptRefused(_) => ProblemType::PromptRefused,
            Self::IdempotencyKeyReused => ProblemType::IdempotencyKeyReused,
            Self::TooManyWaiting { .. } => ProblemType::TooManyWaiting,
            Self::RateLimited { .. } | Self::SpendsLimited { .. } => ProblemType::RateLimited,
            Self::Internal(_) => ProblemType::Internal,
            Self::VendorFailed { .. } => ProblemType::VendorFailed,
            Self::Unavailable { .. } | Self::DatabaseFailed { .. } => ProblemType::Unavailable,
        }
    }

    pub fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::TooManyWaiting { retry_after_seconds, .. }
            | Self::RateLimited { retry_after_seconds }
            | Self::Unavailable { retry_after_seconds }
            | Self::DatabaseFailed { retry_after_seconds, .. } => Some(*retry_after_seconds),
            Self::SpendsLimited { standing } => Some(standing.retry_after_seconds()),
            _ => None,
        }
    }

    pub fn problem(&self, request_id: &str) -> Problem {
        let kind = self.problem_type();
        let mut problem = Problem {
            kind: format!("/problems/{}", kind.slug()),
            title: kind.title().into(),
            status: kind.status(),
            detail: self.to_string(),
            request_id: request_id.into(),
            errors: Vec::new(),
            required: None,
            available: None,
            debt: None,
            resets_at: None,
            scope: None,
            stage: None,
            categories: Vec::new(),
        };
        match self {
            Self::Invalid(violations) => problem.errors = violations.iter().map(field_error).collect(),
            Self::ScopeMissing { needed } => problem.scope = *needed,
            Self::PromptRefused(refusal) => {
                problem.stage = Some(refusal.stage);
                problem.categories.clone_from(&refusal.categories);
            }
            Self::InsufficientGems { required, available, debt } => {
                problem.required = Some(*required);
                problem.available = Some(*available);
                problem.debt = Some(*debt);
            }
            Self::GemCapReached { required, available, resets_at } => {
                problem.required = Some(*required);
                problem.available = Some(*available);
                problem.resets_at = Some(*resets_at);
            }
            _ => {}
        }
        problem
    }

    /// The answer, with what its type promises in headers.
    pub fn response(&self, request_id: &str) -> HttpResponse {
        let problem = self.problem(request_id);
        let mut answer = HttpResponse::build(self.status_code());
        answer.insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(seconds) = self.retry_after_seconds() {
            answer.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Self::SpendsLimited { standing } = self {
            standing.say_first(&mut answer);
        }
        if let Self::MethodNotAllowed { allow } = self
            && let Ok(allow) = HeaderValue::from_str(allow)
        {
            answer.insert_header((header::ALLOW, allow));
        }
        if matches!(self, Self::Unauthenticated) {
            answer.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        answer.content_type("application/problem+json").body(serde_json::to_vec(&problem).unwrap_or_default())
    }
}

fn scope_sentence(needed: Option<Scope>) -> String {
    match needed {
        Some(scope) => format!("This API key lacks the scope {}. Make one that has it.", scope.name()),
        None => "No API key may do this: sign in on the page.".to_owned(),
    }
}

fn field_error(violation: &Violation) -> FieldError {
    FieldError { pointer: violation.pointer.clone(), code: violation.code, detail: violation.code.sentence().into() }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.problem_type().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The request log middleware writes the body again with the request id.
    fn error_response(&self) -> HttpResponse {
        self.response("")
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::RowNotFound) {
            return Self::NotFound;
        }
        let fault = DatabaseFault::of(&error);
        match fault.retry_after_seconds() {
            Some(retry_after_seconds) => {
                crate::metrics::database_failed(fault.name());
                Self::DatabaseFailed { retry_after_seconds, source: error }
            }
            None => Self::internal(error),
        }
    }
}

impl From<Vec<Violation>> for ApiError {
    fn from(violations: Vec<Violation>) -> Self {
        Self::Invalid(violations)
    }
}
