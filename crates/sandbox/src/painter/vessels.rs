//! Things that float: a sailing boat with its reflection, balloons, lanterns, fireflies.
use super::{
    canvas::{Canvas, Point, Shape, curve},
    colour::{Colour, Lch},
    noise::{noise, smooth},
    plan::Plan,
    structures::glow,
};

pub fn boat(canvas: &mut Canvas, plan: &Plan) {
    let mut dice = plan.dice(900);
    let at = (plan.focus * plan.aspect, plan.horizon + dice.between(0.09, 0.13));
    let s = 0.24 * plan.scale();
    let seed = plan.seed ^ 0xb0a7;
    let sail = Lch(0.95, 0.03, 80.0).colour().through(plan.palette.cloud_light.mix(plan.palette.glow, 0.5));
    let hull = plan.palette.land.mix(Lch(0.38, 0.08, 35.0).colour(), 0.4);
    let dim = if plan.is_dark() { 0.4 } else { 1.0 };
    // First the reflection: the same boat upside down, broken by the ripples.
    for (way, share) in [(-0.8_f32, 0.5_f32), (1.0, 1.0)] {
        let mut sails = Shape::on(canvas);
        let mut body = Shape::on(canvas);
        let put = |x: f32, y: f32| -> Point {
            let py = at.1 - y * s * way;
            let wobble = if way < 0.0 { 0.006 * noise(py * 160.0, x * 3.0, seed) } else { 0.0 };
            (at.0 + x * s + wobble, py)
        };
        let dense = |points: &[Point]| -> Vec<Point> { curve(points).into_iter().map(|p| put(p.0, p.1)).collect() };
        body.polygon(&dense(&[
            (-0.40, 0.08),
            (-0.30, -0.02),
            (0.0, -0.04),
            (0.30, -0.02),
            (0.46, 0.11),
            (0.2, 0.075),
            (-0.2, 0.065),
        ]));
        body.stroke(put(0.02, 0.05), put(0.02, 1.08), 0.018 * s, 0.010 * s);
        let side = |a: Point, b: Point, c: Point, belly: f32| -> Vec<Point> {
            let mut points = Vec::new();
            for (from, to, bend) in [(a, b, belly), (b, c, belly * 0.4), (c, a, 0.0)] {
                for i in 0..12 {
                    let t = i as f32 / 12.0;
                    let push = bend * (t * (1.0 - t)) * 4.0;
                    points.push(put(from.0 + (to.0 - from.0) * t + push, from.1 + (to.1 - from.1) * t));
                }
            }
            points
        };
        sails.polygon(&side((0.045, 1.05), (0.42, 0.17), (0.045, 0.14), 0.045));
        sails.polygon(&side((-0.005, 0.96), (-0.33, 0.16), (-0.005, 0.15), -0.03));
        canvas.fill(&body, |_, _, under| under.mix(hull, 0.95 * share));
        canvas.fill(&sails, |x, y, under| {
            let up = ((at.1 - y).abs() / s).clamp(0.0, 1.0);
            let round = 0.80 + 0.25 * smooth(-0.3, 0.35, (x - at.0) / s) - 0.10 * up;
            under.mix(sail * (round * dim), 0.94 * share)
        });
    }
}

pub fn balloons(canvas: &mut Canvas, plan: &Plan) {
    let mut dice = plan.dice(920);
    let count = if plan.has(super::words::Word::Minimal) { 1 } else { 4 };
    for index in 0..count {
        let main = index == count - 1;
        let s = plan.scale() * if main { 0.135 } else { dice.between(0.035, 0.07) };
        let x =
            if main { plan.focus } else { (0.12 + 0.8 * (index as f32 + dice.unit() * 0.7) / count as f32).min(0.95) };
        let y = if main { 0.29 } else { dice.between(0.12, 0.45) };
        let hues = [plan.palette.five[2], plan.palette.accent, plan.palette.five[3], plan.palette.five[1]];
        balloon(canvas, plan, (x * plan.aspect, y), s, [hues[index % 4], hues[(index + 1) % 4]], main);
    }
}

fn balloon(canvas: &mut Canvas, plan: &Plan, at: Point, s: f32, colours: [Colour; 2], near: bool) {
    let p = |x: f32, y: f32| (at.0 + x * s, at.1 + y * s);
    let mut ropes = Shape::on(canvas);
    for side in [-1.0, -0.4, 0.4, 1.0] {
        ropes.stroke(p(side * 0.26, 1.12), p(side * 0.13, 1.52), s * 0.014, s * 0.014);
    }
    let mut basket = Shape::on(canvas);
    basket.polygon(&[p(-0.15, 1.50), p(0.15, 1.50), p(0.12, 1.74), p(-0.12, 1.74)]);
    let straw = Lch(0.45, 0.08, 60.0).colour();
    canvas.fill(&ropes, |_, _, _| straw * 0.4);
    canvas.fill(&basket, |x, _, _| straw * (0.6 + 0.5 * ((x - at.0) / s + 0.2)));
    let mut skin = Shape::on(canvas);
    skin.polygon(&curve(&[
        p(0.0, -1.0),
        p(0.62, -0.80),
        p(0.96, -0.18),
        p(0.80, 0.42),
        p(0.27, 1.12),
        p(0.0, 1.16),
        p(-0.27, 1.12),
        p(-0.80, 0.42),
        p(-0.96, -0.18),
        p(-0.62, -0.80),
    ]));
    let toward = if plan.sun.0 > at.0 { 1.0 } else { -1.0 };
    let (haze, dark) = (plan.palette.haze, plan.is_dark());
    canvas.fill(&skin, |x, y, _| {
        let (u, v) = ((x - at.0) / s, (y - at.1) / s);
        let wide = if v < 0.0 { (1.0 - v * v).max(0.02).sqrt() } else { (1.0 - v * 0.62 - 0.08 * v * v).max(0.1) };
        let turn = (u / wide).clamp(-1.0, 1.0).asin() / std::f32::consts::PI + 0.5;
        let gore = (turn * 10.0).rem_euclid(2.0);
        let seam = smooth(0.0, 0.07, gore.rem_euclid(1.0)) * smooth(1.0, 0.93, gore.rem_euclid(1.0));
        let base = if (-0.35..-0.12).contains(&v) { Colour::new(0.93, 0.89, 0.80) } else { colours[gore as usize % 2] };
        let round = 0.42 + 0.58 * (0.55 + 0.55 * toward * u / wide - 0.25 * v).clamp(0.0, 1.2);
        let mut colour = base * (round * (0.8 + 0.2 * seam));
        if dark {
            colour = colour * 0.35 + base.through(plan.palette.lamp) * (0.9 * smooth(-0.6, 1.1, v));
        }
        colour.mix(haze, if near { 0.05 } else { 0.3 })
    });
    if dark {
        glow(canvas, p(0.0, 0.8), s * 1.2, plan.palette.lamp, 0.3);
    }
}

/// Paper lanterns rising into the dark.
pub fn lanterns(canvas: &mut Canvas, plan: &Plan) {
    let mut dice = plan.dice(940);
    for index in 0..26 {
        let far = 1.0 - index as f32 / 26.0;
        let s = plan.scale() * (0.007 + 0.026 * (1.0 - far).powi(2));
        let at = (dice.unit() * plan.aspect, dice.between(0.06, (plan.horizon * 1.1).min(0.85)));
        let mut shape = Shape::on(canvas);
        shape.polygon(&[
            (at.0 - s * 0.8, at.1 - s),
            (at.0 + s * 0.8, at.1 - s),
            (at.0 + s * 0.6, at.1 + s),
            (at.0 - s * 0.6, at.1 + s),
        ]);
        let light = plan.palette.lamp.mix(Lch(0.68, 0.19, 45.0).colour(), dice.unit() * 0.6);
        canvas.fill(&shape, |_, y, _| light * (0.8 + 1.0 * smooth(at.1 - s, at.1 + s, y)));
        glow(canvas, at, s * 3.2, light, 0.32);
    }
}

pub fn fireflies(canvas: &mut Canvas, plan: &Plan) {
    let mut dice = plan.dice(960);
    let light = Lch(0.90, 0.17, 105.0).colour();
    for _ in 0..46 {
        let at = (dice.unit() * plan.aspect, dice.between(plan.horizon.min(0.6) - 0.05, 0.98));
        let size = plan.scale() * dice.between(0.0014, 0.0034);
        glow(canvas, at, size * 5.5, light, dice.between(0.12, 0.35));
        glow(canvas, at, size, light, 2.2);
    }
}
