//! From light to a file's pixels: bloom, tone, vignette, grain, and the step to eight bits.
use image::{Rgba, RgbaImage};

use super::{canvas::Canvas, colour::Colour, noise::cell, plan::Plan, words::Word};

/// Bright places light up their surroundings.
pub fn bloom(canvas: &mut Canvas, strength: f32) {
    let factor = (canvas.height / 128).max(1);
    let mut bright = canvas.shrunk(factor);
    for pixel in &mut bright.pixels {
        let over = (pixel.luminance() - 0.62).max(0.0) / pixel.luminance().max(0.01);
        *pixel = *pixel * over;
    }
    let soft = bright.blurred((bright.height / 28).max(1));
    canvas.shade(|x, y, under| under + soft.sample(x, y) * strength);
}

/// Highlights bend instead of clipping; corners fall off.
pub fn tone(canvas: &mut Canvas, plan: &Plan) {
    let aspect = canvas.aspect();
    let vignette = if plan.has(Word::Photo) || plan.has(Word::Dark) { 0.42 } else { 0.24 };
    let lift = if plan.has(Word::Photo) { 1.06 } else { 1.0 };
    canvas.shade(|x, y, under| {
        let (dx, dy) = (x / aspect - 0.5, y - 0.5);
        let fall = 1.0 - vignette * ((dx * dx + dy * dy) * 2.0).powf(1.3);
        let lit = under * (fall * lift);
        Colour::new(shoulder(lit.r), shoulder(lit.g), shoulder(lit.b))
    });
}

fn shoulder(x: f32) -> f32 {
    const KNEE: f32 = 0.55;
    if x <= KNEE { x.max(0.0) } else { KNEE + (1.0 - KNEE) * (1.0 - (-(x - KNEE) / (1.0 - KNEE)).exp()) }
}

/// Eight bits with a breath of grain, so that no sky shows bands.
pub fn develop(canvas: &Canvas, width: u32, height: u32, grain: f32, seed: u32) -> RgbaImage {
    let table: Vec<f32> = (0..=4096).map(|i| encode((i as f32 / 4096.0).powi(2)) * 255.0).collect();
    let byte = |linear: f32, noise: f32| (table[(linear.clamp(0.0, 1.0).sqrt() * 4096.0) as usize] + noise + 0.5) as u8;
    let same = canvas.width == width as usize && canvas.height == height as usize;
    let scale = canvas.aspect() / (width as f32 / height as f32);
    RgbaImage::from_fn(width, height, |x, y| {
        let pixel = if same {
            canvas.pixels[y as usize * canvas.width + x as usize]
        } else {
            canvas.sample((x as f32 + 0.5) / height as f32 * scale, (y as f32 + 0.5) / height as f32)
        };
        let noise = (cell(x as i32, y as i32, seed) + cell(x as i32, y as i32, seed ^ 77) - 1.0) * grain;
        Rgba([byte(pixel.r, noise), byte(pixel.g, noise), byte(pixel.b, noise), 255])
    })
}

fn encode(linear: f32) -> f32 {
    if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
}
