//! SQL of the sending. House only. Whoever touches an endpoint and its deliveries takes the endpoint first.
use chrono::{DateTime, TimeDelta, Utc};
use lapidary_contract::WebhookDisabledReason;
use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

/// A delivery that this process sends now.
pub struct Claimed {
    pub id: Uuid,
    pub endpoint_id: Uuid,
    pub person_id: Uuid,
    pub url: String,
    pub event_type: String,
    pub data: serde_json::Value,
    pub created_at: DateTime<Utc>,
    pub attempt: i32,
    pub tries: i32,
    /// As the database has them, the current one first.
    pub sealed: Vec<Vec<u8>>,
    /// Its endpoint failed last time, or answered slowly.
    pub is_troubled: bool,
}

/// How much may be sent at a time, of all processes together; two that claim in the same moment may each see the same room.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub per_endpoint: i64,
    pub per_person: i64,
    /// Of these, to endpoints that fail or are slow: a person's others always have places left.
    pub per_person_troubled: i64,
}

/// What is due, in fairness: of those with the fewest on their way what waits longest; whose endpoint fails or is slow comes
/// last, among a person's own too, and `troubled_rows` of them at most. The walk over endpoints costs one look for each that
/// has something waiting.
pub async fn claim(
    house: &PgPool,
    now: DateTime<Utc>,
    lease: TimeDelta,
    bounds: Bounds,
    rows: i64,
    troubled_rows: i64,
) -> Result<Vec<Claimed>, sqlx::Error> {
    sqlx::query_as!(
        Claimed,
        r#"with recursive waiting as (
             (select endpoint_id from webhook_deliveries where status = 'pending' order by endpoint_id limit 1)
             union all
             select (select d.endpoint_id from webhook_deliveries d
                     where d.status = 'pending' and d.endpoint_id > w.endpoint_id order by d.endpoint_id limit 1)
             from waiting w where w.endpoint_id is not null
           ),
           heads as (
             select h.id, h.next_attempt_at, t.is_troubled,
               o.running + row_number() over (partition by e.person_id order by t.is_troubled, h.next_attempt_at, h.id) as place,
               o.troubled + row_number() over (partition by e.person_id, t.is_troubled order by h.next_attempt_at, h.id) as troubled_place
             from waiting w
             join webhook_endpoints e on e.id = w.endpoint_id and e.status = 'enabled'
             join people p on p.id = e.person_id and p.suspended_at is null and p.closing_at is null
             cross join lateral (select e.is_slow or e.failing_since is not null as is_troubled) t
             cross join lateral (select count(*) as running from webhook_deliveries d where d.endpoint_id = e.id and d.lease_until >= $1) r
             cross join lateral (
               select count(*) as running, count(*) filter (where x.is_slow or x.failing_since is not null) as troubled
               from webhook_deliveries d join webhook_endpoints x on x.id = d.endpoint_id
               where d.person_id = e.person_id and d.lease_until >= $1) o
             cross join lateral (
               select d.id, d.next_attempt_at from webhook_deliveries d
               where d.endpoint_id = e.id and d.status = 'pending' and d.next_attempt_at <= $1
                 and (d.lease_until is null or d.lease_until < $1)
               order by d.next_attempt_at limit greatest($3::bigint - r.running, 0)) h
           ),
           ranked as (
             select id, next_attempt_at, is_troubled, place, row_number() over (partition by is_troubled order by place, next_attempt_at, id) as rank
             from heads where place <= $4 and (troubled_place <= $7 or not is_troubled)
           ),
           chosen as (
             select d.id, h.is_troubled from ranked h join webhook_deliveries d on d.id = h.id
             where (h.rank <= $6 or not h.is_troubled) and d.status = 'pending' and d.next_attempt_at <= $1
               and (d.lease_until is null or d.lease_until < $1)
             order by h.is_troubled, h.place, h.next_attempt_at limit $5
             for update of d skip locked
           ),
           claimed as (
             update webhook_deliveries d set lease_until = $2, attempt = d.attempt + 1, tries = d.tries + 1
             from chosen where d.id = chosen.id
             returning d.id, d.endpoint_id, d.person_id, d.event_type, d.data, d.created_at, d.attempt, d.tries,
               chosen.is_troubled
           )
           select c.id, c.endpoint_id, c.person_id, e.url, c.event_type, c.data, c.created_at, c.attempt, c.tries,
             array(select s.sealed from webhook_secrets s
                   where s.endpoint_id = c.endpoint_id and (s.expires_at is null or s.expires_at > $1)
                   order by s.expires_at desc nulls first) as "sealed!",
             c.is_troubled as "is_troubled!"
           from claimed c join webhook_endpoints e on e.id = c.endpoint_id"#,
        now,
        now + lease,
        bounds.per_endpoint,
        bounds.per_person,
        rows,
        troubled_rows,
        bounds.per_person_troubled
    )
    .fetch_all(house)
    .await
}

/// One line of the log that a delivery carries.
pub type Line = serde_json::Value;

/// It arrived, also where its endpoint was switched off meanwhile. The endpoint's row is written only where that changes what is
/// known of it, and by an answer from the address that it has.
pub async fn delivered(
    house: &PgPool,
    job: &Claimed,
    line: &Line,
    is_slow: bool,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "with endpoint as materialized (select id from webhook_endpoints where id = $5 for no key update),
         ended as (
           update webhook_deliveries d set status = 'delivered', lease_until = null, finished_at = $4,
             attempts = (case when jsonb_array_length(d.attempts) >= 20 then d.attempts - 0 else d.attempts end) || $3
           from endpoint where d.id = $1 and d.attempt = $2 and d.status <> 'delivered' returning d.endpoint_id
         )
         update webhook_endpoints e set failing_since = null, is_slow = $6 from ended
         where e.id = ended.endpoint_id and e.url = $7 and (e.failing_since is not null or e.is_slow <> $6)",
        job.id,
        job.attempt,
        line,
        now,
        job.endpoint_id,
        is_slow,
        job.url
    )
    .execute(house)
    .await?;
    Ok(())
}

/// It did not arrive and is tried again then; `None`: never, unless somebody asks or its endpoint has another address by now.
/// `failing_since` of its endpoint; nothing where the delivery is another's now, or the address not the endpoint's any more.
pub async fn failed(
    conn: impl PgExecutor<'_>,
    job: &Claimed,
    line: &Line,
    again_at: Option<DateTime<Utc>>,
    is_slow: bool,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    let known = sqlx::query!(
        r#"with endpoint as materialized (
             select id, failing_since, is_slow, url = $9 as is_asked from webhook_endpoints where id = $6 for no key update
           ),
           ended as (
             update webhook_deliveries d
             set status = case when d.status = 'failed' or $5::timestamptz is null and d.tries = $8 and endpoint.is_asked
                 then 'failed' else 'pending' end,
               lease_until = null,
               finished_at = case when d.status = 'failed' then d.finished_at
                 when $5::timestamptz is null and d.tries = $8 and endpoint.is_asked then $4::timestamptz end,
               -- Whoever asked for it again meanwhile began it anew.
               next_attempt_at = case when d.tries = $8 then coalesce($5, d.next_attempt_at) else d.next_attempt_at end,
               attempts = (case when jsonb_array_length(d.attempts) >= 20 then d.attempts - 0 else d.attempts end) || $3
             -- Failed: its endpoint was switched off while it was asked.
             from endpoint where d.id = $1 and d.attempt = $2 and d.status <> 'delivered' returning d.endpoint_id
           ),
           noted as (
             update webhook_endpoints e set failing_since = coalesce(e.failing_since, $4), is_slow = $7 from ended
             where e.id = ended.endpoint_id and e.url = $9 and (e.failing_since is null or e.is_slow <> $7)
           )
           select coalesce(endpoint.failing_since, $4) as "since!" from endpoint join ended on endpoint.is_asked"#,
        job.id,
        job.attempt,
        line,
        now,
        again_at,
        job.endpoint_id,
        is_slow,
        job.tries,
        job.url
    )
    .fetch_optional(conn)
    .await?;
    Ok(known.map(|row| row.since))
}

/// Switches it off, with all that waits for it. False where it was off already.
pub async fn disable(
    conn: &mut PgConnection,
    endpoint_id: Uuid,
    reason: WebhookDisabledReason,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update webhook_endpoints set status = 'disabled', disabled_reason = $2, updated_at = $3
         where id = $1 and status = 'enabled'",
        endpoint_id,
        reason.name(),
        now
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update webhook_deliveries set status = 'failed', lease_until = null, finished_at = $2
         where endpoint_id = $1 and status = 'pending'",
        endpoint_id,
        now
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// At once, because this process ends: it costs no attempt. The receiver may get it twice, under the same id.
pub async fn give_back(house: &PgPool, leases: &[(Uuid, i32)]) -> Result<(), sqlx::Error> {
    let (ids, attempts): (Vec<Uuid>, Vec<i32>) = leases.iter().copied().unzip();
    sqlx::query!(
        "update webhook_deliveries d set lease_until = null, tries = greatest(d.tries - 1, 0)
         from unnest($1::uuid[], $2::integer[]) as held (id, attempt)
         where d.id = held.id and d.attempt = held.attempt and d.status = 'pending' and d.lease_until is not null",
        &ids,
        &attempts
    )
    .execute(house)
    .await?;
    Ok(())
}

/// What was told while its endpoint was being switched off came after the end of what waited then.
pub async fn end_waiting_of_disabled(house: &PgPool, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update webhook_deliveries d set status = 'failed', lease_until = null, finished_at = $1
         from webhook_endpoints e where e.id = d.endpoint_id and e.status = 'disabled' and d.status = 'pending'",
        now
    )
    .execute(house)
    .await?;
    Ok(())
}

/// What was made before then; gives how many, at most so many.
pub async fn forget_deliveries(house: &PgPool, before: DateTime<Utc>, rows: i64) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query!(
        "delete from webhook_deliveries
         where id in (select id from webhook_deliveries where created_at < $1 order by created_at limit $2)",
        before,
        rows
    )
    .execute(house)
    .await?;
    Ok(gone.rows_affected())
}

/// Secrets that sign no more; gives how many.
pub async fn forget_secrets(house: &PgPool, now: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query!("delete from webhook_secrets where expires_at <= $1", now).execute(house).await?;
    Ok(gone.rows_affected())
}
