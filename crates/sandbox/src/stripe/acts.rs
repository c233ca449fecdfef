//! What cardholders, banks and the operator do, as one list: the pages, the JSON route and the handle all act through it.
use serde::Deserialize;
use serde_json::Value;

use super::book::Book;
use super::payment::{self, Payer};
use super::refunds::{self, Wish};
use super::refusal::Refusal;
use super::shapes::shown;
use super::{disputes, sessions};

/// `{"act": "pay", "id": "cs_test_…"}`. `id` names a session, a PaymentIntent, a refund or a dispute, as the act wants.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    Pay {
        id: String,
        #[serde(default)]
        email: Option<String>,
        /// What they saw and paid, when it was not our currency: code and amount.
        #[serde(default)]
        presentment: Option<(String, i64)>,
    },
    Decline {
        id: String,
        #[serde(default)]
        email: Option<String>,
    },
    PayLater {
        id: String,
        #[serde(default)]
        email: Option<String>,
    },
    LaterSucceeds {
        id: String,
    },
    LaterFails {
        id: String,
    },
    GiveAway {
        id: String,
    },
    Expire {
        id: String,
    },
    Refund {
        id: String,
        #[serde(default)]
        amount: Option<i64>,
        #[serde(default)]
        is_pending: bool,
    },
    RefundSucceeds {
        id: String,
    },
    RefundFails {
        id: String,
    },
    RefundCancelled {
        id: String,
    },
    Dispute {
        id: String,
        #[serde(default)]
        amount: Option<i64>,
    },
    Inquire {
        id: String,
        #[serde(default)]
        amount: Option<i64>,
    },
    Escalate {
        id: String,
    },
    DisputeWon {
        id: String,
    },
    DisputeLost {
        id: String,
    },
}

/// Does it, and answers what it was done to, as it is now.
pub fn perform(book: &mut Book, act: Act) -> Result<Value, Refusal> {
    let id = match act {
        Act::Pay { id, email, presentment } => {
            payment::pay(book, &id, &Payer { email, presentment })?;
            id
        }
        Act::Decline { id, email } => {
            payment::decline(book, &id, &Payer { email, presentment: None })?;
            id
        }
        Act::PayLater { id, email } => {
            payment::pay_later(book, &id, &Payer { email, presentment: None })?;
            id
        }
        Act::LaterSucceeds { id } => done(payment::settle_later(book, &id, true), id)?,
        Act::LaterFails { id } => done(payment::settle_later(book, &id, false), id)?,
        Act::GiveAway { id } => done(payment::give_away(book, &id), id)?,
        Act::Expire { id } => done(sessions::expire(book, &id).map(drop), id)?,
        Act::Refund { id, amount, is_pending } => {
            if amount.is_some_and(|amount| amount < 1) {
                return Err(Refusal::invalid("A refund is at least 1.").about("amount"));
            }
            let charge = refunds::charge_of(book, &id)?;
            refunds::refund(book, &charge, Wish { amount, is_pending, ..Wish::default() })?
        }
        Act::RefundSucceeds { id } => done(refunds::succeed(book, &id), id)?,
        Act::RefundFails { id } => done(refunds::fail(book, &id), id)?,
        Act::RefundCancelled { id } => done(refunds::cancel(book, &id), id)?,
        Act::Dispute { id, amount } => disputes::open(book, &id, amount)?,
        Act::Inquire { id, amount } => disputes::inquire(book, &id, amount)?,
        Act::Escalate { id } => done(disputes::escalate(book, &id), id)?,
        Act::DisputeWon { id } => done(disputes::win(book, &id), id)?,
        Act::DisputeLost { id } => done(disputes::lose(book, &id), id)?,
    };
    Ok(book.get(&id).map(shown).unwrap_or_default())
}

fn done(result: Result<(), Refusal>, id: String) -> Result<String, Refusal> {
    result.map(|()| id)
}
