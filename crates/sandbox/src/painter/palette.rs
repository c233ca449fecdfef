//! The colours of a picture: a curated set per light, turned by the words that ask for other colours.
use super::{
    colour::{Colour, Lch},
    noise::Dice,
    words::Word,
};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Light {
    Dawn,
    Day,
    Sunset,
    Dusk,
    Night,
    Storm,
}

#[derive(Clone, Debug)]
pub struct Palette {
    /// Top of the sky, its middle, low, and at the horizon.
    pub sky: [Colour; 4],
    /// Sun or moon and what it lights.
    pub glow: Colour,
    pub cloud_light: Colour,
    pub cloud_shade: Colour,
    /// Far land turns into this.
    pub haze: Colour,
    /// Nearest land in shade, and in light.
    pub land: Colour,
    pub land_light: Colour,
    pub water: Colour,
    pub accent: Colour,
    /// Lit windows and lanterns.
    pub lamp: Colour,
    /// What an abstract picture is made of.
    pub five: [Colour; 5],
}

type Row = [(f32, f32, f32); 11];

// zenith, high, low, horizon, glow, cloud light, cloud shade, haze, land, land light, water
const DAWN: [Row; 2] = [
    [
        (0.42, 0.09, 275.0),
        (0.60, 0.10, 310.0),
        (0.78, 0.10, 25.0),
        (0.90, 0.09, 75.0),
        (0.95, 0.10, 80.0),
        (0.90, 0.09, 45.0),
        (0.58, 0.08, 310.0),
        (0.84, 0.06, 50.0),
        (0.27, 0.06, 290.0),
        (0.62, 0.09, 40.0),
        (0.40, 0.07, 265.0),
    ],
    [
        (0.50, 0.08, 240.0),
        (0.70, 0.07, 225.0),
        (0.86, 0.06, 95.0),
        (0.93, 0.07, 70.0),
        (0.97, 0.08, 85.0),
        (0.95, 0.05, 70.0),
        (0.68, 0.05, 260.0),
        (0.89, 0.04, 75.0),
        (0.30, 0.05, 220.0),
        (0.66, 0.08, 85.0),
        (0.45, 0.07, 225.0),
    ],
];
const DAY: [Row; 2] = [
    [
        (0.48, 0.13, 255.0),
        (0.63, 0.11, 248.0),
        (0.79, 0.07, 235.0),
        (0.91, 0.035, 215.0),
        (0.99, 0.04, 95.0),
        (0.98, 0.01, 90.0),
        (0.74, 0.03, 255.0),
        (0.85, 0.04, 235.0),
        (0.34, 0.07, 150.0),
        (0.66, 0.12, 125.0),
        (0.46, 0.10, 235.0),
    ],
    [
        (0.55, 0.10, 225.0),
        (0.70, 0.08, 215.0),
        (0.85, 0.05, 200.0),
        (0.94, 0.03, 110.0),
        (0.99, 0.05, 95.0),
        (0.99, 0.015, 95.0),
        (0.78, 0.03, 230.0),
        (0.88, 0.03, 205.0),
        (0.35, 0.06, 175.0),
        (0.68, 0.11, 110.0),
        (0.50, 0.09, 205.0),
    ],
];
const SUNSET: [Row; 2] = [
    [
        (0.33, 0.10, 280.0),
        (0.48, 0.13, 330.0),
        (0.68, 0.17, 40.0),
        (0.86, 0.14, 75.0),
        (0.93, 0.14, 80.0),
        (0.82, 0.15, 45.0),
        (0.42, 0.10, 330.0),
        (0.74, 0.12, 50.0),
        (0.20, 0.05, 310.0),
        (0.55, 0.12, 45.0),
        (0.34, 0.08, 290.0),
    ],
    [
        (0.38, 0.08, 250.0),
        (0.56, 0.08, 285.0),
        (0.74, 0.13, 30.0),
        (0.88, 0.13, 65.0),
        (0.95, 0.12, 75.0),
        (0.86, 0.13, 35.0),
        (0.50, 0.08, 280.0),
        (0.78, 0.10, 40.0),
        (0.22, 0.05, 265.0),
        (0.58, 0.11, 55.0),
        (0.36, 0.07, 255.0),
    ],
];
const DUSK: [Row; 2] = [
    [
        (0.22, 0.08, 270.0),
        (0.34, 0.10, 275.0),
        (0.52, 0.11, 300.0),
        (0.74, 0.11, 20.0),
        (0.88, 0.08, 40.0),
        (0.62, 0.10, 330.0),
        (0.30, 0.07, 280.0),
        (0.52, 0.09, 300.0),
        (0.16, 0.04, 275.0),
        (0.36, 0.07, 285.0),
        (0.27, 0.07, 270.0),
    ],
    [
        (0.24, 0.07, 245.0),
        (0.37, 0.09, 240.0),
        (0.57, 0.09, 220.0),
        (0.80, 0.09, 70.0),
        (0.92, 0.08, 75.0),
        (0.66, 0.07, 235.0),
        (0.33, 0.06, 245.0),
        (0.56, 0.07, 225.0),
        (0.17, 0.04, 240.0),
        (0.38, 0.06, 225.0),
        (0.29, 0.07, 240.0),
    ],
];
const NIGHT: [Row; 2] = [
    [
        (0.13, 0.05, 270.0),
        (0.18, 0.065, 265.0),
        (0.26, 0.075, 258.0),
        (0.38, 0.07, 245.0),
        (0.93, 0.03, 240.0),
        (0.42, 0.05, 255.0),
        (0.20, 0.05, 265.0),
        (0.33, 0.06, 250.0),
        (0.10, 0.03, 262.0),
        (0.26, 0.05, 250.0),
        (0.18, 0.05, 255.0),
    ],
    [
        (0.14, 0.06, 290.0),
        (0.19, 0.08, 285.0),
        (0.28, 0.09, 275.0),
        (0.41, 0.08, 235.0),
        (0.94, 0.04, 90.0),
        (0.44, 0.06, 280.0),
        (0.22, 0.06, 285.0),
        (0.35, 0.07, 260.0),
        (0.11, 0.035, 285.0),
        (0.27, 0.05, 270.0),
        (0.19, 0.06, 275.0),
    ],
];
const STORM: [Row; 2] = [
    [
        (0.26, 0.03, 250.0),
        (0.38, 0.03, 240.0),
        (0.54, 0.035, 215.0),
        (0.73, 0.04, 110.0),
        (0.90, 0.04, 100.0),
        (0.66, 0.025, 210.0),
        (0.26, 0.03, 250.0),
        (0.58, 0.03, 210.0),
        (0.18, 0.025, 215.0),
        (0.38, 0.04, 160.0),
        (0.31, 0.04, 215.0),
    ],
    [
        (0.22, 0.04, 270.0),
        (0.33, 0.05, 275.0),
        (0.49, 0.05, 265.0),
        (0.68, 0.05, 60.0),
        (0.90, 0.06, 75.0),
        (0.60, 0.04, 280.0),
        (0.24, 0.04, 275.0),
        (0.50, 0.04, 265.0),
        (0.16, 0.03, 265.0),
        (0.34, 0.04, 250.0),
        (0.27, 0.04, 260.0),
    ],
];

/// Five hues that live well together, dark to light.
const FIVES: [[(f32, f32, f32); 5]; 8] = [
    [(0.24, 0.06, 265.0), (0.45, 0.11, 240.0), (0.68, 0.11, 195.0), (0.86, 0.09, 90.0), (0.70, 0.17, 40.0)],
    [(0.22, 0.05, 320.0), (0.42, 0.14, 350.0), (0.65, 0.18, 25.0), (0.83, 0.13, 75.0), (0.95, 0.04, 90.0)],
    [(0.25, 0.05, 180.0), (0.44, 0.08, 175.0), (0.66, 0.09, 150.0), (0.88, 0.07, 110.0), (0.72, 0.13, 60.0)],
    [(0.20, 0.07, 285.0), (0.40, 0.16, 290.0), (0.62, 0.16, 320.0), (0.80, 0.11, 10.0), (0.93, 0.06, 80.0)],
    [(0.27, 0.03, 60.0), (0.48, 0.08, 45.0), (0.68, 0.10, 65.0), (0.87, 0.06, 85.0), (0.50, 0.06, 200.0)],
    [(0.22, 0.06, 255.0), (0.50, 0.13, 255.0), (0.78, 0.08, 230.0), (0.95, 0.02, 100.0), (0.70, 0.18, 30.0)],
    [(0.21, 0.04, 220.0), (0.42, 0.09, 205.0), (0.72, 0.11, 185.0), (0.93, 0.05, 160.0), (0.78, 0.15, 75.0)],
    [(0.30, 0.10, 20.0), (0.55, 0.17, 30.0), (0.78, 0.13, 60.0), (0.94, 0.04, 85.0), (0.45, 0.08, 210.0)],
];

impl Palette {
    pub fn choose(light: Light, words: &[Word], dice: &mut Dice) -> Self {
        let rows = match light {
            Light::Dawn => &DAWN,
            Light::Day => &DAY,
            Light::Sunset => &SUNSET,
            Light::Dusk => &DUSK,
            Light::Night => &NIGHT,
            Light::Storm => &STORM,
        };
        let row = &rows[dice.pick(rows.len())];
        let five = &FIVES[dice.pick(FIVES.len())];
        let shift = dice.between(-9.0, 9.0);
        let of = |(l, c, h): (f32, f32, f32)| turned(Lch(l, c, h + shift), words);
        let at = |i: usize| of(row[i]).colour();
        let land_hue = |index: usize| {
            let lch = of(row[index]);
            season(lch, words).colour()
        };
        Self {
            sky: [at(0), at(1), at(2), at(3)],
            glow: at(4),
            cloud_light: at(5),
            cloud_shade: at(6),
            haze: at(7),
            land: land_hue(8),
            land_light: land_hue(9),
            water: at(10),
            accent: of(five[4]).colour(),
            lamp: Lch(0.88, 0.14, 72.0).colour(),
            five: five.map(|entry| of(entry).colour()),
        }
    }
}

fn season(lch: Lch, words: &[Word]) -> Lch {
    let has = |word| words.contains(&word);
    if has(Word::Autumn) {
        Lch(lch.0, lch.1 * 1.15 + 0.02, lch.2).pulled(50.0, 0.75)
    } else if has(Word::Winter) || has(Word::Snow) {
        Lch((lch.0 * 1.08).min(0.9), lch.1 * 0.5, lch.2).pulled(250.0, 0.6)
    } else if has(Word::Spring) {
        Lch(lch.0 * 1.04, lch.1 * 1.1, lch.2).pulled(130.0, 0.3)
    } else {
        lch
    }
}

fn turned(mut lch: Lch, words: &[Word]) -> Lch {
    use Word::*;
    for word in words {
        lch = match word {
            Warm => Lch(lch.0, lch.1 * 1.08 + 0.01, lch.2).pulled(50.0, 0.38),
            Cool => Lch(lch.0, lch.1 * 0.95, lch.2).pulled(235.0, 0.42),
            Pastel => Lch(lch.0 * 0.62 + 0.37, lch.1 * 0.68, lch.2),
            Neon => Lch(lch.0 * 0.92, lch.1 * 1.75 + 0.02, lch.2).pulled(if lch.0 > 0.55 { 340.0 } else { 285.0 }, 0.5),
            Mono => Lch(lch.0, lch.1 * 0.06, lch.2),
            Teal => Lch(lch.0, lch.1 * 0.9 + 0.02, lch.2).pulled(if lch.0 > 0.75 { 95.0 } else { 195.0 }, 0.75),
            Amber => Lch(lch.0, lch.1 * 1.0 + 0.02, lch.2).pulled(68.0, 0.8),
            Earthy => Lch(lch.0 * 0.96, lch.1 * 0.65 + 0.01, lch.2).pulled(62.0, 0.65),
            Jewel => Lch(lch.0 * 0.9, lch.1 * 1.45, lch.2),
            Red => Lch(lch.0, lch.1 * 1.1 + 0.02, lch.2).pulled(25.0, 0.6),
            Green => Lch(lch.0, lch.1 + 0.01, lch.2).pulled(150.0, 0.55),
            Blue => Lch(lch.0, lch.1 + 0.01, lch.2).pulled(255.0, 0.55),
            Violet => Lch(lch.0, lch.1 + 0.02, lch.2).pulled(300.0, 0.6),
            Pink => Lch(lch.0, lch.1 + 0.02, lch.2).pulled(355.0, 0.6),
            Gold => Lch(lch.0, lch.1 + 0.01, lch.2).pulled(80.0, 0.5),
            Vivid => Lch(lch.0, lch.1 * 1.35, lch.2),
            Muted => Lch(lch.0, lch.1 * 0.6, lch.2),
            Sepia => Lch(lch.0, 0.045, 68.0),
            Dark => Lch(lch.0 * 0.86, lch.1, lch.2),
            Bright => Lch(lch.0 * 0.88 + 0.11, lch.1, lch.2),
            _ => lch,
        };
    }
    Lch(lch.0.clamp(0.03, 0.99), lch.1.min(0.26), lch.2)
}
