//! Packs, checkouts and purchases. Money is whole numbers of the currency's smallest unit.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What is sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GemPack {
    /// Id from the catalogue.
    pub id: String,
    pub gems: i64,
    /// Price in the currency's smallest unit: 499 is 4.99 USD.
    pub amount: i64,
    /// ISO 4217, lower case.
    pub currency: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GemPacks {
    /// False where the operator sells nothing.
    pub is_open: bool,
    pub data: Vec<GemPack>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"pack": "pouch"})))]
#[serde(deny_unknown_fields)]
pub struct CreateCheckout {
    /// Id of a pack.
    pub pack: String,
}

/// Where a purchase is. Gems come with `paid` and at no other time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PurchaseStatus {
    /// The payment page waits for its buyer.
    Open,
    /// The buyer is done, the money is on its way: a bank transfer takes days.
    Pending,
    Paid,
    /// The money did not come.
    Failed,
    /// Nobody paid within a day.
    Expired,
}

impl PurchaseStatus {
    pub const ALL: [Self; 5] = [Self::Open, Self::Pending, Self::Paid, Self::Failed, Self::Expired];

    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// One purchase on its way: what `POST /v1/checkouts` answers and the return page watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Checkout {
    /// Also the id of the purchase.
    pub id: Uuid,
    pub status: PurchaseStatus,
    /// The payment page; only while it is open.
    pub url: Option<String>,
    pub pack: String,
    pub gems: i64,
    pub amount: i64,
    pub currency: String,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
}

/// One purchase, with everything that became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Purchase {
    pub id: Uuid,
    pub status: PurchaseStatus,
    pub pack: String,
    pub gems: i64,
    pub amount: i64,
    pub currency: String,
    /// Gems credited so far: all of them or none.
    pub credited_gems: i64,
    /// Gems taken back for refunds and disputes, as they stand now.
    pub clawed_back_gems: i64,
    /// Money refunded so far.
    pub refunded_amount: i64,
    /// Money that a dispute has withdrawn and not given back.
    pub disputed_amount: i64,
    /// Where the receipt was sent, as the buyer wrote it at the payment page.
    pub billing_email: Option<String>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
    #[serde(default, deserialize_with = "crate::moment::at_or_none")]
    pub paid_at: Option<DateTime<Utc>>,
}

/// Fresh links; they live for a while only, so ask again instead of keeping them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Receipt {
    pub receipt_url: Option<String>,
    pub invoice_url: Option<String>,
    pub invoice_pdf_url: Option<String>,
}

/// The vendor's own page for invoices and the billing address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PortalLink {
    pub url: String,
}
