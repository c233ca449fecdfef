//! The catalogue as people see it: without the provider's costs and addresses.
use chrono::NaiveDate;
use lapidary_domain::catalogue::{FreeSize, PromptSurcharge, Section};
use lapidary_domain::{Catalogue, Dialect, Model, Price, Size};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CatalogueBody {
    pub version: String,
    pub default_model: String,
    pub welcome_gems: i64,
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

impl CatalogueBody {
    pub fn new(catalogue: &Catalogue, today: NaiveDate) -> Self {
        Self {
            version: catalogue.version.clone(),
            default_model: catalogue.default_model.clone(),
            welcome_gems: catalogue.welcome_gems,
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
            available: self.available,
            retires: self.retires,
            replacement: self.replacement.clone(),
        }
    }
}
