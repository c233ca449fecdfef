//! Payments: packs, checkouts, purchases, and how the ledger follows the vendor's money.
pub mod checkout;
pub mod fulfil;
pub mod post;
pub mod post_queries;
pub mod queries;
pub mod reading;
pub mod reconcile;
pub mod reconcile_queries;
pub mod routes;
pub mod signature;
pub mod stripe;
pub mod webhook;

use self::signature::Secrets;
use self::stripe::Stripe;
use crate::config::Settings;

/// What the vendor's webhook endpoint must send; each of them is a reason to read a purchase again.
pub const EVENT_KINDS: [&str; 14] = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refunded",
    "charge.refund.updated",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
];

/// Present where gems are sold.
pub struct Payments {
    pub stripe: Stripe,
    pub secrets: Secrets,
}

impl Payments {
    pub fn new(settings: &Settings) -> Result<Option<Self>, reqwest::Error> {
        let key = settings.stripe_secret_key.as_deref().map(str::trim).filter(|key| !key.is_empty());
        let secrets = settings.stripe_webhook_secret.as_deref().and_then(Secrets::parse);
        let (Some(key), Some(secrets)) = (key, secrets) else { return Ok(None) };
        Ok(Some(Self { stripe: Stripe::new(&settings.stripe_api_url, key)?, secrets }))
    }
}

pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config
        .service(routes::list_gem_packs)
        .service(routes::create_checkout)
        .service(routes::get_checkout)
        .service(routes::sync_checkout)
        .service(routes::list_purchases)
        .service(routes::get_receipt)
        .service(routes::create_portal_link)
        .service(webhook::receive_stripe_event);
}
