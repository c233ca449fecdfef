//! The proof that the money is right: each rule of PRODUCT §3.4 as a query that must find nothing.
use sqlx::PgPool;

/// Every broken rule in a sentence; empty when the ledger is clean. Reads one snapshot.
pub async fn audit(house: &PgPool) -> Result<Vec<String>, sqlx::Error> {
    let mut tx = house.begin().await?;
    sqlx::query!("set transaction isolation level repeatable read read only").execute(&mut *tx).await?;
    let mut faults = Vec::new();
    let sums = sqlx::query!(
        r#"select a.id
           from gem_accounts a
           left join lateral (
             select
               sum(case when credit = 'free' then amount when debit = 'free' then -amount else 0 end) as free,
               sum(case when credit = 'bought' then amount when debit = 'bought' then -amount else 0 end) as bought,
               sum(case when credit = 'held_free' then amount when debit = 'held_free' then -amount else 0 end) as held_free,
               sum(case when credit = 'held_bought' then amount when debit = 'held_bought' then -amount else 0 end) as held_bought,
               sum(case when credit = 'usage' then amount else 0 end) as used
             from gem_transfers t where t.account_id = a.id
           ) s on true
           where (a.free, a.bought, a.held_free, a.held_bought, a.used)
             is distinct from (coalesce(s.free, 0), coalesce(s.bought, 0), coalesce(s.held_free, 0),
                               coalesce(s.held_bought, 0), coalesce(s.used, 0))"#
    )
    .fetch_all(&mut *tx)
    .await?;
    faults.extend(sums.iter().map(|row| format!("account {}: a stored balance is not the sum of its rows", row.id)));
    let held = sqlx::query!(
        r#"select a.id
           from gem_accounts a
           left join (
             select account_id, sum(held_free) as free, sum(held_bought) as bought
             from generations where status in ('queued', 'running') group by account_id
           ) g on g.account_id = a.id
           where (a.held_free, a.held_bought) is distinct from (coalesce(g.free, 0), coalesce(g.bought, 0))"#
    )
    .fetch_all(&mut *tx)
    .await?;
    faults.extend(held.iter().map(|row| format!("account {}: what is held is not its unfinished work", row.id)));
    let generations = sqlx::query!(
        r#"select g.id
           from generations g
           left join lateral (
             select coalesce(sum(amount) filter (where kind = 'hold'), 0) as held,
                    coalesce(sum(amount) filter (where kind = 'capture'), 0) as captured,
                    coalesce(sum(amount) filter (where kind = 'release'), 0) as released
             from gem_transfers t where t.reference = g.id and t.kind in ('hold', 'capture', 'release')
           ) t on true
           left join lateral (
             select coalesce(sum(price_gems), 0) as shares from images i where i.generation_id = g.id
           ) i on true
           where t.held <> g.share_gems * g.count
              or t.captured <> g.captured_gems
              or (g.finished_at is null and t.captured + t.released <> 0)
              or (g.finished_at is not null and t.captured + t.released <> t.held)
              or (g.finished_at is not null and t.captured <> i.shares + g.erased_gems)"#
    )
    .fetch_all(&mut *tx)
    .await?;
    faults.extend(
        generations.iter().map(|row| format!("generation {}: captured and released are not what was held", row.id)),
    );
    tx.commit().await?;
    Ok(faults)
}
