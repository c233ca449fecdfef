//! Begins a purchase: the row first, then the vendor's customer and payment page, each keyed by it, so that whatever is cut
//! off and tried again leads to the same page. No transaction is open while the vendor is asked.
use chrono::TimeDelta;
use lapidary_contract::domain::catalogue::Pack;
use lapidary_contract::domain::{Violation, ViolationCode};
use lapidary_contract::{Checkout, CreateCheckout};
use uuid::Uuid;

use super::fulfil::fulfil;
use super::queries::{self, Begun, NewPurchase};
use super::stripe::{NewSession, Stripe};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::fingerprint;

/// Purchases of one person a day that nobody has paid: beyond that somebody plays.
const OPEN_MAX: i64 = 20;

/// A retry with the same key answers with the purchase as it is now, with its page while that is open.
pub async fn begin(
    app: &App,
    stripe: &Stripe,
    user: &CurrentUser,
    key: &str,
    request_id: &str,
    request: &CreateCheckout,
) -> ApiResult<Checkout> {
    let fingerprint = fingerprint(request)?;
    let mut tx = app.db.begin_as(user.actor()).await?;
    let begun = match app.catalogue.packs.iter().find(|pack| pack.id == request.pack) {
        Some(pack) => {
            let new = new_purchase(app, user, key, request_id, &fingerprint, pack);
            if queries::add(&mut tx, &new).await?
                && queries::open_since(&mut tx, user.account_id, new.now - TimeDelta::days(1)).await? > OPEN_MAX
            {
                return Err(ApiError::RateLimited { retry_after_seconds: 3600 });
            }
            queries::by_key(&mut tx, user.account_id, key).await?.ok_or(ApiError::NotFound)?
        }
        // What was sold yesterday may not be sold today: a retry still finds it.
        None => queries::by_key(&mut tx, user.account_id, key)
            .await?
            .ok_or_else(|| vec![Violation::new("/pack", ViolationCode::Unknown)])?,
    };
    let customer = queries::customer(&mut tx, user.account_id).await?;
    let email = queries::email(&mut tx, user.person_id).await?;
    tx.commit().await?;
    if begun.fingerprint != fingerprint {
        return Err(ApiError::IdempotencyKeyReused);
    }
    if !begun.is_open() {
        return begun.checkout(None);
    }
    let url = match &begun.checkout_session {
        Some(session) => stripe.session(session).await?.url,
        None => page(app, stripe, user, &begun, customer, &email).await?,
    };
    begun.checkout(url)
}

fn new_purchase<'a>(
    app: &'a App,
    user: &CurrentUser,
    key: &'a str,
    request_id: &'a str,
    fingerprint: &'a [u8],
    pack: &'a Pack,
) -> NewPurchase<'a> {
    NewPurchase {
        id: Uuid::now_v7(),
        account_id: user.account_id,
        key,
        fingerprint,
        request_id,
        pack: &pack.id,
        gems: pack.gems,
        amount: pack.amount,
        currency: &pack.currency,
        catalogue_version: &app.catalogue.version,
        now: app.clock.now(),
    }
}

/// Opens the payment page, or finds the one that was opened for this purchase before.
async fn page(
    app: &App,
    stripe: &Stripe,
    user: &CurrentUser,
    begun: &Begun,
    known: Option<String>,
    email: &str,
) -> ApiResult<Option<String>> {
    let customer = match known {
        Some(customer) => customer,
        None => customer(app, stripe, user, email, &format!("customer-{}", user.account_id)).await?,
    };
    let back = format!("{}/gems/checkouts/{}", app.settings.origin(), begun.id);
    let mut new = NewSession {
        purchase_id: begun.id,
        customer: &customer,
        product: format!("{} gems", grouped(begun.gems)),
        amount: begun.amount,
        currency: &begun.currency,
        cancel_url: format!("{back}?cancelled"),
        success_url: back,
    };
    let session = match stripe.create_session(&new, &begun.id.to_string()).await {
        // Somebody deleted it in the dashboard.
        Err(error) if error.is_customer_missing() => {
            let key = format!("customer-{}", begun.id);
            let another = self::customer(app, stripe, user, email, &key).await?;
            new.customer = &another;
            stripe.create_session(&new, &format!("{}-again", begun.id)).await?
        }
        session => session?,
    };
    let mut tx = app.db.begin_as(user.actor()).await?;
    queries::name_session(&mut tx, user.account_id, begun.id, &session.id).await?;
    tx.commit().await?;
    Ok(session.url)
}

async fn customer(app: &App, stripe: &Stripe, user: &CurrentUser, email: &str, key: &str) -> ApiResult<String> {
    let customer = stripe.create_customer(email, key).await?;
    let mut tx = app.db.begin_as(user.actor()).await?;
    queries::name_customer(&mut tx, user.account_id, &customer, app.clock.now()).await?;
    tx.commit().await?;
    Ok(customer)
}

/// The purchase as it is after a look at the vendor, with its page while that is open.
pub async fn sync(app: &App, stripe: &Stripe, user: &CurrentUser, id: Uuid) -> ApiResult<Checkout> {
    read(app, user, id).await?;
    let done = fulfil(app, stripe, id, None, None).await?;
    read(app, user, id).await?.checkout(done.url)
}

pub async fn read(app: &App, user: &CurrentUser, id: Uuid) -> ApiResult<Begun> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let begun = queries::begun(&mut tx, user.account_id, id).await?;
    tx.commit().await?;
    begun.ok_or(ApiError::NotFound)
}

/// 4000 as 4,000: what the payment page and the invoice say.
fn grouped(gems: i64) -> String {
    let digits = gems.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gems_are_written_in_groups_of_three() {
        for (gems, text) in [(1, "1"), (400, "400"), (1_800, "1,800"), (40_000, "40,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(gems), text);
        }
    }
}
