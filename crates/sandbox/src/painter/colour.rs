//! Colours: linear light for mixing paint and light, OKLCH for choosing and turning hues.
use std::ops::{Add, Mul};

/// Linear light, sRGB primaries.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Colour {
    pub r: f32,
    pub g: f32,
    pub b: f32,
}

pub const BLACK: Colour = Colour { r: 0.0, g: 0.0, b: 0.0 };

/// Lightness 0..1, chroma 0..0.37, hue in degrees.
#[derive(Clone, Copy, Debug)]
pub struct Lch(pub f32, pub f32, pub f32);

impl Colour {
    pub fn new(r: f32, g: f32, b: f32) -> Self {
        Self { r, g, b }
    }

    #[inline]
    pub fn mix(self, other: Self, share: f32) -> Self {
        let t = share.clamp(0.0, 1.0);
        Self {
            r: self.r + (other.r - self.r) * t,
            g: self.g + (other.g - self.g) * t,
            b: self.b + (other.b - self.b) * t,
        }
    }

    #[inline]
    pub fn luminance(self) -> f32 {
        0.2126 * self.r + 0.7152 * self.g + 0.0722 * self.b
    }

    /// More or less colourful, same luminance.
    pub fn saturate(self, factor: f32) -> Self {
        let l = self.luminance();
        Self {
            r: (l + (self.r - l) * factor).max(0.0),
            g: (l + (self.g - l) * factor).max(0.0),
            b: (l + (self.b - l) * factor).max(0.0),
        }
    }

    /// Per channel: light through coloured glass.
    #[inline]
    pub fn through(self, glass: Self) -> Self {
        Self { r: self.r * glass.r, g: self.g * glass.g, b: self.b * glass.b }
    }

    pub fn lab(self) -> [f32; 3] {
        let l = (0.412_221_46 * self.r + 0.536_332_55 * self.g + 0.051_445_995 * self.b).max(0.0).cbrt();
        let m = (0.211_903_5 * self.r + 0.680_699_5 * self.g + 0.107_396_96 * self.b).max(0.0).cbrt();
        let s = (0.088_302_46 * self.r + 0.281_718_85 * self.g + 0.629_978_7 * self.b).max(0.0).cbrt();
        [
            0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
            1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
            0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
        ]
    }

    pub fn of_lab([l, a, b]: [f32; 3]) -> Self {
        let x = (l + 0.396_337_78 * a + 0.215_803_76 * b).powi(3);
        let y = (l - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
        let z = (l - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
        Self {
            r: (4.076_741_7 * x - 3.307_711_6 * y + 0.230_969_94 * z).max(0.0),
            g: (-1.268_438 * x + 2.609_757_4 * y - 0.341_319_4 * z).max(0.0),
            b: (-0.004_196_086_3 * x - 0.703_418_6 * y + 1.707_614_7 * z).max(0.0),
        }
    }

    /// Mixed as eyes would: no muddy middle.
    pub fn blend(self, other: Self, share: f32) -> Self {
        let (one, two) = (self.lab(), other.lab());
        let at = |i: usize| one[i] + (two[i] - one[i]) * share.clamp(0.0, 1.0);
        Self::of_lab([at(0), at(1), at(2)])
    }
}

impl Lch {
    pub fn colour(self) -> Colour {
        let (sin, cos) = self.2.to_radians().sin_cos();
        Colour::of_lab([self.0, self.1 * cos, self.1 * sin])
    }

    /// Drawn towards a hue straight through grey: the way round the wheel would pass through green.
    pub fn pulled(self, hue: f32, share: f32) -> Self {
        let ((s0, c0), (s1, c1)) = (self.2.to_radians().sin_cos(), hue.to_radians().sin_cos());
        let a = self.1 * (c0 + (c1 - c0) * share);
        let b = self.1 * (s0 + (s1 - s0) * share);
        Self(self.0, a.hypot(b), b.atan2(a).to_degrees().rem_euclid(360.0))
    }
}

impl Add for Colour {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self { r: self.r + other.r, g: self.g + other.g, b: self.b + other.b }
    }
}

impl Mul<f32> for Colour {
    type Output = Self;
    #[inline]
    fn mul(self, factor: f32) -> Self {
        Self { r: self.r * factor, g: self.g * factor, b: self.b * factor }
    }
}

/// A smooth run of colours, looked up by 0..1.
pub struct Ramp(Vec<Colour>);

impl Ramp {
    /// Stops at rising positions; blended as eyes would, eased so that no band shows.
    pub fn new(stops: &[(f32, Colour)]) -> Self {
        const STEPS: usize = 512;
        let colour = |step: usize| {
            let t = step as f32 / (STEPS - 1) as f32;
            let next = stops.iter().position(|stop| stop.0 >= t).unwrap_or(stops.len() - 1);
            let (low, high) = (stops[next.saturating_sub(1)], stops[next]);
            let width = (high.0 - low.0).max(1e-4);
            low.1.blend(high.1, super::noise::smooth(-0.15, 1.15, (t - low.0) / width))
        };
        Self((0..STEPS).map(colour).collect())
    }

    pub fn at(&self, t: f32) -> Colour {
        let place = t.clamp(0.0, 1.0) * (self.0.len() - 1) as f32;
        let low = place as usize;
        let high = (low + 1).min(self.0.len() - 1);
        self.0[low].mix(self.0[high], place - low as f32)
    }
}
