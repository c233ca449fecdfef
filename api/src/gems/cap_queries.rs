//! SQL of the caps. A day is every moment with its date on the person's own clock: where clocks go back over midnight, that
//! is not what lies between two midnights.
use chrono::{DateTime, Utc};
use lapidary_domain::Gems;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::db::Actor;

pub struct Set {
    pub daily_cap: Option<Gems>,
    pub monthly_cap: Option<Gems>,
    pub time_zone: Option<String>,
}

pub async fn get(conn: &mut PgConnection, actor: Actor) -> Result<Set, sqlx::Error> {
    sqlx::query_as!(Set, "select daily_cap, monthly_cap, time_zone from gem_accounts where id = $1", actor.account_id)
        .fetch_one(conn)
        .await
}

/// Waits for whoever holds gems of the account: they had read the caps before.
pub async fn set(
    conn: &mut PgConnection,
    actor: Actor,
    daily_cap: Option<Gems>,
    monthly_cap: Option<Gems>,
    time_zone: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update gem_accounts set daily_cap = $2, monthly_cap = $3, time_zone = $4 where id = $1",
        actor.account_id,
        daily_cap,
        monthly_cap,
        time_zone
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What was held or captured for what was asked for since the day and the month began, and when the next ones begin.
pub struct Spent {
    pub today: Gems,
    pub this_month: Gems,
    pub next_day_at: DateTime<Utc>,
    pub next_month_at: DateTime<Utc>,
}

/// No month is longer than 32 days of 24 hours. A midnight that comes twice is the first one: its date has begun by then.
pub async fn spent(
    conn: &mut PgConnection,
    actor: Actor,
    time_zone: &str,
    now: DateTime<Utc>,
) -> Result<Spent, sqlx::Error> {
    sqlx::query_as!(
        Spent,
        r#"with today as (
             select ($4::timestamptz at time zone $3::text)::date as day
           ),
           next as (
             select (day + 1)::timestamp as day, (date_trunc('month', day::timestamp) + interval '1 month') as month from today
           ),
           asked as (
             select (created_at at time zone $3)::date as day,
               case when finished_at is null then share_gems * count else captured_gems end as gems
             from generations
             where person_id = $1 and account_id = $2 and created_at >= $4::timestamptz - interval '32 days'
             union all
             select (created_at at time zone $3)::date, case when finished_at is null then price_gems else captured_gems end
             from refinements
             where person_id = $1 and account_id = $2 and created_at >= $4::timestamptz - interval '32 days'
           )
           select coalesce(sum(asked.gems) filter (where asked.day = today.day), 0)::bigint as "today!",
             coalesce(sum(asked.gems) filter (
               where date_trunc('month', asked.day::timestamp) = date_trunc('month', today.day::timestamp)
             ), 0)::bigint as "this_month!",
             first_moment(next.day, $3) as "next_day_at!", first_moment(next.month, $3) as "next_month_at!"
           from today cross join next left join asked on true
           group by today.day, next.day, next.month"#,
        actor.person_id,
        actor.account_id,
        time_zone,
        now
    )
    .fetch_one(conn)
    .await
}

/// What a key held or got captured since its person's day began, and when the next one begins.
pub struct SpentByKey {
    pub today: Gems,
    pub next_day_at: DateTime<Utc>,
}

/// No day is longer than 26 hours.
pub async fn spent_by_key(
    conn: &mut PgConnection,
    actor: Actor,
    key_id: Uuid,
    time_zone: &str,
    now: DateTime<Utc>,
) -> Result<SpentByKey, sqlx::Error> {
    sqlx::query_as!(
        SpentByKey,
        r#"with today as (
             select ($4::timestamptz at time zone $3::text)::date as day
           ),
           asked as (
             select (created_at at time zone $3)::date as day,
               case when finished_at is null then share_gems * count else captured_gems end as gems
             from generations
             where person_id = $1 and api_key_id = $2 and created_at >= $4::timestamptz - interval '26 hours'
             union all
             select (created_at at time zone $3)::date, case when finished_at is null then price_gems else captured_gems end
             from refinements
             where person_id = $1 and api_key_id = $2 and created_at >= $4::timestamptz - interval '26 hours'
           )
           select coalesce(sum(asked.gems), 0)::bigint as "today!",
             first_moment((today.day + 1)::timestamp, $3) as "next_day_at!"
           from today left join asked on asked.day = today.day
           group by today.day"#,
        actor.person_id,
        key_id,
        time_zone,
        now
    )
    .fetch_one(conn)
    .await
}
