//! SQL of the audit log, which only the house reads and adds to.
use chrono::{DateTime, Utc};
use lapidary_contract::{AuditEntry, OperatorAct};
use sqlx::PgConnection;
use uuid::Uuid;

use super::audit::{By, Done};
use crate::http::error::{ApiError, ApiResult};
use crate::http::paging::Keyset;

/// The caller commits it together with what was done.
pub async fn record(conn: &mut PgConnection, done: &Done<'_>, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    let (operator_id, request_id) = match done.by {
        By::CommandLine => (None, None),
        By::Screen { operator_id, request_id } => (Some(operator_id), Some(request_id)),
    };
    sqlx::query!(
        "insert into audit_log (id, operator_id, act, subject, reason, gems, request_id, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        Uuid::now_v7(),
        operator_id,
        done.act.name(),
        done.subject,
        done.reason,
        done.gems,
        request_id,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Newest first; of one subject where one is named.
pub async fn list(
    conn: &mut PgConnection,
    subject: Option<Uuid>,
    before: Keyset,
    rows: i64,
) -> ApiResult<Vec<AuditEntry>> {
    let found = sqlx::query!(
        r#"select l.id, l.operator_id, p.email as "operator_email?", l.act, l.subject, l.reason, l.gems, l.request_id, l.created_at
           from audit_log l left join people p on p.id = l.operator_id
           where (l.created_at, l.id) < ($1, $2) and ($3::uuid is null or l.subject = $3)
           order by l.created_at desc, l.id desc limit $4"#,
        before.before_at,
        before.before_id,
        subject,
        rows
    )
    .fetch_all(conn)
    .await?;
    let entry = |act: &str| {
        OperatorAct::from_name(act).ok_or_else(|| ApiError::internal(format!("unknown act of an operator {act}")))
    };
    found
        .into_iter()
        .map(|row| {
            Ok(AuditEntry {
                id: row.id,
                operator_id: row.operator_id,
                operator_email: row.operator_email,
                act: entry(&row.act)?,
                subject: row.subject,
                reason: row.reason,
                gems: row.gems,
                request_id: row.request_id,
                created_at: row.created_at,
            })
        })
        .collect()
}
