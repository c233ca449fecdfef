//! The proof that the money is right: each rule of PRODUCT §3.4 as a query that must find nothing.
use sqlx::{PgConnection, PgPool};

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
               sum(case when debit = 'debt' then amount when credit = 'debt' then -amount else 0 end) as debt,
               sum(case when credit = 'usage' then amount else 0 end) as used,
               sum(case when debit = 'sales' then amount when credit = 'sales' then -amount else 0 end) as purchased
             from gem_transfers t where t.account_id = a.id
           ) s on true
           where (a.free, a.bought, a.held_free, a.held_bought, a.debt, a.used, a.purchased)
             is distinct from (coalesce(s.free, 0), coalesce(s.bought, 0), coalesce(s.held_free, 0),
                               coalesce(s.held_bought, 0), coalesce(s.debt, 0), coalesce(s.used, 0),
                               coalesce(s.purchased, 0))"#
    )
    .fetch_all(&mut *tx)
    .await?;
    faults.extend(sums.iter().map(|row| format!("account {}: a stored balance is not the sum of its rows", row.id)));
    faults.extend(held(&mut tx).await?);
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
    faults.extend(refinements(&mut tx).await?);
    faults.extend(purchases(&mut tx).await?);
    faults.extend(codes(&mut tx).await?);
    faults.extend(adjustments(&mut tx).await?);
    faults.extend(closed(&mut tx).await?);
    tx.commit().await?;
    Ok(faults)
}

/// What is held is exactly unfinished work: generations that wait or run, refinements that run.
async fn held(conn: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let held = sqlx::query!(
        r#"select a.id
           from gem_accounts a
           left join (
             select account_id, sum(held_free) as free, sum(held_bought) as bought
             from (
               select account_id, held_free, held_bought from generations where status in ('queued', 'running')
               union all
               select account_id, held_free, held_bought from refinements where status = 'running'
             ) unfinished group by account_id
           ) g on g.account_id = a.id
           where (a.held_free, a.held_bought) is distinct from (coalesce(g.free, 0), coalesce(g.bought, 0))"#
    )
    .fetch_all(conn)
    .await?;
    Ok(held.iter().map(|row| format!("account {}: what is held is not its unfinished work", row.id)).collect())
}

/// A refinement is paid whole for what was delivered, or not at all.
async fn refinements(conn: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let unlike = sqlx::query!(
        r#"select r.id
           from refinements r
           left join lateral (
             select coalesce(sum(amount) filter (where kind = 'hold'), 0) as held,
                    coalesce(sum(amount) filter (where kind = 'capture'), 0) as captured,
                    coalesce(sum(amount) filter (where kind = 'release'), 0) as released
             from gem_transfers t
             where t.reference = r.id and t.account_id = r.account_id and t.kind in ('hold', 'capture', 'release')
           ) t on true
           where t.held <> r.price_gems or r.held_free + r.held_bought <> r.price_gems
              or t.captured <> r.captured_gems
              or (r.status = 'running' and t.captured + t.released <> 0)
              or (r.status <> 'running' and t.captured + t.released <> t.held)"#
    )
    .fetch_all(conn)
    .await?;
    Ok(unlike.iter().map(|row| format!("refinement {}: captured and released are not what was held", row.id)).collect())
}

/// Credit − claw-back is the vendor's state as it was last read, and nothing was bought, taken back, given again or settled
/// without a cause. After seven years a purchase is gone (`promises::retention::payments`), and its cause with it.
async fn purchases(conn: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let unlike = sqlx::query!(
        r#"select p.id
           from purchases p
           left join lateral (
             select coalesce(sum(amount) filter (where kind = 'purchase'), 0) as credited,
                    coalesce(sum(amount) filter (where kind = 'claw_back'), 0)
                      - coalesce(sum(amount) filter (where kind = 'restore'), 0) as clawed_back
             from gem_transfers t
             where t.reference = p.id and t.account_id = p.account_id and t.kind in ('purchase', 'claw_back', 'restore')
           ) t on true
           where t.credited <> p.credited_gems
              or t.clawed_back <> p.clawed_back_gems
              or (p.credited_gems > 0 and p.clawed_back_gems <> least(p.gems,
                   case when p.refunded_amount >= p.charged_amount then p.gems
                        else p.gems * p.refunded_amount / p.charged_amount end
                 + case when p.disputed_amount >= p.charged_amount then p.gems
                        else p.gems * p.disputed_amount / p.charged_amount end))"#
    )
    .fetch_all(&mut *conn)
    .await?;
    let causeless = sqlx::query!(
        r#"select t.id
           from gem_transfers t
           where t.created_at > now() - interval '7 years'
             and ((t.kind in ('purchase', 'claw_back', 'restore')
                   and not exists (select from purchases p where p.id = t.reference and p.account_id = t.account_id))
               or (t.kind = 'debt_settlement'
                   and not exists (select from purchases p where p.id = t.reference and p.account_id = t.account_id)
                   and not exists (select from generations g where g.id = t.reference)
                   and not exists (select from refinements r where r.id = t.reference)
                   and not exists (select from gem_accounts a where a.id = t.account_id and a.closed_at is not null)))"#
    )
    .fetch_all(conn)
    .await?;
    let unlike = unlike.iter().map(|row| format!("purchase {}: its gems are not what its money says", row.id));
    Ok(unlike.chain(causeless.iter().map(|row| format!("transfer {}: it has no cause", row.id))).collect())
}

/// A code gave its gems as often as it was used, each time to one account, and no other gems came from codes.
async fn codes(conn: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let miscounted = sqlx::query!(
        "select c.id
         from redeem_codes c
         where c.uses <> (select count(*) from redemptions r where r.code_id = c.id and r.gems = c.gems)"
    )
    .fetch_all(&mut *conn)
    .await?;
    let unlike = sqlx::query!(
        r#"select coalesce(r.id, t.reference) as "id!"
           from redemptions r
             full join (
               select reference, account_id, amount from gem_transfers where kind = 'redemption'
             ) t on t.reference = r.id and t.account_id = r.account_id and t.amount = r.gems
           where r.id is null or t.reference is null"#
    )
    .fetch_all(conn)
    .await?;
    let miscounted = miscounted.iter().map(|row| format!("code {}: it was not used as often as it says", row.id));
    let unlike = unlike.iter().map(|row| format!("redemption {}: it did not give what it says", row.id));
    Ok(miscounted.chain(unlike).collect())
}

/// What operators gave and took is what their acts say, and nothing else was adjusted.
async fn adjustments(conn: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let unlike = sqlx::query!(
        r#"select coalesce(d.id, t.reference) as "id!"
           from gem_adjustments d
             full join (
               select reference, account_id, sum(case when credit = 'free' then amount else -amount end)::bigint as gems
               from gem_transfers where kind = 'adjustment' group by reference, account_id
             ) t on t.reference = d.id and t.account_id = d.account_id and t.gems = d.gems
           where d.id is null or t.reference is null"#
    )
    .fetch_all(conn)
    .await?;
    Ok(unlike.iter().map(|row| format!("adjustment {}: it did not move what it says", row.id)).collect())
}

/// An account whose person is erased has nothing and owes nothing, and nobody else's gems were forfeited with an account.
async fn closed(conn: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let unlike = sqlx::query!(
        r#"select a.id
           from gem_accounts a
           where (a.closed_at is not null and a.free + a.bought + a.held_free + a.held_bought + a.debt > 0)
              or (a.closed_at is not null and exists (select from account_links l where l.account_id = a.id))
              or (a.closed_at is null
                  and exists (select from gem_transfers t where t.account_id = a.id and t.kind = 'erasure'))"#
    )
    .fetch_all(conn)
    .await?;
    Ok(unlike
        .iter()
        .map(|row| format!("account {}: it is closed and not empty, or the other way round", row.id))
        .collect())
}
