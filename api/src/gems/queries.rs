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

pub struct TransferRow {
    pub id: Uuid,
    pub debit: String,
    pub credit: String,
    pub amount: i64,
    pub kind: String,
    pub reference: Uuid,
    pub created_at: DateTime<Utc>,
    /// The first words of the prompt.
    pub about: Option<String>,
}

pub async fn transfers(
    conn: &mut PgConnection,
    account_id: Uuid,
    from: Keyset,
    rows: i64,
) -> Result<Vec<TransferRow>, sqlx::Error> {
    sqlx::query_as!(
        TransferRow,
        r#"select t.id, t.debit, t.credit, t.amount, t.kind, t.reference, t.created_at, left(g.prompt, 80) as "about?"
           from gem_transfers t left join generations g on g.id = t.reference
           where t.account_id = $1 and (t.created_at, t.id) < ($2, $3)
           order by t.created_at desc, t.id desc limit $4"#,
        account_id,
        from.before_at,
        from.before_id,
        rows
    )
    .fetch_all(conn)
    .await
}
