//! The way a picture is painted: what the words ask for is laid over the finished scene.
use super::{
    canvas::Canvas,
    facets, lines,
    noise::{fbm, noise, smooth},
    plan::Plan,
    prints,
    words::Word,
};
use crate::painter::colour::Colour;

pub fn apply(canvas: &mut Canvas, plan: &Plan) {
    let order = [
        Word::Watercolour,
        Word::Ink,
        Word::Pencil,
        Word::LineArt,
        Word::LowPoly,
        Word::Glass,
        Word::Pixel,
        Word::Print,
        Word::Cubist,
        Word::Oil,
        Word::Flat,
        Word::Facets,
    ];
    match order.into_iter().find(|word| plan.has(*word)) {
        Some(Word::Watercolour) => watercolour(canvas, plan),
        Some(Word::Ink) => lines::ink(canvas, plan),
        Some(Word::Pencil) => lines::pencil(canvas, plan),
        Some(Word::LineArt) => lines::outline(canvas, plan),
        Some(Word::LowPoly | Word::Facets) => facets::triangles(canvas, plan),
        Some(Word::Glass) => facets::glass(canvas, plan, true),
        Some(Word::Cubist) => facets::glass(canvas, plan, false),
        Some(Word::Pixel) => prints::pixels(canvas),
        Some(Word::Print) => prints::halftone(canvas, plan),
        Some(Word::Oil) => oil(canvas, plan),
        Some(Word::Flat) => prints::flat(canvas),
        _ => {}
    }
}

/// Kuwahara's filter: each pixel takes the mean of its calmest quarter, which makes brush-like patches with clear edges.
pub fn patches(canvas: &Canvas, radius: usize) -> Canvas {
    let (width, height) = (canvas.width, canvas.height);
    let row = width + 1;
    let mut sums = vec![[0.0_f64; 4]; row * (height + 1)];
    for y in 0..height {
        let mut line = [0.0_f64; 4];
        for x in 0..width {
            let pixel = canvas.pixels[y * width + x];
            let light = f64::from(pixel.luminance().max(0.0).sqrt());
            for (sum, add) in
                line.iter_mut().zip([f64::from(pixel.r), f64::from(pixel.g), f64::from(pixel.b), light * light])
            {
                *sum += add;
            }
            let above = sums[y * row + x + 1];
            for (i, sum) in sums[(y + 1) * row + x + 1].iter_mut().enumerate() {
                *sum = line[i] + above[i];
            }
        }
    }
    let (sums, unit) = (&sums, height as f32);
    let mut other = Canvas::new(width, height);
    other.shade(|px, py, _| {
        let (x, y) = ((px * unit) as usize, (py * unit) as usize);
        let mut best = (f32::MAX, Colour::default());
        for (left, top) in [(true, true), (false, true), (true, false), (false, false)] {
            let (x0, x1) = if left { (x.saturating_sub(radius), x + 1) } else { (x, (x + radius + 1).min(width)) };
            let (y0, y1) = if top { (y.saturating_sub(radius), y + 1) } else { (y, (y + radius + 1).min(height)) };
            let count = ((x1 - x0) * (y1 - y0)) as f64;
            let at = |i: usize| {
                (sums[y1 * row + x1][i] - sums[y0 * row + x1][i] - sums[y1 * row + x0][i] + sums[y0 * row + x0][i])
                    / count
            };
            let mean = Colour::new(at(0) as f32, at(1) as f32, at(2) as f32);
            // Mean of roots squared is not at hand; the luminance of the mean is close enough to judge calm.
            let spread = (at(3) as f32 - mean.luminance()).abs()
                + 0.25 * (mean.luminance() - canvas.pixels[y * width + x].luminance()).abs();
            if spread < best.0 {
                best = (spread, mean);
            }
        }
        best.1
    });
    other
}

fn watercolour(canvas: &mut Canvas, plan: &Plan) {
    let seed = plan.seed ^ 0xa90a;
    let source = canvas.clone();
    canvas.shade(|x, y, _| {
        let (dx, dy) = (fbm(x * 14.0, y * 14.0, 3, seed), fbm(x * 14.0 + 9.0, y * 14.0, 3, seed ^ 1));
        source.sample(x + dx * 0.006, y + dy * 0.006)
    });
    let washed = patches(canvas, (canvas.height / 95).max(2));
    let soft = washed.blurred((canvas.height / 220).max(1));
    let paper = Colour::new(0.955, 0.94, 0.90);
    let aspect = canvas.aspect();
    canvas.shade(|x, y, _| {
        let (wash, around) = (washed.sample(x, y), soft.sample(x, y));
        let rim = (around.luminance().sqrt() - wash.luminance().sqrt()).max(0.0);
        let pool = fbm(x * 3.2, y * 3.2, 4, seed ^ 2);
        let grain = noise(x * 210.0, y * 210.0, seed ^ 3) * 0.6 + noise(x * 95.0, y * 95.0, seed ^ 4) * 0.4;
        let density = (0.80 + 0.22 * pool + 0.11 * grain + rim * 1.6).clamp(0.25, 1.3);
        let lifted = wash.saturate(1.18);
        let pigment = |channel: f32, paper: f32| paper * (channel.clamp(0.02, 1.0) / 0.98).powf(density * 0.86);
        let colour = Colour::new(pigment(lifted.r, paper.r), pigment(lifted.g, paper.g), pigment(lifted.b, paper.b));
        let tooth = 1.0 + 0.035 * noise(x * 330.0, y * 330.0, seed ^ 5);
        let edge = (x.min(aspect - x)).min(y).min(1.0 - y);
        let ragged = 0.030 + 0.016 * fbm(x * 9.0, y * 9.0, 4, seed ^ 6) + 0.006 * grain;
        let inside = smooth(ragged - 0.004, ragged + 0.005, edge);
        let dark = 1.0 - 0.16 * smooth(0.014, 0.0, (edge - ragged).abs()) * inside;
        paper.mix(colour * dark, inside) * tooth
    });
}

fn oil(canvas: &mut Canvas, plan: &Plan) {
    let seed = plan.seed ^ 0x011;
    let base = patches(canvas, (canvas.height / 150).max(2));
    // The height of the paint: streaks that follow the forms of a slow field.
    let relief = |x: f32, y: f32| {
        let angle = 2.4 * fbm(x * 1.6, y * 1.6, 2, seed);
        let (sin, cos) = angle.sin_cos();
        let (u, v) = (x * cos + y * sin, y * cos - x * sin);
        noise(u * 26.0, v * 150.0, seed ^ 1) + 0.5 * noise(u * 55.0, v * 300.0, seed ^ 2)
    };
    canvas.shade(|x, y, _| {
        let here = relief(x, y);
        let slope = here - relief(x - 0.0016, y - 0.0016);
        let angle = 2.4 * fbm(x * 1.6, y * 1.6, 2, seed);
        let (sin, cos) = angle.sin_cos();
        let push = 0.004 * noise(x * 60.0, y * 60.0, seed ^ 3);
        let colour = base.sample(x + cos * push - sin * here * 0.003, y + sin * push + cos * here * 0.003);
        colour.saturate(1.16) * (1.0 + 0.055 * here + 0.16 * slope).clamp(0.72, 1.35)
    });
}
