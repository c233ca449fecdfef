//! The one door to spending: gems are held within what there is, what the person lets themselves and the key it came with
//! spend, and how often. Gems and caps are told before it was too often.
use chrono::{DateTime, Utc};
use lapidary_domain::Gems;
use sqlx::PgConnection;
use uuid::Uuid;

use super::caps;
use super::ledger::{self, Caps, Held, Reserved, Wanted};
use super::time_zone::UTC;
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::{ApiError, ApiResult};

/// Holds the gems of one piece of work, in the caller's transaction. A refusal is inside: whoever asked may have been let in
/// before with the same key, and the caller gives up what was begun in either case.
pub async fn reserve(
    conn: &mut PgConnection,
    app: &App,
    user: &CurrentUser,
    price: Gems,
    reference: Uuid,
    now: DateTime<Utc>,
) -> ApiResult<Result<Held, ApiError>> {
    let is_free_only = user.key.is_some_and(|key| key.free_gems_only);
    let (account_id, rate) = (user.account_id, app.limits.spends);
    let wanted = Wanted { account_id, price, reference, is_free_only, rate, now };
    let (reserved, limits) = ledger::hold(&mut *conn, &wanted).await?;
    let held = match reserved {
        Reserved::TooFew(gems) => {
            let available = wanted.available(&gems);
            return Ok(Err(ApiError::InsufficientGems { required: price, available, debt: gems.debt }));
        }
        Reserved::Held(held) => Ok(held),
        Reserved::TooOften(standing) => Err(ApiError::SpendsLimited { standing }),
    };
    Ok(match reached(conn, user, &limits, price, now).await? {
        Some(reached) => Err(reached.refusal(price)),
        None => held,
    })
}

/// Whether it would pass a cap, the person's or the key's. Asks nothing where none is set.
async fn reached(
    conn: &mut PgConnection,
    user: &CurrentUser,
    set: &Caps,
    price: Gems,
    now: DateTime<Utc>,
) -> Result<Option<caps::Reached>, sqlx::Error> {
    let time_zone = set.time_zone.as_deref().unwrap_or(UTC);
    let key_cap = user.key.and_then(|key| Some((key.id, key.daily_gems?)));
    let own = match (set.daily, set.monthly) {
        (None, None) => None,
        _ => caps::reached(&mut *conn, user.actor(), set, time_zone, price, now).await?,
    };
    let of_key = match key_cap {
        None => None,
        Some(cap) => caps::reached_by_key(conn, user.actor(), cap, time_zone, price, now).await?,
    };
    Ok(caps::Reached::both(own, of_key))
}
