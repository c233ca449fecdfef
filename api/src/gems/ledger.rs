//! The only writer of gem tables. Every change of a balance is rows of `gem_transfers` in the same statement.
//! Callers own the transaction; nothing here begins, commits or waits for a network.
mod adjustment;

use chrono::{DateTime, Utc};
use lapidary_contract::GemBalance;
use lapidary_domain::{Balance, Gems, Hold};
use sqlx::PgConnection;
use uuid::Uuid;

pub use self::adjustment::adjust;
use crate::metrics;

/// Gives free gems once per `reference`.
pub async fn grant(
    conn: &mut PgConnection,
    account_id: Uuid,
    reference: Uuid,
    gems: Gems,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    give(conn, account_id, "grant", reference, gems, now).await
}

/// Gives the free gems of a code, once per redemption. What is owed stays owed: only bought gems settle it.
pub async fn redeem(
    conn: &mut PgConnection,
    account_id: Uuid,
    redemption_id: Uuid,
    gems: Gems,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    give(conn, account_id, "redemption", redemption_id, gems, now).await
}

async fn give(
    conn: &mut PgConnection,
    account_id: Uuid,
    kind: &'static str,
    reference: Uuid,
    gems: Gems,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    if gems <= 0 {
        return Ok(());
    }
    let given = sqlx::query!(
        "with row as (
           insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, created_at)
           values ($1, $2, 'grants', 'free', $3, $6, $4, $5)
           on conflict on constraint gem_transfers_once do nothing
           returning amount
         )
         update gem_accounts set free = free + row.amount from row where id = $2",
        Uuid::now_v7(),
        account_id,
        gems,
        reference,
        now,
        kind
    )
    .execute(conn)
    .await?;
    if given.rows_affected() > 0 {
        metrics::gems_moved(kind, gems);
    }
    Ok(())
}

/// What was reserved, and the balance with it.
#[derive(Clone, Debug)]
pub struct Held {
    pub hold: Hold,
    pub gems: GemBalance,
    /// Where the person has set any: whoever holds asks whether they are kept, while everyone else waits.
    pub caps: Option<Caps>,
}

/// What a person lets themselves spend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caps {
    pub daily: Option<Gems>,
    pub monthly: Option<Gems>,
    /// In which days and months begin.
    pub time_zone: String,
}

/// Reserves `price` for one piece of work, free gems first. `None`: not enough gems, or debt. Either way everyone else who
/// wants this account's gems waits from here until the transaction ends. The caller counts it once it is committed.
/// `no key update`: every submit already shares the account's key by its foreign key, and a full lock would deadlock.
/// What is compared is the locked row: an older one might not wait for who is changing it.
pub async fn hold(
    conn: &mut PgConnection,
    account_id: Uuid,
    price: Gems,
    reference: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Held>, sqlx::Error> {
    let held = sqlx::query!(
        r#"with before as (
             select id, free, bought, debt from gem_accounts where id = $1 for no key update
           ),
           moved as (
             update gem_accounts a
             set free = a.free - least(b.free, $2), held_free = a.held_free + least(b.free, $2),
                 bought = a.bought - ($2 - least(b.free, $2)), held_bought = a.held_bought + ($2 - least(b.free, $2))
             from before b
             where a.id = b.id and b.debt = 0 and b.free + b.bought >= $2 and $2 > 0
             returning least(b.free, $2) as free_part, a.free, a.bought, a.held_free, a.held_bought, a.debt, a.used, a.purchased,
               a.daily_cap, a.monthly_cap, a.time_zone
           ),
           rows as (
             insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, created_at)
             select t.id, $1, t.debit, t.credit, t.amount, 'hold', $3, $4
             from moved, lateral (values
               ($5::uuid, 'free', 'held_free', moved.free_part),
               ($6::uuid, 'bought', 'held_bought', $2 - moved.free_part)) as t (id, debit, credit, amount)
             where t.amount > 0
           )
           select free_part as "free_part!", free as "free!", bought as "bought!", held_free as "held_free!",
             held_bought as "held_bought!", debt as "debt!", used as "used!", purchased as "purchased!",
             daily_cap as "daily_cap?", monthly_cap as "monthly_cap?", time_zone as "time_zone?"
           from moved"#,
        account_id,
        price,
        reference,
        now,
        Uuid::now_v7(),
        Uuid::now_v7()
    )
    .fetch_optional(conn)
    .await?;
    Ok(held.map(|row| {
        let balance = Balance {
            free: row.free,
            bought: row.bought,
            held_free: row.held_free,
            held_bought: row.held_bought,
            debt: row.debt,
        };
        Held {
            hold: Hold { free: row.free_part, bought: price - row.free_part },
            gems: GemBalance::new(balance, row.used, row.purchased),
            caps: row
                .time_zone
                .filter(|_| row.daily_cap.is_some() || row.monthly_cap.is_some())
                .map(|time_zone| Caps { daily: row.daily_cap, monthly: row.monthly_cap, time_zone }),
        }
    }))
}

/// Ends a hold: captures what was delivered (free gems first), gives the rest back, each to its own kind. Answers with all
/// gems of the account, held ones counted.
pub async fn settle(
    conn: &mut PgConnection,
    account_id: Uuid,
    hold: Hold,
    captured: Gems,
    reference: Uuid,
    now: DateTime<Utc>,
) -> Result<Gems, sqlx::Error> {
    let (taken, back) = hold.settle(captured);
    let row = sqlx::query!(
        r#"with before as (
             select id, debt from gem_accounts where id = $1 for no key update
           ),
           moved as (
             update gem_accounts a
             set held_free = a.held_free - ($2::bigint + $4::bigint), held_bought = a.held_bought - ($3::bigint + $5::bigint),
                 free = a.free + $4, bought = a.bought + $5 - least(b.debt, $5), debt = b.debt - least(b.debt, $5),
                 used = a.used + $2 + $3
             from before b
             where a.id = b.id
             returning a.id, least(b.debt, $5) as settled, a.free + a.bought + a.held_free + a.held_bought as gems
           ),
           rows as (
             insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, created_at)
             select t.id, $1, t.debit, t.credit, t.amount, t.kind, $6, $7
             from moved, lateral (values
               ($8::uuid, 'held_free', 'usage', $2::bigint, 'capture'),
               ($9::uuid, 'held_bought', 'usage', $3::bigint, 'capture'),
               ($10::uuid, 'held_free', 'free', $4::bigint, 'release'),
               ($11::uuid, 'held_bought', 'bought', $5::bigint, 'release'),
               ($12::uuid, 'bought', 'debt', moved.settled, 'debt_settlement')) as t (id, debit, credit, amount, kind)
             where t.amount > 0
           )
           select settled as "settled!", gems as "gems!" from moved"#,
        account_id,
        taken.free,
        taken.bought,
        back.free,
        back.bought,
        reference,
        now,
        Uuid::now_v7(),
        Uuid::now_v7(),
        Uuid::now_v7(),
        Uuid::now_v7(),
        Uuid::now_v7()
    )
    .fetch_one(conn)
    .await?;
    count([("capture", taken.total()), ("release", back.total()), ("debt_settlement", row.settled)]);
    Ok(row.gems)
}

/// One posting of a purchase: its reference, and the running number that makes its rows its own.
#[derive(Clone, Copy, Debug)]
pub struct Posting {
    pub account_id: Uuid,
    pub purchase_id: Uuid,
    pub part: i32,
    pub gems: Gems,
}

/// Credits bought gems, paid for. What is owed is settled first. Gives what is still owed.
pub async fn purchase(conn: &mut PgConnection, posting: Posting, now: DateTime<Utc>) -> Result<Gems, sqlx::Error> {
    credit(conn, posting, "purchase", now).await
}

/// Gives bought gems again that were clawed back. What is owed is settled first. Gives what is still owed.
pub async fn restore(conn: &mut PgConnection, posting: Posting, now: DateTime<Utc>) -> Result<Gems, sqlx::Error> {
    credit(conn, posting, "restore", now).await
}

async fn credit(
    conn: &mut PgConnection,
    posting: Posting,
    kind: &'static str,
    now: DateTime<Utc>,
) -> Result<Gems, sqlx::Error> {
    let row = sqlx::query!(
        r#"with before as (
             select id, debt from gem_accounts where id = $1 for no key update
           ),
           moved as (
             update gem_accounts a
             set bought = a.bought + $2 - least(b.debt, $2), debt = b.debt - least(b.debt, $2), purchased = a.purchased + $2
             from before b
             where a.id = b.id
             returning least(b.debt, $2) as settled, a.debt
           ),
           rows as (
             insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, part, created_at)
             select t.id, $1, t.debit, t.credit, t.amount, t.kind, $3, $4, $5
             from moved, lateral (values
               ($6::uuid, 'sales', 'bought', $2, $8::text),
               ($7::uuid, 'bought', 'debt', moved.settled, 'debt_settlement')) as t (id, debit, credit, amount, kind)
             where t.amount > 0
           )
           select settled as "settled!", debt as "debt!" from moved"#,
        posting.account_id,
        posting.gems,
        posting.purchase_id,
        posting.part,
        now,
        Uuid::now_v7(),
        Uuid::now_v7(),
        kind
    )
    .fetch_one(conn)
    .await?;
    count([(kind, posting.gems), ("debt_settlement", row.settled)]);
    Ok(row.debt)
}

/// Takes bought gems back for money that went back. What is spent already is owed from here on; held gems are unfinished
/// work and stay. Gives what is owed now.
pub async fn claw_back(conn: &mut PgConnection, posting: Posting, now: DateTime<Utc>) -> Result<Gems, sqlx::Error> {
    let row = sqlx::query!(
        r#"with before as (
             select id, bought from gem_accounts where id = $1 for no key update
           ),
           moved as (
             update gem_accounts a
             set bought = b.bought - least(b.bought, $2), debt = a.debt + ($2 - least(b.bought, $2)),
                 purchased = a.purchased - $2
             from before b
             where a.id = b.id
             returning least(b.bought, $2) as taken, a.debt
           ),
           rows as (
             insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, part, created_at)
             select t.id, $1, t.debit, 'sales', t.amount, 'claw_back', $3, $4, $5
             from moved, lateral (values
               ($6::uuid, 'bought', moved.taken),
               ($7::uuid, 'debt', $2 - moved.taken)) as t (id, debit, amount)
             where t.amount > 0
           )
           select debt as "debt!" from moved"#,
        posting.account_id,
        posting.gems,
        posting.purchase_id,
        posting.part,
        now,
        Uuid::now_v7(),
        Uuid::now_v7()
    )
    .fetch_one(conn)
    .await?;
    count([("claw_back", posting.gems)]);
    Ok(row.debt)
}

fn count<const N: usize>(moved: [(&'static str, Gems); N]) {
    for (kind, gems) in moved.into_iter().filter(|(_, gems)| *gems > 0) {
        metrics::gems_moved(kind, gems);
    }
}
