//! Gems that an operator gives or takes: a part of the ledger, as its only writer.
use chrono::{DateTime, Utc};
use lapidary_domain::Gems;
use sqlx::PgConnection;
use uuid::Uuid;

/// Above zero gives free gems, below zero takes, free ones first; once per `reference`. False: there are not so many, and
/// nothing has moved. What is owed stays owed, and what is held stays held. Taken bought gems are forfeited: what was
/// purchased is still what was paid for.
pub async fn adjust(
    conn: &mut PgConnection,
    account_id: Uuid,
    reference: Uuid,
    gems: Gems,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query!(
        r#"with before as (
             select id, free, bought from gem_accounts where id = $1 for no key update
           ),
           moved as (
             update gem_accounts a
             set free = a.free + greatest($2::bigint, 0) - least(b.free, greatest(-$2::bigint, 0)),
                 bought = a.bought - (greatest(-$2::bigint, 0) - least(b.free, greatest(-$2::bigint, 0)))
             from before b
             where a.id = b.id and $2::bigint <> 0 and b.free + b.bought + $2::bigint >= 0
             returning least(b.free, greatest(-$2::bigint, 0)) as free_part
           ),
           rows as (
             insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, created_at)
             select t.id, $1, t.debit, t.credit, t.amount, 'adjustment', $3, $4
             from moved, lateral (values
               ($5::uuid, 'grants', 'free', $2::bigint),
               ($6::uuid, 'free', 'forfeited', moved.free_part),
               ($7::uuid, 'bought', 'forfeited', -$2::bigint - moved.free_part)) as t (id, debit, credit, amount)
             where t.amount > 0
           )
           select free_part as "free_part!" from moved"#,
        account_id,
        gems,
        reference,
        now,
        Uuid::now_v7(),
        Uuid::now_v7(),
        Uuid::now_v7()
    )
    .fetch_optional(conn)
    .await?;
    super::count([("adjustment", if moved.is_some() { gems.saturating_abs() } else { 0 })]);
    Ok(moved.is_some())
}
