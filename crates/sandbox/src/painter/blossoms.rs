//! Blossoms seen close, before a soft background of light.
use super::{
    canvas::{Canvas, Point, Shape, curve},
    colour::{Lch, Ramp},
    noise::{Dice, fbm, noise, smooth},
    plan::Plan,
    words::Word,
};

/// One main blossom at the focus, smaller ones around it.
pub fn flowers(canvas: &mut Canvas, plan: &Plan) {
    let mut dice = plan.dice(740);
    let (a, s) = (plan.aspect, plan.scale());
    backdrop(canvas, plan);
    let count = if plan.has(Word::Minimal) { 1 } else { 6 };
    let green = Lch(0.45, 0.09, 140.0).colour();
    for index in 0..count {
        let main = index == count - 1;
        let place =
            if main { plan.focus * a } else { a * (0.14 + 0.72 * (index as f32 + dice.unit() * 0.6) / count as f32) };
        let size = s * if main { 0.23 } else { dice.between(0.09, 0.15) };
        let centre = (place, if main { 0.42 } else { dice.between(0.36, 0.7) });
        let mut stem = Shape::on(canvas);
        let foot = (place + dice.between(-0.1, 0.1), 1.05);
        let middle = ((centre.0 + foot.0) * 0.5 + dice.between(-0.05, 0.05), (centre.1 + foot.1) * 0.5);
        stem.stroke(centre, middle, 0.010 * s, 0.012 * s).stroke(middle, foot, 0.012 * s, 0.016 * s);
        for side in [-1.0, 1.0] {
            let tip = (middle.0 + side * size * 0.95, middle.1 - size * 0.35);
            stem.polygon(&curve(&[
                middle,
                (middle.0 + side * size * 0.35, middle.1 - size * 0.42),
                tip,
                (middle.0 + side * size * 0.5, middle.1 + 0.02),
            ]));
        }
        let depth = if main { 1.0 } else { 0.6 };
        canvas.fill(&stem, |x, y, under| {
            under.mix(green * (0.75 + 0.5 * noise(x * 9.0, y * 14.0, plan.seed)), 0.55 + 0.4 * depth)
        });
        blossom(canvas, plan, centre, size, &mut dice);
    }
}

fn blossom(canvas: &mut Canvas, plan: &Plan, centre: Point, size: f32, dice: &mut Dice) {
    let petal_hue = hue(plan, dice);
    let pale = if plan.has(Word::Pastel) { 0.14 } else { 0.0 };
    let fresh = if plan.has(Word::Mono) { 0.0 } else { 1.0 };
    let light = if plan.is_dark() { 0.55 } else { 1.0 };
    let outer = Lch(0.71 + pale, (0.155 - pale * 0.5) * fresh, petal_hue).colour() * light;
    let inner = Lch(0.50 + pale, 0.185 * fresh, petal_hue - 12.0).colour() * light;
    let tip = Lch(0.90, 0.055 * fresh, petal_hue + 12.0).colour() * light;
    let petals = 7 + dice.pick(5);
    let turn = dice.between(0.0, 6.0);
    for ring in 0..4 {
        let reach = size * (1.0 - 0.21 * ring as f32);
        for petal in 0..petals {
            let angle = turn
                + ring as f32 * 0.37
                + petal as f32 / petals as f32 * std::f32::consts::TAU
                + dice.between(-0.08, 0.08);
            let long = reach * dice.between(0.9, 1.06);
            let wide = reach * 2.4 / petals as f32;
            let (sin, cos) = angle.sin_cos();
            let at = |along: f32, side: f32| {
                let (u, v) = (along * long, side * wide);
                (centre.0 + u * cos - v * sin, centre.1 + (u * sin + v * cos) * 0.86)
            };
            let mut shape = Shape::on(canvas);
            shape.polygon(&curve(&[
                at(0.03, 0.0),
                at(0.45, 0.8),
                at(0.85, 0.75),
                at(1.0, 0.0),
                at(0.85, -0.75),
                at(0.45, -0.8),
            ]));
            let shade = dice.between(0.82, 1.08) * (0.74 + 0.1 * ring as f32);
            canvas.fill(&shape, |x, y, _| {
                let (dx, dy) = (x - centre.0, (y - centre.1) / 0.86);
                let out = (dx.hypot(dy) / long).clamp(0.0, 1.0);
                let side = ((-sin * dx + cos * dy) / wide).clamp(-1.0, 1.0);
                let vein = 0.022 * (side * 19.0).sin() * out;
                let fold = 1.0 - 0.28 * side.abs() + 0.18 * side * (0.5 - sin * 0.5);
                (inner * 0.7).mix(outer, smooth(0.0, 0.65, out)).mix(tip, smooth(0.62, 1.05, out) * 0.75)
                    * (shade * fold + vein + 0.16 * out)
            });
        }
    }
    let mut heart = Shape::on(canvas);
    for i in 0..40 {
        let (far, angle) = (size * 0.17 * (i as f32 / 40.0).sqrt(), i as f32 * 2.4);
        heart.ellipse((centre.0 + far * angle.cos(), centre.1 + far * angle.sin() * 0.86), size * 0.022, size * 0.022);
    }
    let gold = Lch(0.80, 0.15, 82.0).colour();
    canvas.fill(&heart, |x, y, _| gold * (0.75 + 0.5 * noise(x * 90.0, y * 90.0, plan.seed)));
}

/// The hue the words ask for, or one of those flowers like to have.
fn hue(plan: &Plan, dice: &mut Dice) -> f32 {
    let named = [
        (Word::Red, 22.0),
        (Word::Pink, 355.0),
        (Word::Violet, 305.0),
        (Word::Blue, 265.0),
        (Word::Gold, 88.0),
        (Word::Amber, 68.0),
        (Word::Teal, 195.0),
        (Word::Warm, 42.0),
        (Word::Cool, 275.0),
    ];
    let drift = dice.between(-14.0, 14.0);
    match named.iter().find(|(word, _)| plan.has(*word)) {
        Some((_, hue)) => hue + drift,
        None => {
            let base = [355.0, 12.0, 305.0, 40.0, 330.0][plan.dice(745).pick(5)];
            base + drift + if dice.chance(0.3) { 42.0 } else { 0.0 }
        }
    }
}

/// A garden out of focus: leaves and light as soft discs.
fn backdrop(canvas: &mut Canvas, plan: &Plan) {
    let mut dice = plan.dice(746);
    let palette = &plan.palette;
    let dark = if plan.is_dark() { 0.35 } else { 1.0 };
    let leaf = Lch(0.42, 0.07, 150.0).colour().mix(palette.land, 0.35) * dark;
    let ramp = Ramp::new(&[(0.0, palette.sky[2] * dark), (0.45, leaf.mix(palette.haze, 0.45)), (1.0, leaf * 0.55)]);
    let seed = plan.seed ^ 0xb0ce;
    canvas.shade(|x, y, _| ramp.at(y * 0.85 + 0.12 + 0.22 * fbm(x * 1.6, y * 1.6, 3, seed)));
    for _ in 0..34 {
        let at = (dice.unit() * plan.aspect, dice.unit().powf(1.2));
        let size = plan.scale() * dice.between(0.018, 0.075);
        let light = palette.haze.mix(palette.glow, dice.unit()).mix(leaf * 1.8, dice.unit() * 0.7);
        let strength = dice.between(0.06, 0.22);
        let mut disc = Shape::on(canvas);
        disc.ellipse(at, size, size);
        canvas.fill(&disc, |x, y, under| {
            let far = (x - at.0).hypot(y - at.1) / size;
            under + light * (strength * (0.55 + 0.45 * smooth(0.6, 0.98, far)) * dark)
        });
    }
    *canvas = canvas.blurred((canvas.height / 330).max(1));
}
