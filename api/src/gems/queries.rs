//! SQL of the gem pages. Reads only: the ledger is the one that writes.
use chrono::{DateTime, Utc};
use lapidary_contract::GemBalance;
use lapidary_domain::Balance;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::db::Actor;
use crate::http::paging::Keyset;

struct AccountRow {
    free: i64,
    bought: i64,
    held_free: i64,
    held_bought: i64,
    debt: i64,
    used: i64,
    purchased: i64,
}

impl From<AccountRow> for GemBalance {
    fn from(row: AccountRow) -> Self {
        let AccountRow { free, bought, held_free, held_bought, debt, used, purchased } = row;
        Self::new(Balance { free, bought, held_free, held_bought, debt }, used, purchased)
    }
}

pub async fn balance(conn: &mut PgConnection, account_id: Uuid) -> Result<GemBalance, sqlx::Error> {
    sqlx::query_as!(
        AccountRow,
        "select free, bought, held_free, held_bought, debt, used, purchased from gem_accounts where id = $1",
        account_id
    )
    .fetch_one(conn)
    .await
    .map(GemBalance::from)
}

/// [`balance`] for [`crate::db::Db::read_as`]. The left join makes who asks known before the policy asks for it.
pub async fn own_balance(conn: &mut PgConnection, actor: Actor) -> Result<GemBalance, sqlx::Error> {
    sqlx::query_as!(
        AccountRow,
        r#"select free as "free!", bought as "bought!", held_free as "held_free!", held_bought as "held_bought!",
             debt as "debt!", used as "used!", purchased as "purchased!"
           from (
             select own.* from (
               select set_config('lapidary.person', $1::uuid::text, true),
                 set_config('lapidary.account', $2::uuid::text, true)
             ) as asks
             left join lateral (
               select free, bought, held_free, held_bought, debt, used, purchased from gem_accounts where id = $2
             ) as own on true
             offset 0
           ) as found
           where free is not null"#,
        actor.person_id,
        actor.account_id
    )
    .fetch_one(conn)
    .await
    .map(GemBalance::from)
}

/// Whoever adds to something that a person may have so many of waits here for who else does, until the transaction ends: the
/// account is what one person's requests take turns at.
pub async fn take_turns(conn: &mut PgConnection, account_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("select id from gem_accounts where id = $1 for no key update", account_id)
        .fetch_optional(conn)
        .await?;
    Ok(())
}

/// One transfer as its account sees it.
pub struct TransferRow {
    pub id: Uuid,
    pub debit: String,
    pub credit: String,
    pub amount: i64,
    /// Of the remaining gems.
    pub change: i64,
    pub kind: String,
    pub reference: Uuid,
    pub created_at: DateTime<Utc>,
    /// The first words of the prompt, as a refinement's where it is one, or the pack.
    pub about: Option<String>,
    pub remaining_after: i64,
}

/// From where the remaining gems are counted back.
#[derive(Clone, Copy, Debug)]
pub struct CountedFrom {
    pub keyset: Keyset,
    /// What remained there; what remains now when absent.
    pub remaining: Option<i64>,
}

impl CountedFrom {
    /// The newest transfer and the balance, which one statement reads together.
    pub fn now() -> Self {
        Self { keyset: Keyset::newest(), remaining: None }
    }
}

/// The window reads no further than the page does: it goes along the index.
pub async fn transfers(
    conn: &mut PgConnection,
    account_id: Uuid,
    from: Keyset,
    counted: CountedFrom,
    rows: i64,
) -> Result<Vec<TransferRow>, sqlx::Error> {
    sqlx::query_as!(
        TransferRow,
        r#"with listed as (
             select s.* from (
               select t.id, t.debit, t.credit, t.amount, t.kind, t.reference, t.created_at, c.change,
                 sum(c.change) over (order by t.created_at desc, t.id desc rows unbounded preceding) - c.change as newer
               from gem_transfers t,
                 lateral (select case when t.credit in ('free', 'bought') then t.amount else 0 end
                            - case when t.debit in ('free', 'bought') then t.amount else 0 end as change) c
               where t.account_id = $1 and (t.created_at, t.id) < ($5, $6)
             ) s
             where (s.created_at, s.id) < ($2, $3)
             order by s.created_at desc, s.id desc limit $4
           )
           select l.id, l.debit, l.credit, l.amount, l.change as "change!", l.kind, l.reference, l.created_at,
             coalesce(left(g.prompt, 80), 'Refinement: ' || left(r.prompt, 80), p.pack) as "about?",
             (coalesce($7, a.free + a.bought) - l.newer)::bigint as "remaining_after!"
           from listed l
             join gem_accounts a on a.id = $1
             left join generations g on g.id = l.reference
             left join refinements r on r.id = l.reference
             left join purchases p on p.id = l.reference
           order by l.created_at desc, l.id desc"#,
        account_id,
        from.before_at,
        from.before_id,
        rows,
        counted.keyset.before_at,
        counted.keyset.before_id,
        counted.remaining
    )
    .fetch_all(conn)
    .await
}
