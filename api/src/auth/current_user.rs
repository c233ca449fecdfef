//! The extractors that say who asks: a confirmed person or a key of theirs for nearly every route, anyone signed in for `me`
//! and sign-out. Every door is here: proof, how often, scope, age.
use std::future::Future;
use std::pin::Pin;

use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use chrono::{DateTime, Utc};
use lapidary_contract::API_KEY_PREFIX;
use uuid::Uuid;

use super::api_keys::{self, KeyGrant, Scopes};
use super::queries;
use super::scopes::{self, Door};
use super::token::{Subject, TokenError, Tokens};
use crate::app::App;
use crate::db::Actor;
use crate::http::error::{ApiError, ApiResult};
use crate::http::limits::Who;

/// A signed-in person, 13 or older, not suspended; or a key of one, at a route that its scopes open.
#[derive(Clone, Copy, Debug)]
pub struct CurrentUser {
    pub person_id: Uuid,
    pub account_id: Uuid,
    /// What can be revoked: the session, or the key.
    pub session_id: Uuid,
    /// Absent: the person's own session.
    pub key: Option<KeyGrant>,
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
            let (app, asker) = subject_of(&request).await?;
            let Subject { person_id, account_id, session_id, is_confirmed } = asker.subject;
            // A token from before the confirmation may still say no.
            if !is_confirmed && !queries::is_confirmed(app.db.house(), person_id).await? {
                return Err(ApiError::AgeNotConfirmed);
            }
            Ok(Self { person_id, account_id, session_id, key: asker.key })
        })
    }
}

impl FromRequest for AnyUser {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let (_, Asker { subject, .. }) = subject_of(&request).await?;
            let Subject { person_id, account_id, session_id, .. } = subject;
            Ok(Self { person_id, account_id, session_id })
        })
    }
}

/// Whoever proved who they are.
struct Asker {
    subject: Subject,
    key: Option<KeyGrant>,
}

/// Who asks, within how often they may and what their key may do.
async fn subject_of(request: &HttpRequest) -> ApiResult<(web::Data<App>, Asker)> {
    let app = request.app_data::<web::Data<App>>().ok_or_else(|| ApiError::internal("the app is missing"))?.clone();
    let known = match bearer(request) {
        None => Err(ApiError::Unauthenticated),
        Some(key) if key.starts_with(API_KEY_PREFIX) => app.auth.api_keys.find(&app, key).await.map(Presented::Key),
        Some(token) => session_of(&app, token).await.map(Presented::Token),
    };
    match known {
        Ok(Presented::Token(subject)) => {
            app.limits.admit(request, Who::Person(subject.person_id))?;
            Ok((app, Asker { subject, key: None }))
        }
        Ok(Presented::Key(known)) => {
            app.limits.admit(request, Who::Key(known.grant.id))?;
            opens(request, known.scopes)?;
            Ok((app, Asker { subject: known.subject, key: Some(known.grant) }))
        }
        Err(refused) => {
            // Whoever tries keys is nobody, as often as nobody may.
            app.limits.admit_address(request)?;
            Err(refused)
        }
    }
}

enum Presented {
    Token(Subject),
    Key(api_keys::Known),
}

async fn session_of(app: &App, token: &str) -> ApiResult<Subject> {
    let subject = verify(app, token).await?;
    if !app.auth.revocations.allows(&app.db, subject.session_id).await? {
        return Err(ApiError::Unauthenticated);
    }
    Ok(subject)
}

fn opens(request: &HttpRequest, scopes: Scopes) -> ApiResult<()> {
    let pattern = request.match_pattern().unwrap_or_default();
    match scopes::door(request.method().as_str(), &pattern) {
        Some(Door::Scope(needed)) if scopes.has(needed) => Ok(()),
        Some(Door::Scope(needed)) => Err(ApiError::ScopeMissing { needed: Some(needed) }),
        Some(Door::Session | Door::Public | Door::Unlimited) | None => Err(ApiError::ScopeMissing { needed: None }),
    }
}

/// When what a request came with ends: its token, or its key if that ever does.
pub fn ends_at(request: &HttpRequest, user: &CurrentUser) -> Option<DateTime<Utc>> {
    match user.key {
        Some(key) => Some(key.expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC)),
        None => token_ends_at(request),
    }
}

/// When the token of a request ends that an extractor has let in.
fn token_ends_at(request: &HttpRequest) -> Option<DateTime<Utc>> {
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
