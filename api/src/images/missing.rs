//! Objects that rows know and a page of the bucket lacks: told, never mended. Rows younger than the margin are left out.
use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use lapidary_contract::domain::limits::TRASH_DAYS;
use sqlx::PgPool;

use super::objects::Listed;
use super::queries::Objects;
use super::sweep_queries::{self as queries, Between};

/// Rows looked at with one query.
const ROWS: i64 = 2_000;

/// Keys behind `from` and up to `to`, of rows made before `made_before`.
pub(super) async fn count(
    house: &PgPool,
    page: &[Listed],
    (from, to): (&str, &str),
    made_before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<i64, sqlx::Error> {
    let present: HashSet<&str> =
        page.iter().filter(|listed| listed.is_current).map(|listed| listed.object.key.as_str()).collect();
    // The keys of one image may lie on two pages.
    let first = from.rsplit_once('/').map_or("", |(folder, _)| folder).trim_end_matches(|c| c != '/').to_owned();
    let keys: Vec<String> = present.iter().map(|key| (*key).to_owned()).collect();
    let between = Between { after: &first, from, to };
    let mut missing = queries::missing_of_others(house, between, &keys, made_before).await?;
    let (mut after, erased_before) = (first, now - TimeDelta::days(TRASH_DAYS));
    loop {
        let rows = queries::images_from(house, &after, made_before, erased_before, ROWS).await?;
        let is_last = i64::try_from(rows.len()).is_ok_and(|rows| rows < ROWS);
        for (prefix, extension) in rows {
            if prefix.as_str() > to {
                return Ok(missing);
            }
            let keys = Objects::at(prefix.clone(), extension).keys();
            let absent = keys.iter().filter(|key| {
                let key = key.as_str();
                key > from && key <= to && !present.contains(key)
            });
            missing += i64::try_from(absent.count()).unwrap_or(0);
            after = prefix;
        }
        if is_last {
            return Ok(missing);
        }
    }
}
