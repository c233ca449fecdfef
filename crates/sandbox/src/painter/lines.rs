//! Drawn pictures: ink wash, pencil hatching, outlines.
use super::{
    canvas::Canvas,
    colour::{Colour, Lch},
    noise::{fbm, noise, smooth},
    plan::Plan,
    style::patches,
    words::Word,
};

/// How strongly the tone changes at a place.
fn contour(canvas: &Canvas, x: f32, y: f32, reach: f32) -> f32 {
    let tone = |dx: f32, dy: f32| {
        let lab = canvas.sample(x + dx * reach, y + dy * reach).lab();
        (lab[0], lab[1] + lab[2])
    };
    let (l, r, t, b) = (tone(-1.0, 0.0), tone(1.0, 0.0), tone(0.0, -1.0), tone(0.0, 1.0));
    (r.0 - l.0).hypot(b.0 - t.0) + 0.5 * (r.1 - l.1).hypot(b.1 - t.1)
}

/// Brush and ink: washes of grey that pool, dark contours, warm paper, a red seal.
pub fn ink(canvas: &mut Canvas, plan: &Plan) {
    let seed = plan.seed ^ 0x17c;
    let mut tones = patches(canvas, (canvas.height / 110).max(2));
    super::prints::stretch(&mut tones);
    let paper = Lch(0.955, 0.018, 85.0).colour();
    let black = Lch(0.20, 0.015, 260.0).colour();
    let unit = canvas.pixel();
    canvas.shade(|x, y, _| {
        let (dx, dy) = (0.004 * fbm(x * 18.0, y * 18.0, 3, seed), 0.004 * fbm(x * 18.0, y * 18.0 + 7.0, 3, seed));
        let seen = tones.sample(x + dx, y + dy);
        let light = seen.lab()[0];
        let pool = fbm(x * 4.0, y * 4.0, 4, seed ^ 1);
        let fibre = noise(x * 180.0, y * 60.0, seed ^ 2);
        let wash = smooth(0.86, 0.16, light + 0.05 * pool + 0.02 * fibre).powf(1.25) * 0.92;
        let brush = contour(&tones, x + dx, y + dy, unit * 2.2);
        let dry = smooth(-0.5, 0.3, noise(x * 120.0, y * 120.0, seed ^ 3) + brush * 2.0);
        let line = smooth(0.06, 0.22, brush) * dry * 0.75;
        let sheet = paper * (1.0 + 0.02 * fibre + 0.015 * pool);
        let tint = if plan.has(Word::Vivid) || plan.has(Word::Red) { seen.saturate(1.2) } else { sheet };
        sheet.mix(tint, 0.25).mix(black, (wash + line).min(0.97))
    });
    seal(canvas, plan);
}

fn seal(canvas: &mut Canvas, plan: &Plan) {
    let (s, aspect) = (0.026 * plan.scale(), canvas.aspect());
    let at = (aspect - 0.085, 0.085);
    let red = Lch(0.52, 0.19, 28.0).colour();
    let seed = plan.seed;
    canvas.shade_between(at.1 - s * 1.5, at.1 + s * 1.5, |x, y, under| {
        let (u, v) = ((x - at.0) / s, (y - at.1) / s);
        if u.abs() > 1.0 || v.abs() > 1.0 {
            return under;
        }
        let (gx, gy) = (((u + 1.0) * 3.5) as i32, ((v + 1.0) * 3.5) as i32);
        let cut = (1..6).contains(&gx) && (1..6).contains(&gy) && super::noise::cell(gx.min(6 - gx), gy, seed) < 0.5;
        let worn = smooth(-0.75, -0.3, noise(x * 160.0, y * 160.0, seed));
        under.mix(red, if cut { 0.0 } else { 0.9 * worn })
    });
}

/// Graphite: hatching in four directions, darker where the picture is.
pub fn pencil(canvas: &mut Canvas, plan: &Plan) {
    let seed = plan.seed ^ 0x9e4;
    let mut tones = canvas.blurred((canvas.height / 700).max(1));
    super::prints::stretch(&mut tones);
    let paper = Lch(0.965, 0.008, 90.0).colour();
    let lead = Lch(0.27, 0.01, 265.0).colour();
    let unit = canvas.pixel();
    canvas.shade(|x, y, _| {
        let light = tones.sample(x, y).lab()[0];
        let tooth = noise(x * 300.0, y * 300.0, seed) * 0.5 + noise(x * 140.0, y * 140.0, seed ^ 1) * 0.5;
        let mut ink = 0.0_f32;
        for (index, (angle, limit)) in
            [(0.7_f32, 0.86_f32), (0.95, 0.66), (-0.55, 0.50), (1.5, 0.34)].into_iter().enumerate()
        {
            let (sin, cos) = angle.sin_cos();
            let bend = 0.010 * fbm(x * 5.0, y * 5.0, 2, seed ^ index as u32);
            let across = ((x * cos + y * sin + bend) * 165.0).rem_euclid(1.0) - 0.5;
            let need = ((limit - light) * 2.6).clamp(0.0, 1.0);
            ink = ink.max(smooth(0.42 * need + 0.03, 0.10 * need, across.abs()) * need.sqrt() * (0.75 + 0.5 * tooth));
        }
        let edge = smooth(0.05, 0.20, contour(&tones, x, y, unit * 1.6)) * (0.8 + 0.3 * tooth);
        let smear = ((0.75 - light) * 0.42).max(0.0);
        paper.mix(lead, (ink * 0.72).max(edge).max(smear).min(0.95)) * (1.0 + 0.02 * tooth)
    });
}

/// Nothing but contours: dark on paper, or white on blue for a blueprint.
pub fn outline(canvas: &mut Canvas, plan: &Plan) {
    let seed = plan.seed ^ 0x11e;
    let tones = patches(canvas, (canvas.height / 160).max(2));
    let blue = plan.has(Word::Blue) || plan.dice(61).chance(0.35);
    let (sheet, pen) = if blue {
        (Lch(0.36, 0.10, 255.0).colour(), Colour::new(0.92, 0.96, 1.0))
    } else {
        (Lch(0.965, 0.012, 85.0).colour(), Lch(0.24, 0.04, 265.0).colour())
    };
    let unit = canvas.pixel();
    canvas.shade(|x, y, _| {
        let wobble = 0.0014 * fbm(x * 20.0, y * 20.0, 2, seed);
        let strength = contour(&tones, x + wobble, y + wobble, unit * 1.5);
        let line = smooth(0.045, 0.13, strength);
        let level = (tones.sample(x, y).lab()[0] * 9.0).rem_euclid(1.0);
        let iso = smooth(0.06, 0.0, level.min(1.0 - level)) * 0.16 * (1.0 - line);
        let grid = if blue { grid_line(x, y, unit) * 0.12 } else { 0.0 };
        let tint = tones.sample(x, y);
        let wash = if blue { 0.0 } else { 0.10 };
        sheet.mix(tint, wash).mix(pen, (line * 0.95 + iso + grid).min(1.0))
    });
}

fn grid_line(x: f32, y: f32, unit: f32) -> f32 {
    let near = |v: f32| {
        let r = (v * 20.0).rem_euclid(1.0);
        smooth(unit * 30.0, unit * 10.0, r.min(1.0 - r))
    };
    near(x).max(near(y))
}
