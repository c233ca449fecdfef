//! SQL of the request log. Its person reads it under their own policy; writer, days and operators run as the house.
use chrono::{DateTime, Utc};
use lapidary_contract::domain::GenerationStatus;
use lapidary_contract::{
    Failure, FailureCode, LoggedRequest, RefinementFailure, RefinementFailureCode, RefinementStatus,
    RequestedGeneration, RequestedRefinement,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::writer::Row;
use crate::http::error::{ApiError, ApiResult};
use crate::http::paging::Keyset;

/// All at once. A crash of the server may lose the last half second of it, and no commit of anybody waits for the disk because
/// of it. A batch that was written although nobody heard so is not written twice. Who is gone by then is not named.
pub async fn add(conn: &mut PgConnection, rows: &[Row]) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let times: Vec<DateTime<Utc>> = rows.iter().map(|row| row.created_at).collect();
    let people: Vec<Option<Uuid>> = rows.iter().map(|row| row.person_id).collect();
    let keys: Vec<Option<Uuid>> = rows.iter().map(|row| row.api_key_id).collect();
    let methods: Vec<&str> = rows.iter().map(|row| row.method).collect();
    let routes: Vec<&str> = rows.iter().map(|row| row.route.as_str()).collect();
    let statuses: Vec<i16> = rows.iter().map(|row| row.status).collect();
    let latencies: Vec<i64> = rows.iter().map(|row| row.latency_micros).collect();
    let gems: Vec<Option<i64>> = rows.iter().map(|row| row.gems).collect();
    let problems: Vec<Option<&str>> = rows.iter().map(|row| row.problem).collect();
    let generations: Vec<Option<Uuid>> = rows.iter().map(|row| row.generation_id).collect();
    sqlx::query!("set local synchronous_commit = off").execute(&mut *conn).await?;
    sqlx::query!(
        "insert into request_log
           (id, created_at, person_id, api_key_id, method, route, status, latency_micros, gems, problem, generation_id)
         select r.id, r.created_at, p.id, case when r.person_id is null or p.id is not null then r.api_key_id end, r.method,
           r.route, r.status, r.latency_micros, r.gems, r.problem,
           case when r.person_id is null or p.id is not null then r.generation_id end
         from unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::text[], $6::text[],
             $7::smallint[], $8::bigint[], $9::bigint[], $10::text[], $11::uuid[])
           as r (id, created_at, person_id, api_key_id, method, route, status, latency_micros, gems, problem, generation_id)
           left join people p on p.id = r.person_id
         on conflict do nothing",
        &ids,
        &times,
        &people as _,
        &keys as _,
        &methods as _,
        &routes as _,
        &statuses,
        &latencies,
        &gems as _,
        &problems as _,
        &generations as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Which requests are asked for.
pub struct Wanted<'a> {
    /// HTTP statuses, both included.
    pub statuses: (i16, i16),
    pub api_key_id: Option<Uuid>,
    pub route: Option<&'a str>,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

struct LoggedRow {
    id: Uuid,
    created_at: DateTime<Utc>,
    api_key_id: Option<Uuid>,
    method: String,
    route: String,
    status: i16,
    latency_micros: i64,
    gems: Option<i64>,
    problem: Option<String>,
    generation_id: Option<Uuid>,
}

impl From<LoggedRow> for LoggedRequest {
    fn from(row: LoggedRow) -> Self {
        Self {
            id: row.id,
            api_key_id: row.api_key_id,
            method: row.method,
            route: row.route,
            status: u16::try_from(row.status).unwrap_or(0),
            latency_micros: row.latency_micros,
            gems: row.gems,
            problem: row.problem,
            generation_id: row.generation_id,
            created_at: row.created_at,
        }
    }
}

/// Newest first. What failed and what came with one key each have an index of their own.
pub async fn list(
    conn: &mut PgConnection,
    person_id: Uuid,
    wanted: &Wanted<'_>,
    before: Keyset,
    rows: i64,
) -> Result<Vec<LoggedRequest>, sqlx::Error> {
    let found = match wanted.api_key_id {
        Some(key_id) => of_key(conn, person_id, key_id, wanted, before, rows).await?,
        None if wanted.statuses.0 >= 400 => failed(conn, person_id, wanted, before, rows).await?,
        None => all(conn, person_id, wanted, before, rows).await?,
    };
    Ok(found.into_iter().map(LoggedRequest::from).collect())
}

async fn all(
    conn: &mut PgConnection,
    person_id: Uuid,
    wanted: &Wanted<'_>,
    before: Keyset,
    rows: i64,
) -> Result<Vec<LoggedRow>, sqlx::Error> {
    sqlx::query_as!(
        LoggedRow,
        "select id, created_at, api_key_id, method, route, status, latency_micros, gems, problem, generation_id
         from request_log
         where person_id = $1 and (created_at, id) < ($2, $3) and created_at <= $2 and created_at >= $4 and created_at < $5
           and status between $6 and $7 and ($8::text is null or route = $8)
         order by created_at desc, id desc limit $9",
        person_id,
        before.before_at,
        before.before_id,
        wanted.from,
        wanted.to,
        wanted.statuses.0,
        wanted.statuses.1,
        wanted.route,
        rows
    )
    .fetch_all(conn)
    .await
}

/// The condition in words of its own: a plan for any statuses knows nothing of the index.
async fn failed(
    conn: &mut PgConnection,
    person_id: Uuid,
    wanted: &Wanted<'_>,
    before: Keyset,
    rows: i64,
) -> Result<Vec<LoggedRow>, sqlx::Error> {
    sqlx::query_as!(
        LoggedRow,
        "select id, created_at, api_key_id, method, route, status, latency_micros, gems, problem, generation_id
         from request_log
         where person_id = $1 and (created_at, id) < ($2, $3) and created_at <= $2 and created_at >= $4 and created_at < $5
           and status >= 400 and status between $6 and $7 and ($8::text is null or route = $8)
         order by created_at desc, id desc limit $9",
        person_id,
        before.before_at,
        before.before_id,
        wanted.from,
        wanted.to,
        wanted.statuses.0,
        wanted.statuses.1,
        wanted.route,
        rows
    )
    .fetch_all(conn)
    .await
}

async fn of_key(
    conn: &mut PgConnection,
    person_id: Uuid,
    key_id: Uuid,
    wanted: &Wanted<'_>,
    before: Keyset,
    rows: i64,
) -> Result<Vec<LoggedRow>, sqlx::Error> {
    sqlx::query_as!(
        LoggedRow,
        "select id, created_at, api_key_id, method, route, status, latency_micros, gems, problem, generation_id
         from request_log
         where person_id = $1 and api_key_id = $10 and (created_at, id) < ($2, $3) and created_at <= $2 and created_at >= $4 and created_at < $5
           and status between $6 and $7 and ($8::text is null or route = $8)
         order by created_at desc, id desc limit $9",
        person_id,
        before.before_at,
        before.before_id,
        wanted.from,
        wanted.to,
        wanted.statuses.0,
        wanted.statuses.1,
        wanted.route,
        rows,
        key_id
    )
    .fetch_all(conn)
    .await
}

pub async fn logged(conn: &mut PgConnection, person_id: Uuid, id: Uuid) -> Result<Option<LoggedRequest>, sqlx::Error> {
    let found = sqlx::query_as!(
        LoggedRow,
        "select id, created_at, api_key_id, method, route, status, latency_micros, gems, problem, generation_id
         from request_log where person_id = $1 and id = $2",
        person_id,
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.map(LoggedRequest::from))
}

/// What a request began, or, where it was a retry, found.
pub async fn generation(
    conn: &mut PgConnection,
    person_id: Uuid,
    request_id: &str,
    generation_id: Option<Uuid>,
) -> ApiResult<Option<RequestedGeneration>> {
    let found = sqlx::query!(
        r#"select id, request_id, status, share_gems * count as "price_gems!", captured_gems, failure_code, refusal, finished_at
           from generations where person_id = $1 and (request_id = $2 or id = $3) limit 1"#,
        person_id,
        request_id,
        generation_id
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = found else { return Ok(None) };
    let failure = match &row.failure_code {
        None => None,
        Some(name) => {
            let code = FailureCode::from_name(name).ok_or_else(|| unreadable(row.id))?;
            let refusal = row.refusal.map(serde_json::from_value).transpose().map_err(ApiError::internal)?;
            Some(Failure { code, message: code.sentence().into(), refusal })
        }
    };
    let released = if row.finished_at.is_some() { row.price_gems - row.captured_gems } else { 0 };
    Ok(Some(RequestedGeneration {
        id: row.id,
        request_id: row.request_id,
        status: GenerationStatus::from_name(&row.status).ok_or_else(|| unreadable(row.id))?,
        price_gems: row.price_gems,
        captured_gems: row.captured_gems,
        released_gems: released,
        failure,
    }))
}

pub async fn refinement(
    conn: &mut PgConnection,
    person_id: Uuid,
    request_id: &str,
) -> ApiResult<Option<RequestedRefinement>> {
    let found = sqlx::query!(
        "select id, status, price_gems, captured_gems, failure_code, finished_at
         from refinements where person_id = $1 and request_id = $2 limit 1",
        person_id,
        request_id
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = found else { return Ok(None) };
    let code = row.failure_code.map(|name| RefinementFailureCode::from_name(&name).ok_or_else(|| unreadable(row.id)));
    let failure = code.transpose()?.map(|code| RefinementFailure { code, message: code.sentence().to_owned() });
    let released = if row.finished_at.is_some() { row.price_gems - row.captured_gems } else { 0 };
    Ok(Some(RequestedRefinement {
        id: row.id,
        status: RefinementStatus::from_name(&row.status).ok_or_else(|| unreadable(row.id))?,
        price_gems: row.price_gems,
        captured_gems: row.captured_gems,
        released_gems: released,
        failure,
    }))
}

fn unreadable(id: Uuid) -> ApiError {
    ApiError::internal(format!("what {id} says of itself cannot be read"))
}

/// Whoever makes or drops days does so alone, until the transaction ends.
pub async fn lock_days(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('request_log', 32))").fetch_one(conn).await?;
    Ok(())
}

/// Names of the days.
pub async fn partitions(conn: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select part.relname::text as "name!" from pg_inherits join pg_class part on part.oid = inhrelid
           where inhparent = 'request_log'::regclass"#
    )
    .fetch_all(conn)
    .await
}

/// One day is gone of so many.
pub async fn leave_trace(conn: &mut PgConnection, day: &str, days: i64, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into sweep_runs (id, kind, is_dry_run, started_at, finished_at, cursor_key, seen, deleted)
         values ($1, 'request_log_day', false, $2, $2, $3, $4, 1)",
        Uuid::now_v7(),
        now,
        day,
        days
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Of somebody who goes, and has not asked for much: there is no limit.
pub async fn forget(conn: &mut PgConnection, person_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from request_log where person_id = $1", person_id).execute(conn).await?;
    Ok(())
}
