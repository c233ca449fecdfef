//! SQL by which one try of a call finds what another try of it began. Whoever calls these has the account's turn: of two, the
//! second sees what the first did.
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::calls::Call;

pub struct Found {
    pub id: Uuid,
    pub is_to_be_made_anew: bool,
}

/// Finds the generation of an earlier call like this one, by the same session or key, for a retry: one that as many tries found
/// as came before this one; of those one that nobody is served with; of those the newest. So ten calls that are all
/// repeated find ten generations, each its own as far as can be told, and again the same ones. One that is to be made anew is
/// out of everybody's reach from then on: its retry is paid for once.
pub async fn join(
    conn: &mut PgConnection,
    person_id: Uuid,
    call: &Call<'_>,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
    passing_failures: &[String],
) -> Result<Option<Found>, sqlx::Error> {
    sqlx::query_as!(
        Found,
        r#"update generations g set joins = joins + 1,
           called_at = case when g.status = 'failed' and g.failure_code = any($8) then $4 else $5 end
         where g.person_id = $1 and g.id = (
           select c.id from generations c
           where c.person_id = $1 and c.called_by = $2 and c.call_fingerprint = $3 and c.called_at > $4
           order by (c.joins = $6) desc, c.id = any($7), c.joins, c.created_at desc, c.id desc limit 1
         )
         returning g.id, coalesce(g.status = 'failed' and g.failure_code = any($8), false) as "is_to_be_made_anew!""#,
        person_id,
        call.by,
        call.fingerprint,
        since,
        now,
        call.joins() - 1,
        call.served,
        passing_failures
    )
    .fetch_optional(conn)
    .await
}

/// For a first try: what a retry of a call like it began after it came. It was on its way for so long that it lost.
pub async fn of_its_retry(
    conn: &mut PgConnection,
    person_id: Uuid,
    call: &Call<'_>,
) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "select id from generations
         where person_id = $1 and called_by = $2 and call_fingerprint = $3 and created_at > $4
           and idempotency_key like 'openai-again:%'
         order by created_at, id limit 1",
        person_id,
        call.by,
        call.fingerprint,
        call.arrived_at
    )
    .fetch_optional(conn)
    .await
}
