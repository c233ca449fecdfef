//! The extractors that say who asks: a confirmed person or a key of theirs for nearly every route, anyone signed in for `me`
//! and sign-out. Every door is here: proof, how often, scope, age.
use std::future::Future;
use std::pin::Pin;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, web};
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
use crate::http::request_log::Caller;

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
            let Asker { subject, key } = asker_of(&request).await?;
            let Subject { person_id, account_id, session_id, is_confirmed, .. } = subject;
            if is_confirmed {
                Ok(Self { person_id, account_id, session_id, key })
            } else {
                Err(ApiError::AgeNotConfirmed)
            }
        })
    }
}

impl FromRequest for AnyUser {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let Subject { person_id, account_id, session_id, .. } = asker_of(&request).await?.subject;
            Ok(Self { person_id, account_id, session_id })
        })
    }
}

/// Whoever proved who they are.
#[derive(Clone, Copy)]
struct Asker {
    subject: Subject,
    key: Option<KeyGrant>,
}

/// Middleware: every door, before anything of a request is read. Extractors run beside each other, and a wrong body must
/// not be told to whoever may not come in.
pub async fn stand_at_the_door(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let judged = match door_of(request.request()) {
        Some(Door::Scope(_) | Door::Session) => asker_of(request.request()).await.map(drop),
        Some(Door::Public) => match request.app_data::<web::Data<App>>() {
            Some(app) => app.limits.admit_address(request.request()),
            None => Ok(()),
        },
        Some(Door::Unlimited) | None => Ok(()),
    };
    match judged {
        Ok(()) => Ok(next.call(request).await?.map_into_boxed_body()),
        Err(refused) => Ok(ServiceResponse::from_err(refused, request.into_parts().0)),
    }
}

fn is_open_while_closing(request: &HttpRequest) -> bool {
    pattern_of(request).is_some_and(|it| scopes::is_open_while_closing(request.method().as_str(), &it))
}

/// By the path as routes see it: decoded. Before routing, `match_pattern` alone would look for the path as it was sent.
fn door_of(request: &HttpRequest) -> Option<Door> {
    pattern_of(request).and_then(|it| scopes::door(request.method().as_str(), &it))
}

pub(crate) fn pattern_of(request: &HttpRequest) -> Option<String> {
    let pattern = request.resource_map().match_pattern(request.match_info().as_str());
    pattern.or_else(|| request.match_pattern())
}

/// Asked about once a request.
async fn asker_of(request: &HttpRequest) -> ApiResult<Asker> {
    let known = request.extensions().get::<Asker>().copied();
    match known {
        Some(asker) => Ok(asker),
        None => {
            let asker = subject_of(request).await?;
            request.extensions_mut().insert(asker);
            Ok(asker)
        }
    }
}

/// Who asks, within how often they may and what their key may do.
async fn subject_of(request: &HttpRequest) -> ApiResult<Asker> {
    let app = request.app_data::<web::Data<App>>().ok_or_else(|| ApiError::internal("the app is missing"))?;
    let known = match bearer(request) {
        None => Err(ApiError::Unauthenticated),
        Some(key) if key.starts_with(API_KEY_PREFIX) => {
            app.auth.api_keys.find(app, request, key).await.map(Presented::Key)
        }
        Some(token) => session_of(app, request, token).await.map(Presented::Token),
    };
    let mut asker = match known {
        Ok(Presented::Token(subject)) => {
            request.extensions_mut().insert(Caller { person_id: subject.person_id, key_id: None });
            app.limits.admit(request, Who::Person(subject.person_id))?;
            Asker { subject, key: None }
        }
        Ok(Presented::Key(known)) => {
            let key_id = Some(known.grant.id);
            request.extensions_mut().insert(Caller { person_id: known.subject.person_id, key_id });
            app.limits.admit_key(request, known.grant.id, known.subject.person_id)?;
            opens(door_of(request), known.grant.scopes)?;
            Asker { subject: known.subject, key: Some(known.grant) }
        }
        Err(refused) => {
            // Whoever tries keys is nobody, as often as nobody may.
            app.limits.admit_address(request)?;
            return Err(refused);
        }
    };
    // A token from before the confirmation may still say no, and one from before an undo yes.
    if !asker.subject.is_confirmed || asker.subject.is_closing {
        let now = queries::now(app.db.house(), asker.subject.person_id).await?;
        (asker.subject.is_confirmed, asker.subject.is_closing) = (now.is_confirmed, now.is_closing);
    }
    if asker.subject.is_closing && !is_open_while_closing(request) {
        return Err(ApiError::AccountClosing);
    }
    Ok(asker)
}

enum Presented {
    Token(Subject),
    Key(api_keys::Known),
}

async fn session_of(app: &App, request: &HttpRequest, token: &str) -> ApiResult<Subject> {
    let subject = verify(app, request, token).await?;
    if !app.auth.revocations.allows(&app.db, subject.session_id).await? {
        return Err(ApiError::Unauthenticated);
    }
    Ok(subject)
}

fn opens(door: Option<Door>, scopes: Scopes) -> ApiResult<()> {
    match door {
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
async fn verify(app: &App, request: &HttpRequest, token: &str) -> ApiResult<Subject> {
    let now = app.clock.now();
    let refused = |_: TokenError| ApiError::Unauthenticated;
    let (key_id, known) = app.auth.tokens.key_and_subject(token, now).map_err(refused)?;
    let key = async {
        let key = app.auth.keys.verifying(&app.db, &key_id, now).await?;
        key.ok_or(ApiError::Unauthenticated)
    };
    match known {
        Some(subject) => key.await.map(|_| subject),
        None => {
            let read = async { app.auth.tokens.read(token, key_id.clone(), &key.await?, now).map_err(refused) };
            app.limits.prove(request, read).await
        }
    }
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
