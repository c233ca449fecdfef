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
    /// Bought gems, paid for.
    Purchase,
    /// Taken back because money was refunded or disputed.
    ClawBack,
    /// Given again: a dispute was won, or a refund failed.
    Restore,
    /// Bought gems that settled debt as they came.
    DebtSettlement,
    /// Free gems for a code.
    Redemption,
    /// Given or taken by the operator.
    Adjustment,
}

impl TransferKind {
    pub const ALL: [Self; 10] = [
        Self::Grant,
        Self::Hold,
        Self::Capture,
        Self::Release,
        Self::Purchase,
        Self::ClawBack,
        Self::Restore,
        Self::DebtSettlement,
        Self::Redemption,
        Self::Adjustment,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Hold => "hold",
            Self::Capture => "capture",
            Self::Release => "release",
            Self::Purchase => "purchase",
            Self::ClawBack => "claw_back",
            Self::Restore => "restore",
            Self::DebtSettlement => "debt_settlement",
            Self::Redemption => "redemption",
            Self::Adjustment => "adjustment",
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
    /// The first words of the prompt when a generation caused it, those after `Refinement: ` when a refinement did, the
    /// pack when a purchase did.
    pub about: Option<String>,
    /// Gems that remained after it, in the order of this list.
    pub remaining_after: i64,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
}

/// What was used, and on what. Captured gems only: what is held or was given back is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GemStatistics {
    pub remaining: i64,
    pub used: i64,
    pub purchased: i64,
    /// In which the days below begin and end: an IANA name.
    pub time_zone: String,
    /// Every day of the time asked for, oldest first, those without anything too.
    pub days: Vec<DayOfGems>,
    /// By model over the same days, most gems first.
    pub models: Vec<ModelOfGems>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DayOfGems {
    #[serde(deserialize_with = "crate::moment::day_of")]
    pub day: chrono::NaiveDate,
    pub used: i64,
    pub purchased: i64,
    pub images: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelOfGems {
    /// Id from the catalogue, or `refinement`.
    pub model: String,
    pub used: i64,
    pub images: i64,
}

/// What a person lets themselves spend. Absent means no cap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GemCaps {
    /// Gems from midnight to midnight.
    pub daily_gems: Option<i64>,
    /// Gems from the first of a month to the next.
    pub monthly_gems: Option<i64>,
    /// In which days and months begin: an IANA name.
    pub time_zone: String,
    /// Held or captured since the day began.
    pub used_today: i64,
    /// Held or captured since the month began.
    pub used_this_month: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"daily_gems": 200, "monthly_gems": null, "time_zone": "Europe/Berlin"})))]
#[serde(deny_unknown_fields)]
pub struct SetGemCaps {
    /// 1 to 1,000,000; absent or null removes it.
    #[serde(default)]
    pub daily_gems: Option<i64>,
    /// 1 to 1,000,000; absent or null removes it.
    #[serde(default)]
    pub monthly_gems: Option<i64>,
    /// An IANA name: `Europe/Berlin`.
    pub time_zone: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"code": "7K2M9-QPTAB-C3DEF-GHJ45"})))]
#[serde(deny_unknown_fields)]
pub struct RedeemCode {
    /// Case, spaces and hyphens do not matter.
    pub code: String,
}

/// Free gems that came with a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Redemption {
    pub id: Uuid,
    pub gems: i64,
    /// The balance with them.
    pub balance: GemBalance,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
}
