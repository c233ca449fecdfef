//! A sign-in that did not succeed: a redirect to our page with a code it can say in words, and one line in the log.
use actix_web::HttpResponse;
use actix_web::http::header;
use lapidary_contract::SignInFailure;
use url::form_urlencoded::Serializer;

use super::providers::Refusal;
use super::sign_in::Trouble;
use crate::http::error::ApiError;
use crate::http::request_log::{RequestId, chain};

/// The page that says why; never an address from outside.
pub fn redirect(trouble: Trouble, provider: &str, return_to: Option<&str>, request_id: &RequestId) -> HttpResponse {
    let refusal = told(trouble, provider, request_id);
    let return_to = return_to.filter(|path| *path != "/");
    see_other(&address(
        "/sign-in",
        &refusal,
        request_id,
        &[("provider", refusal.first_provider.as_deref()), ("return_to", return_to)],
    ))
}

/// Of an attempt to link: the account's page says it, unless there is no session here that could see it.
pub fn link_redirect(trouble: Trouble, provider: &str, request_id: &RequestId) -> HttpResponse {
    let refusal = told(trouble, provider, request_id);
    let location = match refusal.failure {
        SignInFailure::SessionEnded | SignInFailure::Suspended | SignInFailure::OtherBrowser => {
            address("/sign-in", &refusal, request_id, &[("return_to", Some("/account"))])
        }
        _ => address("/account", &refusal, request_id, &[("provider", Some(provider))]),
    };
    see_other(&location)
}

fn address(page: &str, refusal: &Refusal, request_id: &RequestId, more: &[(&str, Option<&str>)]) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("failure", refusal.failure.name()).append_pair("request_id", &request_id.0);
    query.extend_pairs(more.iter().filter_map(|(name, value)| value.map(|value| (*name, value))));
    format!("{page}?{}", query.finish())
}

/// In the log, once.
fn told(trouble: Trouble, provider: &str, request_id: &RequestId) -> Refusal {
    let request_id = request_id.0.as_str();
    match trouble {
        Trouble::Refused(refusal) => {
            let failure = refusal.failure.name();
            tracing::warn!(request_id, provider, failure, reason = refusal.reason, "sign-in failed");
            refusal
        }
        Trouble::Ours(error) => {
            tracing::error!(request_id, provider, error = %chain(&error), "sign-in failed");
            our_fault(&error)
        }
    }
}

fn our_fault(error: &ApiError) -> Refusal {
    Refusal::new(SignInFailure::Unavailable, error.to_string())
}

pub fn see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, location))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_told_the_code_and_where_to_go_on() {
        let refusal = Refusal {
            first_provider: Some("github".into()),
            ..Refusal::new(SignInFailure::EmailInUse, "another account has this address")
        };
        let answer = redirect(refusal.into(), "google", Some("/gallery?a=b"), &RequestId("r1".into()));
        assert_eq!(answer.status(), 303);
        assert_eq!(
            answer.headers().get("location").unwrap(),
            "/sign-in?failure=email_in_use&request_id=r1&provider=github&return_to=%2Fgallery%3Fa%3Db"
        );
    }
}
