//! The members of the vendor's objects that we read, and no others: what is new or missing elsewhere in them stops nothing.
use std::collections::HashMap;

use serde::{Deserialize, Deserializer};

/// Named by its id, or whole where it was asked to be expanded.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Expandable<T> {
    Id(String),
    Whole(Box<T>),
}

#[derive(Clone, Debug, Deserialize)]
pub struct Session {
    pub id: String,
    /// Null once it is over.
    pub url: Option<String>,
    /// `open`, `complete`, `expired`
    pub status: Option<String>,
    /// `paid`, `unpaid`, `no_payment_required`
    pub payment_status: String,
    pub client_reference_id: Option<String>,
    pub amount_total: Option<i64>,
    pub currency: Option<String>,
    pub livemode: bool,
    pub customer_details: Option<CustomerDetails>,
    pub payment_intent: Option<Expandable<Intent>>,
    pub invoice: Option<Expandable<Invoice>>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct CustomerDetails {
    pub email: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Intent {
    pub id: String,
    pub status: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub metadata: HashMap<String, String>,
    pub latest_charge: Option<Expandable<Charge>>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Charge {
    pub amount: i64,
    /// Seconds since 1970.
    pub created: i64,
    pub receipt_url: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Invoice {
    pub hosted_invoice_url: Option<String>,
    pub invoice_pdf: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Refund {
    pub id: String,
    pub amount: i64,
    /// `pending`, `requires_action`, `succeeded`, `failed`, `canceled`
    pub status: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Dispute {
    pub id: String,
    /// In the currency of the charge.
    pub amount: i64,
    pub currency: String,
    pub status: String,
    /// Funds withdrawn (below zero) and given back (above), in the currency of the operator's balance.
    pub balance_transactions: Option<Vec<Movement>>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Movement {
    /// Without the fee.
    pub amount: i64,
    pub currency: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// Seconds since 1970.
    pub created: i64,
    pub livemode: bool,
    pub data: EventData,
}

#[derive(Clone, Debug, Deserialize)]
pub struct EventData {
    pub object: Subject,
}

/// Whatever an event is about, as far as it leads to a purchase. What it says beside that is not believed: it is read again.
#[derive(Clone, Debug, Deserialize)]
pub struct Subject {
    pub id: Option<String>,
    pub client_reference_id: Option<String>,
    #[serde(default, deserialize_with = "or_empty")]
    pub metadata: HashMap<String, String>,
    pub payment_intent: Option<Expandable<Intent>>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Listed<T> {
    pub data: Vec<T>,
    pub has_more: bool,
}

#[derive(Debug, Deserialize)]
pub struct Customer {
    pub id: String,
}

#[derive(Debug, Deserialize)]
pub struct Portal {
    pub url: String,
}

#[derive(Debug, Default, Deserialize)]
pub struct Refusal {
    pub error: RefusalBody,
}

#[derive(Debug, Default, Deserialize)]
pub struct RefusalBody {
    #[serde(rename = "type", default)]
    pub kind: String,
    pub code: Option<String>,
    pub param: Option<String>,
}

/// Null is written where there is none.
fn or_empty<'de, D: Deserializer<'de>>(from: D) -> Result<HashMap<String, String>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl Expandable<Intent> {
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Whole(whole) => &whole.id,
        }
    }
}

impl<T> Expandable<T> {
    pub fn whole(&self) -> Option<&T> {
        match self {
            Self::Id(_) => None,
            Self::Whole(whole) => Some(whole),
        }
    }
}
