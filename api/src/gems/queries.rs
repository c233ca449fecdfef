//! SQL of the gem pages. Reads only: the ledger is the one that writes.
use chrono::{DateTime, Utc};
use lapidary_contract::GemBalance;
use lapidary_domain::Balance;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::http::paging::Keyset;

pub async fn balance(conn: &mut PgConnection, account_id: Uuid) -> Result<GemBalance, sqlx::Error> {
    let row = sqlx::query!(
        "select free, bought, held_free, held_bought, debt, used, purchased from gem_accounts where id = $1",
        account_id
    )
    .fetch_one(conn)
    .await?;
    let balance = Balance {
        free: row.free,
        bought: row.bought,
        held_free: row.held_free,
        held_bought: row.held_bought,
        debt: row.debt,
    };
    Ok(GemBalance::new(balance, row.used, row.purchased))
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
