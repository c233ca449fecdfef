//! What the processes that serve have seen of the promises: each that was not kept when it was last looked at.
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Connection, PgConnection, Row};

use super::{Examination, Finding};

const CHECK: &str = "promises";
/// Every process looks every few minutes.
const LATELY: TimeDelta = TimeDelta::hours(1);

pub(super) async fn check(all: &Examination) -> Vec<Finding> {
    match troubles(&all.settings.database_url).await {
        Ok(looks) => judge(&looks, all.clock.real()),
        Err(_) => vec![Finding::odd(CHECK, "whether they are kept cannot be told", "")],
    }
}

struct Look {
    id: String,
    state: String,
    trouble: String,
    looked_at: DateTime<Utc>,
}

async fn troubles(database_url: &str) -> Result<Vec<Look>, sqlx::Error> {
    let mut conn = PgConnection::connect(database_url).await?;
    let text =
        "select id, state, coalesce(trouble, '') as trouble, looked_at from promise_looks order by length(id), id";
    let rows = sqlx::query(text).fetch_all(&mut conn).await;
    conn.close().await?;
    let look = |row: sqlx::postgres::PgRow| {
        Ok(Look {
            id: row.try_get("id")?,
            state: row.try_get("state")?,
            trouble: row.try_get("trouble")?,
            looked_at: row.try_get("looked_at")?,
        })
    };
    rows?.into_iter().map(look).collect()
}

fn judge(looks: &[Look], now: DateTime<Utc>) -> Vec<Finding> {
    let hint = "`GET /v1/promises`, or the page of promises, says all that was seen.";
    if looks.iter().all(|look| now - look.looked_at > LATELY) {
        return vec![Finding::right(CHECK, "no process has looked at them lately")];
    }
    let troubled: Vec<Finding> = looks
        .iter()
        .filter_map(|Look { id, state, trouble, .. }| match state.as_str() {
            "broken" => Some(Finding::wrong(CHECK, format!("{id} is broken: {trouble}"), hint)),
            "stale" => Some(Finding::odd(CHECK, format!("{id} was not seen kept lately: {trouble}"), hint)),
            _ => None,
        })
        .collect();
    if troubled.is_empty() { vec![Finding::right(CHECK, format!("all {} are kept", looks.len()))] } else { troubled }
}
