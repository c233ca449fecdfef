//! Pictures of no place: silk, paper waves, rings, tiles. Their colours and their order come from the words' hash.
use super::{
    canvas::Canvas,
    colour::{Colour, Ramp},
    noise::{cell, cell_bits, fbm, noise, smooth},
    plan::Plan,
    words::Word,
};

pub fn paint(canvas: &mut Canvas, plan: &Plan) {
    let kind = match () {
        () if plan.has(Word::Rings) => 2,
        () if plan.has(Word::Waves) => 1,
        () if plan.has(Word::Flow) => 0,
        () if plan.has(Word::Geometric) || plan.has(Word::Cubist) => 3,
        () => [0, 1, 2, 0, 1, 3][plan.dice(40).pick(6)],
    };
    match kind {
        0 => silk(canvas, plan),
        1 => paper(canvas, plan),
        2 => rings(canvas, plan),
        _ => tiles(canvas, plan),
    }
}

fn ramp(plan: &Plan) -> Ramp {
    let [a, b, c, d, e] = plan.palette.five;
    Ramp::new(&[(0.0, a), (0.26, b), (0.5, c), (0.72, e), (1.0, d)])
}

/// Folded cloth: noise that bends itself, lit from the upper left.
fn silk(canvas: &mut Canvas, plan: &Plan) {
    let (ramp, seed) = (ramp(plan), plan.seed);
    let fold = |x: f32, y: f32| {
        let qx = fbm(x * 0.8, y * 0.8, 3, seed);
        let qy = fbm(x * 0.8 + 5.2, y * 0.8 + 1.3, 3, seed ^ 1);
        let rx = fbm(x * 0.9 + 2.1 * qx + 1.7, y * 0.9 + 2.1 * qy + 9.2, 3, seed ^ 2);
        let height = fbm(x * 0.7 + 2.4 * rx, y * 0.7 + 2.0 * qy + rx, 3, seed ^ 3);
        (height, rx)
    };
    canvas.shade(|x, y, _| {
        let (here, turn) = fold(x, y);
        let slope = (fold(x - 0.006, y).0 - here, fold(x, y - 0.006).0 - here);
        let light = 1.0 + (slope.0 * 0.6 + slope.1) * 15.0;
        let thread = 0.02 * (here * 260.0).sin();
        let base = ramp.at((0.5 + here * 0.95 + turn * 0.25).clamp(0.0, 1.0));
        let shine = (light - 1.12).max(0.0) * 0.5;
        base * (light + thread).clamp(0.28, 1.5) + plan.palette.five[3] * shine.min(0.5)
    });
}

/// Layers of cut paper, each with its shadow on the one behind.
fn paper(canvas: &mut Canvas, plan: &Plan) {
    let (ramp, seed) = (ramp(plan), plan.seed);
    let layers = 10;
    let unit = canvas.pixel();
    let edges: Vec<Vec<f32>> = (0..layers)
        .map(|layer| {
            let base = 0.10 + 0.90 * layer as f32 / layers as f32;
            let swing = 0.11 + 0.03 * cell(layer, 3, seed);
            let line = |x: f32| {
                base + swing * noise(x * 1.1 + 0.35 * layer as f32, layer as f32 * 0.45, seed)
                    + 0.35 * swing * noise(x * 2.4, layer as f32 * 1.7, seed ^ 5)
            };
            (0..=canvas.width).map(|at| line(at as f32 * unit)).collect()
        })
        .collect();
    let sun = (plan.aspect * plan.focus, 0.24);
    let disc = 0.115 * plan.scale();
    let tall = canvas.height as f32;
    canvas.shade(|x, y, _| {
        let column = (x * tall) as usize;
        let mut colour = ramp.at(0.96) * 1.02;
        let far = (x - sun.0).hypot(y - sun.1);
        colour = colour.mix(plan.palette.accent, smooth(disc + unit, disc - unit, far) * 0.92);
        for (layer, edge) in edges.iter().enumerate() {
            let deep = y - edge.get(column).copied().unwrap_or(1.0);
            let shadow = smooth(-0.055, 0.004, deep) * 0.42;
            let share = smooth(-unit, unit, deep);
            let t = 0.86 - 0.86 * layer as f32 / (layers - 1) as f32;
            let fibre = 1.0 + 0.035 * noise(x * 260.0, y * 260.0, seed ^ layer as u32);
            let body = ramp.at(t) * (fibre + 0.10 * smooth(0.012, 0.0, deep) - 0.22 * smooth(0.0, 0.30, deep));
            colour = (colour * (1.0 - shadow)).mix(body, share);
        }
        colour
    });
}

/// Rings that wander like the years of a tree or the bands of an agate.
fn rings(canvas: &mut Canvas, plan: &Plan) {
    let (ramp, seed, unit) = (ramp(plan), plan.seed, canvas.pixel());
    let heart = (plan.aspect * plan.focus, if plan.has(Word::Symmetric) { 0.5 } else { 0.56 });
    let field = |x: f32, y: f32| {
        let warp = fbm(x * 1.5, y * 1.5, 4, seed);
        let fine = fbm(x * 5.0, y * 5.0, 3, seed ^ 1);
        (x - heart.0).hypot((y - heart.1) * 1.08) + 0.16 * warp + 0.014 * fine
    };
    canvas.shade(|x, y, _| {
        let far = field(x, y);
        let wide = 21.0;
        let band = (far * wide).floor();
        let inside = (far * wide).rem_euclid(1.0);
        let tone = 0.5 + 0.5 * (far * 5.2 + 1.3 * noise(band * 0.37, 2.0, seed)).sin();
        let next = 0.5 + 0.5 * (far * 5.2 + 1.3 * noise((band + 1.0) * 0.37, 2.0, seed)).sin();
        let soft = wide * unit * 1.5;
        let t = tone + (next - tone) * smooth(1.0 - soft.min(0.3), 1.0, inside);
        let line = smooth(0.05, 0.0, inside) * 0.22;
        let crystal = 0.10 * noise(x * 42.0 + far * 30.0, y * 42.0, seed ^ 6) * cell(band as i32, 5, seed);
        let core = (-(far * 7.0).powi(2)).exp();
        let glow = plan.palette.five[3] * (0.5 * core);
        ramp.at(t) * (0.92 + 0.22 * inside - line + crystal) + glow
    });
}

/// A wall of tiles: quarter circles, discs, leaves and steps in a few flat colours.
fn tiles(canvas: &mut Canvas, plan: &Plan) {
    let seed = plan.seed;
    let count = if plan.has(Word::Minimal) { 4.0 } else { 6.0 };
    let unit = canvas.pixel() * count;
    let five = plan.palette.five;
    let paper = Colour::new(0.90, 0.87, 0.80);
    canvas.shade(|x, y, _| {
        let (gx, gy) = ((x * count).floor(), (y * count).floor());
        let bits = cell_bits(gx as i32, gy as i32, seed);
        let (mut u, mut v) = (x * count - gx, y * count - gy);
        if bits & 1 == 1 {
            u = 1.0 - u;
        }
        if bits & 2 == 2 {
            v = 1.0 - v;
        }
        let ground = if bits & 12 == 0 { paper } else { five[(bits >> 4) as usize % 5] };
        let first = five[((bits >> 4) as usize + 1 + (bits >> 9) as usize % 3) % 5];
        let second = if (bits >> 14) & 1 == 1 { paper } else { five[((bits >> 4) as usize + 4) % 5] };
        let inside = |radius: f32, far: f32| smooth(radius + unit, radius - unit, far);
        let corner = u.hypot(v);
        let middle = (u - 0.5).hypot(v - 0.5);
        let colour = match (bits >> 16) % 7 {
            0 => ground.mix(first, inside(1.0, corner)).mix(second, inside(0.5, corner)),
            1 => ground.mix(first, inside(0.42, middle)).mix(second, inside(0.18, middle)),
            2 => ground.mix(first, inside(1.0, corner) * inside(1.0, (1.0 - u).hypot(1.0 - v))),
            3 => ground.mix(first, smooth(-unit, unit, u - v)),
            4 => ground.mix(first, inside(0.5, u.hypot(v - 0.5))).mix(second, inside(0.5, (1.0 - u).hypot(v - 0.5))),
            5 => ground.mix(first, smooth(0.12, 0.12 + unit * 6.0, (u * 4.0 + 0.5).rem_euclid(1.0) - 0.38)),
            _ => {
                let ring = (corner * 4.0).rem_euclid(1.0);
                ground.mix(first, smooth(0.5 - unit * 4.0, 0.5 + unit * 4.0, ring) * inside(1.0, corner))
            }
        };
        let light = 0.95 + 0.05 * fbm(x * 3.0, y * 3.0, 3, seed) + 0.03 * noise(x * 300.0, y * 300.0, seed);
        colour * light
    });
}
