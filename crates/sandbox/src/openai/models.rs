//! Which models the sandbox's image API knows, what each accepts and how many tokens a picture of it costs.
//! Facts of November 2026; a model that was switched off is unknown here, as at the vendor.

/// What a model allows beside the fields every model has.
#[derive(Debug, PartialEq)]
pub struct Model {
    pub id: &'static str,
    /// Any size within the limits, or only the three old ones.
    pub has_free_sizes: bool,
    pub qualities: &'static [&'static str],
    pub has_complexity: bool,
    rates: Rates,
}

#[derive(Debug, PartialEq)]
enum Rates {
    Mini,
    OneFive,
    Two,
    TwoFive,
}

const THREE: &[&str] = &["low", "medium", "high"];
const FIVE: &[&str] = &["low", "medium", "high", "xhigh", "max"];

const fn old(id: &'static str, rates: Rates) -> Model {
    Model { id, has_free_sizes: false, qualities: THREE, has_complexity: false, rates }
}

const fn two(id: &'static str) -> Model {
    Model { id, has_free_sizes: true, qualities: THREE, has_complexity: false, rates: Rates::Two }
}

const fn five(id: &'static str, has_complexity: bool) -> Model {
    Model { id, has_free_sizes: true, qualities: FIVE, has_complexity, rates: Rates::TwoFive }
}

pub static LIVE: &[Model] = &[
    old("gpt-image-1-mini", Rates::Mini),
    old("gpt-image-1.5", Rates::OneFive),
    old("gpt-image-1.5-2025-12-16", Rates::OneFive),
    old("chatgpt-image-latest", Rates::OneFive),
    two("gpt-image-2"),
    two("gpt-image-2-2026-04-21"),
    five("gpt-image-2.5-flare", false),
    five("gpt-image-2.5-flare-2026-09-08", false),
    five("gpt-image-2.5-sunburst", false),
    five("gpt-image-2.5-sunburst-2026-09-08", false),
    five("gpt-image-2.6-flare", true),
    five("gpt-image-2.6-sunburst", true),
];

pub fn find(id: &str) -> Option<&'static Model> {
    LIVE.iter().find(|model| model.id == id)
}

/// Tokens per quality (low … max) by size; rows between are interpolated over their pixels.
const SQUARE: [u64; 5] = [196, 439, 1756, 3122, 7024];
const WIDE: [(u64, [u64; 5]); 4] = [
    (1_572_864, [158, 343, 1372, 2459, 5488]),
    (2_073_600, [147, 343, 1320, 2347, 5280]),
    (3_686_400, [205, 478, 1843, 3276, 7370]),
    (8_294_400, [371, 865, 3336, 5930, 13342]),
];

impl Model {
    /// Output tokens of one picture.
    pub fn output_tokens(&self, quality: &str, width: u32, height: u32) -> u64 {
        let level = FIVE.iter().position(|known| *known == quality).unwrap_or(1);
        let is_square = width == height;
        let of_three =
            |square: [u64; 3], oblong: [u64; 3]| if is_square { square[level.min(2)] } else { oblong[level.min(2)] };
        match self.rates {
            Rates::Mini => of_three([625, 1375, 4500], [750, 1875, 6500]),
            Rates::OneFive => of_three([281, 1063, 4156], [406, 1563, 6250]),
            // Medium and high of 2 cost what high and max of 2.5 cost.
            Rates::Two => free_tokens([0, 2, 4][level.min(2)], width, height),
            Rates::TwoFive => free_tokens(level, width, height),
        }
    }
}

fn free_tokens(level: usize, width: u32, height: u32) -> u64 {
    let pixels = u64::from(width) * u64::from(height);
    if width == height && pixels <= WIDE[0].0 {
        return SQUARE[level];
    }
    for pair in WIDE.windows(2) {
        let ((from, low), (to, high)) = (&pair[0], &pair[1]);
        if pixels <= *to {
            let way = pixels.saturating_sub(*from);
            return (low[level] * (to - from - way) + high[level] * way) / (to - from);
        }
    }
    WIDE[3].1[level]
}
