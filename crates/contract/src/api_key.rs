//! API keys: what a program signs in with instead of a person, and what each may do.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What every key begins with: people and scanners of leaked secrets know it by that.
pub const API_KEY_PREFIX: &str = "lap_";

/// What a key may do. A scope to write does not hold the one to read, and each answer is whole: what `generations:read` reads
/// and `generations:write` asks for comes with links to the pictures that it made, though only `images:read` opens the
/// gallery; and `me:read` tells of each request what it cost, though only `gems:read` tells what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Scope {
    #[serde(rename = "me:read")]
    MeRead,
    #[serde(rename = "images:read")]
    ImagesRead,
    #[serde(rename = "images:write")]
    ImagesWrite,
    #[serde(rename = "generations:read")]
    GenerationsRead,
    #[serde(rename = "generations:write")]
    GenerationsWrite,
    #[serde(rename = "gems:read")]
    GemsRead,
    #[serde(rename = "gems:write")]
    GemsWrite,
    #[serde(rename = "webhooks:read")]
    WebhooksRead,
    #[serde(rename = "webhooks:write")]
    WebhooksWrite,
}

impl Scope {
    pub const ALL: [Self; 9] = [
        Self::MeRead,
        Self::ImagesRead,
        Self::ImagesWrite,
        Self::GenerationsRead,
        Self::GenerationsWrite,
        Self::GemsRead,
        Self::GemsWrite,
        Self::WebhooksRead,
        Self::WebhooksWrite,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::MeRead => "me:read",
            Self::ImagesRead => "images:read",
            Self::ImagesWrite => "images:write",
            Self::GenerationsRead => "generations:read",
            Self::GenerationsWrite => "generations:write",
            Self::GemsRead => "gems:read",
            Self::GemsWrite => "gems:write",
            Self::WebhooksRead => "webhooks:read",
            Self::WebhooksWrite => "webhooks:write",
        }
    }

    /// What it opens, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::MeRead => "who you are, your notices, and your requests with what each cost",
            Self::ImagesRead => "all your images, collections and references",
            Self::ImagesWrite => "change, share and delete images, and upload references",
            Self::GenerationsRead => "what you asked for, with links to the pictures it made, and presets",
            Self::GenerationsWrite => "make pictures and get them, cancel, refine prompts, and change presets",
            Self::GemsRead => "your gems, caps and purchases",
            Self::GemsWrite => "redeem codes and begin purchases",
            Self::WebhooksRead => "webhook endpoints and what was sent to them",
            Self::WebhooksWrite => "make and change webhook endpoints, for events that it may also read",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// One key, as its person sees it in a list.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKey {
    pub id: Uuid,
    pub name: String,
    /// Its first ten characters, to recognise it by.
    #[cfg_attr(feature = "openapi", schema(example = "lap_3kTq0Z"))]
    pub start: String,
    /// All of it, in the answer that made it and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    pub scopes: Vec<Scope>,
    /// Gems it may hold or take from midnight to midnight, in the time zone of your caps, which is UTC until you set one;
    /// `null`: as many as you have.
    pub daily_gems: Option<i64>,
    /// It spends free gems only, never bought ones.
    pub free_gems_only: bool,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
    /// From then on it is refused; `null`: never.
    #[serde(default, deserialize_with = "crate::moment::at_or_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// To the minute; `null`: never yet.
    #[serde(default, deserialize_with = "crate::moment::at_or_none")]
    pub last_used_at: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKey").field("id", &self.id).field("start", &self.start).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "name": "Nightly wallpapers", "scopes": ["generations:read", "generations:write", "images:read"], "daily_gems": 100
})))]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// 1 to 80 characters, for you.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 80))]
    pub name: String,
    /// At least one.
    #[cfg_attr(feature = "openapi", schema(min_items = 1))]
    pub scopes: Vec<Scope>,
    /// Within ten years from now; absent or null: it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::moment::at_or_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// 1 to 1,000,000 gems a day, from midnight to midnight in the time zone of your caps, which is UTC until you set one;
    /// absent or null: no cap of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1000000))]
    pub daily_gems: Option<i64>,
    /// Never spend bought gems.
    #[serde(default)]
    pub free_gems_only: bool,
}
