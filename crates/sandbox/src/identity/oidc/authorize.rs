//! The authorization endpoint: an unknown client or redirect_uri gets a page, every other error goes back to the app.
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use url::Url;

use super::{CLIENT_ID, Provider, VENDOR};
use crate::identity::consent::{self, Ask, Decision};
use crate::identity::grants::{Grant, random_hex};
use crate::identity::params::Params;
use crate::identity::{pkce, trouble};

pub const PATH: &str = "/o/oauth2/v2/auth";
const ONCE_ONLY: [&str; 12] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "prompt",
    "login_hint",
    "code_challenge",
    "code_challenge_method",
    "request",
];

struct Request {
    redirect: Url,
    redirect_uri: String,
    state: Option<String>,
    nonce: Option<String>,
    scopes: Vec<String>,
    challenge: Option<String>,
}

pub async fn show(request: HttpRequest, provider: web::Data<Provider>) -> HttpResponse {
    let params = Params::of_query(&request);
    match read(&provider, &params) {
        Ok(asked) => page(&provider, &asked, &params, None),
        Err(refused) => *refused,
    }
}

pub async fn decide(request: HttpRequest, body: web::Bytes, provider: web::Data<Provider>) -> HttpResponse {
    let Some(params) = Params::of_form(&request, &body) else {
        return HttpResponse::UnsupportedMediaType().finish();
    };
    let asked = match read(&provider, &params) {
        Ok(asked) => asked,
        Err(refused) => return *refused,
    };
    let state = asked.state.as_deref();
    let person = match consent::decision(&params) {
        Decision::Allow(person) => person,
        Decision::Again(why) => return page(&provider, &asked, &params, Some(why)),
        Decision::Deny => return send_back(&provider, asked.redirect, &[("error", "access_denied")], state),
    };
    if trouble::shows(&provider.faults, VENDOR, "access_denied") {
        return send_back(&provider, asked.redirect, &[("error", "access_denied")], state);
    }
    let state = match state {
        Some(_) if trouble::shows(&provider.faults, VENDOR, "wrong_state") => Some(random_hex(16)),
        state => state.map(str::to_owned),
    };
    let Request { redirect, redirect_uri, nonce, scopes, challenge, .. } = asked;
    let scope = scopes.join(" ");
    let grant = Grant { person, scopes, redirect_uri: Some(redirect_uri), challenge, nonce };
    // The slash is the vendor's: it catches apps that forget to encode the code.
    let code = provider.codes.issue(format!("4/0A{}", random_hex(24)), grant);
    let answer = [("code", code.as_str()), ("scope", scope.as_str()), ("authuser", "0"), ("prompt", "consent")];
    send_back(&provider, redirect, &answer, state.as_deref())
}

fn read(provider: &Provider, params: &Params) -> Result<Request, Box<HttpResponse>> {
    let blocked = |code: &str, why: &str| Err(Box::new(consent::refusal("Google", StatusCode::BAD_REQUEST, code, why)));
    if let Some(name) = params.repeated(&ONCE_ONLY) {
        return blocked("invalid_request", &format!("{name} stands there more than once."));
    }
    if params.get("client_id") != Some(CLIENT_ID) {
        return blocked("invalid_client", "The OAuth client was not found.");
    }
    let redirect_uri = params.get("redirect_uri").unwrap_or_default();
    let redirect = Url::parse(redirect_uri).ok();
    let Some(redirect) = redirect.filter(|_| provider.callbacks.iter().any(|known| known == redirect_uri)) else {
        return blocked("redirect_uri_mismatch", "This redirect_uri is not registered, letter by letter, for the app.");
    };
    let state = params.get("state").map(str::to_owned);
    let fail = |code: &str, why: &str| {
        let answer = [("error", code), ("error_description", why)];
        Err(Box::new(send_back(provider, redirect.clone(), &answer, state.as_deref())))
    };
    if params.get("request").is_some() || params.get("request_uri").is_some() {
        return fail("request_not_supported", "Request objects are not supported.");
    }
    if params.get("response_type") != Some("code") {
        return fail("unsupported_response_type", "response_type must be code.");
    }
    if params.get("response_mode").is_some_and(|mode| mode != "query") {
        return fail("invalid_request", "response_mode must be query.");
    }
    let scopes = params.list("scope");
    if !scopes.iter().any(|scope| scope == "openid") {
        return fail("invalid_scope", "scope must have openid.");
    }
    if scopes.iter().any(|scope| !matches!(scope.as_str(), "openid" | "email" | "profile")) {
        return fail("invalid_scope", "scope may have openid, email and profile.");
    }
    let prompts = params.list("prompt");
    if prompts.iter().any(|prompt| !matches!(prompt.as_str(), "none" | "consent" | "select_account" | "login"))
        || (prompts.len() > 1 && prompts.iter().any(|prompt| prompt == "none"))
    {
        return fail("invalid_request", "prompt has a value that is unknown, or none beside others.");
    }
    if prompts.iter().any(|prompt| prompt == "none") {
        return fail("interaction_required", "Nobody is signed in here.");
    }
    let challenge = match pkce::challenge(params) {
        Ok(challenge) => challenge,
        Err(why) => return fail("invalid_request", why),
    };
    let (redirect_uri, nonce) = (redirect_uri.to_owned(), params.get("nonce").map(str::to_owned));
    Ok(Request { redirect, redirect_uri, state, nonce, scopes, challenge })
}

fn page(provider: &Provider, asked: &Request, params: &Params, trouble: Option<&str>) -> HttpResponse {
    let mut wants = vec!["your account id (openid)"];
    for scope in &asked.scopes {
        match scope.as_str() {
            "email" => wants.push("your e-mail address (email)"),
            "profile" => wants.push("your name and picture (profile)"),
            _ => {}
        }
    }
    let ask = Ask { vendor: "Google", action: PATH, returns_to: &provider.app, wants, params, hint: "login_hint" };
    consent::page(&ask, trouble)
}

/// `iss` tells the app which provider answers (RFC 9207).
fn send_back(provider: &Provider, mut redirect: Url, answer: &[(&str, &str)], state: Option<&str>) -> HttpResponse {
    let mixed_up = trouble::shows(&provider.faults, VENDOR, "wrong_response_iss");
    let issuer = if mixed_up { "https://accounts.somewhere-else.test" } else { &provider.issuer };
    redirect
        .query_pairs_mut()
        .extend_pairs(state.map(|state| ("state", state)))
        .append_pair("iss", issuer)
        .extend_pairs(answer);
    HttpResponse::Found()
        .insert_header((LOCATION, redirect.as_str()))
        .insert_header(("Cache-Control", "no-store"))
        .finish()
}
