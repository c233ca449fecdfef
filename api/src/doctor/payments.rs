//! The payment vendor: the key is taken, and its webhook endpoint is ours, wants our kinds of events and speaks our version.
use serde_json::Value;

use super::{Examination, Finding};
use crate::http::request_log::chain;
use crate::payments::stripe::{Stripe, StripeError};
use crate::payments::{EVENT_KINDS, Payments};

const CHECK: &str = "payments";

pub(super) async fn check(all: &Examination) -> Vec<Finding> {
    let payments = match Payments::new(&all.settings) {
        Ok(Some(payments)) => payments,
        Ok(None) if all.settings.stripe_secret_key.is_none() => {
            return vec![Finding::right(CHECK, "nothing is sold: STRIPE_SECRET_KEY is not set")];
        }
        Ok(None) => {
            let hint = "Set STRIPE_WEBHOOK_SECRET to the secret of your endpoint.";
            return vec![Finding::wrong(CHECK, "there is a key and no webhook secret", hint)];
        }
        Err(error) => return vec![Finding::wrong(CHECK, format!("no HTTP client can be made: {error}"), "")],
    };
    let stripe = &payments.stripe;
    let mode = if stripe.is_live() { "live" } else { "test" };
    match stripe.look("/balance").await {
        Ok(_) => {}
        Err(StripeError::Refused { status: 403, .. }) => {}
        Err(error) => return vec![refused(&error)],
    }
    vec![Finding::right(CHECK, format!("the payment vendor takes the {mode} key")), endpoint(all, stripe).await]
}

fn refused(error: &StripeError) -> Finding {
    let hint = match error {
        StripeError::Refused { status: 401, .. } => "Set STRIPE_SECRET_KEY to one that is not revoked.",
        _ => "Look at STRIPE_API_URL and at the way out of this machine.",
    };
    Finding::wrong(CHECK, format!("the payment vendor does not answer: {}", chain(error)), hint)
}

async fn endpoint(all: &Examination, stripe: &Stripe) -> Finding {
    let ours = format!("{}/v1/stripe/webhook", all.settings.origin());
    let endpoints = match stripe.look("/webhook_endpoints?limit=100").await {
        Ok(endpoints) => endpoints,
        Err(StripeError::Refused { status: 403, .. }) => {
            let hint = "A restricted key needs the right to read webhook endpoints; it is only for this look.";
            return Finding::odd(CHECK, "whether the webhook endpoint is right cannot be told", hint);
        }
        Err(error) => return refused(&error),
    };
    let known = endpoints.get("data").and_then(Value::as_array).into_iter().flatten();
    let Some(endpoint) = known.into_iter().find(|one| text(one, "url") == ours) else {
        let hint = "Make a webhook endpoint there; until then payments are found once an hour.";
        return Finding::wrong(CHECK, format!("no webhook endpoint is {ours}"), hint);
    };
    if text(endpoint, "status") != "enabled" {
        return Finding::wrong(CHECK, "the webhook endpoint is disabled", "Enable it in the vendor's dashboard.");
    }
    let wanted: Vec<&str> = endpoint
        .get("enabled_events")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let missing: Vec<&str> =
        EVENT_KINDS.into_iter().filter(|kind| !wanted.contains(kind) && !wanted.contains(&"*")).collect();
    if !missing.is_empty() {
        let says = format!("the webhook endpoint does not send {}", missing.join(", "));
        return Finding::wrong(CHECK, says, "Add them to the endpoint's events.");
    }
    let (version, needed) = (text(endpoint, "api_version"), Stripe::version());
    if version.rsplit('.').next() != needed.rsplit('.').next() {
        let says = format!(
            "the webhook endpoint speaks {} instead of {needed}",
            if version.is_empty() { "the account's version" } else { version }
        );
        return Finding::odd(
            CHECK,
            says,
            "Make the endpoint again with this API version: what is read may change with another.",
        );
    }
    Finding::right(CHECK, format!("its webhook endpoint is {ours}"))
}

fn text<'a>(object: &'a Value, member: &str) -> &'a str {
    object.get(member).and_then(Value::as_str).unwrap_or_default()
}
