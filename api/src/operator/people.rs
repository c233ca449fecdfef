//! People, as operators look after them: found, looked at, suspended, restored. Suspending is the same as from the command
//! line.
use actix_web::{get, post, web};
use lapidary_contract::domain::{Violation, ViolationCode};
use lapidary_contract::{List, LoggedRequest, OperatorAct, OperatorReason, PersonDetails, PersonSummary, Problem};
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::audit::{self, By, Done};
use super::checked_reason;
use super::people_queries::{self as queries, Sought};
use crate::app::App;
use crate::auth::address;
use crate::auth::{self, CurrentOperator};
use crate::gems;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::Json;
use crate::http::paging::{self, Listed, PageQuery};
use crate::http::request_log::RequestId;
use crate::promises::erasure;
use crate::requests;
use crate::requests::routes::RequestsQuery;

/// Longer than any address.
const SOUGHT_MAX: usize = 320;

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PeopleQuery {
    /// An e-mail address, the id of a person, a provider's id of an account, or the id of a request; whole, up to 320
    /// characters. Everybody when absent.
    #[param(max_length = 320)]
    pub q: Option<String>,
}

impl PeopleQuery {
    fn sought(&self) -> ApiResult<Option<Sought<'_>>> {
        let Some(text) = self.q.as_deref().map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
        let wrong = |code| Err(vec![Violation::new("?q", code)].into());
        if text.contains('\0') {
            return wrong(ViolationCode::ContainsNul);
        }
        if text.chars().count() > SOUGHT_MAX {
            return wrong(ViolationCode::TooLong);
        }
        Ok(Some(Sought { text, email: address::normalise(text), id: text.parse().ok() }))
    }
}

/// Find people, newest first.
#[utoipa::path(tag = "operator", operation_id = "list_people", params(PageQuery, PeopleQuery), responses(
    (status = 200, body = List<PersonSummary>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "Only for operators.", body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/admin/people")]
pub async fn list_people(
    app: web::Data<App>,
    operator: CurrentOperator<(web::Query<PageQuery>, web::Query<PeopleQuery>)>,
) -> ApiResult<Listed<PersonSummary>> {
    let (page, query) = operator.given;
    let (limit, before, sought) = (page.limit()?, page.keyset()?, query.sought()?);
    // Whose request it was may be known a moment ago only.
    app.request_log.catch_up(&app.db).await;
    let mut conn = app.db.house().acquire().await?;
    let rows = queries::find(&mut conn, sought.as_ref(), before, limit + 1).await?;
    let people = rows.into_iter().map(PersonSummary::from).collect();
    Ok(paging::list(people, limit, |person: &PersonSummary| (person.created_at, person.id)))
}

/// One person: profile, gems, ways to sign in, how much there is of everything. No prompt and no picture.
#[utoipa::path(tag = "operator", operation_id = "get_person", params(("id" = Uuid, Path)), responses(
    (status = 200, body = PersonDetails),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "Only for operators.", body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/admin/people/{id}")]
pub async fn get_person(
    app: web::Data<App>,
    operator: CurrentOperator<web::Path<Uuid>>,
) -> ApiResult<web::Json<PersonDetails>> {
    let mut conn = app.db.house().acquire().await?;
    details(&mut conn, &app, *operator.given).await.map(web::Json)
}

async fn details(conn: &mut PgConnection, app: &App, id: Uuid) -> ApiResult<PersonDetails> {
    let person = queries::get(conn, id).await?.ok_or(ApiError::NotFound)?;
    Ok(PersonDetails {
        suspended_at: person.suspended_at,
        gems: gems::queries::balance(conn, person.account_id).await?,
        identities: queries::identities(conn, id).await?,
        counts: queries::counts(conn, id, app.clock.now()).await?,
        person: person.into(),
    })
}

/// Sign a person out everywhere and refuse them until restored, in every process within a second. Again changes nothing.
///
/// What waits for them ends with its gems back, and what runs stops with what is made by then.
#[utoipa::path(tag = "operator", operation_id = "suspend_person", params(("id" = Uuid, Path)),
    request_body = OperatorReason, responses(
    (status = 200, body = PersonDetails),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "Only for operators.", body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "Nobody suspends themselves.", body = Problem,
        content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/admin/people/{id}/suspend")]
pub async fn suspend_person(
    app: web::Data<App>,
    operator: CurrentOperator<(web::Path<Uuid>, Json<OperatorReason>)>,
    request_id: RequestId,
) -> ApiResult<web::Json<PersonDetails>> {
    let (id, Json(given)) = operator.given;
    if *id == operator.person_id {
        return Err(ApiError::IllegalTransition("You cannot suspend yourself. Ask another operator."));
    }
    let by = By::Screen { operator_id: operator.person_id, request_id: &request_id.0 };
    change(&app, by, OperatorAct::Suspend, *id, &given.reason).await.map(web::Json)
}

/// Let a suspended person in again. Again changes nothing.
#[utoipa::path(tag = "operator", operation_id = "restore_person", params(("id" = Uuid, Path)),
    request_body = OperatorReason, responses(
    (status = 200, body = PersonDetails),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "Only for operators.", body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/admin/people/{id}/restore")]
pub async fn restore_person(
    app: web::Data<App>,
    operator: CurrentOperator<(web::Path<Uuid>, Json<OperatorReason>)>,
    request_id: RequestId,
) -> ApiResult<web::Json<PersonDetails>> {
    let (id, Json(given)) = operator.given;
    let by = By::Screen { operator_id: operator.person_id, request_id: &request_id.0 };
    change(&app, by, OperatorAct::Restore, *id, &given.reason).await.map(web::Json)
}

async fn change(app: &App, by: By<'_>, act: OperatorAct, id: Uuid, reason: &str) -> ApiResult<PersonDetails> {
    let reason = checked_reason(reason).map_err(|wrong| vec![wrong])?;
    let now = app.clock.now();
    let mut tx = app.db.begin_house().await?;
    let ended = match act {
        OperatorAct::Suspend => auth::people::suspend(&mut tx, id, now).await?,
        _ => auth::people::restore(&mut tx, id).await?.then(Vec::new),
    };
    let ended = ended.ok_or(ApiError::NotFound)?;
    audit::record(&mut tx, &Done { reason: Some(reason), ..Done::new(by, act, id) }, now).await?;
    tx.commit().await?;
    ended.into_iter().for_each(|session| app.auth.revocations.add(session));
    // Otherwise the sweep ends it.
    if act == OperatorAct::Suspend
        && let Err(error) = erasure::stop_work(app, id).await
    {
        tracing::warn!(person_id = %id, %error, "work of who is suspended waits for the sweep");
    }
    let mut conn = app.db.house().acquire().await?;
    details(&mut conn, app, id).await
}

/// A person's requests of the last 30 days, newest first. That you looked is written down.
#[utoipa::path(tag = "operator", operation_id = "list_requests_of_person",
    params(("id" = Uuid, Path), PageQuery, RequestsQuery), responses(
    (status = 200, body = List<LoggedRequest>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "Only for operators.", body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/admin/people/{id}/requests")]
pub async fn list_requests_of_person(
    app: web::Data<App>,
    operator: CurrentOperator<(web::Path<Uuid>, web::Query<PageQuery>, web::Query<RequestsQuery>)>,
    request_id: RequestId,
) -> ApiResult<Listed<LoggedRequest>> {
    let (id, page, query) = operator.given;
    let (limit, before, wanted) = (page.limit()?, page.keyset()?, query.wanted()?);
    app.request_log.catch_up(&app.db).await;
    let by = By::Screen { operator_id: operator.person_id, request_id: &request_id.0 };
    let mut tx = app.db.begin_house().await?;
    if !queries::exists(&mut tx, *id).await? {
        return Err(ApiError::NotFound);
    }
    audit::record(&mut tx, &Done::new(by, OperatorAct::ReadRequests, *id), app.clock.now()).await?;
    let rows = requests::queries::list(&mut tx, *id, &wanted, before, limit + 1).await?;
    tx.commit().await?;
    Ok(paging::list(rows, limit, |row| (row.created_at, row.id)))
}
