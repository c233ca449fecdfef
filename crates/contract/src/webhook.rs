//! Outgoing webhooks: endpoints, the log of what was sent to them, and what is sent. Names in `data` are those of the
//! API's resources; it holds ids and facts, and neither a prompt nor a link.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{FailureCode, PurchaseStatus, Scope};
use lapidary_domain::GenerationStatus;

/// What can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum WebhookEventType {
    /// A generation ended and delivered at least one image; `status` says whether all came.
    #[serde(rename = "generation.succeeded")]
    GenerationSucceeded,
    /// A generation ended without an image: it failed or was cancelled. Its gems are back.
    #[serde(rename = "generation.failed")]
    GenerationFailed,
    /// One image of a generation that ended is stored.
    #[serde(rename = "image.created")]
    ImageCreated,
    /// Fewer than 20 gems are left.
    #[serde(rename = "gems.low")]
    GemsLow,
    /// The gems of a purchase were credited.
    #[serde(rename = "purchase.paid")]
    PurchasePaid,
    /// Money of a paid purchase was refunded, each time that more of it was. Its share of gems went with it.
    #[serde(rename = "purchase.refunded")]
    PurchaseRefunded,
    /// You asked for it, to try your receiver.
    #[serde(rename = "webhook.test")]
    Test,
}

impl WebhookEventType {
    pub const ALL: [Self; 7] = [
        Self::GenerationSucceeded,
        Self::GenerationFailed,
        Self::ImageCreated,
        Self::GemsLow,
        Self::PurchasePaid,
        Self::PurchaseRefunded,
        Self::Test,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::GenerationSucceeded => "generation.succeeded",
            Self::GenerationFailed => "generation.failed",
            Self::ImageCreated => "image.created",
            Self::GemsLow => "gems.low",
            Self::PurchasePaid => "purchase.paid",
            Self::PurchaseRefunded => "purchase.refunded",
            Self::Test => "webhook.test",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The scope that reads the same: what an API key needs to have it sent.
    pub fn scope(self) -> Option<Scope> {
        match self {
            Self::GenerationSucceeded | Self::GenerationFailed => Some(Scope::GenerationsRead),
            Self::ImageCreated => Some(Scope::ImagesRead),
            Self::GemsLow | Self::PurchasePaid | Self::PurchaseRefunded => Some(Scope::GemsRead),
            Self::Test => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WebhookStatus {
    Enabled,
    Disabled,
}

impl WebhookStatus {
    pub fn name(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WebhookDisabledReason {
    /// You switched it off.
    ByPerson,
    /// It answered 410: it wants nothing more.
    Gone,
    /// Nothing has arrived for more than three days, and a delivery had its last attempt.
    Failing,
}

impl WebhookDisabledReason {
    pub const ALL: [Self; 3] = [Self::ByPerson, Self::Gone, Self::Failing];

    pub fn name(self) -> &'static str {
        match self {
            Self::ByPerson => "by_person",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// Where events are sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookEndpoint {
    pub id: Uuid,
    pub url: String,
    pub description: String,
    /// Empty: all of them, also those that come later.
    pub event_types: Vec<WebhookEventType>,
    pub status: WebhookStatus,
    /// Why it is disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<WebhookDisabledReason>,
    /// Nothing has arrived since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::moment::at_or_none")]
    pub failing_since: Option<DateTime<Utc>>,
    /// Until then the secret before this one signs too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::moment::at_or_none")]
    pub previous_secret_expires_at: Option<DateTime<Utc>>,
    /// `whsec_` and 32 random bytes in base64. Shown when it is made and when it is replaced, and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "url": "https://example.com/lapidary", "description": "Our gallery wall", "event_types": ["image.created"]
})))]
#[serde(deny_unknown_fields)]
pub struct CreateWebhookEndpoint {
    /// `https`, port 443 or one from 1024, a public address, up to 2,000 bytes.
    #[cfg_attr(feature = "openapi", schema(max_length = 2000))]
    pub url: String,
    /// For yourself, up to 200 characters.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub description: String,
    /// Empty or absent: all of them. An API key also needs the scope that reads what it wants to have sent.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 7))]
    pub event_types: Vec<WebhookEventType>,
}

/// What is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"status": "enabled"})))]
#[serde(deny_unknown_fields)]
pub struct UpdateWebhookEndpoint {
    /// As when it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Up to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Empty: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_types: Option<Vec<WebhookEventType>>,
    /// `disabled`: nothing is told, and what waited counts as failed. `enabled`: from now on everything is told again; what
    /// failed is sent again where you ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<WebhookStatus>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WebhookDeliveryStatus {
    /// It waits for its first or next attempt.
    Pending,
    /// The receiver answered with 2xx.
    Delivered,
    /// Every attempt failed, or the endpoint was disabled.
    Failed,
}

impl WebhookDeliveryStatus {
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Failed];

    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// One event on its way to one endpoint. Kept for 30 days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookDelivery {
    /// The `webhook-id` of every attempt.
    pub id: Uuid,
    pub event_type: WebhookEventType,
    /// What it tells about: the generation, image, purchase or test; with `gems.low` an id of its own, which is the notice's
    /// where there is one.
    pub subject: Uuid,
    pub status: WebhookDeliveryStatus,
    /// The latest 20, oldest first.
    pub attempts: Vec<WebhookAttempt>,
    /// Of what is pending; a little later when there is much to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::moment::at_or_none")]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it happened, which is the `timestamp` in the body.
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::moment::at_or_none")]
    pub finished_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookAttempt {
    #[serde(deserialize_with = "crate::moment::at")]
    pub at: DateTime<Utc>,
    /// Of the receiver's answer, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_status: Option<u16>,
    /// Milliseconds until the answer, or until there was none.
    pub took_ms: u32,
    /// Why it does not count as delivered, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// `data` of `generation.succeeded` and `generation.failed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GenerationEnded {
    pub id: Uuid,
    /// `succeeded`, `partly_succeeded`, `failed` or `cancelled`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::GenerationStatus))]
    pub status: GenerationStatus,
    pub model: String,
    pub quality: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Images that were asked for.
    pub count: u32,
    /// What all of them would have cost.
    pub price_gems: i64,
    /// What was taken, for the images that were delivered.
    pub captured_gems: i64,
    pub failure_code: Option<FailureCode>,
    /// Those that were delivered.
    pub image_ids: Vec<Uuid>,
    pub request_id: String,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub finished_at: DateTime<Utc>,
}

/// `data` of `image.created`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImageCreated {
    pub id: Uuid,
    pub generation_id: Uuid,
    pub model: String,
    pub quality: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    pub bytes: i64,
    pub content_type: String,
    pub price_gems: i64,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
}

/// `data` of `gems.low`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GemsAreLow {
    /// Gems that were left then, held ones counted.
    pub remaining: i64,
}

/// `data` of `purchase.paid` and `purchase.refunded`. Amounts are in the currency's smallest unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PurchaseChanged {
    pub id: Uuid,
    pub status: PurchaseStatus,
    pub pack: String,
    pub gems: i64,
    pub amount: i64,
    /// ISO 4217, lower case.
    pub currency: String,
    pub credited_gems: i64,
    pub clawed_back_gems: i64,
    pub refunded_amount: i64,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
    #[serde(default, deserialize_with = "crate::moment::at_or_none")]
    pub paid_at: Option<DateTime<Utc>>,
}

/// `data` of `webhook.test`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookTested {
    /// Of this test alone.
    pub id: Uuid,
}
