//! Living things as silhouettes: birds in the sky, a cat, a fox, a person who looks into the distance.
use super::{
    canvas::{Canvas, Point, Shape, curve},
    colour::Colour,
    noise::smooth,
    plan::Plan,
};

/// A silhouette whose sunward rim catches the light.
fn shadow(canvas: &mut Canvas, plan: &Plan, shape: &Shape, top: f32, tall: f32) {
    let dark = plan.palette.land * 0.55;
    let rim = plan.palette.glow.mix(plan.palette.haze, 0.5) * if plan.is_dark() { 0.18 } else { 0.3 };
    canvas.fill(shape, |_, y, _| dark + rim * (0.35 * smooth(top + tall * 0.5, top, y)));
}

pub fn birds(canvas: &mut Canvas, plan: &Plan) {
    let mut dice = plan.dice(800);
    let mut shape = Shape::on(canvas);
    let heart = (plan.aspect * dice.between(0.35, 0.65), plan.horizon.min(0.8) * dice.between(0.35, 0.5));
    for index in 0..9 {
        let size = plan.scale() * dice.between(0.012, 0.026) * if index == 0 { 1.8 } else { 1.0 };
        let at = (heart.0 + dice.between(-0.26, 0.26) * plan.aspect, heart.1 + dice.between(-0.12, 0.12));
        let lift = dice.between(-0.25, 0.75);
        bird(&mut shape, at, size, lift, dice.between(-0.25, 0.25));
    }
    let dark = plan.palette.land.mix(plan.palette.haze, 0.10) * if plan.is_dark() { 1.6 } else { 0.8 };
    canvas.fill(&shape, |_, _, under| under.mix(dark, 0.92));
}

fn bird(shape: &mut Shape, at: Point, size: f32, lift: f32, tilt: f32) {
    let (sin, cos) = tilt.sin_cos();
    let put = |x: f32, y: f32| (at.0 + (x * cos - y * sin) * size, at.1 + (x * sin + y * cos) * size);
    for side in [-1.0_f32, 1.0] {
        let wing = [
            put(0.0, -0.06),
            put(side * 0.45, -0.42 * lift - 0.16),
            put(side * 1.15, -0.55 * lift + 0.10),
            put(side * 1.5, -0.35 * lift + 0.28),
            put(side * 1.0, -0.38 * lift + 0.12),
            put(side * 0.45, -0.20 * lift + 0.05),
            put(0.0, 0.12),
        ];
        shape.polygon(&wing);
    }
    shape.polygon(&curve(&[put(-0.30, 0.02), put(0.0, -0.09), put(0.36, 0.02), put(0.0, 0.13)]));
}

/// Points drawn on a square of -1..1, set down with the feet at `at`.
fn placed(at: Point, s: f32, flip: bool, points: &[Point]) -> Vec<Point> {
    let way = if flip { -1.0 } else { 1.0 };
    points.iter().map(|p| (at.0 + way * p.0 * s, at.1 + p.1 * s)).collect()
}

/// A sitting cat, seen from behind, its tail around.
pub fn cat(canvas: &mut Canvas, plan: &Plan, at: Point, s: f32) {
    let flip = plan.sun.0 < at.0;
    let s = s * 0.17;
    let mut shape = Shape::on(canvas);
    shape.polygon(&curve(&placed(
        at,
        s,
        flip,
        &[
            (-0.30, 0.02),
            (-0.36, -0.20),
            (-0.30, -0.48),
            (-0.17, -0.68),
            (-0.13, -0.80),
            (0.13, -0.80),
            (0.17, -0.68),
            (0.28, -0.48),
            (0.35, -0.20),
            (0.30, 0.02),
            (0.0, 0.05),
        ],
    )));
    shape.polygon(&curve(&placed(
        at,
        s,
        flip,
        &[
            (-0.20, -0.92),
            (-0.19, -1.02),
            (-0.10, -1.08),
            (0.10, -1.08),
            (0.19, -1.02),
            (0.20, -0.92),
            (0.13, -0.80),
            (0.0, -0.76),
            (-0.13, -0.80),
        ],
    )));
    for side in [-1.0, 1.0] {
        shape.polygon(&placed(at, s, flip, &[(side * 0.20, -0.96), (side * 0.185, -1.24), (side * 0.045, -1.06)]));
    }
    let tail = [(0.26, 0.0), (0.44, 0.02), (0.60, -0.04), (0.68, -0.16), (0.66, -0.28), (0.60, -0.34)];
    for (index, pair) in tail.windows(2).enumerate() {
        let ends = placed(at, s, flip, pair);
        let thick = s * (0.085 - 0.006 * index as f32);
        shape.stroke(ends[0], ends[1], thick, thick).ellipse(ends[1], thick * 0.5, thick * 0.5);
    }
    shadow(canvas, plan, &shape, at.1 - s * 1.24, s * 1.24);
}

/// A sitting fox, seen from the side.
pub fn fox(canvas: &mut Canvas, plan: &Plan, at: Point, s: f32) {
    let flip = plan.sun.0 < at.0;
    let s = s * 0.19;
    let mut shape = Shape::on(canvas);
    shape.polygon(&curve(&placed(
        at,
        s,
        flip,
        &[
            (-0.42, 0.0),
            (-0.44, -0.22),
            (-0.30, -0.48),
            (-0.10, -0.66),
            (0.02, -0.80),
            (0.16, -0.78),
            (0.22, -0.60),
            (0.20, -0.34),
            (0.23, 0.0),
            (0.10, 0.02),
            (0.06, -0.2),
            (-0.05, 0.02),
        ],
    )));
    shape.polygon(&placed(
        at,
        s,
        flip,
        &[
            (0.00, -0.78),
            (0.00, -0.92),
            (0.03, -1.20),
            (0.13, -1.02),
            (0.19, -1.02),
            (0.27, -1.18),
            (0.29, -0.94),
            (0.38, -0.86),
            (0.56, -0.78),
            (0.57, -0.74),
            (0.38, -0.71),
            (0.24, -0.66),
            (0.10, -0.64),
        ],
    ));
    shape.polygon(&curve(&placed(
        at,
        s,
        flip,
        &[
            (-0.34, 0.02),
            (-0.56, 0.02),
            (-0.80, -0.08),
            (-0.98, -0.28),
            (-1.02, -0.44),
            (-0.92, -0.36),
            (-0.74, -0.26),
            (-0.56, -0.20),
            (-0.38, -0.14),
        ],
    )));
    let (rust, dark) = (super::colour::Lch(0.58, 0.15, 45.0).colour(), plan.palette.land * 0.6);
    let share = if plan.is_dark() { 0.12 } else { 0.7 };
    canvas.fill(&shape, |x, y, _| {
        dark.mix(rust, share * smooth(at.1, at.1 - s, y)) + plan.palette.glow * (0.03 * (x - at.0).max(0.0))
    });
}

/// A wanderer with a coat and a staff, seen from behind.
pub fn person(canvas: &mut Canvas, plan: &Plan, at: Point, s: f32) {
    let s = s * 0.17;
    let mut shape = Shape::on(canvas);
    let p = |x: f32, y: f32| (at.0 + x * s, at.1 + y * s);
    shape.stroke(p(-0.08, -0.35), p(-0.11, 0.02), 0.10 * s, 0.075 * s).stroke(
        p(0.07, -0.35),
        p(0.12, 0.0),
        0.10 * s,
        0.075 * s,
    );
    shape.polygon(&curve(&[
        p(-0.20, -0.24),
        p(-0.16, -0.60),
        p(-0.17, -0.84),
        p(-0.06, -0.93),
        p(0.06, -0.93),
        p(0.17, -0.84),
        p(0.15, -0.60),
        p(0.24, -0.22),
        p(0.02, -0.20),
    ]));
    shape.stroke(p(-0.15, -0.84), p(-0.24, -0.48), 0.08 * s, 0.06 * s).stroke(
        p(0.15, -0.84),
        p(0.28, -0.56),
        0.08 * s,
        0.06 * s,
    );
    shape.ellipse(p(0.0, -1.05), 0.085 * s, 0.105 * s).stroke(p(0.0, -0.98), p(0.0, -0.90), 0.07 * s, 0.09 * s);
    shape.stroke(p(0.29, -0.92), p(0.31, 0.02), 0.022 * s, 0.022 * s);
    shadow(canvas, plan, &shape, at.1 - s * 1.15, s * 1.15);
}

/// Koi seen through the surface.
pub fn koi(canvas: &mut Canvas, plan: &Plan) {
    let mut dice = plan.dice(830);
    let (orange, white) = (super::colour::Lch(0.68, 0.18, 45.0).colour(), Colour::new(0.95, 0.92, 0.88));
    for _ in 0..7 {
        let at = (dice.between(0.08, 0.92) * plan.aspect, dice.between(plan.horizon + 0.1, 0.95));
        let s = (0.05 + (at.1 - plan.horizon) * 0.24) * plan.scale();
        let (sin, cos) = dice.between(0.0, std::f32::consts::TAU).sin_cos();
        let put = |x: f32, y: f32| (at.0 + (x * cos - y * sin) * s, at.1 + (x * sin + y * cos) * s * 0.6);
        let mut shape = Shape::on(canvas);
        shape.polygon(&curve(&[
            put(1.0, 0.0),
            put(0.7, 0.2),
            put(0.0, 0.24),
            put(-0.7, 0.06),
            put(-1.0, 0.0),
            put(-0.7, -0.06),
            put(0.0, -0.24),
            put(0.7, -0.2),
        ]));
        shape.polygon(&[put(-0.8, 0.0), put(-1.5, 0.32), put(-1.25, 0.0), put(-1.5, -0.32)]);
        shape.polygon(&[put(0.3, 0.2), put(-0.1, 0.55), put(0.0, 0.2)]).polygon(&[
            put(0.3, -0.2),
            put(-0.1, -0.55),
            put(0.0, -0.2),
        ]);
        let seed = dice.whole();
        canvas.fill(&shape, |x, y, under| {
            let patch = smooth(-0.1, 0.15, super::noise::noise(x * 22.0, y * 30.0, seed));
            under.mix(white.mix(orange, patch) * if plan.is_dark() { 0.35 } else { 0.9 }, 0.85)
        });
    }
}
