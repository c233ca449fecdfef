//! What the vendor says of one purchase now: session, charge, refunds and disputes, brought down to what the rules need.
//! Asks the network and no database.
use chrono::{DateTime, Utc};
use lapidary_contract::domain::purchase::Money;

use super::stripe::{Charge, Dispute, Expandable, Refund, Session, Stripe, StripeError};

/// How far the payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The payment page waits.
    Open,
    /// The buyer is done, the money is on its way.
    Pending,
    Paid,
    /// The money will not come.
    Failed,
    Expired,
    /// Nothing was asked for: no payment, whatever it is called.
    NothingToPay,
}

#[derive(Clone, Debug)]
pub struct Reading {
    pub session: String,
    pub payment_intent: Option<String>,
    /// The payment page, while it is open.
    pub url: Option<String>,
    pub progress: Progress,
    /// Which purchase it says it is of.
    pub reference: Option<String>,
    pub currency: Option<String>,
    /// What the session asks for, in the currency's smallest unit.
    pub amount: Option<i64>,
    pub is_live: bool,
    /// In the smallest unit of what was charged, as the next two.
    pub charged: i64,
    pub refunded: i64,
    pub disputed: i64,
    pub lost_disputes: i32,
    pub billing_email: Option<String>,
    pub paid_at: Option<DateTime<Utc>>,
}

impl Reading {
    pub async fn take(stripe: &Stripe, session_id: &str) -> Result<Self, StripeError> {
        let session = stripe.session(session_id).await?;
        let intent = session.payment_intent.as_ref().map(Expandable::id);
        let (refunds, disputes) = match intent {
            Some(intent) => (stripe.refunds(intent).await?, stripe.disputes(intent).await?),
            None => (Vec::new(), Vec::new()),
        };
        Ok(Self::of(session, &refunds, &disputes))
    }

    pub fn of(session: Session, refunds: &[Refund], disputes: &[Dispute]) -> Self {
        let intent = session.payment_intent.as_ref();
        let intent_status = intent.and_then(Expandable::whole).map(|intent| intent.status.as_str());
        let charge = intent.and_then(Expandable::whole).and_then(|intent| intent.latest_charge.as_ref());
        let charge = charge.and_then(Expandable::<Charge>::whole);
        let lost = disputes.iter().filter(|dispute| dispute.status == "lost").count();
        Self {
            progress: progress(&session, intent_status),
            charged: charge.map(|charge| charge.amount).or(session.amount_total).unwrap_or(0),
            refunded: refunds.iter().filter(|refund| stands(refund)).map(|refund| refund.amount).sum(),
            disputed: disputes.iter().map(withdrawn).sum(),
            lost_disputes: i32::try_from(lost).unwrap_or(i32::MAX),
            paid_at: charge.and_then(|charge| DateTime::from_timestamp(charge.created, 0)),
            payment_intent: intent.map(|intent| intent.id().to_owned()),
            billing_email: session.customer_details.and_then(|details| details.email),
            session: session.id,
            url: session.url,
            reference: session.client_reference_id,
            currency: session.currency,
            amount: session.amount_total,
            is_live: session.livemode,
        }
    }

    pub fn money(&self, is_paid: bool) -> Money {
        Money { is_paid, charged: self.charged, refunded: self.refunded, disputed: self.disputed }
    }
}

fn progress(session: &Session, intent_status: Option<&str>) -> Progress {
    match (session.payment_status.as_str(), session.status.as_deref(), intent_status) {
        ("paid", ..) => Progress::Paid,
        (_, Some("expired"), _) => Progress::Expired,
        ("no_payment_required", Some("complete"), _) => Progress::NothingToPay,
        (_, Some("complete"), Some("requires_payment_method" | "canceled")) => Progress::Failed,
        (_, Some("complete"), _) => Progress::Pending,
        _ => Progress::Open,
    }
}

/// Until a refund fails or is cancelled its money is gone.
fn stands(refund: &Refund) -> bool {
    !matches!(refund.status.as_deref(), Some("failed" | "canceled"))
}

/// What a dispute has taken and not given back. The movements are in the currency of the operator's balance: where that is
/// another one they say the share, and a rate that changed meanwhile does not keep a part of what came back.
fn withdrawn(dispute: &Dispute) -> i64 {
    let Some(movements) = &dispute.balance_transactions else {
        let is_gone = matches!(dispute.status.as_str(), "needs_response" | "under_review" | "lost");
        return if is_gone { dispute.amount } else { 0 };
    };
    let taken: i64 = movements.iter().filter(|moved| moved.amount < 0).map(|moved| -moved.amount).sum();
    let given: i64 = movements.iter().filter(|moved| moved.amount > 0).map(|moved| moved.amount).sum();
    if movements.iter().all(|moved| moved.currency == dispute.currency) {
        return (taken - given).clamp(0, dispute.amount);
    }
    match (taken, given) {
        (0, _) => 0,
        (_, 0) => dispute.amount,
        _ if dispute.status == "won" => 0,
        _ => {
            let left = i128::from((taken - given).max(0)) * i128::from(dispute.amount) / i128::from(taken);
            i64::try_from(left).unwrap_or(dispute.amount)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(session: Value, refunds: Value, disputes: Value) -> Reading {
        let refunds: Vec<Refund> = serde_json::from_value(refunds).expect("refunds");
        let disputes: Vec<Dispute> = serde_json::from_value(disputes).expect("disputes");
        Reading::of(serde_json::from_value(session).expect("a session"), &refunds, &disputes)
    }

    fn session(status: &str, payment_status: &str, intent: Value) -> Value {
        json!({"id": "cs_1", "status": status, "payment_status": payment_status, "livemode": false, "amount_total": 499,
            "currency": "usd", "payment_intent": intent, "client_reference_id": "x", "a_new_member": {"of": "theirs"}})
    }

    #[test]
    fn only_a_paid_session_is_paid() {
        let intent = |status: &str| json!({"id": "pi_1", "status": status, "latest_charge": null, "metadata": null});
        for (status, payment_status, intent, expected) in [
            ("open", "unpaid", Value::Null, Progress::Open),
            ("open", "unpaid", intent("requires_payment_method"), Progress::Open),
            ("complete", "unpaid", intent("processing"), Progress::Pending),
            ("complete", "unpaid", intent("requires_payment_method"), Progress::Failed),
            ("complete", "unpaid", intent("canceled"), Progress::Failed),
            ("complete", "unpaid", json!("pi_1"), Progress::Pending),
            ("complete", "no_payment_required", Value::Null, Progress::NothingToPay),
            ("complete", "paid", intent("succeeded"), Progress::Paid),
            ("complete", "a_new_one", intent("succeeded"), Progress::Pending),
            ("expired", "unpaid", Value::Null, Progress::Expired),
        ] {
            let read = read(session(status, payment_status, intent), json!([]), json!([]));
            assert_eq!(read.progress, expected, "{status} {payment_status}");
        }
    }

    #[test]
    fn a_refund_that_failed_or_was_cancelled_is_none() {
        let refunds = json!([
            {"id": "re_1", "amount": 1, "status": "succeeded"}, {"id": "re_2", "amount": 2, "status": "pending"},
            {"id": "re_3", "amount": 4, "status": "requires_action"}, {"id": "re_4", "amount": 8, "status": "failed"},
            {"id": "re_5", "amount": 16, "status": "canceled"}, {"id": "re_6", "amount": 32, "status": null}]);
        assert_eq!(read(session("complete", "paid", json!("pi_1")), refunds, json!([])).refunded, 39);
    }

    #[test]
    fn a_dispute_takes_what_was_withdrawn_and_not_given_back() {
        let one = |status: &str, movements: Value| json!([{"id": "dp_1", "amount": 499, "currency": "usd", "status": status, "balance_transactions": movements}]);
        let usd = |amount: i64| json!({"amount": amount, "currency": "usd"});
        let eur = |amount: i64| json!({"amount": amount, "currency": "eur"});
        for (disputes, expected) in [
            (one("warning_needs_response", json!([])), 0),
            (one("needs_response", json!([usd(-499)])), 499),
            (one("needs_response", json!([usd(-100)])), 100),
            (one("lost", json!([usd(-499)])), 499),
            (one("won", json!([usd(-499), usd(499)])), 0),
            (one("won", json!([usd(-499), usd(200)])), 299),
            (one("under_review", json!([eur(-450)])), 499),
            (one("won", json!([eur(-450), eur(440)])), 0),
            (one("under_review", json!([eur(-450), eur(225)])), 249),
            (one("needs_response", Value::Null), 499),
            (one("won", Value::Null), 0),
            (one("warning_under_review", Value::Null), 0),
        ] {
            let read = read(session("complete", "paid", json!("pi_1")), json!([]), disputes.clone());
            assert_eq!(read.disputed, expected, "{disputes}");
        }
    }
}
