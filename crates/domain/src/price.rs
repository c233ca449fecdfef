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
    /// What the provider asks per image, in millionths of a US dollar.
    pub cost_microusd: i64,
}

/// Gems for one image; `None` means that there is no price, which is a refusal and never zero.
pub fn price_per_image(model: &Model, quality: &str, size: Size) -> Option<Gems> {
    band(model, quality, size).map(|price| price.gems).filter(|gems| *gems > 0)
}

/// The cheapest band that covers the size.
pub fn band<'a>(model: &'a Model, quality: &str, size: Size) -> Option<&'a Price> {
    model
        .prices
        .iter()
        .filter(|price| price.quality == quality && size.pixels() <= price.up_to_pixels)
        .min_by_key(|price| price.up_to_pixels)
}

/// Gems for `count` images.
pub fn price(model: &Model, quality: &str, size: Size, count: u32) -> Option<Gems> {
    price_per_image(model, quality, size)?.checked_mul(i64::from(count))
}
