//! Water: a mirror that breaks into ripples the nearer it comes, with the sun's path on it.
use super::{
    canvas::Canvas,
    noise::{fbm, noise, smooth},
    palette::Light,
    plan::{Ground, Plan},
    words::Word,
};

/// Paints from the horizon down, mirroring what is above.
pub fn paint(canvas: &mut Canvas, plan: &Plan) {
    let above = canvas.clone();
    let seed = plan.seed ^ 0x3a7e;
    let (horizon, palette) = (plan.horizon, &plan.palette);
    let open = matches!(plan.ground, Ground::Sea | Ground::Island);
    let rough = match () {
        () if plan.has(Word::Storm) || plan.has(Word::Waves) => 2.6,
        () if open => 1.35,
        () => 0.5,
    };
    let sun_power = if plan.shows_disc {
        match plan.light {
            Light::Sunset | Light::Dawn => 1.5,
            Light::Night => 0.55,
            _ => 0.8,
        }
    } else {
        0.15
    };
    canvas.shade_between(horizon, 1.0, |x, y, under| {
        let deep = y - horizon;
        if deep < 0.0 {
            return under;
        }
        // Perspective: waves shrink and flatten towards the horizon.
        let far = 1.0 / (deep + 0.035);
        let (u, v) = ((x - plan.aspect * 0.5) * far * 0.75, far * 2.3);
        let wave = fbm(u * 1.4 + 3.0, v * 2.0, 5, seed);
        let swell = noise(u * 0.55 + wave * 0.3, v * 0.9, seed ^ 4);
        let tilt = (0.65 * wave + 0.35 * swell) * rough;
        let bend = tilt * (0.012 + deep * 0.16);
        let mirror_y = (horizon - deep * 0.92 + bend).clamp(0.002, horizon - 0.002);
        let seen = above.sample(x + bend * 0.35, mirror_y);
        let fresnel = (0.80 - deep * 0.75 - 0.22 * tilt.max(0.0)).clamp(0.18, 0.9);
        let mut body = palette.water.mix(palette.sky[1], 0.12 + 0.25 * smooth(0.0, 0.8, tilt));
        if open && rough < 2.0 && plan.light == Light::Day {
            body = body.mix(super::colour::Lch(0.68, 0.11, 195.0).colour(), smooth(0.15, 0.45, deep) * 0.35);
        }
        let mut colour = body.mix(seen, fresnel);
        // The path: facets that happen to look at the sun.
        let reach = 0.035 + deep * 0.34 * (0.6 + 0.4 * rough.min(1.4));
        let path = (-((x - plan.sun.0) / reach).powi(2)).exp();
        let facet = smooth(0.05, 0.42, noise(u * 5.0 + wave, v * 7.0, seed ^ 9) + 0.35 * wave);
        colour = colour + palette.glow * (path * facet * sun_power * (0.9 - deep).max(0.2));
        if rough > 2.0 {
            let foam = smooth(0.34, 0.6, fbm(u * 2.2 + wave, v * 3.2, 4, seed ^ 6) + 0.25 * swell);
            colour = colour.mix(palette.cloud_light, foam * smooth(0.0, 0.2, deep) * 0.8);
        }
        colour.mix(palette.haze, smooth(0.06, 0.0, deep) * (0.25 + 0.6 * plan.mist))
    });
}

/// A heavy sea: rows of peaked waves with foam running down from their crests.
pub fn waves(canvas: &mut Canvas, plan: &Plan) {
    let (palette, horizon) = (&plan.palette, plan.horizon);
    let rows = 7_u32;
    for row in 0..rows {
        let near = row as f32 / (rows - 1) as f32;
        let seed = plan.seed ^ (row * 659 + 5);
        let foot = horizon + 0.035 + (1.0 - horizon) * near.powf(1.5) * 0.95;
        let swing = 0.018 + 0.13 * near;
        let rough = 5.2 - 3.4 * near;
        let line = |x: f32| {
            let lean = 0.10 * noise(x * rough * 0.7, 8.0, seed ^ 3);
            let crest = 1.0 - noise((x + lean) * rough, row as f32 * 3.7, seed).abs();
            foot - swing * (crest.powi(3) * 0.85 + 0.30 * noise(x * rough * 0.45, 2.0, seed ^ 1))
        };
        super::terrain::below(canvas, line, 1.0, |x, y, deep, _| {
            let run = deep / swing.max(0.01);
            let curl = fbm(x * (15.0 - 7.0 * near), (deep * 9.0 + y) * (9.0 - 3.0 * near), 4, seed ^ 7);
            let body = palette.water * (0.62 + 0.25 * curl);
            let clear = palette.water.mix(super::colour::Lch(0.62, 0.07, 185.0).colour(), 0.55)
                * if plan.is_dark() { 0.5 } else { 1.0 };
            let back = body.mix(clear, smooth(0.75, 0.0, run + 0.35 * curl) * 0.7);
            let lace = smooth(0.10, 0.42, ridge(curl) * smooth(1.1, 0.05, run) - 0.45 * run);
            let lip = smooth(0.10 + 0.10 * curl, 0.0, run);
            let foam = palette.cloud_light * if plan.is_dark() { 0.9 } else { 1.15 };
            let toward = (-((x - plan.sun.0) / 0.35).powi(2)).exp();
            (back + palette.glow * (0.05 * toward * smooth(0.5, 0.0, run)))
                .mix(foam, (lip * 0.85).max(lace * 0.75))
                .mix(palette.haze, (1.0 - near).powi(2) * 0.5)
        });
    }
}

fn ridge(n: f32) -> f32 {
    (1.0 - n.abs() * 2.2).max(0.0)
}

/// A pale line where the water meets the land, and mist lying on it.
pub fn mist(canvas: &mut Canvas, plan: &Plan) {
    if plan.mist < 0.3 {
        return;
    }
    let seed = plan.seed ^ 0x9157;
    let (haze, horizon) = (plan.palette.haze, plan.horizon.min(0.8));
    let strength = if plan.has(Word::Fog) { 0.95 } else { 0.3 };
    canvas.shade(|x, y, under| {
        let near = (-((y - horizon - 0.02) / 0.16).powi(2)).exp();
        let drift = smooth(-0.5, 0.6, fbm(x * 1.1, y * 4.5, 4, seed));
        let whole = if plan.has(Word::Fog) { 0.27 } else { 0.0 };
        under.mix(haze, (near * drift * strength + whole).min(0.92))
    });
}
