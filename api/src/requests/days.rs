//! The days of the request log: made ahead, and dropped as a whole when they are older than 30 days, each with a dated
//! trace. Writers never wait for long here, whoever reads meanwhile.
use chrono::{DateTime, Days, NaiveDate, Utc};
use lapidary_contract::domain::limits::REQUEST_LOG_DAYS;
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use super::queries;
use crate::app::App;
use crate::db::Db;
use crate::promises::retention::Done;

/// Days after today that are there already.
const AHEAD: u64 = 2;
const NAME: &str = "request_log_";

/// Makes today and what comes, and drops what is over. One that cannot be dropped now is tried again at the next round.
pub async fn keep(app: &App, now: DateTime<Utc>) -> Result<Done, sqlx::Error> {
    let today = now.date_naive();
    for day in today.iter_days().zip(0..=AHEAD).map(|(day, _)| day) {
        make(&app.db, day).await?;
    }
    let Some(first_kept) = today.checked_sub_days(Days::new(REQUEST_LOG_DAYS)) else { return Ok(Done::default()) };
    let mut conn = app.db.house().acquire().await?;
    let days = known(&mut conn).await?;
    drop(conn);
    let mut done = Done { seen: i64::try_from(days.len()).unwrap_or(i64::MAX), ..Done::default() };
    for day in days.into_iter().filter(|day| *day < first_kept) {
        done.deleted += i64::from(remove(&app.db, day, now).await?);
    }
    Ok(done)
}

/// Nothing where it is there already. Made beside the table and attached: inserts into other days go on meanwhile.
pub async fn make(db: &Db, day: NaiveDate) -> Result<(), sqlx::Error> {
    let Some(next) = day.succ_opt() else { return Ok(()) };
    let mut tx = db.begin_house().await?;
    if known(&mut tx).await?.contains(&day) {
        return tx.commit().await;
    }
    queries::lock_days(&mut tx).await?;
    // Another process may have been quicker.
    if !known(&mut tx).await?.contains(&day) {
        let name = name_of(day);
        let text = format!(
            "create table {name} (like request_log including all);
             alter table {name} enable row level security;
             alter table request_log attach partition {name} for values from ('{day} 00:00+00') to ('{next} 00:00+00')"
        );
        tx.execute(AssertSqlSafe(text)).await?;
    }
    tx.commit().await
}

/// False: another process was quicker. The whole table is locked for a moment: whoever reads it right now is waited for half a second, and writers wait with us.
async fn remove(db: &Db, day: NaiveDate, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let mut tx = db.begin_house().await?;
    queries::lock_days(&mut tx).await?;
    let days = known(&mut tx).await?;
    let is_there = days.contains(&day);
    if is_there {
        queries::leave_trace(&mut tx, &day.to_string(), i64::try_from(days.len()).unwrap_or(0), now).await?;
        let text = format!("set local lock_timeout = '500ms'; drop table {}", name_of(day));
        tx.execute(AssertSqlSafe(text)).await?;
        tracing::info!(%day, "a day of the request log is gone");
    }
    tx.commit().await?;
    Ok(is_there)
}

/// The days that are there.
pub async fn known(conn: &mut PgConnection) -> Result<Vec<NaiveDate>, sqlx::Error> {
    let names = queries::partitions(conn).await?;
    Ok(names.iter().filter_map(|name| NaiveDate::parse_from_str(name.strip_prefix(NAME)?, "%Y%m%d").ok()).collect())
}

fn name_of(day: NaiveDate) -> String {
    format!("{NAME}{}", day.format("%Y%m%d"))
}
