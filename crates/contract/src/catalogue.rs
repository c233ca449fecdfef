//! The catalogue as people see it: without the provider's costs and addresses.
use chrono::NaiveDate;
use lapidary_domain::catalogue::{Edits, FreeSize, PromptSurcharge, Section};
use lapidary_domain::{Catalogue, Dialect, Model, Price, Size};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CatalogueBody {
    pub version: String,
    pub default_model: String,
    pub welcome_gems: i64,
    /// Gems for one refinement.
    pub refinement_gems: i64,
    pub models: Vec<ModelBody>,
    /// Built-in attributes.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schema::Section>))]
    pub sections: Vec<Section>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelBody {
    pub id: String,
    pub name: String,
    pub description: String,
    pub aliases: Vec<String>,
    /// Characters of the composed prompt.
    pub prompt_max: usize,
    pub count_max: u32,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub sizes: Vec<Size>,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schema::FreeSize>))]
    pub free_size: Option<FreeSize>,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub default_size: Size,
    pub qualities: Vec<String>,
    pub default_quality: String,
    pub prices: Vec<PriceBody>,
    /// Gems per image for reading a long composed prompt; absent means that reading is free.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schema::PromptSurcharge>))]
    pub prompt_surcharge: Option<PromptSurcharge>,
    /// Backgrounds it can be asked for; empty: it is not asked.
    pub backgrounds: Vec<String>,
    /// Formats it can be asked for, the first by default; empty: it is not asked.
    pub output_formats: Vec<String>,
    /// What it makes of other images; absent: nothing.
    pub edits: Option<EditsBody>,
    #[serde(default, deserialize_with = "crate::moment::day_or_none")]
    pub available: Option<NaiveDate>,
    #[serde(default, deserialize_with = "crate::moment::day_or_none")]
    pub retires: Option<NaiveDate>,
    pub replacement: Option<String>,
    /// A retired model answers with its replacement.
    pub is_retired: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PriceBody {
    pub quality: String,
    /// Pixels (width × height) up to and including which this price holds.
    pub up_to_pixels: u64,
    /// Gems per image.
    pub gems: i64,
}

/// What a model makes of other images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EditsBody {
    /// Images it takes at most.
    pub references_max: usize,
    /// Whether a mask says which part may change.
    pub takes_mask: bool,
    /// Gems for reading one reference, for each image made.
    pub reference_gems: i64,
}

impl CatalogueBody {
    pub fn new(catalogue: &Catalogue, today: NaiveDate) -> Self {
        Self {
            version: catalogue.version.clone(),
            default_model: catalogue.default_model.clone(),
            welcome_gems: catalogue.welcome_gems,
            refinement_gems: catalogue.refinement_gems,
            models: catalogue.models.iter().map(|model| ModelBody::new(model, today)).collect(),
            sections: catalogue.sections.clone(),
        }
    }

    /// What the page prices with: the same functions as the server, on the same numbers.
    pub fn to_domain(&self) -> Catalogue {
        Catalogue {
            version: self.version.clone(),
            default_model: self.default_model.clone(),
            welcome_gems: self.welcome_gems,
            refinement_gems: self.refinement_gems,
            packs: Vec::new(),
            models: self.models.iter().map(ModelBody::to_domain).collect(),
            sections: self.sections.clone(),
        }
    }
}

impl ModelBody {
    fn new(model: &Model, today: NaiveDate) -> Self {
        let prices = model.prices.iter();
        Self {
            id: model.id.clone(),
            name: model.name.clone(),
            description: model.description.clone(),
            aliases: model.aliases.clone(),
            prompt_max: model.prompt_max,
            count_max: model.count_max,
            sizes: model.sizes.clone(),
            free_size: model.free_size.clone(),
            default_size: model.default_size,
            qualities: model.qualities.clone(),
            default_quality: model.default_quality.clone(),
            prices: prices
                .map(|price| PriceBody {
                    quality: price.quality.clone(),
                    up_to_pixels: price.up_to_pixels,
                    gems: price.gems,
                })
                .collect(),
            prompt_surcharge: model.prompt_surcharge,
            backgrounds: model.backgrounds.clone(),
            output_formats: model.output_formats.clone(),
            edits: model.edits.map(|edits| EditsBody {
                references_max: edits.references_max,
                takes_mask: edits.takes_mask,
                reference_gems: edits.reference_gems,
            }),
            available: model.available,
            retires: model.retires,
            replacement: model.replacement.clone(),
            is_retired: model.is_retired(today),
        }
    }

    fn to_domain(&self) -> Model {
        let prices = self.prices.iter();
        Model {
            id: self.id.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            wire_model: String::new(),
            dialect: Dialect::GptImage,
            base_url: None,
            aliases: self.aliases.clone(),
            prompt_max: self.prompt_max,
            count_max: self.count_max,
            sizes: self.sizes.clone(),
            free_size: self.free_size.clone(),
            default_size: self.default_size,
            qualities: self.qualities.clone(),
            default_quality: self.default_quality.clone(),
            prices: prices
                .map(|price| Price {
                    quality: price.quality.clone(),
                    up_to_pixels: price.up_to_pixels,
                    gems: price.gems,
                    cost_microusd: 0,
                })
                .collect(),
            prompt_surcharge: self.prompt_surcharge,
            partial_images: Vec::new(),
            partial_cost_microusd: 0,
            backgrounds: self.backgrounds.clone(),
            output_formats: self.output_formats.clone(),
            edits: self.edits.map(|edits| Edits {
                references_max: edits.references_max,
                takes_mask: edits.takes_mask,
                reference_gems: edits.reference_gems,
                reference_cost_microusd: 0,
            }),
            token_prices: None,
            available: self.available,
            retires: self.retires,
            replacement: self.replacement.clone(),
        }
    }
}
