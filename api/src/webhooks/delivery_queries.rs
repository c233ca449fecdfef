//! SQL of deliveries, as their person sees them.
use chrono::{DateTime, Utc};
use lapidary_contract::{WebhookDelivery, WebhookDeliveryStatus, WebhookEventType};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::http::error::{ApiError, ApiResult};
use crate::http::paging::Keyset;

pub struct Row {
    id: Uuid,
    event_type: String,
    subject: Uuid,
    status: String,
    attempts: serde_json::Value,
    next_attempt_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl Row {
    fn delivery(self) -> ApiResult<WebhookDelivery> {
        let unknown = |what: &str| ApiError::internal(format!("delivery {}: unknown {what}", self.id));
        let status = WebhookDeliveryStatus::from_name(&self.status).ok_or_else(|| unknown("status"))?;
        let is_pending = status == WebhookDeliveryStatus::Pending;
        Ok(WebhookDelivery {
            id: self.id,
            event_type: WebhookEventType::from_name(&self.event_type).ok_or_else(|| unknown("type"))?,
            subject: self.subject,
            status,
            attempts: serde_json::from_value(self.attempts).map_err(ApiError::internal)?,
            next_attempt_at: is_pending.then_some(self.next_attempt_at),
            created_at: self.created_at,
            finished_at: self.finished_at,
        })
    }
}

pub async fn list(
    conn: &mut PgConnection,
    person_id: Uuid,
    endpoint_id: Uuid,
    from: Keyset,
    rows: i64,
) -> ApiResult<Vec<WebhookDelivery>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, event_type, subject, status, attempts, next_attempt_at, created_at, finished_at
         from webhook_deliveries
         where person_id = $1 and endpoint_id = $2 and (created_at, id) < ($3, $4)
         order by created_at desc, id desc limit $5",
        person_id,
        endpoint_id,
        from.before_at,
        from.before_id,
        rows
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::delivery).collect()
}

pub async fn get(conn: &mut PgConnection, person_id: Uuid, endpoint_id: Uuid, id: Uuid) -> ApiResult<WebhookDelivery> {
    let row = sqlx::query_as!(
        Row,
        "select id, event_type, subject, status, attempts, next_attempt_at, created_at, finished_at
         from webhook_deliveries where person_id = $1 and endpoint_id = $2 and id = $3",
        person_id,
        endpoint_id,
        id
    )
    .fetch_optional(conn)
    .await?;
    row.ok_or(ApiError::NotFound)?.delivery()
}

/// A test of this endpoint alone, whatever types it wants.
pub async fn add_test(
    conn: &mut PgConnection,
    person_id: Uuid,
    endpoint_id: Uuid,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let subject = Uuid::now_v7();
    sqlx::query!(
        "insert into webhook_deliveries (id, endpoint_id, person_id, event_type, subject, part, data, status,
           next_attempt_at, created_at)
         values ($1, $2, $3, 'webhook.test', $4, 0, webhook_data('webhook.test', $4), 'pending', $5, $5)",
        id,
        endpoint_id,
        person_id,
        subject,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// From its first attempt on. What is being sent right now goes on.
pub async fn again(
    conn: &mut PgConnection,
    person_id: Uuid,
    endpoint_id: Uuid,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update webhook_deliveries set status = 'pending', tries = 0, next_attempt_at = $4, finished_at = null
         where person_id = $1 and endpoint_id = $2 and id = $3",
        person_id,
        endpoint_id,
        id,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
