//! The token endpoint (RFC 6749 §4.1.3, §5): client authentication by header or body, a code once, errors as 400 and 401.
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::{CLIENT_ID, CLIENT_SECRET, Provider, VENDOR, claims, id_token};
use crate::identity::grants::{Grant, Redeemed, random_hex};
use crate::identity::params::Params;
use crate::identity::{pkce, trouble};

pub const PATH: &str = "/token";
const LIFETIME: Duration = Duration::from_secs(3599);
const ONCE_ONLY: [&str; 6] = ["grant_type", "code", "redirect_uri", "client_id", "client_secret", "code_verifier"];

/// `error` and its `error_description`.
type Refusal = (&'static str, &'static str);

const BAD_CODE: Refusal = ("invalid_grant", "Malformed, expired or already used auth code.");

pub async fn exchange(request: HttpRequest, body: web::Bytes, provider: web::Data<Provider>) -> HttpResponse {
    if let Some(answer) = trouble::strike(&provider.faults, VENDOR).await {
        return answer;
    }
    if trouble::shows(&provider.faults, VENDOR, "junk") {
        return trouble::junk();
    }
    let Some(params) = Params::of_form(&request, &body) else {
        return refuse(("invalid_request", "The body must be application/x-www-form-urlencoded."));
    };
    match authenticate(&request, &params).and_then(|()| redeem(&provider, &params)) {
        Ok(grant) => answer(&provider, params.get("code").unwrap_or_default(), &grant),
        Err(refusal) => refuse(refusal),
    }
}

fn authenticate(request: &HttpRequest, params: &Params) -> Result<(), Refusal> {
    let unknown = ("invalid_client", "The OAuth client was not found.");
    if params.repeated(&ONCE_ONLY).is_some() {
        return Err(("invalid_request", "A parameter stands there more than once."));
    }
    let (id, secret) = match (request.headers().get(AUTHORIZATION), params.get("client_secret")) {
        (Some(_), Some(_)) => return Err(("invalid_request", "More than one way of client authentication.")),
        (Some(header), None) => header.to_str().ok().and_then(basic).ok_or(unknown)?,
        (None, secret) => {
            (params.get("client_id").unwrap_or_default().to_owned(), secret.unwrap_or_default().to_owned())
        }
    };
    let contradicts = params.get("client_id").is_some_and(|beside| beside != id);
    if id == CLIENT_ID && secret == CLIENT_SECRET && !contradicts { Ok(()) } else { Err(unknown) }
}

/// Both halves are form-encoded before they are joined (RFC 6749 §2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    let joined = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = joined.split_once(':')?;
    let decoded = |half: &str| {
        let pair = format!("half={half}");
        url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    if scheme.eq_ignore_ascii_case("basic") { decoded(id).zip(decoded(secret)) } else { None }
}

fn redeem(provider: &Provider, params: &Params) -> Result<Box<Grant>, Refusal> {
    match params.get("grant_type") {
        Some("authorization_code") => {}
        Some(_) => return Err(("unsupported_grant_type", "grant_type must be authorization_code.")),
        None => return Err(("invalid_request", "Missing required parameter: grant_type")),
    }
    let code = params.get("code").ok_or(("invalid_request", "Missing required parameter: code"))?;
    let grant = match provider.codes.redeem(code, Instant::now()) {
        Redeemed::Granted(grant) => grant,
        Redeemed::Replayed => {
            // Somebody else has the code too, so what it opened is closed (RFC 6749 §4.1.2).
            provider.tokens.revoke_those_of(code);
            return Err(BAD_CODE);
        }
        Redeemed::Unknown | Redeemed::Expired => return Err(BAD_CODE),
    };
    if grant.redirect_uri.as_deref() != params.get("redirect_uri") {
        return Err(("invalid_grant", "redirect_uri is not the one of the authorization request."));
    }
    if !pkce::proves(grant.challenge.as_deref(), params.get("code_verifier")) {
        return Err(("invalid_grant", "Invalid code verifier."));
    }
    Ok(grant)
}

fn answer(provider: &Provider, code: &str, grant: &Grant) -> HttpResponse {
    let spoils = |kind: &str| claims::FAULTS.contains(&kind) || id_token::FAULTS.contains(&kind);
    let fault = provider.faults.take_where(VENDOR, spoils).map(|fault| fault.kind);
    let fault = fault.as_deref();
    let person = claims::about(&grant.person, &grant.scopes, &provider.issuer, fault);
    let access_token = format!("ya29.sandbox-{}", random_hex(32));
    let id_token = match id_token::issue(provider, &person, grant.nonce.as_deref(), &access_token, fault) {
        Ok(id_token) => id_token,
        Err(error) => {
            tracing::error!(%error, "no id_token could be signed");
            return trouble::broken(StatusCode::INTERNAL_SERVER_ERROR);
        }
    };
    provider.tokens.keep(&access_token, code, Some(LIFETIME), person);
    not_stored(StatusCode::OK).json(json!({
        "access_token": access_token,
        "expires_in": LIFETIME.as_secs(),
        "scope": grant.scopes.join(" "),
        "token_type": "Bearer",
        "id_token": id_token
    }))
}

fn refuse((code, why): Refusal) -> HttpResponse {
    let status = if code == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
    let mut response = not_stored(status);
    if status == StatusCode::UNAUTHORIZED {
        response.insert_header(("WWW-Authenticate", "Basic realm=\"sandbox\""));
    }
    response.json(json!({"error": code, "error_description": why}))
}

fn not_stored(status: StatusCode) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header(("Cache-Control", "no-store")).insert_header(("Pragma", "no-cache"));
    response
}
