//! The extractor of the operator's routes: a signed-in person who is an operator now, asked of the database at each request.
use std::future::Future;
use std::pin::Pin;

use actix_web::{Error, FromRequest, HttpRequest, dev::Payload, web};
use uuid::Uuid;

use super::{CurrentUser, queries};
use crate::app::App;
use crate::http::error::ApiError;

/// Who acts, and what was given with it. Whatever is wrong with that is said to operators only: everybody else hears that
/// the route is not theirs.
pub struct CurrentOperator<T = ()> {
    pub person_id: Uuid,
    pub given: T,
}

impl<T: FromRequest + 'static> FromRequest for CurrentOperator<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, given) = (request.clone(), T::from_request(request, payload));
        Box::pin(async move {
            let user = CurrentUser::extract(&request).await?;
            let app = request.app_data::<web::Data<App>>().ok_or_else(|| ApiError::internal("the app is missing"))?;
            let me = app.db.read_as(async |conn| queries::me(conn, user.actor(), &[]).await).await;
            if !me.map_err(ApiError::from)?.is_some_and(|me| me.is_operator) {
                return Err(ApiError::Forbidden.into());
            }
            Ok(Self { person_id: user.person_id, given: given.await.map_err(Into::<Error>::into)? })
        })
    }
}
