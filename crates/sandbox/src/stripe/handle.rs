//! What an in-process test does with the vendor: acts of people and banks, and a look at what was asked and sent.
//! Every method changes the book at once; deliveries follow by themselves.
use std::time::Duration;

use actix_web::HttpRequest;
use serde_json::Value;

use super::acts::{Act, perform};
use super::book::{Book, Parcel, text};
use super::deliveries::Delivered;
use super::refusal::Refusal;
use super::shapes::shown;
use super::{OWN_ENDPOINT, Stripe, endpoints, locked};

type Done = Result<Value, Refusal>;

/// A request of the API as it came, whether it was accepted or not.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    /// With the query.
    pub path: String,
    /// The body, decoded pair by pair.
    pub form: Vec<(String, String)>,
    pub idempotency_key: Option<String>,
    pub version: Option<String>,
    /// Key, version and encoding were right.
    pub is_well_formed: bool,
}

impl Received {
    pub(super) fn of(request: &HttpRequest, is_well_formed: bool, body: &[u8]) -> Self {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self {
            method: request.method().to_string(),
            path: request.uri().to_string(),
            form: url::form_urlencoded::parse(body).into_owned().collect(),
            idempotency_key: header("idempotency-key"),
            version: header("stripe-version"),
            is_well_formed,
        }
    }
}

impl Stripe {
    /// Does an act as somebody on the hosted page, at a bank or at the operator's would.
    pub fn act(&self, act: Act) -> Done {
        let done = perform(&mut self.vendor.book(), act);
        self.vendor.changed();
        done
    }

    /// Answers the session, complete and paid.
    pub fn pay(&self, session: &str) -> Done {
        self.act(Act::Pay { id: session.into(), email: None, presentment: None })
    }

    /// Pays with an address of the payer's own.
    pub fn pay_as(&self, session: &str, email: &str) -> Done {
        self.act(Act::Pay { id: session.into(), email: Some(email.into()), presentment: None })
    }

    pub fn decline(&self, session: &str) -> Done {
        self.act(Act::Decline { id: session.into(), email: None })
    }

    /// The session is complete and unpaid until [`Stripe::settle_later`].
    pub fn pay_later(&self, session: &str) -> Done {
        self.act(Act::PayLater { id: session.into(), email: None })
    }

    pub fn settle_later(&self, session: &str, comes: bool) -> Done {
        let id = session.into();
        self.act(if comes { Act::LaterSucceeds { id } } else { Act::LaterFails { id } })
    }

    /// Complete with `no_payment_required`.
    pub fn give_away(&self, session: &str) -> Done {
        self.act(Act::GiveAway { id: session.into() })
    }

    pub fn expire(&self, session: &str) -> Done {
        self.act(Act::Expire { id: session.into() })
    }

    /// Answers the refund. `amount` None: what is left.
    pub fn refund(&self, payment_intent: &str, amount: Option<i64>) -> Done {
        self.act(Act::Refund { id: payment_intent.into(), amount, is_pending: false })
    }

    pub fn refund_pending(&self, payment_intent: &str, amount: Option<i64>) -> Done {
        self.act(Act::Refund { id: payment_intent.into(), amount, is_pending: true })
    }

    /// A pending refund arrives; or a refund, even one that succeeded, comes back.
    pub fn settle_refund(&self, refund: &str, arrives: bool) -> Done {
        let id = refund.into();
        self.act(if arrives { Act::RefundSucceeds { id } } else { Act::RefundFails { id } })
    }

    pub fn cancel_refund(&self, refund: &str) -> Done {
        self.act(Act::RefundCancelled { id: refund.into() })
    }

    /// Answers the dispute; its funds are withdrawn. `amount` None: what is not refunded.
    pub fn dispute(&self, payment_intent: &str, amount: Option<i64>) -> Done {
        self.act(Act::Dispute { id: payment_intent.into(), amount })
    }

    /// Answers a dispute that moves no money, yet.
    pub fn inquire(&self, payment_intent: &str) -> Done {
        self.act(Act::Inquire { id: payment_intent.into(), amount: None })
    }

    /// An inquiry becomes a dispute with funds withdrawn.
    pub fn escalate(&self, dispute: &str) -> Done {
        self.act(Act::Escalate { id: dispute.into() })
    }

    /// Won: the funds are reinstated.
    pub fn close_dispute(&self, dispute: &str, is_won: bool) -> Done {
        let id = dispute.into();
        self.act(if is_won { Act::DisputeWon { id } } else { Act::DisputeLost { id } })
    }

    /// Any object by its id, as the API shows it.
    pub fn object(&self, id: &str) -> Option<Value> {
        self.vendor.book().get(id).map(shown)
    }

    /// Every object of a kind (`checkout.session`, `refund`, `event` …), oldest first.
    pub fn objects(&self, kind: &str) -> Vec<Value> {
        self.vendor.book().all(kind).iter().map(shown).collect()
    }

    /// Sets fields of an object against all rules and tells nobody: for what the vendor does once in a lifetime.
    pub fn alter(&self, id: &str, fields: Value) {
        self.vendor.book().change(id, fields);
        self.vendor.changed();
    }

    /// Delivers an event again to every endpoint that wants its kind, as the Dashboard's button does.
    pub fn resend(&self, event: &str) {
        resend(&mut self.vendor.book(), event);
        self.vendor.changed();
    }

    /// Where the endpoint that is there from the start points.
    pub fn set_webhook_url(&self, url: &str) {
        endpoints::configure(&mut self.vendor.book(), OWN_ENDPOINT, url, &self.webhook_secret);
        self.vendor.changed();
    }

    /// How long after a refused delivery the first retry comes; each later one takes twice as long.
    pub fn set_first_retry(&self, time: Duration) {
        *locked(&self.vendor.pace) = time;
    }

    /// Resolves once nothing waits to be delivered.
    pub async fn all_is_delivered(&self) {
        let mut changes = self.vendor.changes.subscribe();
        while !self.vendor.book().outbox.is_empty() {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Every attempt so far, oldest first.
    pub fn deliveries(&self) -> Vec<Delivered> {
        locked(&self.vendor.delivered).clone()
    }

    /// Every request of the API so far, oldest first.
    pub fn requests(&self) -> Vec<Received> {
        locked(&self.vendor.received).clone()
    }
}

pub(super) fn resend(book: &mut Book, event: &str) {
    let kind = book.get(event).map(|event| text(event, "type").to_owned()).unwrap_or_default();
    let parcels = book.endpoints_that_want(&kind).into_iter();
    let parcels: Vec<Parcel> =
        parcels.map(|endpoint| Parcel { event: event.to_owned(), endpoint, attempts: 0 }).collect();
    book.outbox.retain(|one| one.event != event);
    book.outbox.extend(parcels);
    book.version += 1;
}
