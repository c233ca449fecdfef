//! A ThumbHash as pixels. Read here, because the crate that the server writes them with brings the standard library's
//! trigonometry into everybody's first visit; the browser has a cosine. Knows the format and nothing else.
use std::f32::consts::PI;

pub struct Pixels {
    pub width: u16,
    pub height: u16,
    pub rgba: Vec<u8>,
}

/// Half bytes, the lower one first.
struct Halves<'a> {
    bytes: std::slice::Iter<'a, u8>,
    upper: Option<u8>,
}

impl Halves<'_> {
    fn next(&mut self) -> Option<f32> {
        let half = match self.upper.take() {
            Some(upper) => upper,
            None => {
                let byte = self.bytes.next()?;
                self.upper = Some(byte >> 4);
                byte & 15
            }
        };
        Some(f32::from(half) / 7.5 - 1.0)
    }

    /// The waves of a channel: how often across, how often down, how strong.
    fn waves(&mut self, across: usize, down: usize, scale: f32) -> Option<Vec<(usize, usize, f32)>> {
        let mut waves = Vec::new();
        for y in 0..down {
            for x in usize::from(y == 0)..across {
                if x * down >= across * (down - y) {
                    break;
                }
                waves.push((x, y, self.next()? * scale));
            }
        }
        Some(waves)
    }
}

/// `cos` is the browser's.
pub fn pixels(hash: &[u8], cos: fn(f32) -> f32) -> Option<Pixels> {
    let (head, rest) = hash.split_first_chunk::<5>()?;
    let [a, b, c, d, e] = head.map(u32::from);
    let (colours, shape) = (a | b << 8 | c << 16, d | e << 8);
    let part = |bits: u32, at: u32, size: u32| f32::from(u16::try_from(bits >> at & size).unwrap_or_default());
    let (has_alpha, is_landscape) = (c & 0x80 != 0, e & 0x80 != 0);
    let (long, short) = (if has_alpha { 5 } else { 7 }, usize::try_from(d & 7).ok()?);
    let (across, down) = if is_landscape { (long, short) } else { (short, long) };
    let (alpha, rest) = if has_alpha { rest.split_first()? } else { (&15, rest) };
    let mut halves = Halves { bytes: rest.iter(), upper: None };
    let (wide, tall) = (across.max(3), down.max(3));
    let light = halves.waves(wide, tall, part(colours, 18, 31) / 31.0)?;
    let yellow = halves.waves(3, 3, part(shape, 3, 63) / 63.0 * 1.25)?;
    let red = halves.waves(3, 3, part(shape, 9, 63) / 63.0 * 1.25)?;
    let clear = if has_alpha { halves.waves(5, 5, f32::from(alpha >> 4) / 15.0)? } else { Vec::new() };
    let (width, height) = (side(across, down)?, side(down, across)?);
    let (columns, lines) = (cosines(width, cos), cosines(height, cos));
    let mut rgba = Vec::new();
    for line in &lines {
        for column in &columns {
            let value = |from: f32, waves: &[(usize, usize, f32)]| {
                waves.iter().fold(from, |sum, (x, y, strength)| sum + strength * column[*x] * line[*y] * 2.0)
            };
            let l = value(part(colours, 0, 63) / 63.0, &light);
            let p = value(part(colours, 6, 63) / 31.5 - 1.0, &yellow);
            let q = value(part(colours, 12, 63) / 31.5 - 1.0, &red);
            let a = value(f32::from(alpha & 15) / 15.0, &clear);
            let b = l - 2.0 / 3.0 * p;
            let r = (3.0 * l - b + q) / 2.0;
            rgba.extend([r, r - q, b, a].map(|it| (it.clamp(0.0, 1.0) * 255.0) as u8));
        }
    }
    Some(Pixels { width, height, rgba })
}

/// 32 for the longer side, less for the other one.
fn side(this: usize, other: usize) -> Option<u16> {
    let (this, other) = (u16::try_from(this).ok()?, u16::try_from(other).ok()?);
    if other == 0 || this >= other { Some(32) } else { Some((32 * this + other / 2) / other) }
}

/// For each place on a side the cosines of all waves.
fn cosines(side: u16, cos: fn(f32) -> f32) -> Vec<[f32; 8]> {
    let at = |place: u16| {
        let step = PI / f32::from(side) * (f32::from(place) + 0.5);
        [0u8, 1, 2, 3, 4, 5, 6, 7].map(|wave| cos(step * f32::from(wave)))
    };
    (0..side).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wide, tall, and with alpha, as the crate writes them.
    #[test]
    fn a_hash_is_read_as_the_crate_that_writes_them_reads_it() {
        for (width, height, alpha) in [(60, 40, 255), (30, 90, 255), (50, 50, 120)] {
            let pixel = |at: usize| [at * 7 % 256, at * 3 % 200, 90 + at % 50, alpha].map(|it| it as u8);
            let picture: Vec<u8> = (0..width * height).flat_map(pixel).collect();
            let hash = thumbhash::rgba_to_thumb_hash(width, height, &picture);
            let read = pixels(&hash, f32::cos).unwrap();
            let (wide, high, wanted) = thumbhash::thumb_hash_to_rgba(&hash).unwrap();
            assert_eq!((usize::from(read.width), usize::from(read.height)), (wide, high));
            let off = read.rgba.iter().zip(&wanted).filter(|(one, other)| one.abs_diff(**other) > 1).count();
            assert_eq!((read.rgba.len(), off), (wanted.len(), 0));
        }
    }

    #[test]
    fn a_hash_that_is_cut_off_is_none() {
        let hash = thumbhash::rgba_to_thumb_hash(8, 8, &[77; 256]);
        for length in 0..hash.len() - 1 {
            assert!(pixels(&hash[..length], f32::cos).is_none(), "{length} of {}", hash.len());
        }
    }
}
