//! Deterministic noise and dice: the same seed gives the same picture on every machine.

/// A stream of pseudo-random numbers (PCG-like mixing of a counter).
#[derive(Clone)]
pub struct Dice(u32);

impl Dice {
    pub fn new(seed: u32) -> Self {
        Self(mix(seed ^ 0x9e37_79b9))
    }

    pub fn whole(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9);
        mix(self.0)
    }

    /// 0..1
    pub fn unit(&mut self) -> f32 {
        (self.whole() >> 8) as f32 / 16_777_216.0
    }

    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// 0..count
    pub fn pick(&mut self, count: usize) -> usize {
        (self.whole() as usize) % count.max(1)
    }

    pub fn chance(&mut self, share: f32) -> bool {
        self.unit() < share
    }
}

fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// FNV-1a over the bytes of a text.
pub fn seed_of(text: &str, variant: u32) -> u32 {
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    mix(hash ^ variant.wrapping_mul(0x85eb_ca6b))
}

/// A number 0..1 that belongs to a cell of the plane.
pub fn cell(x: i32, y: i32, seed: u32) -> f32 {
    (cell_bits(x, y, seed) >> 8) as f32 / 16_777_216.0
}

#[inline]
pub fn cell_bits(x: i32, y: i32, seed: u32) -> u32 {
    let mut h = (x as u32).wrapping_mul(0x27d4_eb2d) ^ (y as u32).wrapping_mul(0x1656_67b1) ^ seed;
    h = (h ^ (h >> 15)).wrapping_mul(0x85eb_ca6b);
    h = (h ^ (h >> 13)).wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}

#[inline]
fn slope(h: u32, x: f32, y: f32) -> f32 {
    // Eight directions are enough and cost no table.
    const DIAGONAL: f32 = std::f32::consts::FRAC_1_SQRT_2;
    match h & 7 {
        0 => x,
        1 => -x,
        2 => y,
        3 => -y,
        4 => (x + y) * DIAGONAL,
        5 => (x - y) * DIAGONAL,
        6 => (y - x) * DIAGONAL,
        _ => -(x + y) * DIAGONAL,
    }
}

/// Gradient noise, about -1..1.
#[inline]
pub fn noise(x: f32, y: f32, seed: u32) -> f32 {
    let (fx, fy) = (x.floor(), y.floor());
    let (ix, iy) = (fx as i32, fy as i32);
    let (dx, dy) = (x - fx, y - fy);
    let (sx, sy) = (fade(dx), fade(dy));
    let a = slope(cell_bits(ix, iy, seed), dx, dy);
    let b = slope(cell_bits(ix.wrapping_add(1), iy, seed), dx - 1.0, dy);
    let c = slope(cell_bits(ix, iy.wrapping_add(1), seed), dx, dy - 1.0);
    let d = slope(cell_bits(ix.wrapping_add(1), iy.wrapping_add(1), seed), dx - 1.0, dy - 1.0);
    let (top, bottom) = (a + (b - a) * sx, c + (d - c) * sx);
    (top + (bottom - top) * sy) * 1.5
}

#[inline]
fn fade(t: f32) -> f32 {
    t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
}

/// Layered noise, about -1..1.
pub fn fbm(x: f32, y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut amplitude, mut total) = (0.0, 0.5, 0.0);
    let (mut x, mut y) = (x, y);
    for octave in 0..octaves {
        sum += amplitude * noise(x, y, seed.wrapping_add(octave * 131));
        total += amplitude;
        amplitude *= 0.5;
        // Turned a little each time, or the grid shows.
        (x, y) = (1.6 * x - 1.2 * y + 3.7, 1.2 * x + 1.6 * y - 1.9);
    }
    sum / total
}

/// Sharp-crested noise, 0..1.
pub fn ridged(x: f32, y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut amplitude, mut total, mut carry) = (0.0, 0.5, 0.0, 1.0);
    let (mut x, mut y) = (x, y);
    for octave in 0..octaves {
        let crest = 1.0 - noise(x, y, seed.wrapping_add(octave * 173)).abs();
        let crest = crest * crest * carry;
        carry = (crest * 1.6).clamp(0.2, 1.0);
        sum += amplitude * crest;
        total += amplitude;
        amplitude *= 0.5;
        (x, y) = (1.7 * x - 1.1 * y + 1.3, 1.1 * x + 1.7 * y + 5.1);
    }
    sum / total
}

pub fn smooth(from: f32, to: f32, x: f32) -> f32 {
    let t = ((x - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
