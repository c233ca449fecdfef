//! Notices: what a person should know although they did not ask. One room for all of them.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Fewer gems than a handful of pictures needs.
    GemsLow,
    /// A payment that took its time has arrived.
    PurchasePaid,
    /// A payment that took its time has failed.
    PurchaseFailed,
    /// Money was given back, and its gems went with it.
    Refunded,
    /// A refund did not reach the bank; its gems are back.
    RefundFailed,
    /// The bank withdrew a payment.
    DisputeOpened,
    /// A dispute ended well; its gems are back.
    DisputeWon,
    /// A dispute ended, and the money is gone.
    DisputeLost,
    /// Gems that were taken back had been spent.
    Debt,
    /// The privacy policy or the terms have changed.
    Policy,
    /// A webhook was switched off because it failed for too long.
    WebhookDisabled,
    /// An export can be downloaded.
    ExportReady,
    /// A zip of images can be downloaded.
    ArchiveReady,
}

impl NoticeKind {
    pub const ALL: [Self; 13] = [
        Self::GemsLow,
        Self::PurchasePaid,
        Self::PurchaseFailed,
        Self::Refunded,
        Self::RefundFailed,
        Self::DisputeOpened,
        Self::DisputeWon,
        Self::DisputeLost,
        Self::Debt,
        Self::Policy,
        Self::WebhookDisabled,
        Self::ExportReady,
        Self::ArchiveReady,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::GemsLow => "gems_low",
            Self::PurchasePaid => "purchase_paid",
            Self::PurchaseFailed => "purchase_failed",
            Self::Refunded => "refunded",
            Self::RefundFailed => "refund_failed",
            Self::DisputeOpened => "dispute_opened",
            Self::DisputeWon => "dispute_won",
            Self::DisputeLost => "dispute_lost",
            Self::Debt => "debt",
            Self::Policy => "policy",
            Self::WebhookDisabled => "webhook_disabled",
            Self::ExportReady => "export_ready",
            Self::ArchiveReady => "archive_ready",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Notice {
    pub id: Uuid,
    pub kind: NoticeKind,
    /// A sentence for people, with the numbers in it.
    pub message: String,
    /// Gems that moved or are owed, where the kind has some.
    pub gems: Option<i64>,
    /// What it is about: a purchase, a webhook, an export, an archive of images.
    pub subject: Option<Uuid>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
    #[serde(default, deserialize_with = "crate::moment::at_or_none")]
    pub read_at: Option<DateTime<Utc>>,
}
