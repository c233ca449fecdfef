//! The extractors that say who asks: a confirmed person for nearly every route, anyone signed in for `me` and sign-out.
use std::future::Future;
use std::pin::Pin;

use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::queries;
use super::token::{Subject, TokenError, Tokens};
use crate::app::App;
use crate::db::Actor;
use crate::http::error::{ApiError, ApiResult};
use crate::http::request_log::Caller;

/// A signed-in person, 13 or older, not suspended.
#[derive(Clone, Copy, Debug)]
pub struct CurrentUser {
    pub person_id: Uuid,
    pub account_id: Uuid,
    pub session_id: Uuid,
}

impl CurrentUser {
    pub fn actor(&self) -> Actor {
        Actor { person_id: self.person_id, account_id: self.account_id }
    }
}

/// A signed-in person who may not have confirmed their age yet.
#[derive(Clone, Copy, Debug)]
pub struct AnyUser {
    pub person_id: Uuid,
    pub account_id: Uuid,
    pub session_id: Uuid,
}

impl AnyUser {
    pub fn actor(&self) -> Actor {
        Actor { person_id: self.person_id, account_id: self.account_id }
    }
}

impl FromRequest for CurrentUser {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let (app, subject) = subject_of(&request).await?;
            let Subject { person_id, account_id, session_id, is_confirmed } = subject;
            // A token from before the confirmation may still say no.
            if !is_confirmed && !queries::is_confirmed(app.db.house(), person_id).await? {
                return Err(ApiError::AgeNotConfirmed);
            }
            Ok(Self { person_id, account_id, session_id })
        })
    }
}

impl FromRequest for AnyUser {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let (_, Subject { person_id, account_id, session_id, .. }) = subject_of(&request).await?;
            Ok(Self { person_id, account_id, session_id })
        })
    }
}

async fn subject_of(request: &HttpRequest) -> ApiResult<(web::Data<App>, Subject)> {
    let app = request.app_data::<web::Data<App>>().ok_or_else(|| ApiError::internal("the app is missing"))?.clone();
    let token = bearer(request).ok_or(ApiError::Unauthenticated)?;
    let subject = verify(&app, token).await?;
    request.extensions_mut().insert(Caller { person_id: subject.person_id, key_id: None });
    if !app.auth.revocations.allows(&app.db, subject.session_id).await? {
        return Err(ApiError::Unauthenticated);
    }
    Ok((app, subject))
}

/// When the token of a request ends that an extractor has let in.
pub fn token_ends_at(request: &HttpRequest) -> Option<DateTime<Utc>> {
    bearer(request).and_then(Tokens::end_of)
}

/// The key is looked for at each use: a token goes with the key that signed it.
async fn verify(app: &App, token: &str) -> ApiResult<Subject> {
    let now = app.clock.now();
    let refused = |_: TokenError| ApiError::Unauthenticated;
    let (key_id, known) = app.auth.tokens.key_and_subject(token, now).map_err(refused)?;
    let key = app.auth.keys.verifying(&app.db, &key_id, now).await?;
    let key = key.ok_or(ApiError::Unauthenticated)?;
    match known {
        Some(subject) => Ok(subject),
        None => app.auth.tokens.read(token, key_id, &key, now).map_err(refused),
    }
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
