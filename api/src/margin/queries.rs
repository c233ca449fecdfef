//! SQL of the margin: everybody's images, and nobody's name.
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

/// Images of one model and quality.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    pub model: String,
    pub quality: String,
    pub images: i64,
    pub gems: i64,
    /// Of these gems, those that were given …
    pub free: i64,
    /// … and those that were paid for.
    pub bought: i64,
    pub cost_microusd: i64,
    /// Images whose cost is what the provider reported, and images whose cost nobody knows.
    pub by_usage: i64,
    pub unknown: i64,
}

/// Since a moment, dearest first. A generation of which an image was erased is left out: what that one cost is gone with it.
pub async fn made_since(house: impl PgExecutor<'_>, since: DateTime<Utc>) -> Result<Vec<Made>, sqlx::Error> {
    sqlx::query_as!(
        Made,
        r#"with made as (
             select g.id, g.model, g.quality, count(*) as images, sum(i.price_gems) as gems,
               coalesce(sum(i.cost_microusd), 0) as cost, count(*) filter (where i.cost_source = 'usage') as by_usage,
               count(*) filter (where i.cost_microusd is null) as unknown
             from images i join generations g on g.id = i.generation_id
             where i.created_at >= $1 and g.erased_gems = 0
             group by g.id
           )
           select made.model as "model!", made.quality as "quality!", sum(made.images)::bigint as "images!",
             sum(made.gems)::bigint as "gems!", coalesce(sum(paid.free), 0)::bigint as "free!",
             coalesce(sum(paid.bought), 0)::bigint as "bought!", sum(made.cost)::bigint as "cost_microusd!",
             sum(made.by_usage)::bigint as "by_usage!", sum(made.unknown)::bigint as "unknown!"
           from made
           left join lateral (
             select sum(t.amount) filter (where t.debit = 'held_free') as free,
               sum(t.amount) filter (where t.debit = 'held_bought') as bought
             from gem_transfers t where t.kind = 'capture' and t.reference = made.id
           ) paid on true
           group by made.model, made.quality order by 7 desc, 1, 2"#,
        since
    )
    .fetch_all(house)
    .await
}

/// The newest images of one model whose cost is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    pub model: String,
    pub images: i64,
    pub gems: i64,
    pub cost_microusd: i64,
}

/// Of each model at most `newest` images, none older than `since`.
pub async fn recent(house: impl PgExecutor<'_>, since: DateTime<Utc>, newest: i64) -> Result<Vec<Recent>, sqlx::Error> {
    sqlx::query_as!(
        Recent,
        r#"select model as "model!", count(*) as "images!", sum(price_gems)::bigint as "gems!",
             sum(cost_microusd)::bigint as "cost_microusd!"
           from (
             select model, price_gems, cost_microusd,
               row_number() over (partition by model order by created_at desc, id desc) as place
             from images where created_at >= $1 and cost_microusd is not null
           ) one
           where place <= $2 group by model order by model"#,
        since,
        newest
    )
    .fetch_all(house)
    .await
}
