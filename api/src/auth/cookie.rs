//! The only two cookies there are: the session's, and one that binds a sign-in attempt to a browser for ten minutes.
use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use chrono::TimeDelta;

use super::secret;
use crate::config::Settings;

pub const SIGN_IN_LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// Names and flags follow the scheme of the public URL: `__Host-` demands https.
pub struct Cookies {
    session: &'static str,
    sign_in: &'static str,
    is_secure: bool,
}

impl Cookies {
    pub fn new(settings: &Settings) -> Self {
        Self::of_scheme(settings.is_secure())
    }

    fn of_scheme(is_secure: bool) -> Self {
        let (session, sign_in) = if is_secure {
            ("__Host-lapidary_session", "__Host-lapidary_sign_in")
        } else {
            ("lapidary_session", "lapidary_sign_in")
        };
        Self { session, sign_in, is_secure }
    }

    pub fn session(&self, token: &str, lifetime: TimeDelta) -> Cookie<'static> {
        self.cookie(self.session, token, lifetime)
    }

    pub fn sign_in(&self, secret: &str) -> Cookie<'static> {
        self.cookie(self.sign_in, secret, SIGN_IN_LIFETIME)
    }

    pub fn no_session(&self) -> Cookie<'static> {
        self.cookie(self.session, "", TimeDelta::zero())
    }

    /// Both of them, empty, with all that a browser is told: for who wants to know which there are.
    pub fn described(&self) -> Vec<String> {
        vec![self.session("", super::session::IDLE).to_string(), self.sign_in("").to_string()]
    }

    fn cookie(&self, name: &'static str, value: &str, lifetime: TimeDelta) -> Cookie<'static> {
        Cookie::build(name, value.to_owned())
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.is_secure)
            .max_age(Duration::seconds(lifetime.num_seconds()))
            .finish()
    }

    /// The refresh token this browser holds.
    pub fn session_of(&self, request: &HttpRequest) -> Option<String> {
        read(request, self.session)
    }

    /// What binds sign-in attempts to this browser.
    pub fn sign_in_of(&self, request: &HttpRequest) -> Option<String> {
        read(request, self.sign_in)
    }
}

fn read(request: &HttpRequest, name: &str) -> Option<String> {
    request.cookie(name).map(|cookie| cookie.value().to_owned()).filter(|value| secret::is_secret(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_of_an_https_site_are_bound_to_its_host() {
        let cookie = Cookies::of_scheme(true).session("x", TimeDelta::days(7)).to_string();
        assert_eq!(cookie, "__Host-lapidary_session=x; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=604800");
    }

    #[test]
    fn cookies_of_a_loopback_site_work_without_tls() {
        let cookie = Cookies::of_scheme(false).sign_in("x").to_string();
        assert_eq!(cookie, "lapidary_sign_in=x; HttpOnly; SameSite=Lax; Path=/; Max-Age=600");
        assert!(Cookies::of_scheme(false).no_session().to_string().ends_with("Max-Age=0"));
    }
}
