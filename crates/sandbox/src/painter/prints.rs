//! Pictures of few colours: pixels, halftone in two inks, flat shapes.
use super::{
    canvas::Canvas,
    colour::{Colour, Lch},
    noise::{noise, smooth},
    plan::Plan,
    style::patches,
};

const BAYER: [[f32; 4]; 4] =
    [[0.0, 8.0, 2.0, 10.0], [12.0, 4.0, 14.0, 6.0], [3.0, 11.0, 1.0, 9.0], [15.0, 7.0, 13.0, 5.0]];

/// Blocks with ordered dithering between few steps of tone and hue.
pub fn pixels(canvas: &mut Canvas) {
    let factor = (canvas.height.min(canvas.width) / 144).max(1);
    let small = canvas.shrunk(factor);
    let blocks: Vec<Colour> = small
        .pixels
        .iter()
        .enumerate()
        .map(|(at, pixel)| {
            let (x, y) = (at % small.width, at / small.width);
            let dither = (BAYER[y % 4][x % 4] + 0.5) / 16.0 - 0.5;
            let [l, a, b] = pixel.saturate(1.12).lab();
            let step = |value: f32, size: f32, share: f32| ((value / size + dither * share).round()) * size;
            Colour::of_lab([step(l, 0.075, 0.8), step(a, 0.035, 0.7), step(b, 0.035, 0.7)])
        })
        .collect();
    let (width, columns, rows) = (canvas.width, small.width, small.height);
    for (at, pixel) in canvas.pixels.iter_mut().enumerate() {
        let (x, y) = ((at % width / factor).min(columns - 1), (at / width / factor).min(rows - 1));
        *pixel = blocks[y * columns + x];
    }
}

/// A risograph: two inks as dots on warm paper, the second a little off.
pub fn halftone(canvas: &mut Canvas, plan: &Plan) {
    let seed = plan.seed ^ 0x4150;
    let mut source = canvas.blurred((canvas.height / 600).max(1));
    stretch(&mut source);
    let paper = Lch(0.955, 0.022, 88.0).colour();
    let pairs = [(262.0, 32.0), (205.0, 15.0), (285.0, 70.0), (175.0, 45.0)];
    let (deep, bright) = pairs[plan.dice(71).pick(pairs.len())];
    let (first, second) = (Lch(0.40, 0.12, deep).colour(), Lch(0.70, 0.18, bright).colour());
    let dots = |x: f32, y: f32, angle: f32, cover: f32, grid: f32| {
        let (sin, cos) = angle.sin_cos();
        let (u, v) = ((x * cos + y * sin) * grid, (y * cos - x * sin) * grid);
        let wave = 0.25 * ((u * std::f32::consts::TAU).cos() + (v * std::f32::consts::TAU).cos()) + 0.5;
        smooth(1.0 - cover - 0.16, 1.0 - cover + 0.16, wave * 0.94 + 0.03) * smooth(0.02, 0.10, cover)
    };
    canvas.shade(|x, y, _| {
        let [light, a, b] = source.sample(x, y).lab();
        let off = source.sample(x + 0.0035, y - 0.0022).lab();
        let dark = smooth(0.92, 0.12, light);
        let warm = (0.8 * smooth(0.99, 0.35, off[0]) + 3.0 * (off[1] + 0.6 * off[2]).max(0.0)
            - 2.0 * (-a - b).max(0.0))
        .clamp(0.0, 0.95);
        let worn = 1.0 - 0.10 * smooth(0.2, 0.7, noise(x * 230.0, y * 230.0, seed));
        let one = dots(x, y, 0.26, dark * 0.98, 116.0) * worn;
        let two = dots(x, y, 1.31, warm * smooth(0.05, 0.35, off[0]), 116.0) * worn;
        paper.mix(paper.through(second), two * 0.95).mix(paper.through(first), one * 0.95)
    });
}

/// Two inks need the whole range: the darkest place becomes ink, the brightest paper.
pub fn stretch(canvas: &mut Canvas) {
    let mut tones: Vec<f32> = canvas.pixels.iter().step_by(97).map(|pixel| pixel.lab()[0]).collect();
    tones.sort_by(f32::total_cmp);
    let at = |share: f32| tones.get((tones.len() as f32 * share) as usize).copied().unwrap_or(0.5);
    let (low, high, middle) = (at(0.02), at(0.985), at(0.5));
    let wide = (high - low).max(0.05);
    let bend = (0.50_f32.ln() / ((middle - low) / wide).clamp(0.1, 0.9).ln()).clamp(0.5, 1.6);
    canvas.shade(|_, _, under| {
        let [l, a, b] = under.lab();
        let t = ((l - low) / wide).clamp(0.0, 1.0).powf(bend);
        Colour::of_lab([0.10 + 0.86 * t, a, b])
    });
}

/// Clear shapes in calm steps of tone, as an illustrator would fill them.
pub fn flat(canvas: &mut Canvas) {
    let calm = patches(&patches(canvas, (canvas.height / 130).max(2)), (canvas.height / 170).max(2));
    canvas.shade(|x, y, _| {
        let [l, a, b] = calm.sample(x, y).lab();
        let steps = 11.0;
        let level = l * steps;
        let held = (level.floor() + smooth(0.40, 0.60, level.fract())) / steps;
        Colour::of_lab([held, a * 1.2, b * 1.2])
    });
}
