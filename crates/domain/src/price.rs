//! The price of a generation. The page, a quote and the charge all come from here.
use serde::{Deserialize, Serialize};

use crate::catalogue::Model;
use crate::gems::Gems;
use crate::size::Size;

/// What one image costs in a quality up to a number of pixels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    pub quality: String,
    /// Pixels (width × height) up to and including which this price holds.
    pub up_to_pixels: u64,
    /// Gems per image.
    pub gems: Gems,
    /// What the provider asks per image, in millionths of a US dollar; partial ones come on top.
    pub cost_microusd: i64,
}

/// Gems for one image with a prompt of ordinary length; `None` means that there is no price, which is a refusal and never zero.
pub fn price_per_image(model: &Model, quality: &str, size: Size) -> Option<Gems> {
    band(model, quality, size).map(|price| price.gems).filter(|gems| *gems > 0)
}

/// Rough looks at one picture while it is made.
pub fn partial_images(model: &Model, quality: &str) -> u32 {
    model.partial_images.iter().find(|row| row.quality == quality).map_or(0, |row| row.count)
}

/// What the provider asks for one image at most, its partial ones included, in millionths of a US dollar.
pub fn cost_microusd(model: &Model, price: &Price) -> i64 {
    let partial = i64::from(partial_images(model, &price.quality)).saturating_mul(model.partial_cost_microusd);
    price.cost_microusd.saturating_add(partial)
}

/// Gems per image for reading a long prompt.
pub fn prompt_surcharge(model: &Model, composed_prompt: &str) -> Gems {
    let Some(rule) = model.prompt_surcharge else { return 0 };
    let beyond = composed_prompt.len().saturating_sub(rule.included_bytes);
    Gems::try_from(beyond.div_ceil(rule.bytes_per_gem.max(1))).unwrap_or(Gems::MAX)
}

/// Gems per image for reading the images it is made from.
pub fn references_surcharge(model: &Model, references: usize) -> Gems {
    let each = model.edits.map_or(0, |edits| edits.reference_gems);
    each.saturating_mul(i64::try_from(references).unwrap_or(i64::MAX))
}

/// What a price depends on beside the model and the text.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub quality: &'a str,
    pub size: Size,
    pub count: u32,
    /// How many images it is made from.
    pub references: usize,
}

/// Gems for `count` images, reading included.
pub fn price(model: &Model, wanted: &Wanted<'_>, composed_prompt: &str) -> Option<Gems> {
    price_per_image(model, wanted.quality, wanted.size)?
        .checked_add(prompt_surcharge(model, composed_prompt))?
        .checked_add(references_surcharge(model, wanted.references))?
        .checked_mul(i64::from(wanted.count))
}

/// The cheapest band that covers the size.
pub fn band<'a>(model: &'a Model, quality: &str, size: Size) -> Option<&'a Price> {
    model
        .prices
        .iter()
        .filter(|price| price.quality == quality && size.pixels() <= price.up_to_pixels)
        .min_by_key(|price| price.up_to_pixels)
}
