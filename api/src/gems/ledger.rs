//! The only writer of gem tables. Every change of a balance is rows of `gem_transfers` in the same statement.
//! Callers own the transaction; nothing here begins, commits or waits for a network.
mod adjustment;
mod forfeit;

use chrono::{DateTime, Utc};
use lapidary_contract::GemBalance;
use lapidary_domain::{Balance, Gems, Hold};
use sqlx::PgConnection;
use uuid::Uuid;

pub use self::adjustment::adjust;
pub use self::forfeit::{close, forfeit};
use crate::http::rate::{Rate, Standing};
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
    /// Where the person stands with how often they may hold.
    pub standing: Standing,
}

/// What a person lets themselves spend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caps {
    pub daily: Option<Gems>,
    pub monthly: Option<Gems>,
    /// In which days and months begin, where they said.
    pub time_zone: Option<String>,
}

/// Gems that are wanted for one piece of work.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub account_id: Uuid,
    pub price: Gems,
    /// The piece of work.
    pub reference: Uuid,
    /// Bought gems are not touched.
    pub is_free_only: bool,
    /// How often this account may hold.
    pub rate: Rate,
    pub now: DateTime<Utc>,
}

/// What became of it.
#[derive(Clone, Debug)]
pub enum Reserved {
    Held(Held),
    /// Not enough gems of the kind that may be spent, or debt: the balance as it is.
    TooFew(GemBalance),
    /// There are enough, and it was too often: nothing is held.
    TooOften(Standing),
}

/// Reserves the price of one piece of work, free gems first, and uses one of the account's turns a minute. What is refused
/// uses neither. Either way everyone else who wants this account's gems waits from here until the transaction ends, so that
/// the caller can ask about the caps. The caller counts what is held once it is committed.
/// `no key update`: every submit already shares the account's key by its foreign key, and a full lock would deadlock.
/// What is compared is the locked row: an older one might not wait for who is changing it.
pub async fn hold(conn: &mut PgConnection, wanted: &Wanted) -> Result<(Reserved, Caps), sqlx::Error> {
    let row = sqlx::query!(
        r#"with before as (
             select id, free, bought, held_free, held_bought, debt, used, purchased, daily_cap, monthly_cap, time_zone,
               least(greatest(spends_until, $4), $4 + $9::bigint * interval '1 microsecond') as spends_until
             from gem_accounts where id = $1 for no key update
           ),
           moved as (
             update gem_accounts a
             set free = a.free - least(b.free, $2), held_free = a.held_free + least(b.free, $2),
                 bought = a.bought - ($2 - least(b.free, $2)), held_bought = a.held_bought + ($2 - least(b.free, $2)),
                 spends_until = b.spends_until + $8::bigint * interval '1 microsecond'
             from before b
             where a.id = b.id and b.debt = 0 and $2::bigint > 0 and b.free + case when $7::boolean then 0 else b.bought end >= $2
               and b.spends_until + $8::bigint * interval '1 microsecond' <= $4 + $9::bigint * interval '1 microsecond'
             returning least(b.free, $2) as free_part, a.free, a.bought, a.held_free, a.held_bought, a.spends_until
           ),
           rows as (
             insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, created_at)
             select t.id, $1, t.debit, t.credit, t.amount, 'hold', $3, $4
             from moved, lateral (values
               ($5::uuid, 'free', 'held_free', moved.free_part),
               ($6::uuid, 'bought', 'held_bought', $2 - moved.free_part)) as t (id, debit, credit, amount)
             where t.amount > 0
           )
           select m.free_part as "free_part?", coalesce(m.free, b.free) as "free!", coalesce(m.bought, b.bought) as "bought!",
             coalesce(m.held_free, b.held_free) as "held_free!", coalesce(m.held_bought, b.held_bought) as "held_bought!",
             b.debt as "debt!", b.used as "used!", b.purchased as "purchased!", b.daily_cap, b.monthly_cap, b.time_zone,
             coalesce(m.spends_until, b.spends_until) as "spends_until!"
           from before b left join moved m on true"#,
        wanted.account_id,
        wanted.price,
        wanted.reference,
        wanted.now,
        Uuid::now_v7(),
        Uuid::now_v7(),
        wanted.is_free_only,
        wanted.rate.step(),
        wanted.rate.window()
    )
    .fetch_one(conn)
    .await?;
    let (free, bought, debt) = (row.free, row.bought, row.debt);
    let balance = Balance { free, bought, held_free: row.held_free, held_bought: row.held_bought, debt };
    let gems = GemBalance::new(balance, row.used, row.purchased);
    let standing = wanted.rate.standing((row.spends_until - wanted.now).num_microseconds().unwrap_or(0));
    let reserved = match row.free_part {
        Some(free) => Reserved::Held(Held { hold: Hold { free, bought: wanted.price - free }, gems, standing }),
        None if (1..=wanted.available(&gems)).contains(&wanted.price) => Reserved::TooOften(standing),
        None => Reserved::TooFew(gems),
    };
    Ok((reserved, Caps { daily: row.daily_cap, monthly: row.monthly_cap, time_zone: row.time_zone }))
}

impl Wanted {
    /// What of a balance may be spent on this.
    pub fn available(&self, gems: &GemBalance) -> Gems {
        if self.is_free_only { gems.available().min(gems.free) } else { gems.available() }
    }
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

/// What a claw-back took, and all gems and what is owed after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClawedBack {
    pub taken: Gems,
    pub gems: Gems,
    pub owed: Gems,
}

/// Takes bought gems back for money that went back. What is spent already is owed from here on; held gems are unfinished
/// work and stay.
pub async fn claw_back(
    conn: &mut PgConnection,
    posting: Posting,
    now: DateTime<Utc>,
) -> Result<ClawedBack, sqlx::Error> {
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
             returning least(b.bought, $2) as taken, a.free + a.bought + a.held_free + a.held_bought as gems, a.debt
           ),
           rows as (
             insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, part, created_at)
             select t.id, $1, t.debit, 'sales', t.amount, 'claw_back', $3, $4, $5
             from moved, lateral (values
               ($6::uuid, 'bought', moved.taken),
               ($7::uuid, 'debt', $2 - moved.taken)) as t (id, debit, amount)
             where t.amount > 0
           )
           select taken as "taken!", gems as "gems!", debt as "debt!" from moved"#,
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
    Ok(ClawedBack { taken: row.taken, gems: row.gems, owed: row.debt })
}

fn count<const N: usize>(moved: [(&'static str, Gems); N]) {
    for (kind, gems) in moved.into_iter().filter(|(_, gems)| *gems > 0) {
        metrics::gems_moved(kind, gems);
    }
}
