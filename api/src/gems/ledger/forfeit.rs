//! The end of an account whose person is erased: a part of the ledger, as its only writer. Rows stay, and name nobody.
use chrono::{DateTime, Utc};
use lapidary_domain::Gems;
use sqlx::PgConnection;
use uuid::Uuid;

/// Takes all gems of a closed account, and writes off what it owes; what money does to it later is forfeited by another
/// call. Gives how many were taken.
pub async fn forfeit(
    conn: &mut PgConnection,
    account_id: Uuid,
    reference: Uuid,
    now: DateTime<Utc>,
) -> Result<Gems, sqlx::Error> {
    let moved = sqlx::query!(
        r#"with before as (
             select id, free, bought, debt from gem_accounts where id = $1 and closed_at is not null
             for no key update
           ),
           earlier as (
             select coalesce(max(part) + 1, 0) as part from gem_transfers where kind = 'erasure' and reference = $2
           ),
           moved as (
             update gem_accounts a set free = 0, bought = 0, debt = 0
             from before b where a.id = b.id and b.free + b.bought + b.debt > 0
             returning b.free, b.bought, b.debt
           ),
           rows as (
             insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, part, created_at)
             select t.id, $1, t.debit, t.credit, t.amount, 'erasure', $2, e.part, $3
             from moved, earlier e, lateral (values
               ($4::uuid, 'free', 'forfeited', moved.free),
               ($5::uuid, 'bought', 'forfeited', moved.bought),
               ($6::uuid, 'forfeited', 'debt', moved.debt)) as t (id, debit, credit, amount)
             where t.amount > 0
           )
           select free + bought as "gems!" from moved"#,
        account_id,
        reference,
        now,
        Uuid::now_v7(),
        Uuid::now_v7(),
        Uuid::now_v7()
    )
    .fetch_optional(conn)
    .await?;
    let gems = moved.map_or(0, |row| row.gems);
    super::count([("erasure", gems)]);
    Ok(gems)
}

/// Says that it belongs to nobody any more, and forgets how its person wanted to spend. False: something is still held.
pub async fn close(conn: &mut PgConnection, account_id: Uuid, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let closed = sqlx::query!(
        "update gem_accounts
         set closed_at = coalesce(closed_at, $2), daily_cap = null, monthly_cap = null, time_zone = null, spends_until = null
         where id = $1 and held_free = 0 and held_bought = 0",
        account_id,
        now
    )
    .execute(conn)
    .await?;
    Ok(closed.rows_affected() == 1)
}
