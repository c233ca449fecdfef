//! The built page: read once, served with immutable caching and precompressed brotli, guarded by a CSP.
use actix_web::web;

pub fn configure(_config: &mut web::ServiceConfig) {}
