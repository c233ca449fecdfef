//! A generation: what is asked, what it costs, how it goes.
use chrono::{DateTime, Utc};
use lapidary_domain::{Attribute, GenerationInput, GenerationStatus};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::image::Image;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "prompt": "A fox crossing a frozen river",
    "attributes": [{"section": "Light", "value": "golden hour"}],
    "quality": "medium"
})))]
#[serde(deny_unknown_fields)]
pub struct CreateGeneration {
    /// 1 to 4,000 characters in any language.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4000))]
    pub prompt: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schema::Attribute>, max_items = 40))]
    pub attributes: Vec<Attribute>,
    /// Sent verbatim instead of what Lapidary composes; the attributes stay as data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub composed_prompt: Option<String>,
    /// Id or alias from the catalogue; a retired one is answered by its replacement. `auto` or absent: the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// `WIDTHxHEIGHT` in pixels; `auto` or absent: the model's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// `auto` or absent: the model's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<String>,
    /// Images to make.
    #[serde(default = "one")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 10, default = 1))]
    pub count: u32,
    /// `opaque` or `transparent`, where the model can be asked; `auto` or absent: as the model likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<String>,
    /// `png`, `webp` or `jpeg`, where the model can be asked; `auto` or absent: the model's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_format: Option<String>,
    /// What to make it from, in order; each costs what the catalogue says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 16))]
    pub references: Vec<MadeFrom>,
    /// An uploaded PNG of the size of the first reference: what is transparent in it may change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask_id: Option<Uuid>,
}

/// What a generation is made from: exactly one of the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MadeFrom {
    /// An uploaded reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<Uuid>,
    /// An image of the gallery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<Uuid>,
}

fn one() -> u32 {
    1
}

impl CreateGeneration {
    pub fn input(&self) -> GenerationInput<'_> {
        GenerationInput {
            prompt: &self.prompt,
            attributes: &self.attributes,
            composed_prompt: self.composed_prompt.as_deref(),
            model: self.model.as_deref(),
            size: self.size.as_deref(),
            quality: self.quality.as_deref(),
            count: self.count,
            background: self.background.as_deref(),
            output_format: self.output_format.as_deref(),
            references: self.references.len(),
            has_mask: self.mask_id.is_some(),
        }
    }
}

/// The price of a generation before it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Quote {
    /// Gems for all images together.
    pub price_gems: i64,
    /// Exactly what the model would read.
    pub composed_prompt: String,
    /// The model that would answer.
    pub model: String,
    /// `WIDTHxHEIGHT` in pixels.
    pub size: String,
    pub quality: String,
    pub count: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Generation {
    pub id: Uuid,
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::GenerationStatus))]
    pub status: GenerationStatus,
    pub prompt: String,
    pub composed_prompt: String,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schema::Attribute>))]
    pub attributes: Vec<Attribute>,
    pub model: String,
    /// `WIDTHxHEIGHT` in pixels.
    pub size: String,
    pub quality: String,
    pub count: u32,
    /// Absent where the model was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<String>,
    /// Absent where the model was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_format: Option<String>,
    /// What it is made from, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<MadeFrom>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask_id: Option<Uuid>,
    /// Gems held for all images together.
    pub price_gems: i64,
    /// Gems taken so far.
    pub captured_gems: i64,
    /// Of the request that asked for it; the logs know it by this.
    pub request_id: String,
    /// Generations of everyone that are before this one; only while it is queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_position: Option<u32>,
    /// Seconds until it is probably finished, from recent generations of this model and quality; only while it is
    /// queued or running, and only where there are such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_seconds: Option<u32>,
    /// A first, rough look at what is being made, where the model shows one; gone when it is finished. Presigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What is stored of it; without those in the trash.
    pub images: Vec<Image>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::moment::at_or_none")]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::moment::at_or_none")]
    pub finished_at: Option<DateTime<Utc>>,
}

/// Why a generation did not deliver everything. Its gems are already back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Failure {
    pub code: FailureCode,
    /// A sentence for people.
    pub message: String,
    /// With `refused`: what the safety system said, as far as it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

/// What a safety system said. Nothing was charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Refusal {
    pub stage: RefusalStage,
    /// In the provider's words, for example `violence`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// The provider's id of the request that was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_request_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefusalStage {
    /// Looked at before anything was held or made.
    BeforeMaking,
    /// The model did not take what it was given.
    Input,
    /// The model made something and did not give it out.
    Output,
    /// The model did not say.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The model's safety system said no. Not retried.
    Refused,
    /// The model was too busy, again and again.
    ModelBusy,
    /// The operator's account at the provider is used up.
    OperatorQuota,
    /// The operator's settings for the model do not work.
    OperatorConfiguration,
    /// The model took too long.
    Timeout,
    /// The model answered with something that is no image.
    BadAnswer,
    /// The model does not exist any more.
    ModelGone,
    /// The provider refused the request as wrong.
    RequestRefused,
    /// The image could not be stored.
    Storage,
    /// What it should be made from is not there any more.
    ReferenceGone,
    /// Something broke on our side, again and again.
    Internal,
}

impl FailureCode {
    pub const ALL: [Self; 11] = [
        Self::Refused,
        Self::ModelBusy,
        Self::OperatorQuota,
        Self::OperatorConfiguration,
        Self::Timeout,
        Self::BadAnswer,
        Self::ModelGone,
        Self::RequestRefused,
        Self::Storage,
        Self::ReferenceGone,
        Self::Internal,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::ModelBusy => "model_busy",
            Self::OperatorQuota => "operator_quota",
            Self::OperatorConfiguration => "operator_configuration",
            Self::Timeout => "timeout",
            Self::BadAnswer => "bad_answer",
            Self::ModelGone => "model_gone",
            Self::RequestRefused => "request_refused",
            Self::Storage => "storage",
            Self::ReferenceGone => "reference_gone",
            Self::Internal => "internal",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }

    /// Whether it may be gone in a moment: worth asking for anew, without anybody doing anything.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::ModelBusy | Self::Storage)
    }

    /// What happened, in plain words.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Refused => "The model's safety system refused this prompt. Change the wording and try again.",
            Self::ModelBusy => "The model is very busy right now. Try again in a few minutes.",
            Self::OperatorQuota => "This service has used up its quota at the model's provider. Its operator was told.",
            Self::OperatorConfiguration => {
                "The model's provider does not accept this service's settings. Its operator was told."
            }
            Self::Timeout => "The model took too long to answer. Try again, or choose a lower quality.",
            Self::BadAnswer => "The model answered with something that is not an image. Try again.",
            Self::ModelGone => "The model's provider does not offer this model any more. Choose another one.",
            Self::RequestRefused => "The model's provider refused this request. Change the prompt or the settings.",
            Self::Storage => "The image was made but could not be stored. Try again.",
            Self::ReferenceGone => "A picture it should be made from is not there any more. Choose another one.",
            Self::Internal => "Something went wrong on our side. Try again; if it stays, tell us the request id.",
        }
    }
}
