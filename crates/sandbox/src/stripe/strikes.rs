//! Faults of this vendor. Those of requests strike calls of the API, those of deliveries strike webhooks.
//! `value` is a number (seconds, copies) or `{"path"|"event", "method", "seconds", "copies"}` to choose what is struck.
use std::time::Duration;

use serde_json::Value;

use super::gate::Checked;
use super::refusal::Refusal;
use crate::faults::{Fault, Faults};

const VENDOR: &str = "stripe";

pub const KINDS: &[&str] = &[
    "slow",
    "hang",
    "rate_limited",
    "server_error",
    "server_error_kept",
    "lock_conflict",
    "answer_lost",
    "refund_pending",
    "webhook_dropped",
    "webhook_duplicated",
    "webhook_reordered",
    "webhook_delayed",
    "webhook_bad_signature",
    "webhook_old_timestamp",
];

/// What a request meets.
pub enum Strike {
    None,
    /// Before anything began.
    Refuse(Refusal),
    /// After it began: the same answer comes again under the same key.
    Keep(Refusal),
    Slow(Duration),
    Hang,
    /// It is done, and nobody is told.
    LoseAnswer,
    PendingRefund,
}

pub fn of_request(faults: &Faults, asked: &Checked) -> Strike {
    let path = format!("/v1/{}", asked.path);
    let concerns = |fault: &Fault| {
        let makes_refund = asked.method == "POST" && asked.path == "refunds";
        !fault.kind.starts_with("webhook_")
            && KINDS.contains(&fault.kind.as_str())
            && (fault.kind != "refund_pending" || makes_refund)
            && fault.value["path"].as_str().is_none_or(|wanted| path.starts_with(wanted))
            && fault.value["method"].as_str().is_none_or(|wanted| asked.method == wanted)
    };
    let Some(fault) = faults.take_matching(VENDOR, concerns) else { return Strike::None };
    match fault.kind.as_str() {
        "slow" => Strike::Slow(seconds(&fault.value, 5.0)),
        "hang" => Strike::Hang,
        "answer_lost" => Strike::LoseAnswer,
        "refund_pending" => Strike::PendingRefund,
        "rate_limited" => {
            let text =
                "Request rate limit exceeded. Learn more about rate limits here https://docs.stripe.com/rate-limits.";
            Strike::Refuse(Refusal::new(429, "invalid_request_error", text).code("rate_limit"))
        }
        "lock_conflict" => {
            let text = "This object cannot be accessed right now because another API request or Stripe process is currently \
                        accessing it. If you see this error intermittently, retry the request.";
            Strike::Refuse(Refusal::new(409, "invalid_request_error", text).code("lock_timeout"))
        }
        kind => {
            let text = "An unknown error occurred. The sandbox was asked to fail here.";
            let refusal = Refusal::new(500, "api_error", text);
            if kind == "server_error_kept" { Strike::Keep(refusal) } else { Strike::Refuse(refusal) }
        }
    }
}

/// What a delivery meets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mishap {
    None,
    /// Never sent, not even later.
    Dropped,
    Duplicated(u32),
    /// Waits until the next one was sent, or this long.
    Reordered(Duration),
    Delayed(Duration),
    BadSignature,
    /// Signed rightly, this long ago.
    OldTimestamp(Duration),
}

pub fn of_delivery(faults: &Faults, event: &str) -> Mishap {
    let concerns = |fault: &Fault| {
        fault.kind.starts_with("webhook_")
            && KINDS.contains(&fault.kind.as_str())
            && fault.value["event"].as_str().is_none_or(|wanted| event == wanted)
    };
    let Some(fault) = faults.take_matching(VENDOR, concerns) else { return Mishap::None };
    match fault.kind.as_str() {
        "webhook_dropped" => Mishap::Dropped,
        "webhook_duplicated" => {
            let copies = fault.value["copies"].as_u64().or(fault.value.as_u64()).unwrap_or(2);
            Mishap::Duplicated(u32::try_from(copies).unwrap_or(2).clamp(1, 100))
        }
        "webhook_reordered" => Mishap::Reordered(seconds(&fault.value, 2.0)),
        "webhook_delayed" => Mishap::Delayed(seconds(&fault.value, 3.0)),
        "webhook_bad_signature" => Mishap::BadSignature,
        _ => Mishap::OldTimestamp(seconds(&fault.value, 600.0)),
    }
}

fn seconds(value: &Value, default: f64) -> Duration {
    let given = value["seconds"].as_f64().or(value.as_f64()).unwrap_or(default);
    Duration::from_secs_f64(given.clamp(0.0, 3600.0))
}
