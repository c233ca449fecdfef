//! The only writer of gem tables. Every change of a balance is rows of `gem_transfers` in the same statement.
//! Callers own the transaction; nothing here begins, commits or waits for a network.
use chrono::{DateTime, Utc};
use lapidary_contract::GemBalance;
use lapidary_domain::{Balance, Gems, Hold};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::metrics;

/// Gives free gems once per `reference`.
pub async fn grant(
    conn: &mut PgConnection,
    account_id: Uuid,
    reference: Uuid,
    gems: Gems,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    if gems <= 0 {
        return Ok(());
    }
    let granted = sqlx::query!(
        "with row as (
           insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, created_at)
           values ($1, $2, 'grants', 'free', $3, 'grant', $4, $5)
           on conflict on constraint gem_transfers_once do nothing
           returning amount
         )
         update gem_accounts set free = free + row.amount from row where id = $2",
        Uuid::now_v7(),
        account_id,
        gems,
        reference,
        now
    )
    .execute(conn)
    .await?;
    if granted.rows_affected() > 0 {
        metrics::gems_moved("grant", gems);
    }
    Ok(())
}

/// What was reserved, and the balance with it.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub hold: Hold,
    pub gems: GemBalance,
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
             returning least(b.free, $2) as free_part, a.free, a.bought, a.held_free, a.held_bought, a.debt, a.used, a.purchased
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
             held_bought as "held_bought!", debt as "debt!", used as "used!", purchased as "purchased!"
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
        }
    }))
}

/// Ends a hold: captures what was delivered (free gems first), gives the rest back, each to its own kind.
pub async fn settle(
    conn: &mut PgConnection,
    account_id: Uuid,
    hold: Hold,
    captured: Gems,
    reference: Uuid,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let (taken, back) = hold.settle(captured);
    sqlx::query!(
        "with moved as (
           update gem_accounts
           set held_free = held_free - ($2::bigint + $4::bigint), held_bought = held_bought - ($3::bigint + $5::bigint),
               free = free + $4, bought = bought + $5, used = used + $2 + $3
           where id = $1
           returning id
         )
         insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, created_at)
         select t.id, $1, t.debit, t.credit, t.amount, t.kind, $6, $7
         from moved, lateral (values
           ($8::uuid, 'held_free', 'usage', $2::bigint, 'capture'),
           ($9::uuid, 'held_bought', 'usage', $3::bigint, 'capture'),
           ($10::uuid, 'held_free', 'free', $4::bigint, 'release'),
           ($11::uuid, 'held_bought', 'bought', $5::bigint, 'release')) as t (id, debit, credit, amount, kind)
         where t.amount > 0",
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
        Uuid::now_v7()
    )
    .execute(conn)
    .await?;
    for (kind, gems) in [("capture", taken.free + taken.bought), ("release", back.free + back.bought)] {
        if gems > 0 {
            metrics::gems_moved(kind, gems);
        }
    }
    Ok(())
}
