//! The extractors that say who asks: a confirmed person for nearly every route.
use std::future::Future;
use std::pin::Pin;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use uuid::Uuid;

use crate::db::Actor;
use crate::http::error::ApiError;

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

impl FromRequest for CurrentUser {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(_request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(async { Err(ApiError::Unauthenticated) })
    }
}
