//! Caps: what a person lets themselves spend a day and a month, on their own clock. They are asked about where gems are
//! held, while the account is locked, so that no two requests pass the same gap.
use actix_web::{get, put, web};
use chrono::{DateTime, Utc};
use lapidary_contract::domain::limits::CAP_MAX;
use lapidary_contract::domain::{Violation, ViolationCode};
use lapidary_contract::{GemCaps, Problem, SetGemCaps};
use lapidary_domain::Gems;
use sqlx::PgConnection;
use uuid::Uuid;

use super::cap_queries::{self as queries, Spent};
use super::ledger::Caps;
use super::time_zone;
use crate::app::App;
use crate::auth::CurrentUser;
use crate::db::Actor;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::Json;

/// A hold would pass a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// What the caps leave.
    available: Gems,
    /// When the last cap that is in the way begins anew.
    resets_at: DateTime<Utc>,
}

impl Reached {
    pub fn refusal(self, required: Gems) -> ApiError {
        ApiError::GemCapReached { required, available: self.available, resets_at: self.resets_at }
    }

    /// Both have to let it pass.
    pub fn both(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(Self {
                available: one.available.min(other.available),
                resets_at: one.resets_at.max(other.resets_at),
            }),
            (one, other) => one.or(other),
        }
    }

    /// Caps with what was spent of each, and when each begins anew.
    fn of(caps: &[(Option<Gems>, Gems, DateTime<Utc>)], price: Gems) -> Option<Self> {
        let left = caps.iter().filter_map(|(cap, spent, next_at)| Some((((*cap)? - spent).max(0), *next_at)));
        let available = left.clone().map(|(left, _)| left).min();
        let resets_at = left.filter(|(left, _)| *left < price).map(|(_, next_at)| next_at).max();
        available.zip(resets_at).map(|(available, resets_at)| Self { available, resets_at })
    }
}

/// Whether this price would pass a cap of the person. The account is locked: nobody else spends meanwhile.
pub async fn reached(
    conn: &mut PgConnection,
    actor: Actor,
    caps: &Caps,
    time_zone: &str,
    price: Gems,
    now: DateTime<Utc>,
) -> Result<Option<Reached>, sqlx::Error> {
    let spent = queries::spent(conn, actor, time_zone, now).await?;
    let all = [(caps.daily, spent.today, spent.next_day_at), (caps.monthly, spent.this_month, spent.next_month_at)];
    Ok(Reached::of(&all, price))
}

/// As [`reached`], for the daily cap of a key: its id, and gems.
pub async fn reached_by_key(
    conn: &mut PgConnection,
    actor: Actor,
    (key_id, daily): (Uuid, Gems),
    time_zone: &str,
    price: Gems,
    now: DateTime<Utc>,
) -> Result<Option<Reached>, sqlx::Error> {
    let spent = queries::spent_by_key(conn, actor, key_id, time_zone, now).await?;
    Ok(Reached::of(&[(Some(daily), spent.today, spent.next_day_at)], price))
}

/// What you let yourself spend, and what you spent of it.
#[utoipa::path(tag = "gems", operation_id = "get_gem_caps", responses(
    (status = 200, body = GemCaps), (status = 401, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/gems/caps")]
pub async fn get_gem_caps(app: web::Data<App>, user: CurrentUser) -> ApiResult<web::Json<GemCaps>> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let caps = read(&mut tx, user.actor(), app.clock.now()).await?;
    tx.commit().await?;
    Ok(web::Json(caps))
}

/// Set both caps, or remove them. They hold from the next request on; what is held already stays.
#[utoipa::path(tag = "gems", operation_id = "set_gem_caps", request_body = SetGemCaps, responses(
    (status = 200, body = GemCaps),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
#[put("/v1/gems/caps")]
pub async fn set_gem_caps(
    app: web::Data<App>,
    user: CurrentUser,
    body: Json<SetGemCaps>,
) -> ApiResult<web::Json<GemCaps>> {
    let Json(asked) = body;
    let mut tx = app.db.begin_as(user.actor()).await?;
    let mut violations: Vec<Violation> = [("/daily_gems", asked.daily_gems), ("/monthly_gems", asked.monthly_gems)]
        .into_iter()
        .filter(|(_, gems)| gems.is_some_and(|gems| !(1..=CAP_MAX).contains(&gems)))
        .map(|(pointer, _)| Violation::new(pointer, ViolationCode::OutOfRange))
        .collect();
    if !time_zone::is_known(&mut tx, &asked.time_zone).await? {
        violations.push(Violation::new("/time_zone", ViolationCode::UnknownTimeZone));
    }
    if !violations.is_empty() {
        return Err(violations.into());
    }
    queries::set(&mut tx, user.actor(), asked.daily_gems, asked.monthly_gems, &asked.time_zone).await?;
    let caps = read(&mut tx, user.actor(), app.clock.now()).await?;
    tx.commit().await?;
    Ok(web::Json(caps))
}

async fn read(conn: &mut PgConnection, actor: Actor, now: DateTime<Utc>) -> Result<GemCaps, sqlx::Error> {
    let set = queries::get(conn, actor).await?;
    let time_zone = set.time_zone.unwrap_or_else(|| time_zone::UTC.to_owned());
    let Spent { today, this_month, .. } = queries::spent(conn, actor, &time_zone, now).await?;
    Ok(GemCaps {
        daily_gems: set.daily_cap,
        monthly_gems: set.monthly_cap,
        time_zone,
        used_today: today,
        used_this_month: this_month,
    })
}
