//! The right to ask a paused provider once, for everybody: one holds it in the whole cluster. Decides nothing about pauses.
use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use crate::app::App;

/// How long a probe holds without a word of its process; renewed while the call runs.
const PROBE_SECONDS: i64 = 45;
const PROBE_BEAT: Duration = Duration::from_secs(15);

/// Keeps the right to ask while the call takes its time; whoever drops this loses it by itself.
pub async fn keep<T>(
    app: &App,
    origin: &str,
    mut until: DateTime<Utc>,
    call: impl Future<Output = T>,
) -> (T, Option<DateTime<Utc>>) {
    tokio::pin!(call);
    let mut beat = tokio::time::interval(PROBE_BEAT);
    beat.tick().await;
    loop {
        tokio::select! {
            result = &mut call => return (result, Some(until)),
            _ = beat.tick() => {
                let next = app.clock.now() + TimeDelta::seconds(PROBE_SECONDS);
                // A renewal whose answer was lost is in the table and not in `until`: it is ours all the same.
                let renewed = sqlx::query!(
                    "update providers set probing_until = $3 where origin = $1 and probing_until >= $2",
                    origin, until, next
                )
                .execute(app.db.house())
                .await;
                if renewed.is_ok_and(|done| done.rows_affected() == 1) {
                    until = next;
                }
            }
        }
    }
}

/// The right to ask once, given to one in the whole cluster; until when it holds.
pub async fn win(
    conn: &mut PgConnection,
    origin: &str,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    let until = now + TimeDelta::seconds(PROBE_SECONDS);
    let won = sqlx::query!(
        "update providers set probing_until = $3, updated_at = $2
         where origin = $1 and paused_until <= $2 and (probing_until is null or probing_until <= $2)",
        origin,
        now,
        until
    )
    .execute(conn)
    .await?;
    Ok((won.rows_affected() == 1).then_some(until))
}
