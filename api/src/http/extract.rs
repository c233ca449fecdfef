//! Extractors that turn bad input into problems: JSON bodies, idempotency keys, ids in paths, queries.
use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use aws_lc_rs::digest;
use lapidary_contract::domain::limits::{BODY_MAX, IDEMPOTENCY_KEY_MAX};
use lapidary_contract::domain::{Violation, ViolationCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use super::known_paths::KnownPaths;
use super::objects::Objects;

/// A JSON body: 415 for another type, 413 when too large, 400 when it is no JSON, 422 when it does not fit.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = is_of_type(request, "application/json");
        let announced =
            request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let too_large = announced.is_some_and(|length: usize| length > BODY_MAX);
        let body = web::Payload::from_request(request, payload);
        Box::pin(async move {
            if !is_json {
                return Err(ApiError::UnsupportedMediaType);
            }
            if too_large {
                return Err(ApiError::PayloadTooLarge { max_bytes: BODY_MAX });
            }
            let body = body.await.map_err(|error| ApiError::Malformed(error.to_string()))?;
            let bytes = body
                .to_bytes_limited(BODY_MAX)
                .await
                .map_err(|_| ApiError::PayloadTooLarge { max_bytes: BODY_MAX })?
                .map_err(|error| ApiError::Malformed(error.to_string()))?;
            parse(&bytes).map(Self)
        })
    }
}

/// Whether the body says that it is this, whatever parameters stand beside it.
pub fn is_of_type(request: &HttpRequest, wanted: &str) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.and_then(|kind| kind.split(';').next()).is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
}

/// A whole body that was read already.
pub fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(Objects(&mut deserializer)).map_err(|error| {
        let path = pointer(error.path());
        let inner = error.into_inner();
        if inner.is_data() {
            ApiError::Invalid(vec![violation(path, &inner.to_string())])
        } else {
            ApiError::Malformed(format!("The body is not JSON: {inner}."))
        }
    })?;
    deserializer.end().map_err(|error| ApiError::Malformed(format!("The body is not JSON: {error}.")))?;
    Ok(parsed)
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// serde says in words which field is missing or unknown.
fn violation(path: String, message: &str) -> Violation {
    let named = message.split('`').nth(1).unwrap_or_default();
    let member = if path.ends_with(&format!("/{named}")) { path.clone() } else { format!("{path}/{named}") };
    if message.starts_with("missing field") {
        Violation::new(member, ViolationCode::Required)
    } else if message.starts_with("unknown field") {
        Violation::new(member, ViolationCode::UnknownField)
    } else {
        Violation::new(path, ViolationCode::WrongType)
    }
}

/// `Idempotency-Key`, with or without the quotes of a structured field.
pub struct IdempotencyKey(pub String);

impl IdempotencyKey {
    /// Where a route does not need one.
    pub fn if_given(request: &HttpRequest) -> Result<Option<Self>, ApiError> {
        let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
        let key = value.to_str().ok().map(|value| {
            let bare = value.trim();
            bare.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(bare)
        });
        match key {
            Some(key) if !key.is_empty() && key.len() <= IDEMPOTENCY_KEY_MAX => Ok(Some(Self(key.to_owned()))),
            _ => Err(ApiError::IdempotencyKeyRequired),
        }
    }
}

impl FromRequest for IdempotencyKey {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let given = Self::if_given(request);
        std::future::ready(given.and_then(|key| key.ok_or(ApiError::IdempotencyKeyRequired)))
    }
}

/// SHA-256 of a parsed request before defaults: white space and field order do not matter. What comes with a key that was
/// used must have the same.
pub fn fingerprint(request: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    let canonical = serde_json::to_vec(request).map_err(ApiError::internal)?;
    Ok(digest::digest(&digest::SHA256, &canonical).as_ref().to_vec())
}

/// An id that is none is nowhere, unless the whole path is another route's, which knows other methods.
fn not_there(request: &HttpRequest) -> ApiError {
    let known = request.app_data::<web::Data<KnownPaths>>().and_then(|paths| paths.allow_exactly(request.path()));
    match known {
        Some(allow) => ApiError::MethodNotAllowed { allow: allow.to_owned() },
        None => ApiError::NotFound,
    }
}

/// What every scope needs so that a wrong path or query is a problem like any other.
pub fn configure(config: &mut web::ServiceConfig) {
    config.app_data(web::PathConfig::default().error_handler(|_, request| not_there(request).into())).app_data(
        web::QueryConfig::default()
            .error_handler(|error, _| ApiError::Malformed(format!("The query cannot be read: {error}.")).into()),
    );
}
