//! `ETag` and 304 for what is read under `/v1`: whoever has an answer already is told so instead of sent it again. The tag
//! is of the answer's bytes, so it is never true of something else; weak, since compression comes after it.
use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Bytes of the digest that are told: enough that no two answers share a tag.
const TOLD: usize = 16;

/// Middleware beneath compression.
pub async fn answer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_read = *request.method() == Method::GET && request.path().starts_with("/v1/");
    let response = next.call(request).await?.map_into_boxed_body();
    if !is_read || !may_be_kept(&response) {
        return Ok(response);
    }
    let (request, response) = response.into_parts();
    let (mut response, body) = response.into_parts();
    let bytes = match body.try_into_bytes() {
        Ok(bytes) => bytes,
        Err(body) => return Ok(ServiceResponse::new(request, response.set_body(body))),
    };
    let digest = digest::digest(&digest::SHA256, &bytes);
    let told = digest.as_ref().get(..TOLD).unwrap_or_default();
    let tag = format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(told));
    let is_known = is_named(request.headers(), &tag);
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    headers.append(header::VARY, HeaderValue::from_static("Authorization, Accept-Encoding"));
    if is_known {
        headers.remove(header::CONTENT_TYPE);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(ServiceResponse::new(request, response.set_body(BoxBody::new(()))));
    }
    Ok(ServiceResponse::new(request, response.set_body(BoxBody::new(bytes))))
}

/// A whole JSON answer that its route does not forbid to keep.
fn may_be_kept(response: &ServiceResponse<BoxBody>) -> bool {
    let headers = response.headers();
    let says = |name, word: &str| headers.get(name).and_then(|it| it.to_str().ok()).is_some_and(|it| it.contains(word));
    response.status() == StatusCode::OK
        && says(header::CONTENT_TYPE, "application/json")
        && !says(header::CACHE_CONTROL, "no-store")
}

/// `If-None-Match`, compared weakly (RFC 9110, 13.1.2).
fn is_named(headers: &HeaderMap, tag: &str) -> bool {
    let bare = tag.trim_start_matches("W/");
    let values = headers.get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).any(|it| it == "*" || it.trim_start_matches("W/") == bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_among_others_weak_or_strong() {
        let named = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(value));
            is_named(&headers, "W/\"abc\"")
        };
        assert!(named("W/\"abc\"") && named("\"abc\"") && named("\"x\", W/\"abc\"") && named("*"));
        assert!(!named("\"ab\"") && !named("abc") && !named(""));
    }
}
