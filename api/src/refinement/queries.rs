//! SQL of refinements as their person sees them.
use chrono::{DateTime, Utc};
use lapidary_contract::domain::{Hold, RefinementSpec};
use lapidary_contract::{Refinement, RefinementFailure, RefinementFailureCode, RefinementStatus};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::db::Actor;
use crate::http::error::{ApiError, ApiResult};

pub struct NewRefinement<'a> {
    pub id: Uuid,
    pub key: &'a str,
    pub fingerprint: &'a [u8],
    pub request_id: &'a str,
    pub spec: &'a RefinementSpec,
    pub price_gems: i64,
    /// The key that asked, unless the person did.
    pub api_key_id: Option<Uuid>,
    pub lease_until: DateTime<Utc>,
    pub now: DateTime<Utc>,
}

/// Begins it with what is held for it, and announces the gems. False: the person's key is taken.
pub async fn add(conn: &mut PgConnection, actor: Actor, new: &NewRefinement<'_>, hold: Hold) -> ApiResult<bool> {
    let attributes = serde_json::to_value(&new.spec.attributes).map_err(ApiError::internal)?;
    let seen_sections = serde_json::to_value(&new.spec.seen_sections).map_err(ApiError::internal)?;
    let added = sqlx::query!(
        "with added as (
           insert into refinements (id, person_id, account_id, idempotency_key, fingerprint, request_id, status, prompt,
             attributes, seen_sections, price_gems, held_free, held_bought, lease_until, created_at,
             api_key_id)
           values ($1, $2, $3, $4, $5, $6, 'running', $7, $8, $9, $10, $11, $12, $13, $14, $15)
           on conflict on constraint refinements_idempotency_unique do nothing
           returning id
         )
         select record_event($2, 'gems', id) from added",
        new.id,
        actor.person_id,
        actor.account_id,
        new.key,
        new.fingerprint,
        new.request_id,
        new.spec.prompt,
        attributes,
        seen_sections,
        new.price_gems,
        hold.free,
        hold.bought,
        new.lease_until,
        new.now,
        new.api_key_id
    )
    .fetch_optional(conn)
    .await?;
    Ok(added.is_some())
}

pub struct Earlier {
    pub id: Uuid,
    pub fingerprint: Vec<u8>,
}

pub async fn by_key(conn: &mut PgConnection, person_id: Uuid, key: &str) -> Result<Option<Earlier>, sqlx::Error> {
    sqlx::query_as!(
        Earlier,
        "select id, fingerprint from refinements where person_id = $1 and idempotency_key = $2",
        person_id,
        key
    )
    .fetch_optional(conn)
    .await
}

pub async fn get(conn: &mut PgConnection, person_id: Uuid, id: Uuid) -> ApiResult<Option<Refinement>> {
    let row = sqlx::query!(
        "select id, status, prompt, attributes, sections, price_gems, captured_gems, request_id, failure_code, created_at,
           finished_at
         from refinements where person_id = $1 and id = $2",
        person_id,
        id
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let read = |what: &str| ApiError::internal(format!("refinement {id}: unknown {what}"));
    let failure = row.failure_code.map(|name| RefinementFailureCode::from_name(&name).ok_or_else(|| read("failure")));
    let failure = failure.transpose()?;
    Ok(Some(Refinement {
        id: row.id,
        status: RefinementStatus::from_name(&row.status).ok_or_else(|| read("status"))?,
        prompt: row.prompt,
        attributes: serde_json::from_value(row.attributes).map_err(ApiError::internal)?,
        sections: match row.sections {
            Some(sections) => serde_json::from_value(sections).map_err(ApiError::internal)?,
            None => Vec::new(),
        },
        price_gems: row.price_gems,
        captured_gems: row.captured_gems,
        request_id: row.request_id,
        failure: failure.map(|code| RefinementFailure { code, message: code.sentence().to_owned() }),
        created_at: row.created_at,
        finished_at: row.finished_at,
    }))
}
