//! SQL of endpoints, as their person sees and changes them.
use chrono::{DateTime, Utc};
use lapidary_contract::{WebhookDisabledReason, WebhookEndpoint, WebhookEventType, WebhookStatus};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::http::error::{ApiError, ApiResult};

pub struct Row {
    id: Uuid,
    url: String,
    description: String,
    event_types: Vec<String>,
    status: String,
    disabled_reason: Option<String>,
    failing_since: Option<DateTime<Utc>>,
    previous_expires_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Row {
    /// What this version does not know is left out.
    fn endpoint(self) -> WebhookEndpoint {
        let is_enabled = self.status == WebhookStatus::Enabled.name();
        WebhookEndpoint {
            id: self.id,
            url: self.url,
            description: self.description,
            event_types: self.event_types.iter().filter_map(|name| WebhookEventType::from_name(name)).collect(),
            status: if is_enabled { WebhookStatus::Enabled } else { WebhookStatus::Disabled },
            disabled_reason: self.disabled_reason.as_deref().and_then(WebhookDisabledReason::from_name),
            failing_since: self.failing_since,
            previous_secret_expires_at: self.previous_expires_at,
            secret: None,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

pub async fn count(conn: &mut PgConnection, person_id: Uuid) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from webhook_endpoints where person_id = $1"#, person_id)
        .fetch_one(conn)
        .await
}

pub async fn add(conn: &mut PgConnection, person_id: Uuid, endpoint: &WebhookEndpoint) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into webhook_endpoints (id, person_id, url, description, event_types, status, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $7)",
        endpoint.id,
        person_id,
        endpoint.url,
        endpoint.description,
        &names(&endpoint.event_types),
        endpoint.status.name(),
        endpoint.created_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn names(types: &[WebhookEventType]) -> Vec<String> {
    types.iter().map(|kind| kind.name().to_owned()).collect()
}

/// Newest first; all of them, or one.
pub async fn list(
    conn: &mut PgConnection,
    person_id: Uuid,
    only: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<Vec<WebhookEndpoint>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id, url, description, event_types, status, disabled_reason, failing_since,
             (select max(expires_at) from webhook_secrets
              where endpoint_id = webhook_endpoints.id and expires_at > $3) as previous_expires_at,
             created_at, updated_at
           from webhook_endpoints where person_id = $1 and ($2::uuid is null or id = $2)
           order by created_at desc, id desc"#,
        person_id,
        only,
        now
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Row::endpoint).collect())
}

pub async fn get(conn: &mut PgConnection, person_id: Uuid, id: Uuid, now: DateTime<Utc>) -> ApiResult<WebhookEndpoint> {
    list(conn, person_id, Some(id), now).await?.pop().ok_or(ApiError::NotFound)
}

/// As [`get`]; until the transaction ends nobody else changes it, and nothing is settled at it.
pub async fn lock(
    conn: &mut PgConnection,
    person_id: Uuid,
    id: Uuid,
    now: DateTime<Utc>,
) -> ApiResult<WebhookEndpoint> {
    sqlx::query!("select id from webhook_endpoints where person_id = $1 and id = $2 for no key update", person_id, id)
        .fetch_optional(&mut *conn)
        .await?;
    get(conn, person_id, id, now).await
}

/// Another address is not known to be quick.
pub async fn replace(conn: &mut PgConnection, person_id: Uuid, endpoint: &WebhookEndpoint) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update webhook_endpoints set url = $3, description = $4, event_types = $5, status = $6, disabled_reason = $7,
           failing_since = $8, is_slow = is_slow or url <> $3, updated_at = $9
         where person_id = $1 and id = $2",
        person_id,
        endpoint.id,
        endpoint.url,
        endpoint.description,
        &names(&endpoint.event_types),
        endpoint.status.name(),
        endpoint.disabled_reason.map(WebhookDisabledReason::name),
        endpoint.failing_since,
        endpoint.updated_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What waits counts as failed: its endpoint was switched off.
pub async fn end_waiting(
    conn: &mut PgConnection,
    person_id: Uuid,
    endpoint_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update webhook_deliveries set status = 'failed', lease_until = null, finished_at = $3
         where person_id = $1 and endpoint_id = $2 and status = 'pending'",
        person_id,
        endpoint_id,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn delete(conn: &mut PgConnection, person_id: Uuid, id: Uuid) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!("delete from webhook_endpoints where person_id = $1 and id = $2", person_id, id)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}
