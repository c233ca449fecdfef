//! Routes of the promises, the data map and the policies.
use actix_web::http::header;
use actix_web::{HttpResponse, get, post, web};
use lapidary_contract::{DataMap, List, Policy, Problem, Promises};
use uuid::Uuid;

use super::data;
use super::policy::{queries, versions};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::{ApiError, ApiResult};

/// The same for everybody, and seconds old at most.
const SHORTLY: &str = "public, max-age=30";

/// What is promised about people and their data: how each promise is kept, and what was seen of that. Looked at every few
/// minutes, never because somebody asks; `looked_at` says when. The state of a promise is the worst of its evidence.
#[utoipa::path(tag = "promises", operation_id = "list_promises", security(()), responses((status = 200, body = Promises)))]
#[get("/v1/promises")]
pub async fn list_promises(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, SHORTLY)).json(&*app.promises.known(&app).await)
}

/// All data about people that is kept here, why and for how long, and who else gets some of it: as this installation is set
/// up.
#[utoipa::path(tag = "promises", operation_id = "get_data_map", security(()), responses((status = 200, body = DataMap)))]
#[get("/v1/promises/data")]
pub async fn get_data_map(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, SHORTLY)).json(data::map(&app))
}

/// Every version of the privacy policy and of the terms, newest first, whole. `next_cursor` is always null.
#[utoipa::path(tag = "promises", operation_id = "list_policies", security(()), responses((status = 200, body = List<Policy>)))]
#[get("/v1/policies")]
pub async fn list_policies(app: web::Data<App>) -> HttpResponse {
    let current = versions::ids_in_force(app.clock.now());
    let data = versions::ALL.iter().map(|version| version.policy(current.contains(&version.id()))).collect();
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, SHORTLY)).json(List::<Policy> { data, next_cursor: None })
}

/// You have read this version of a policy: one that is in force. Its notice is read with it. Again changes nothing.
#[utoipa::path(tag = "me", operation_id = "acknowledge_policy", params(("id" = Uuid, Path)), responses(
    (status = 204),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "No version that is in force.", body = Problem,
        content_type = "application/problem+json")))]
#[post("/v1/me/policies/{id}/acknowledge")]
pub async fn acknowledge_policy(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
) -> ApiResult<HttpResponse> {
    let now = app.clock.now();
    if !versions::ids_in_force(now).contains(&id) {
        return Err(ApiError::NotFound);
    }
    let mut tx = app.db.begin_as(user.actor()).await?;
    queries::acknowledge(&mut tx, user.person_id, *id, now).await?;
    tx.commit().await?;
    app.live.nudge(user.person_id);
    Ok(HttpResponse::NoContent().finish())
}
