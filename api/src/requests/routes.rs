//! Routes of the request log: a person's own requests, and what came of one of them.
use actix_web::{get, web};
use chrono::{DateTime, Datelike, Utc};
use lapidary_contract::domain::{Violation, ViolationCode};
use lapidary_contract::{List, LoggedRequest, Problem, RequestDetails, RequestStage};
use serde::Deserialize;
use uuid::Uuid;

use super::queries::{self, Wanted};
use super::writer;
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::{ApiError, ApiResult};
use crate::http::paging::{self, Listed, PageQuery};

/// How often a row is looked for that another process may have on its way.
const LOOKS: usize = 4;
/// Characters of a route; none of ours is longer.
const ROUTE_MAX: usize = 200;
/// Times that PostgreSQL and chrono both know, far on both sides of ours.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9999;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub enum StatusClass {
    #[serde(rename = "2xx")]
    Success,
    #[serde(rename = "3xx")]
    Redirection,
    #[serde(rename = "4xx")]
    Refusal,
    #[serde(rename = "5xx")]
    Failure,
}

/// Which requests.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RequestsQuery {
    /// Only answers of this class.
    #[param(inline)]
    pub status: Option<StatusClass>,
    /// Only what came with this API key.
    pub key: Option<Uuid>,
    /// Only this route, as the log writes it: `/v1/generations/{id}`.
    #[param(max_length = 200)]
    pub route: Option<String>,
    /// Only what failed: a status of 400 or more.
    pub failed: Option<bool>,
    /// At this time (RFC 3339) or later.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub to: Option<DateTime<Utc>>,
}

impl RequestsQuery {
    pub fn wanted(&self) -> ApiResult<Wanted<'_>> {
        let (least, most) = match self.status {
            None => (0, 999),
            Some(StatusClass::Success) => (200, 299),
            Some(StatusClass::Redirection) => (300, 399),
            Some(StatusClass::Refusal) => (400, 499),
            Some(StatusClass::Failure) => (500, 599),
        };
        let mut violations = Vec::new();
        for (name, at) in [("?from", self.from), ("?to", self.to)] {
            if at.is_some_and(|at| !YEARS.contains(&at.year())) {
                violations.push(Violation::new(name, ViolationCode::OutOfRange));
            }
        }
        if self.route.as_deref().is_some_and(|route| route.chars().count() > ROUTE_MAX) {
            violations.push(Violation::new("?route", ViolationCode::TooLong));
        }
        if self.route.as_deref().is_some_and(|route| route.contains('\0')) {
            violations.push(Violation::new("?route", ViolationCode::ContainsNul));
        }
        if !violations.is_empty() {
            return Err(violations.into());
        }
        Ok(Wanted {
            statuses: (if self.failed == Some(true) { least.max(400) } else { least }, most),
            api_key_id: self.key,
            route: self.route.as_deref(),
            from: self.from.unwrap_or(DateTime::UNIX_EPOCH),
            to: self.to.unwrap_or(DateTime::<Utc>::MAX_UTC),
        })
    }
}

/// Your requests of the last 30 days, newest first: of your sessions and your API keys.
///
/// What the process that answers has answered itself is in it at once; what another process answered, within a second. The
/// log says which route, how it went, how long it took and what it cost, never what was asked.
#[utoipa::path(tag = "me", operation_id = "list_requests", params(PageQuery, RequestsQuery), responses(
    (status = 200, body = List<LoggedRequest>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/me/requests")]
pub async fn list_requests(
    app: web::Data<App>,
    user: CurrentUser,
    page: web::Query<PageQuery>,
    query: web::Query<RequestsQuery>,
) -> ApiResult<Listed<LoggedRequest>> {
    let (limit, before, wanted) = (page.limit()?, page.keyset()?, query.wanted()?);
    app.request_log.catch_up(&app.db).await;
    let mut tx = app.db.begin_as(user.actor()).await?;
    let rows = queries::list(&mut tx, user.person_id, &wanted, before, limit + 1).await?;
    tx.commit().await?;
    Ok(paging::list(rows, limit, |row| (row.created_at, row.id)))
}

/// What came of one request, by the `X-Request-Id` of its answer: whether you were charged, and where it failed.
///
/// The log forgets a request after 30 days. What it was charged is read from the generation or the refinement, so it is
/// known for as long as that exists.
#[utoipa::path(tag = "me", operation_id = "get_request",
    params(("id" = Uuid, Path, description = "The `X-Request-Id` of an answer.")), responses(
    (status = 200, body = RequestDetails),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/me/requests/{id}")]
pub async fn get_request(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
) -> ApiResult<web::Json<RequestDetails>> {
    app.request_log.catch_up(&app.db).await;
    let mut found = look_up(&app, &user, *id).await?;
    // Another process may have answered it a moment ago: what it began is there, and its row is on its way.
    for _ in 0..LOOKS {
        if found.as_ref().is_some_and(|found| found.logged.is_some()) || !is_young(*id) {
            break;
        }
        tokio::time::sleep(writer::GATHER).await;
        found = look_up(&app, &user, *id).await?;
    }
    found.map(web::Json).ok_or(ApiError::NotFound)
}

/// Of the last seconds, by the time that the id itself says.
fn is_young(id: Uuid) -> bool {
    let made_at = id.get_timestamp().map(|made| made.to_unix().0);
    let now = u64::try_from(Utc::now().timestamp()).unwrap_or(0);
    made_at.is_some_and(|made_at| made_at.abs_diff(now) <= 2)
}

async fn look_up(app: &App, user: &CurrentUser, id: Uuid) -> ApiResult<Option<RequestDetails>> {
    let (person_id, request_id) = (user.person_id, id.to_string());
    let mut tx = app.db.begin_as(user.actor()).await?;
    let logged = queries::logged(&mut tx, person_id, id).await?;
    let named = logged.as_ref().and_then(|row| row.generation_id);
    let generation = queries::generation(&mut tx, person_id, &request_id, named).await?;
    let refinement = queries::refinement(&mut tx, person_id, &request_id).await?;
    tx.commit().await?;
    if logged.is_none() && generation.is_none() && refinement.is_none() {
        return Ok(None);
    }
    // What a retry found was charged to the request that began it.
    let own = generation.as_ref().filter(|it| it.request_id == request_id);
    let bills = [
        own.map(|it| (it.price_gems, it.captured_gems, it.released_gems)),
        refinement.as_ref().map(|it| (it.price_gems, it.captured_gems, it.released_gems)),
    ];
    let bills = bills.into_iter().flatten();
    let stage_of_work = generation
        .as_ref()
        .and_then(|it| it.failure.as_ref())
        .map(|failure| RequestStage::of_generation(failure.code))
        .or_else(|| {
            let failure = refinement.as_ref().and_then(|it| it.failure.as_ref());
            failure.map(|failure| RequestStage::of_refinement(failure.code))
        });
    Ok(Some(RequestDetails {
        id,
        charged_gems: bills.clone().map(|(_, captured, _)| captured).sum(),
        held_gems: bills.clone().map(|(price, captured, released)| price - captured - released).sum(),
        released_gems: bills.map(|(_, _, released)| released).sum(),
        failed_stage: stage_of_work.or_else(|| logged.as_ref().and_then(|row| RequestStage::of_status(row.status))),
        logged,
        generation,
        refinement,
    }))
}
