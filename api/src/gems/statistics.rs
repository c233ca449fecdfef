//! What was used, and on what: sums over the ledger, by day on the person's own clock and by model. Never counted by hand.
use actix_web::{get, web};
use lapidary_contract::domain::{Violation, ViolationCode};
use lapidary_contract::{GemStatistics, Problem};
use serde::Deserialize;

use super::statistics_queries as statistics;
use super::{cap_queries, queries, time_zone};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::ApiResult;

const DAYS_DEFAULT: i32 = 30;
const DAYS_MAX: i32 = 366;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StatisticsQuery {
    /// Today and the days before it, 1 to 366; 30 when absent.
    #[param(minimum = 1, maximum = 366)]
    pub days: Option<i32>,
    /// In which days begin: an IANA name. When absent the one of your caps, or UTC.
    pub time_zone: Option<String>,
}

/// What you used, bought and made: in all, by day and by model.
#[utoipa::path(tag = "gems", operation_id = "get_gem_statistics", params(StatisticsQuery), responses(
    (status = 200, body = GemStatistics),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/gems/statistics")]
pub async fn get_gem_statistics(
    app: web::Data<App>,
    user: CurrentUser,
    query: web::Query<StatisticsQuery>,
) -> ApiResult<web::Json<GemStatistics>> {
    let days = query.days.unwrap_or(DAYS_DEFAULT);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(vec![Violation::new("?days", ViolationCode::OutOfRange)].into());
    }
    let mut tx = app.db.begin_as(user.actor()).await?;
    // All numbers are of one moment: they add up.
    statistics::freeze(&mut tx).await?;
    let zone = match query.into_inner().time_zone {
        Some(zone) if time_zone::is_known(&mut tx, &zone).await? => zone,
        Some(_) => return Err(vec![Violation::new("?time_zone", ViolationCode::UnknownTimeZone)].into()),
        None => cap_queries::get(&mut tx, user.actor()).await?.time_zone.unwrap_or_else(|| time_zone::UTC.to_owned()),
    };
    let now = app.clock.now();
    let balance = queries::balance(&mut tx, user.account_id).await?;
    let by_day = statistics::by_day(&mut tx, user.account_id, &zone, days, now).await?;
    let by_model = statistics::by_model(&mut tx, user.account_id, &zone, days, now).await?;
    tx.commit().await?;
    Ok(web::Json(GemStatistics {
        remaining: balance.remaining,
        used: balance.used,
        purchased: balance.purchased,
        time_zone: zone,
        days: by_day,
        models: by_model,
    }))
}
