//! SQL of generations as their person sees them. The worker's own SQL stands in `work/queue.rs`.
use chrono::{DateTime, Utc};
use lapidary_contract::domain::{Attribute, GenerationSpec, GenerationStatus, Hold};
use lapidary_contract::{Failure, FailureCode, Generation};
use sqlx::PgConnection;
use uuid::Uuid;

use super::calls::Call;
use super::materials;
use crate::app::App;
use crate::db::Actor;
use crate::http::error::{ApiError, ApiResult};
use crate::http::paging::Keyset;

pub struct NewGeneration<'a> {
    pub id: Uuid,
    pub key: &'a str,
    pub fingerprint: &'a [u8],
    pub request_id: &'a str,
    /// Where the trace of this request is.
    pub traceparent: Option<&'a str>,
    pub call: Option<Call<'a>>,
    pub spec: &'a GenerationSpec,
    pub attributes: serde_json::Value,
    /// As the table keeps it.
    pub made_from: serde_json::Value,
    pub mask_id: Option<Uuid>,
    /// The key that asked, unless the person did.
    pub api_key_id: Option<Uuid>,
    pub catalogue_version: &'a str,
    pub now: DateTime<Utc>,
}

/// Queues it with what is held for it, announces it, and gives how many of the person's waited before it. `None`: the
/// person's key is taken. The count is exact because whoever submits for this person has locked the account before.
pub async fn add(conn: &mut PgConnection, actor: Actor, new: &NewGeneration<'_>, hold: Hold) -> ApiResult<Option<i64>> {
    let spec = new.spec;
    let waited = sqlx::query_scalar!(
        r#"with added as (
             insert into generations (id, person_id, account_id, idempotency_key, fingerprint, request_id, status, prompt,
               composed_prompt, attributes, model, width, height, quality, count, share_gems, catalogue_version,
               available_at, created_at, traceparent, held_free, held_bought, background, output_format, made_from, mask_id,
               api_key_id, call_fingerprint, called_by, called_at, joins)
             values ($1, $2, $3, $4, $5, $6, 'queued', $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18, $19, $20,
               $21, $22, $23, $24, $25, $26, $27, $28, $29)
             on conflict on constraint generations_idempotency_unique do nothing
             returning id
           ),
           told as materialized (select record_event($2, 'generation', id) as event from added)
           select (select count(*) from generations where person_id = $2 and status = 'queued') as "count!" from told"#,
        new.id,
        actor.person_id,
        actor.account_id,
        new.key,
        new.fingerprint,
        new.request_id,
        spec.prompt,
        spec.composed_prompt,
        new.attributes,
        spec.model,
        signed(spec.size.width)?,
        signed(spec.size.height)?,
        spec.quality,
        signed(spec.count)?,
        spec.share_gems,
        new.catalogue_version,
        new.now,
        new.traceparent,
        hold.free,
        hold.bought,
        spec.background,
        spec.output_format,
        new.made_from,
        new.mask_id,
        new.api_key_id,
        new.call.map(|call| call.fingerprint),
        new.call.map(|call| call.by),
        new.call.map(|_| new.now),
        new.call.map_or(0, |call| call.joins())
    )
    .fetch_optional(conn)
    .await?;
    Ok(waited)
}

fn signed(number: u32) -> ApiResult<i32> {
    i32::try_from(number).map_err(ApiError::internal)
}

pub struct Earlier {
    pub id: Uuid,
    pub fingerprint: Vec<u8>,
}

pub async fn by_key(conn: &mut PgConnection, person_id: Uuid, key: &str) -> Result<Option<Earlier>, sqlx::Error> {
    sqlx::query_as!(
        Earlier,
        "select id, fingerprint from generations where person_id = $1 and idempotency_key = $2",
        person_id,
        key
    )
    .fetch_optional(conn)
    .await
}

pub async fn record_event(conn: &mut PgConnection, person_id: Uuid, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("select record_event($1, 'generation', $2)", person_id, id).fetch_one(conn).await?;
    Ok(())
}

/// As [`record_event`], of one that has ended and whose images are all there: who listens from outside is told too.
pub async fn record_end(
    conn: &mut PgConnection,
    person_id: Uuid,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!("select record_event($1, 'generation', $2), emit_generation_ended($1, $2, $3)", person_id, id, now)
        .fetch_one(conn)
        .await?;
    Ok(())
}

pub struct Locked {
    pub status: String,
    pub held_free: i64,
    pub held_bought: i64,
}

pub async fn lock(conn: &mut PgConnection, person_id: Uuid, id: Uuid) -> Result<Option<Locked>, sqlx::Error> {
    sqlx::query_as!(
        Locked,
        "select status, held_free, held_bought from generations where person_id = $1 and id = $2 for update",
        person_id,
        id
    )
    .fetch_optional(conn)
    .await
}

pub async fn cancel_queued(conn: &mut PgConnection, id: Uuid, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update generations set status = 'cancelled', finished_at = $2, cancel_requested_at = $2
         where id = $1 and status = 'queued'",
        id,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn request_cancel(conn: &mut PgConnection, id: Uuid, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update generations set cancel_requested_at = coalesce(cancel_requested_at, $2) where id = $1",
        id,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

struct Row {
    id: Uuid,
    status: String,
    prompt: String,
    composed_prompt: String,
    attributes: serde_json::Value,
    model: String,
    width: i32,
    height: i32,
    quality: String,
    count: i32,
    share_gems: i64,
    captured_gems: i64,
    request_id: String,
    failure_code: Option<String>,
    refusal: Option<serde_json::Value>,
    /// Only while it runs: the table sees to that.
    preview_key: Option<String>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    background: Option<String>,
    output_format: Option<String>,
    made_from: serde_json::Value,
    mask_id: Option<Uuid>,
}

pub async fn get(conn: &mut PgConnection, app: &App, person_id: Uuid, id: Uuid) -> ApiResult<Option<Generation>> {
    Ok(get_many(conn, app, person_id, &[id]).await?.pop())
}

/// In no order; what does not exist is missing.
pub async fn get_many(conn: &mut PgConnection, app: &App, person_id: Uuid, ids: &[Uuid]) -> ApiResult<Vec<Generation>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, status, prompt, composed_prompt, attributes, model, width, height, quality, count, share_gems,
           captured_gems, request_id, failure_code, refusal, preview_key, created_at, started_at, finished_at, background,
           output_format, made_from, mask_id
         from generations where person_id = $1 and id = any($2)",
        person_id,
        ids
    )
    .fetch_all(&mut *conn)
    .await?;
    with_images(conn, app, person_id, rows).await
}

pub async fn list(
    conn: &mut PgConnection,
    app: &App,
    person_id: Uuid,
    from: Keyset,
    rows: i64,
) -> ApiResult<Vec<Generation>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, status, prompt, composed_prompt, attributes, model, width, height, quality, count, share_gems,
           captured_gems, request_id, failure_code, refusal, preview_key, created_at, started_at, finished_at, background,
           output_format, made_from, mask_id
         from generations where person_id = $1 and (created_at, id) < ($2, $3)
         order by created_at desc, id desc limit $4",
        person_id,
        from.before_at,
        from.before_id,
        rows
    )
    .fetch_all(&mut *conn)
    .await?;
    with_images(conn, app, person_id, rows).await
}

async fn with_images(
    conn: &mut PgConnection,
    app: &App,
    person_id: Uuid,
    rows: Vec<Row>,
) -> ApiResult<Vec<Generation>> {
    let ids: Vec<Uuid> = rows.iter().filter(|row| row.captured_gems > 0).map(|row| row.id).collect();
    let mut images = if ids.is_empty() {
        std::collections::HashMap::new()
    } else {
        crate::images::queries::of_generations(conn, app, person_id, &ids).await?
    };
    let mut generations = Vec::with_capacity(rows.len());
    for row in rows {
        let images = images.remove(&row.id).unwrap_or_default();
        let preview_url = match &row.preview_key {
            Some(key) => Some(app.store.presigned(key).await.map_err(ApiError::internal)?.url),
            None => None,
        };
        generations.push(generation(row, images, preview_url)?);
    }
    Ok(generations)
}

fn generation(row: Row, images: Vec<lapidary_contract::Image>, preview_url: Option<String>) -> ApiResult<Generation> {
    let unreadable = |what: &str| ApiError::internal(format!("generation {}: unreadable {what}", row.id));
    let status = GenerationStatus::from_name(&row.status).ok_or_else(|| unreadable("status"))?;
    let attributes: Vec<Attribute> =
        serde_json::from_value(row.attributes.clone()).map_err(|_| unreadable("attributes"))?;
    let references = materials::named(&row.made_from).ok_or_else(|| unreadable("references"))?;
    let failure = match &row.failure_code {
        None => None,
        Some(name) => {
            let code = FailureCode::from_name(name).ok_or_else(|| unreadable("failure"))?;
            let refusal = row.refusal.clone().map(serde_json::from_value).transpose();
            let refusal = refusal.map_err(|_| unreadable("refusal"))?;
            Some(Failure { code, message: code.sentence().into(), refusal })
        }
    };
    Ok(Generation {
        id: row.id,
        status,
        prompt: row.prompt,
        composed_prompt: row.composed_prompt,
        attributes,
        model: row.model,
        size: format!("{}x{}", row.width, row.height),
        quality: row.quality,
        count: u32::try_from(row.count).unwrap_or(0),
        background: row.background,
        output_format: row.output_format,
        references,
        mask_id: row.mask_id,
        price_gems: row.share_gems * i64::from(row.count),
        captured_gems: row.captured_gems,
        request_id: row.request_id,
        queue_position: None,
        estimated_seconds: None,
        preview_url,
        failure,
        images,
        created_at: row.created_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
    })
}
