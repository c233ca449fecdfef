//! The client of the payment vendor: requests are async-stripe's, so that parameters and API version fit each other; they
//! travel by our own HTTP client, which keeps connections, sees `Retry-After` and says which member of an answer does not
//! fit. What may be asked twice is asked again with the same key, within a budget. Knows no purchase.
mod calls;
mod shapes;

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode, header};
use serde::de::DeserializeOwned;
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use url::Url;
use uuid::Uuid;

pub use self::calls::{NewSession, PURCHASE};
pub use self::shapes::{Charge, Dispute, Event, Expandable, Refund, Session};
use crate::generation::retry;

/// Of one request.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of one call with all of its attempts: whoever delivers an event does not wait for ever.
const BUDGET: Duration = Duration::from_secs(15);
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(400);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

static VERSION: stripe_client_core::ApiVersion = stripe_client_core::VERSION;

#[derive(Clone)]
pub struct Stripe {
    http: reqwest::Client,
    base: String,
    key: String,
}

#[derive(Debug, thiserror::Error)]
pub enum StripeError {
    #[error("it was not reached")]
    Unreachable(#[source] reqwest::Error),
    /// What it says, without what we sent.
    #[error("it answers {status} {kind} {code} {param} (request {request_id})")]
    Refused { status: u16, kind: String, code: String, param: String, request_id: String },
    #[error("its answer cannot be read")]
    Unreadable(#[source] serde_path_to_error::Error<serde_json::Error>),
}

impl StripeError {
    /// What we asked for is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    pub fn has_code(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }

    /// The customer that we know is not there any more.
    pub fn is_customer_missing(&self) -> bool {
        matches!(self, Self::Refused { code, param, .. } if code == "resource_missing" && param == "customer")
    }
}

/// How one attempt ended without an answer to use.
struct Failed {
    error: StripeError,
    may_be_asked_again: bool,
    /// As it says itself.
    after: Option<Duration>,
}

impl Stripe {
    pub fn new(base: &Url, key: &str) -> Result<Self, reqwest::Error> {
        let base = base.as_str().trim_end_matches('/').to_owned();
        Ok(Self { http: crate::app::vendor_client(PATIENCE)?, base, key: key.trim().to_owned() })
    }

    /// Live keys say so in their name; everything the vendor shows says the same as `livemode`.
    pub fn is_live(&self) -> bool {
        self.key.contains("_live_")
    }

    /// The API version of everything that is asked, and of the events that the endpoint gets.
    pub fn version() -> &'static str {
        VERSION.as_str()
    }

    /// Asks for something, which may be done twice.
    async fn read<T: DeserializeOwned>(&self, request: &impl StripeRequest) -> Result<T, StripeError> {
        self.call(request.build(), None).await
    }

    /// Makes something, once for each key.
    async fn make<T: DeserializeOwned>(&self, request: &impl StripeRequest, key: &str) -> Result<T, StripeError> {
        self.call(request.build(), Some(key)).await
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder, key: Option<&str>) -> Result<T, StripeError> {
        let began = Instant::now();
        let mut attempt = 1;
        loop {
            let failed = match self.attempt(&request, key).await {
                Ok(body) => {
                    let mut json = serde_json::Deserializer::from_slice(&body);
                    return serde_path_to_error::deserialize(&mut json).map_err(StripeError::Unreadable);
                }
                Err(failed) => failed,
            };
            let wait = failed.after.unwrap_or_else(|| pause(attempt));
            if !failed.may_be_asked_again || attempt == ATTEMPTS || began.elapsed() + wait > BUDGET {
                let is_theirs = failed.may_be_asked_again;
                is_theirs.then(crate::metrics::payment_vendor_failed);
                return Err(failed.error);
            }
            tracing::debug!(error = %failed.error, attempt, "the payment vendor is asked again");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, request: &RequestBuilder, key: Option<&str>) -> Result<Vec<u8>, Failed> {
        let method = match request.method {
            StripeMethod::Get => Method::GET,
            StripeMethod::Post => Method::POST,
            StripeMethod::Delete => Method::DELETE,
        };
        let query = request.query.as_ref().filter(|query| !query.is_empty()).map(|query| format!("?{query}"));
        let address = format!("{}/v1{}{}", self.base, request.path, query.unwrap_or_default());
        let mut sent =
            self.http.request(method, address).bearer_auth(&self.key).header("Stripe-Version", Self::version());
        if let Some(body) = &request.body {
            sent = sent.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.clone());
        }
        if let Some(key) = key {
            sent = sent.header("Idempotency-Key", key);
        }
        let answer = sent.send().await.map_err(unreachable)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.map_err(unreachable)?;
        if status.is_success() {
            return Ok(body.into());
        }
        let said = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
        let may_be_asked_again = match said("stripe-should-retry") {
            Some("true") => true,
            Some("false") => false,
            _ => matches!(status, StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS) || status.is_server_error(),
        };
        let refusal: shapes::Refusal = serde_json::from_slice(&body).unwrap_or_default();
        let error = StripeError::Refused {
            status: status.as_u16(),
            kind: refusal.error.kind,
            code: refusal.error.code.unwrap_or_default(),
            param: refusal.error.param.unwrap_or_default(),
            request_id: said("request-id").unwrap_or_default().to_owned(),
        };
        let after = said("retry-after").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        Err(Failed { error, may_be_asked_again, after })
    }
}

fn unreachable(error: reqwest::Error) -> Failed {
    // An address may hold an id, never a secret; still nobody needs it in a log.
    Failed { error: StripeError::Unreachable(error.without_url()), may_be_asked_again: true, after: None }
}

/// Doubles, and is spread so that many do not come back at once.
fn pause(attempt: u32) -> Duration {
    let longest = (FIRST_PAUSE * 2_u32.saturating_pow(attempt - 1)).min(LONGEST_PAUSE);
    let spread = u32::from(retry::spread(Uuid::now_v7(), 0));
    longest / 2 + longest / 2 * spread / u32::from(u16::MAX)
}
