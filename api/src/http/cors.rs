//! Which other origins' pages may call the API from a browser: those that the operator names. Never with our cookies.
use actix_cors::Cors;
use actix_web::http::Method;

use crate::config::Settings;

/// What a page of another origin can read of an answer.
const READABLE: [&str; 17] = [
    "content-disposition",
    "deprecation",
    "etag",
    "gems-cost",
    "gems-remaining",
    "idempotent-replayed",
    "link",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "retry-after-ms",
    "sunset",
    "x-request-id",
    "x-should-retry",
    "allow",
    "www-authenticate",
];
/// A browser asks again after this.
const KEPT_SECONDS: usize = 3_600;

/// Without an origin in CORS_ORIGINS nothing is added to any answer; with `*` every page may call.
pub fn rules(settings: &Settings) -> Cors {
    let origins: Vec<&str> = origins(settings).collect();
    let cors = Cors::default()
        .allowed_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_any_header()
        .expose_headers(READABLE)
        .block_on_origin_mismatch(false)
        .max_age(KEPT_SECONDS);
    if origins.contains(&"*") {
        return cors.allow_any_origin().send_wildcard();
    }
    origins.into_iter().fold(cors, Cors::allowed_origin)
}

pub fn are_any(settings: &Settings) -> bool {
    origins(settings).next().is_some()
}

/// An origin is what a browser sends: scheme, host and port, nothing more.
pub fn are_origins(settings: &Settings) -> bool {
    origins(settings).all(|origin| {
        origin == "*" || url::Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == origin)
    })
}

fn origins(settings: &Settings) -> impl Iterator<Item = &str> {
    settings.programs.cors_origins.as_deref().unwrap_or_default().split(',').map(str::trim).filter(|it| !it.is_empty())
}
