//! What an image costs at its provider, beside what its gems are worth. Whole millionths of a US dollar: no float touches money.
use crate::catalogue::{Catalogue, Model, TokenPrices};
use crate::gems::Gems;
use crate::price::{band, cost_microusd};
use crate::size::Size;

/// Millionths of a US dollar in a cent.
const MICROUSD_PER_CENT: i64 = 10_000;
/// Tokens of one call; more is no honest report.
const TOKENS_MAX: i64 = 1_000_000_000;

/// What a provider says that one call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    pub text_in: i64,
    pub image_in: i64,
    /// Partial images included.
    pub image_out: i64,
}

/// What a gem brings at least, as a fraction: a cheap one is no whole number of anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GemWorth {
    microusd: i64,
    gems: Gems,
}

impl GemWorth {
    /// Of the cheapest pack that is sold for US dollars; `None` where none is, and nothing can be compared.
    pub fn of(catalogue: &Catalogue) -> Option<Self> {
        let packs = catalogue.packs.iter().filter(|pack| pack.currency == "usd" && pack.gems > 0 && pack.amount > 0);
        let worth = packs.map(|pack| Self { microusd: pack.amount.saturating_mul(MICROUSD_PER_CENT), gems: pack.gems });
        // Which fraction is smaller, without dividing.
        let times = |one: &Self, other: &Self| i128::from(one.microusd) * i128::from(other.gems);
        worth.min_by(|one, other| times(one, other).cmp(&times(other, one)))
    }

    /// Rounded down.
    pub fn microusd(self, gems: Gems) -> i64 {
        let worth = i128::from(gems) * i128::from(self.microusd) / i128::from(self.gems.max(1));
        i64::try_from(worth).unwrap_or(i64::MAX)
    }
}

/// What these tokens cost, rounded up; `None` where nothing was used, or more than anybody could.
pub fn of_tokens(prices: &TokenPrices, tokens: Tokens) -> Option<i64> {
    let all =
        [(tokens.text_in, prices.text_in), (tokens.image_in, prices.image_in), (tokens.image_out, prices.image_out)];
    if tokens.image_out == 0 || all.iter().any(|(count, _)| !(0..=TOKENS_MAX).contains(count)) {
        return None;
    }
    let sum: i128 = all.iter().map(|(count, price)| i128::from(*count) * i128::from(*price)).sum();
    i64::try_from((sum + 999_999) / 1_000_000).ok()
}

/// One of `of` parts of what a call cost: together they are exactly the whole.
pub fn share(whole: i64, place: usize, of: usize) -> i64 {
    let (of, place) = (i64::try_from(of.max(1)).unwrap_or(1), i64::try_from(place).unwrap_or(i64::MAX));
    whole / of + i64::from(place < whole % of)
}

/// What the catalogue says that one image costs at most, the images it is made from included.
pub fn of_catalogue(model: &Model, quality: &str, size: Size, references: usize) -> Option<i64> {
    let each = model.edits.map_or(0, |edits| edits.reference_cost_microusd);
    let reading = each.saturating_mul(i64::try_from(references).unwrap_or(i64::MAX));
    Some(cost_microusd(model, band(model, quality, size)?).saturating_add(reading))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PRICES: TokenPrices = TokenPrices { text_in: 5_000_000, image_in: 8_000_000, image_out: 30_000_000 };

    #[test]
    fn tokens_cost_what_the_provider_publishes() {
        let square = Tokens { text_in: 0, image_in: 0, image_out: 1_756 };
        assert_eq!(of_tokens(&PRICES, square), Some(52_680));
        let edited = Tokens { text_in: 50, image_in: 800, image_out: 196 };
        assert_eq!(of_tokens(&PRICES, edited), Some(250 + 6_400 + 5_880));
        let cheap = TokenPrices { text_in: 1, ..PRICES };
        assert_eq!(of_tokens(&cheap, Tokens { text_in: 1, image_in: 0, image_out: 1 }), Some(31), "rounded up");
    }

    #[test]
    fn what_nobody_could_use_is_no_report() {
        for tokens in [
            Tokens::default(),
            Tokens { text_in: -1, image_in: 0, image_out: 5 },
            Tokens { text_in: 0, image_in: 0, image_out: i64::MAX },
        ] {
            assert_eq!(of_tokens(&PRICES, tokens), None, "{tokens:?}");
        }
    }

    proptest! {
        #[test]
        fn the_shares_of_a_call_are_the_whole_and_differ_by_one_at_most(whole in 0i64..1_000_000_000, of in 1usize..=10) {
            let shares: Vec<i64> = (0..of).map(|place| share(whole, place, of)).collect();
            prop_assert_eq!(shares.iter().sum::<i64>(), whole);
            prop_assert!(shares.iter().max().expect("one") - shares.iter().min().expect("one") <= 1);
        }
    }
}
