//! `/login/oauth/access_token`: a code for a token. Every error is told with status 200, as the vendor does.
use std::time::Instant;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use super::{Access, CLIENT_ID, CLIENT_SECRET, Hub, VENDOR};
use crate::identity::grants::{Grant, Redeemed, random_hex};
use crate::identity::params::Params;
use crate::identity::{pkce, trouble};

const HELP: &str = "https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors";

/// `error` and its `error_description`.
type Refusal = (&'static str, &'static str);

const BAD_CODE: Refusal = ("bad_verification_code", "The code passed is incorrect or expired.");
const BAD_CLIENT: Refusal =
    ("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.");
const BAD_REDIRECT: Refusal =
    ("redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL for this application.");

pub async fn exchange(request: HttpRequest, body: web::Bytes, hub: web::Data<Hub>) -> HttpResponse {
    if let Some(answer) = trouble::strike(&hub.faults, VENDOR).await {
        return answer;
    }
    if trouble::shows(&hub.faults, VENDOR, "junk_html") {
        return trouble::junk();
    }
    // JSON is what GitHub's own client sends.
    let Some(params) = Params::of_form(&request, &body).or_else(|| Params::of_json(&request, &body)) else {
        return HttpResponse::UnsupportedMediaType().finish();
    };
    match redeem(&hub, &params) {
        Ok(grant) => {
            let answer = grant_access(&hub, params.get("code").unwrap_or_default(), *grant);
            encoded(&request, &answer.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>())
        }
        Err((code, why)) => {
            let help = format!("{HELP}#{}", code.replace('_', "-"));
            encoded(&request, &[("error", code), ("error_description", why), ("error_uri", &help)])
        }
    }
}

fn redeem(hub: &Hub, params: &Params) -> Result<Box<Grant>, Refusal> {
    if params.get("client_id") != Some(CLIENT_ID) || params.get("client_secret") != Some(CLIENT_SECRET) {
        return Err(BAD_CLIENT);
    }
    if trouble::shows(&hub.faults, VENDOR, "bad_verification_code") {
        return Err(BAD_CODE);
    }
    let Redeemed::Granted(grant) = hub.codes.redeem(params.get("code").unwrap_or_default(), Instant::now()) else {
        return Err(BAD_CODE);
    };
    let redirect_fits = match (grant.redirect_uri.as_deref(), params.get("redirect_uri")) {
        (asked, Some(given)) => asked.unwrap_or(hub.callback.as_str()) == given,
        (asked, None) => asked.is_none(),
    };
    if !redirect_fits {
        return Err(BAD_REDIRECT);
    }
    if !pkce::proves(grant.challenge.as_deref(), params.get("code_verifier")) {
        return Err(BAD_CODE);
    }
    Ok(grant)
}

fn grant_access(hub: &Hub, code: &str, grant: Grant) -> Vec<(&'static str, String)> {
    let mut scopes = grant.scopes;
    scopes.sort();
    scopes.dedup();
    if trouble::shows(&hub.faults, VENDOR, "missing_email_scope") {
        scopes.retain(|scope| scope != "user:email" && scope != "user");
    }
    let token = format!("gho_{}", random_hex(18));
    let scope = scopes.join(",");
    hub.tokens.keep(&token, code, None, Access { person: grant.person, scopes });
    vec![("access_token", token), ("scope", scope), ("token_type", "bearer".to_owned())]
}

/// JSON only for those who ask for it; the vendor's default is a form.
fn encoded(request: &HttpRequest, answer: &[(&str, &str)]) -> HttpResponse {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut response = HttpResponse::Ok();
    response.insert_header(("Cache-Control", "no-store"));
    if accept.contains("application/json") {
        let fields: serde_json::Map<_, _> =
            answer.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        return response.json(fields);
    }
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(answer).finish();
    response.content_type("application/x-www-form-urlencoded; charset=utf-8").body(form)
}
