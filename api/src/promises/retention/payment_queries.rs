//! SQL of what is kept of payments: each deletes one piece and gives how many rows went. House only.
use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// Begun, paid, told of and posted before then, all of it. What somebody reads right now waits for the next round.
pub async fn forget_purchases(house: &PgPool, before: DateTime<Utc>, purchases: i64) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query_scalar!(
        r#"with old as (
             select p.id from purchases p
             where p.created_at < $1 and coalesce(p.paid_at, p.created_at) < $1
               and not exists (select from payment_events e where e.purchase_id = p.id and e.received_at >= $1)
               and not exists (
                 select from gem_transfers t
                 where t.kind in ('purchase', 'claw_back', 'restore', 'debt_settlement') and t.reference = p.id
                   and t.created_at >= $1
               )
             order by p.created_at limit $2 for update skip locked
           ),
           events as (delete from payment_events e using old where e.purchase_id = old.id returning e.id),
           purchases as (delete from purchases p using old where p.id = old.id returning p.id)
           select (select count(*) from events) + (select count(*) from purchases) as "gone!""#,
        before,
        purchases
    )
    .fetch_one(house)
    .await?;
    Ok(u64::try_from(gone).unwrap_or(0))
}

/// What the vendor told of nothing that we know.
pub async fn forget_events(house: &PgPool, before: DateTime<Utc>, rows: i64) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query!(
        "delete from payment_events where id in (
           select id from payment_events where received_at < $1 and purchase_id is null limit $2
         )",
        before,
        rows
    );
    Ok(gone.execute(house).await?.rows_affected())
}

/// The vendor's customer of an account that has no purchase left; the next purchase makes a new one.
pub async fn forget_customers(house: &PgPool, before: DateTime<Utc>, rows: i64) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query!(
        "delete from payment_customers where account_id in (
           select c.account_id from payment_customers c
           where c.created_at < $1 and not exists (select from purchases p where p.account_id = c.account_id) limit $2
         )",
        before,
        rows
    );
    Ok(gone.execute(house).await?.rows_affected())
}
