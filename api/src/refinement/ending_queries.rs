//! SQL of how refinements end, whoever's they are: only the settlement and the sweep may use it.
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// How one ends.
pub struct Ending<'a> {
    pub id: Uuid,
    /// What is delivered, and paid for.
    pub sections: Option<serde_json::Value>,
    pub failure: Option<&'static str>,
    pub model_request_id: Option<&'a str>,
    pub usage: Option<&'a serde_json::Value>,
    pub now: DateTime<Utc>,
}

/// What was held, and what of it is taken.
pub struct Ended {
    pub held_free: i64,
    pub held_bought: i64,
    pub captured_gems: i64,
}

/// `None`: it has ended already.
pub async fn end(conn: &mut PgConnection, ending: &Ending<'_>) -> Result<Option<Ended>, sqlx::Error> {
    sqlx::query_as!(
        Ended,
        "update refinements
         set status = $2, finished_at = $3, lease_until = null, sections = $4, failure_code = $5, model_request_id = $6,
           usage = $7, captured_gems = case when $4::jsonb is null then 0 else price_gems end
         where id = $1 and status = 'running'
         returning held_free, held_bought, captured_gems",
        ending.id,
        if ending.sections.is_some() { "succeeded" } else { "failed" },
        ending.now,
        ending.sections,
        ending.failure,
        ending.model_request_id,
        ending.usage
    )
    .fetch_optional(conn)
    .await
}

pub async fn announce(conn: &mut PgConnection, person_id: Uuid, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("select record_event($1, 'gems', $2)", person_id, id).fetch_one(conn).await?;
    Ok(())
}

pub struct Overdue {
    pub id: Uuid,
    pub person_id: Uuid,
    pub account_id: Uuid,
    pub held_free: i64,
    pub held_bought: i64,
}

/// What lost its process, locked; what somebody else ends right now is passed over.
pub async fn overdue(conn: &mut PgConnection, now: DateTime<Utc>, at_most: i64) -> Result<Vec<Overdue>, sqlx::Error> {
    sqlx::query_as!(
        Overdue,
        "select id, person_id, account_id, held_free, held_bought from refinements
         where status = 'running' and lease_until < $1
         order by lease_until limit $2 for update skip locked",
        now,
        at_most
    )
    .fetch_all(conn)
    .await
}

pub async fn give_up(
    conn: &mut PgConnection,
    id: Uuid,
    failure: &'static str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update refinements set status = 'failed', finished_at = $2, lease_until = null, failure_code = $3 where id = $1",
        id,
        now,
        failure
    )
    .execute(conn)
    .await?;
    Ok(())
}
