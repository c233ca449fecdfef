//! Gems: the balance and what moved it. All numbers are whole gems.
use chrono::{DateTime, Utc};
use lapidary_domain::Balance;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GemBalance {
    /// Free and bought gems that are not held.
    pub remaining: i64,
    /// Reserved for unfinished work.
    pub held: i64,
    /// All captures so far.
    pub used: i64,
    /// Credited − clawed back + restored.
    pub purchased: i64,
    pub free: i64,
    pub bought: i64,
    /// Blocks all spending until a purchase settles it.
    pub debt: i64,
}

impl GemBalance {
    pub fn new(balance: Balance, used: i64, purchased: i64) -> Self {
        Self {
            remaining: balance.remaining(),
            held: balance.held(),
            used,
            purchased,
            free: balance.free,
            bought: balance.bought,
            debt: balance.debt,
        }
    }

    /// What can be spent now.
    pub fn available(&self) -> i64 {
        if self.debt > 0 { 0 } else { self.remaining }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TransferKind {
    /// Free gems given once.
    Grant,
    /// Reserved when work is queued.
    Hold,
    /// Taken for what was delivered.
    Capture,
    /// Given back for what was not delivered.
    Release,
}

impl TransferKind {
    pub const ALL: [Self; 4] = [Self::Grant, Self::Hold, Self::Capture, Self::Release];

    pub fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Hold => "hold",
            Self::Capture => "capture",
            Self::Release => "release",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One ledger row, as a person reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Transfer {
    pub id: Uuid,
    pub kind: TransferKind,
    /// Gems moved, always above zero.
    pub amount: i64,
    /// What it did to the remaining gems: below zero when they became fewer, zero for a capture of held gems.
    pub change: i64,
    /// Whether free or bought gems moved.
    pub is_free: bool,
    /// The generation, or whatever else caused it.
    pub reference: Uuid,
    /// The first words of the prompt when a generation caused it.
    pub about: Option<String>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
}
