//! The catalogue: models as data with a life, prices, packs and built-in attributes.
use std::collections::HashSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::gems::Gems;
use crate::limits::{SECTION_MAX, VALUE_MAX};
use crate::looks::fault_of_looks;
use crate::price::{Price, price_per_image};
use crate::size::Size;

/// What the wire allows.
const PARTIAL_IMAGES_MAX: u32 = 3;

/// Gems one image may cost at most, so that no sum of prices overflows.
pub(crate) const PRICE_MAX: Gems = 1_000_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Stored with every generation, so that an old price can be explained.
    pub version: String,
    pub default_model: String,
    /// Gems a new person gets once.
    pub welcome_gems: Gems,
    /// Gems for one refinement.
    #[serde(default = "refinement_gems")]
    pub refinement_gems: Gems,
    #[serde(default)]
    pub packs: Vec<Pack>,
    pub models: Vec<Model>,
    pub sections: Vec<Section>,
}

fn refinement_gems() -> Gems {
    3
}

/// What is sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    pub id: String,
    pub gems: Gems,
    /// Price in the currency's smallest unit.
    pub amount: i64,
    /// ISO 4217, lower case.
    pub currency: String,
}

/// The wire dialect a model speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// Always answers `b64_json`; sizes and qualities of the GPT image models.
    GptImage,
    /// DALL·E 3 and the servers that speak like it: `url` or `b64_json`, `style`, one image a call.
    DallE,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    pub id: String,
    pub name: String,
    pub description: String,
    /// What the provider calls it.
    pub wire_model: String,
    pub dialect: Dialect,
    /// Base URL of another OpenAI-compatible server; absent means the configured one.
    #[serde(default)]
    pub base_url: Option<String>,
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Characters of the composed prompt.
    pub prompt_max: usize,
    /// Images per generation.
    pub count_max: u32,
    pub sizes: Vec<Size>,
    #[serde(default)]
    pub free_size: Option<FreeSize>,
    pub default_size: Size,
    pub qualities: Vec<String>,
    pub default_quality: String,
    pub prices: Vec<Price>,
    /// Gems for reading a long prompt, for each image; absent means that reading is free.
    #[serde(default)]
    pub prompt_surcharge: Option<PromptSurcharge>,
    /// Rough looks at the picture under way, by quality; absent means none. Its provider bills each of them.
    #[serde(default)]
    pub partial_images: Vec<PartialImages>,
    /// What one of them costs, in millionths of a US dollar.
    #[serde(default)]
    pub partial_cost_microusd: i64,
    /// Backgrounds it can be asked for, `opaque` or `transparent`; empty: it is not asked.
    #[serde(default)]
    pub backgrounds: Vec<String>,
    /// Formats it can be asked for, `png`, `webp` or `jpeg`, the first by default; empty: it is not asked.
    #[serde(default)]
    pub output_formats: Vec<String>,
    /// Whether it makes images from other images; absent means that it does not.
    #[serde(default)]
    pub edits: Option<Edits>,
    /// What the provider asks for tokens, to tell the cost of an image from its reported usage.
    #[serde(default)]
    pub token_prices: Option<TokenPrices>,
    /// First day on which it can be used.
    #[serde(default)]
    pub available: Option<NaiveDate>,
    /// First day on which it cannot be used any more.
    #[serde(default)]
    pub retires: Option<NaiveDate>,
    #[serde(default)]
    pub replacement: Option<String>,
}

/// The rule for sizes beside the listed ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreeSize {
    /// Both edges are divisible by this.
    pub multiple: u32,
    pub pixels_min: u64,
    pub pixels_max: u64,
    pub edge_max: u32,
    /// Longer edge ÷ shorter edge at most.
    pub ratio_max: u32,
}

/// What a long composed prompt costs beside the image. Bytes, because providers bill by tokens and no script needs more
/// tokens than two for three bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptSurcharge {
    /// Bytes of UTF-8 that cost nothing.
    pub included_bytes: usize,
    /// Each further beginning piece of so many bytes costs one gem.
    pub bytes_per_gem: usize,
}

/// What a model makes of other images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edits {
    /// Images it takes at most.
    pub references_max: usize,
    /// Whether a mask says which part may change.
    pub takes_mask: bool,
    /// Gems for reading one reference, for each image made.
    pub reference_gems: Gems,
    /// What the provider asks for that at most, in millionths of a US dollar.
    pub reference_cost_microusd: i64,
}

/// Millionths of a US dollar for a million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenPrices {
    pub text_in: i64,
    pub image_in: i64,
    pub image_out: i64,
}

/// How often a picture of this quality is shown while it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartialImages {
    pub quality: String,
    pub count: u32,
}

/// A section of built-in attributes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    pub name: String,
    /// One line: what choosing here does to a picture.
    pub hint: String,
    pub values: Vec<String>,
}

impl FreeSize {
    pub fn allows(&self, size: Size) -> bool {
        let (short, long) = (size.width.min(size.height), size.width.max(size.height));
        size.width.is_multiple_of(self.multiple)
            && size.height.is_multiple_of(self.multiple)
            && (self.pixels_min..=self.pixels_max).contains(&size.pixels())
            && long <= self.edge_max
            && u64::from(long) <= u64::from(short) * u64::from(self.ratio_max)
    }
}

impl Model {
    pub fn is_retired(&self, today: NaiveDate) -> bool {
        self.retires.is_some_and(|day| day <= today)
    }

    pub fn is_available(&self, today: NaiveDate) -> bool {
        !self.is_retired(today) && self.available.is_none_or(|day| day <= today)
    }

    pub fn allows_size(&self, size: Size) -> bool {
        self.sizes.contains(&size) || self.free_size.as_ref().is_some_and(|rule| rule.allows(size))
    }
}

impl Catalogue {
    pub fn model(&self, id: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.id == id || model.aliases.iter().any(|alias| alias == id))
    }

    /// The model that answers for `id` today: itself, or the end of its line of replacements.
    pub fn resolve(&self, id: &str, today: NaiveDate) -> Option<&Model> {
        let mut model = self.model(id)?;
        for _ in 0..self.models.len() {
            if model.is_available(today) {
                return Some(model);
            }
            model = self.model(model.replacement.as_deref()?)?;
        }
        None
    }

    /// All that is wrong with it, each in a sentence; empty when it can be used on `today`.
    pub fn faults(&self, today: NaiveDate) -> Vec<String> {
        let mut faults = Vec::new();
        if self.version.trim().is_empty() {
            faults.push("version is empty".to_owned());
        }
        if self.welcome_gems < 0 {
            faults.push("welcome_gems is below zero".to_owned());
        }
        if !(1..=PRICE_MAX).contains(&self.refinement_gems) {
            faults.push(format!("refinement_gems is not 1 to {PRICE_MAX}"));
        }
        if self.resolve(&self.default_model, today).is_none() {
            faults.push(format!("default_model {:?} leads to no model that can be used today", self.default_model));
        }
        let mut names = HashSet::new();
        for model in &self.models {
            for name in std::iter::once(&model.id).chain(&model.aliases) {
                if !names.insert(name) {
                    faults.push(format!("{name:?} names two models"));
                }
            }
            self.faults_of_model(model, &mut faults);
            if model.is_retired(today) && self.resolve(&model.id, today).is_none() {
                faults.push(format!("model {:?}: its replacements lead to no model that can be used today", model.id));
            }
        }
        self.faults_of_sections(&mut faults);
        for pack in &self.packs {
            if pack.gems <= 0 || pack.amount <= 0 {
                faults.push(format!("pack {:?} needs gems and an amount above zero", pack.id));
            }
        }
        faults
    }

    fn faults_of_model(&self, model: &Model, faults: &mut Vec<String>) {
        let mut fault = |what: &str| faults.push(format!("model {:?}: {what}", model.id));
        if !model.qualities.contains(&model.default_quality) {
            fault("default_quality is not one of its qualities");
        }
        if !model.allows_size(model.default_size) {
            fault("default_size is not one of its sizes");
        }
        if model.count_max == 0 || model.prompt_max == 0 {
            fault("count_max and prompt_max must be above zero");
        }
        for row in &model.partial_images {
            let quality = &row.quality;
            let rows = model.partial_images.iter().filter(|other| other.quality == *quality).count();
            if !model.qualities.contains(quality) || row.count > PARTIAL_IMAGES_MAX || rows > 1 {
                fault(&format!("partial_images of {quality:?} is above 3, there twice, or of no quality it has"));
            }
        }
        if !model.partial_images.is_empty() && model.partial_cost_microusd <= 0 {
            fault("partial_images needs partial_cost_microusd above zero");
        }
        if let Some(what) = fault_of_looks(model) {
            fault(what);
        }
        if model.free_size.as_ref().is_some_and(|rule| rule.multiple == 0 || rule.ratio_max == 0) {
            fault("free_size needs multiple and ratio_max above zero");
        }
        if model.prices.iter().any(|price| !(1..=PRICE_MAX).contains(&price.gems) || price.cost_microusd < 0) {
            fault("a price is not between 1 and 1,000,000 gems, or its cost is below zero");
        }
        let bands: HashSet<_> = model.prices.iter().map(|price| (&price.quality, price.up_to_pixels)).collect();
        if bands.len() != model.prices.len() {
            fault("two prices stand for the same quality and up_to_pixels");
        }
        if let Some(price) = model.prices.iter().find(|price| !model.qualities.contains(&price.quality)) {
            fault(&format!("a price stands for {:?}, which is not one of its qualities", price.quality));
        }
        for quality in &model.qualities {
            for size in &model.sizes {
                if price_per_image(model, quality, *size).is_none() {
                    fault(&format!("no price for quality {quality:?} at {size}"));
                }
            }
        }
        if model.retires.is_some() && model.replacement.is_none() {
            fault("retires needs a replacement");
        }
        if model.replacement.as_deref().is_some_and(|id| self.model(id).is_none()) {
            fault("replacement is not in the catalogue");
        }
    }

    fn faults_of_sections(&self, faults: &mut Vec<String>) {
        let mut names = HashSet::new();
        for section in &self.sections {
            if !names.insert(&section.name) {
                faults.push(format!("section {:?} is there twice", section.name));
            }
            let too_long = section.values.iter().any(|value| value.is_empty() || value.chars().count() > VALUE_MAX);
            if section.name.is_empty() || section.name.chars().count() > SECTION_MAX || too_long {
                faults.push(format!("section {:?} has an empty or too long name or value", section.name));
            }
            let distinct: HashSet<_> = section.values.iter().collect();
            if distinct.len() != section.values.len() {
                faults.push(format!("section {:?} has a value twice", section.name));
            }
        }
    }
}
