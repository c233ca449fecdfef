//! The keys that sign access tokens: how old they are, whether they are published, and whether what is sealed can be opened.
//! What is opened is thrown away at once.
use chrono::{DateTime, TimeDelta, Utc};

use super::{Blind, Seen, queries};
use crate::app::App;
use crate::auth::SIGNS_FOR;

/// Every process tends them once a minute; a database that was away is made up for.
const LATE: TimeDelta = TimeDelta::hours(1);
const OF: &[&str] = &["P7"];

pub async fn look(app: &App, now: DateTime<Utc>) -> Result<Vec<Seen>, Blind> {
    let mut conn = app.db.house().acquire().await?;
    let keys = queries::signing_keys(&mut conn).await?;
    let seals = app.auth.judge_seals(&mut conn).await?;
    drop(conn);
    let age = match keys.oldest_at {
        None => Seen::kept(OF, "Age of the signing key", "There is none yet: nobody has signed in"),
        Some(at) => {
            let days = (now - at).num_days().max(0);
            let value = format!("{days} days; it changes every {}", SIGNS_FOR.num_days());
            Seen::judged(OF, "Age of the signing key", now - at <= SIGNS_FOR + LATE, value).at(Some(at))
        }
    };
    let published = app.auth.keys.published(&app.db, now).await.map_err(|error| error.to_string())?;
    let is_published = keys.all == 0 || !published.is_empty();
    let shown = format!("{} published for whoever checks a token", published.len());
    let sealed = match (seals.all, seals.lost) {
        (all, 0) => Seen::kept(OF, "Sealed keys", format!("{all}, and all of them open")),
        (all, lost) => Seen::broken(OF, "Sealed keys", format!("{lost} of {all} cannot be opened")),
    };
    Ok(vec![age, Seen::judged(OF, "Public keys", is_published, shown), sealed])
}
