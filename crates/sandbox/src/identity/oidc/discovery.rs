//! What the provider says about itself, and its public keys. Lists only what exists here.
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::{Provider, VENDOR, authorize, token, userinfo};
use crate::identity::trouble;

pub const KEYS_PATH: &str = "/oauth2/v3/certs";

pub async fn document(provider: web::Data<Provider>) -> HttpResponse {
    if trouble::shows(&provider.faults, VENDOR, "discovery_down") {
        return trouble::broken(StatusCode::SERVICE_UNAVAILABLE);
    }
    if trouble::shows(&provider.faults, VENDOR, "junk_discovery") {
        return trouble::junk();
    }
    let at = |path: &str| format!("{}{path}", provider.issuer);
    let issuer = if trouble::shows(&provider.faults, VENDOR, "discovery_issuer_mismatch") {
        "https://accounts.somewhere-else.test".to_owned()
    } else {
        provider.issuer.clone()
    };
    HttpResponse::Ok().insert_header(("Cache-Control", "public, max-age=3600")).json(json!({
        "issuer": issuer,
        "authorization_endpoint": at(authorize::PATH),
        "token_endpoint": at(token::PATH),
        "userinfo_endpoint": at(userinfo::PATH),
        "jwks_uri": at(KEYS_PATH),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": ["aud", "email", "email_verified", "exp", "family_name", "given_name", "iat", "iss", "name",
            "picture", "sub"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true
    }))
}

pub async fn key_set(provider: web::Data<Provider>) -> HttpResponse {
    if trouble::shows(&provider.faults, VENDOR, "jwks_down") {
        return trouble::broken(StatusCode::SERVICE_UNAVAILABLE);
    }
    if trouble::shows(&provider.faults, VENDOR, "junk_jwks") {
        return trouble::junk();
    }
    HttpResponse::Ok()
        .insert_header(("Cache-Control", "public, max-age=300, must-revalidate, no-transform"))
        .json(json!({"keys": provider.keys.public()}))
}
