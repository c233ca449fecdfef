//! SQL of the statistics. Images are counted by what was captured for them: one that was erased was made all the same.
use chrono::{DateTime, Utc};
use lapidary_contract::{DayOfGems, ModelOfGems};
use sqlx::PgConnection;
use uuid::Uuid;

/// Whatever this transaction reads from here on is of one moment.
pub async fn freeze(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("set transaction isolation level repeatable read read only").execute(conn).await?;
    Ok(())
}

/// Each of the days until now, oldest first. A capture is counted on the day on which it was taken, in its zone.
pub async fn by_day(
    conn: &mut PgConnection,
    account_id: Uuid,
    time_zone: &str,
    days: i32,
    now: DateTime<Utc>,
) -> Result<Vec<DayOfGems>, sqlx::Error> {
    sqlx::query_as!(
        DayOfGems,
        r#"with today as (
             select ($4::timestamptz at time zone $2::text)::date as day
           ),
           moved as (
             select (t.created_at at time zone $2)::date as day, t.reference,
               coalesce(sum(t.amount) filter (where t.credit = 'usage'), 0) as used,
               coalesce(sum(t.amount) filter (where t.debit = 'sales'), 0)
                 - coalesce(sum(t.amount) filter (where t.credit = 'sales'), 0) as purchased
             from gem_transfers t
             where t.account_id = $1 and (t.credit in ('usage', 'sales') or t.debit = 'sales')
               and t.created_at >= first_moment(((select day from today) - ($3::integer - 1))::timestamp, $2)
             group by 1, 2
           )
           select today.day - n as "day!", coalesce(sum(moved.used), 0)::bigint as "used!",
             coalesce(sum(moved.purchased), 0)::bigint as "purchased!",
             coalesce(sum(g.captured_gems / nullif(g.share_gems, 0)) filter (where moved.used > 0), 0)::bigint as "images!"
           from today cross join generate_series(0, $3::integer - 1) as n
             left join moved on moved.day = today.day - n
             left join generations g on g.id = moved.reference
           group by today.day, n order by n desc"#,
        account_id,
        time_zone,
        days,
        now
    )
    .fetch_all(conn)
    .await
}

/// By model over the same days, most gems first.
pub async fn by_model(
    conn: &mut PgConnection,
    account_id: Uuid,
    time_zone: &str,
    days: i32,
    now: DateTime<Utc>,
) -> Result<Vec<ModelOfGems>, sqlx::Error> {
    sqlx::query_as!(
        ModelOfGems,
        r#"with used as (
             select t.reference, sum(t.amount) as gems
             from gem_transfers t
             where t.account_id = $1 and t.credit = 'usage'
               and t.created_at
                 >= first_moment((($4::timestamptz at time zone $2::text)::date - ($3::integer - 1))::timestamp, $2)
             group by t.reference
           )
           select coalesce(g.model, 'refinement') as "model!", sum(used.gems)::bigint as "used!",
             coalesce(sum(g.captured_gems / nullif(g.share_gems, 0)), 0)::bigint as "images!"
           from used
             left join generations g on g.id = used.reference
             left join refinements r on r.id = used.reference
           where g.id is not null or r.id is not null
           group by 1 order by 2 desc, 1"#,
        account_id,
        time_zone,
        days,
        now
    )
    .fetch_all(conn)
    .await
}
