//! Erasure: what would go, what goes when, and the receipt of what went. The receipt leads to nobody.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErasureKind {
    /// Everything, and the account with it.
    Account,
    /// Every image, also those in the trash, and every upload; the account stays.
    Images,
}

impl ErasureKind {
    pub const ALL: [Self; 2] = [Self::Account, Self::Images];

    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Images => "images",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErasureStatus {
    /// It may still be undone.
    Waiting,
    Running,
    Finished,
}

impl ErasureStatus {
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Running, Self::Finished];

    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Finished => "finished",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// Where a running erasure is, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErasureStep {
    /// Ending what is under way, its gems given back.
    Work,
    /// Deleting files, in every version.
    Objects,
    /// Deleting rows, a piece at a time.
    Rows,
    /// Forfeiting gems, taking names out of the books, and deleting the person.
    Person,
    /// Looking once more for what came late.
    Remains,
    /// Having the payment provider delete its customer.
    Vendor,
    Done,
}

impl ErasureStep {
    pub const ALL: [Self; 7] =
        [Self::Work, Self::Objects, Self::Rows, Self::Person, Self::Remains, Self::Vendor, Self::Done];

    pub fn name(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Objects => "objects",
            Self::Rows => "rows",
            Self::Person => "person",
            Self::Remains => "remains",
            Self::Vendor => "vendor",
            Self::Done => "done",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }
}

/// An erasure that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Erasure {
    pub id: Uuid,
    pub kind: ErasureKind,
    pub status: ErasureStatus,
    /// When it begins; until then one of an account may be undone.
    #[serde(deserialize_with = "crate::moment::at")]
    pub at: DateTime<Utc>,
    /// Gems that are lost with it, by the balance of now.
    pub gems_forfeited: i64,
    /// Where anyone who has it reads how far it is, and then what went and what stays. Told once, in the answer to what
    /// asked for the erasure: keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_url: Option<String>,
}

/// What is there now, and would go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WouldGo {
    /// Also those in the trash.
    pub images: i64,
    /// Pictures that were uploaded to make others from.
    pub references: i64,
    /// Generations that wait or run: they are cancelled.
    pub unfinished: i64,
    pub share_links: i64,
    pub api_keys: i64,
    /// Free and bought gems, what is held for unfinished work included: forfeited, and not paid out.
    pub gems: i64,
    /// How many of these were bought.
    pub bought_gems: i64,
    /// Gems that are owed: nobody asks for them any more.
    pub debt: i64,
    /// Purchases that are begun and not paid: what is still paid for them is sent back.
    pub open_purchases: i64,
}

/// Something that stays when everything else is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stays {
    pub what: String,
    pub why: String,
}

/// Before an erasure, and while one waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErasureOutlook {
    /// The erasure of the account that waits.
    pub pending: Option<Erasure>,
    /// The erasure of all images that is under way.
    pub images_pending: Option<Erasure>,
    /// Days in which an erasure of the account can be undone, unless it is asked for at once; 0: it is always at once.
    pub undo_days: u32,
    /// Whether the sign-in of this session is young enough to ask for one: five minutes at most.
    pub may_begin: bool,
    pub would_go: WouldGo,
    /// With the account gone.
    pub account_keeps: Vec<Stays>,
    /// With the images gone.
    pub images_keep: Vec<Stays>,
}

/// How many of one kind went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErasedCount {
    /// A table, or a kind of file.
    pub name: String,
    pub count: i64,
}

/// How far an erasure is, and when it is finished its receipt. It is readable for 30 days after that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErasureReceipt {
    pub kind: ErasureKind,
    pub status: ErasureStatus,
    pub step: ErasureStep,
    #[serde(deserialize_with = "crate::moment::at")]
    pub asked_at: DateTime<Utc>,
    /// When it begins, or began.
    #[serde(deserialize_with = "crate::moment::at")]
    pub at: DateTime<Utc>,
    #[serde(default, deserialize_with = "crate::moment::at_or_none")]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "crate::moment::at_or_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// Tries that failed, because a service did not answer for example; each is followed by another one.
    pub tries: i32,
    pub gems_forfeited: i64,
    /// Rows of the database that went, by table.
    pub rows: Vec<ErasedCount>,
    /// Files that went, every version counted, by kind.
    pub objects: Vec<ErasedCount>,
    /// What stays, and why.
    pub keeps: Vec<Stays>,
    /// Where to ask; the operator's address.
    pub support_contact: Option<String>,
}
