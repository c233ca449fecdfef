//! `/login/oauth/authorize`: checks the request, asks the person, sends back a code or an error.
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use url::Url;

use super::{CLIENT_ID, Hub, VENDOR};
use crate::identity::consent::{self, Ask, Decision};
use crate::identity::grants::{Grant, random_hex};
use crate::identity::params::Params;
use crate::identity::{pkce, trouble};

pub const PATH: &str = "/login/oauth/authorize";
const HELP: &str =
    "https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-authorization-request-errors";
const ONCE_ONLY: [&str; 6] = ["client_id", "redirect_uri", "state", "scope", "code_challenge", "code_challenge_method"];

struct Request {
    redirect: Url,
    redirect_uri: Option<String>,
    state: Option<String>,
    scopes: Vec<String>,
    challenge: Option<String>,
}

pub async fn show(request: HttpRequest, hub: web::Data<Hub>) -> HttpResponse {
    let params = Params::of_query(&request);
    match read(&hub, &params) {
        Ok(asked) => page(&asked, &params, None),
        Err(refused) => *refused,
    }
}

pub async fn decide(request: HttpRequest, body: web::Bytes, hub: web::Data<Hub>) -> HttpResponse {
    let Some(params) = Params::of_form(&request, &body) else {
        return HttpResponse::UnsupportedMediaType().finish();
    };
    let asked = match read(&hub, &params) {
        Ok(asked) => asked,
        Err(refused) => return *refused,
    };
    let person = match consent::decision(&params) {
        Decision::Allow(person) => person,
        Decision::Again(why) => return page(&asked, &params, Some(why)),
        Decision::Deny => return denied(&asked),
    };
    if trouble::shows(&hub.faults, VENDOR, "denied") {
        return denied(&asked);
    }
    let state = match &asked.state {
        Some(_) if trouble::shows(&hub.faults, VENDOR, "wrong_state") => Some(random_hex(16)),
        state => state.clone(),
    };
    let Request { redirect, redirect_uri, scopes, challenge, .. } = asked;
    let code = hub.codes.issue(random_hex(10), Grant { person, scopes, redirect_uri, challenge, nonce: None });
    send_back(redirect, &[("code", &code)], state.as_deref())
}

fn read(hub: &Hub, params: &Params) -> Result<Request, Box<HttpResponse>> {
    if let Some(name) = params.repeated(&ONCE_ONLY) {
        return Err(Box::new(blocked(StatusCode::BAD_REQUEST, &format!("{name} stands there more than once."))));
    }
    if params.get("client_id") != Some(CLIENT_ID) {
        return Err(Box::new(blocked(StatusCode::NOT_FOUND, "No OAuth app has this client_id.")));
    }
    let state = params.get("state").map(str::to_owned);
    let redirect_uri = params.get("redirect_uri").map(str::to_owned);
    let redirect = match &redirect_uri {
        None => hub.callback.clone(),
        Some(given) => match Url::parse(given).ok().filter(|given| is_registered(&hub.callback, given)) {
            Some(given) => given,
            None => {
                let why = "The redirect_uri MUST match the registered callback URL for this application.";
                let answer = error_back(hub.callback.clone(), "redirect_uri_mismatch", why, state.as_deref());
                return Err(Box::new(answer));
            }
        },
    };
    let challenge = pkce::challenge(params)
        .map_err(|why| Box::new(error_back(redirect.clone(), "invalid_request", why, state.as_deref())))?;
    // Spaces are documented; GitHub's own client sends commas.
    let listed = params.list("scope");
    let scopes = listed.iter().flat_map(|some| some.split(',')).filter(|scope| !scope.is_empty());
    let scopes = scopes.map(str::to_owned).collect();
    Ok(Request { redirect, redirect_uri, state, scopes, challenge })
}

fn is_registered(callback: &Url, given: &Url) -> bool {
    let below = given.path().strip_prefix(callback.path()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let same_place = given.scheme() == callback.scheme()
        && given.host() == callback.host()
        && given.port_or_known_default() == callback.port_or_known_default();
    let plain = given.username().is_empty() && given.password().is_none() && given.fragment().is_none();
    below && same_place && plain
}

fn page(asked: &Request, params: &Params, trouble: Option<&str>) -> HttpResponse {
    let mut wants = vec!["your public profile: account id, login, name, picture"];
    for scope in &asked.scopes {
        match scope.as_str() {
            "user:email" => wants.push("your e-mail addresses (user:email)"),
            "read:user" => wants.push("all of your profile (read:user)"),
            "user" => wants.push("all of your profile and your e-mail addresses (user)"),
            _ => wants.push("something a sign-in has no need of"),
        }
    }
    let returns_to = asked.redirect.origin().ascii_serialization();
    consent::page(
        &Ask { vendor: "GitHub", action: PATH, returns_to: &returns_to, wants, params, hint: "login" },
        trouble,
    )
}

fn denied(asked: &Request) -> HttpResponse {
    let why = "The user has denied your application access.";
    error_back(asked.redirect.clone(), "access_denied", why, asked.state.as_deref())
}

fn error_back(redirect: Url, code: &str, why: &str, state: Option<&str>) -> HttpResponse {
    let help = format!("{HELP}#{}", code.replace('_', "-"));
    send_back(redirect, &[("error", code), ("error_description", why), ("error_uri", &help)], state)
}

fn send_back(mut redirect: Url, answer: &[(&str, &str)], state: Option<&str>) -> HttpResponse {
    redirect.query_pairs_mut().extend_pairs(answer).extend_pairs(state.map(|state| ("state", state)));
    HttpResponse::Found()
        .insert_header((LOCATION, redirect.as_str()))
        .insert_header(("Cache-Control", "no-store"))
        .finish()
}

fn blocked(status: StatusCode, why: &str) -> HttpResponse {
    consent::refusal("GitHub", status, "invalid_request", why)
}
