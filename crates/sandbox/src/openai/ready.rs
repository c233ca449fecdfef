//! Pictures that were painted before they are asked for, so that measuring the caller is not measuring the painter.
//! Each is made once for its size and weight, and kept. Runs on blocking threads only.
use std::sync::{Arc, Mutex};

use image::{ImageError, RgbaImage};

use super::order::Format;
use super::picture;
use crate::painter;

const SCENE: &str = "a lighthouse over a rough sea at dusk";
/// Each halves what is not known yet of the noise, 0 to 64 of 255.
const TRIALS: u32 = 7;

/// Width and height in pixels, bytes of the PNG: nearly met, from the scene's own weight upward.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted {
    pub edge: u32,
    pub bytes: usize,
}

impl Wanted {
    /// `{"edge": 1024, "bytes": 1500000}`, which is also what is meant by nothing.
    pub fn read(value: &serde_json::Value) -> Self {
        let number = |name: &str, default: u64| value.get(name).and_then(serde_json::Value::as_u64).unwrap_or(default);
        Self {
            edge: u32::try_from(number("edge", 1024).clamp(16, 4096)).unwrap_or(1024),
            bytes: usize::try_from(number("bytes", 1_500_000)).unwrap_or(usize::MAX),
        }
    }
}

type Made = (Wanted, Arc<Vec<u8>>);

pub fn picture(wanted: Wanted) -> Result<Vec<u8>, ImageError> {
    static MADE: Mutex<Vec<Made>> = Mutex::new(Vec::new());
    let mut made = super::locked(&MADE);
    if let Some((_, bytes)) = made.iter().find(|(known, _)| *known == wanted) {
        return Ok(bytes.to_vec());
    }
    let bytes = make(wanted)?;
    made.push((wanted, Arc::new(bytes.clone())));
    Ok(bytes)
}

/// Noise is what a PNG cannot compress: the strongest that still fits the weight.
fn make(wanted: Wanted) -> Result<Vec<u8>, ImageError> {
    let scene = painter::paint(SCENE, wanted.edge, wanted.edge, 0, "medium");
    let mut best = picture::encode(&scene, Format::Png, 100)?;
    let (mut fits, mut too_strong) = (0, 64);
    for _ in 0..TRIALS {
        let strength = (fits + too_strong) / 2;
        let bytes = picture::encode(&noisy(&scene, strength), Format::Png, 100)?;
        if bytes.len() > wanted.bytes {
            too_strong = strength;
        } else {
            (fits, best) = (strength, bytes);
        }
    }
    Ok(best)
}

fn noisy(scene: &RgbaImage, strength: u32) -> RgbaImage {
    let mut state = 0x2545_f491_u32;
    let mut picture = scene.clone();
    for pixel in picture.pixels_mut() {
        for channel in &mut pixel.0[..3] {
            // xorshift: the same noise on every machine.
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let noise = (state >> 8) % (2 * strength + 1);
            *channel = (u32::from(*channel) + noise).saturating_sub(strength).min(255) as u8;
        }
    }
    picture
}
