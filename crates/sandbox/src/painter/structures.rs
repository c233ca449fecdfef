//! What people build and put into a landscape: lighthouse, house, castle, temple, bridge.
use super::{
    canvas::{Canvas, Point, Shape},
    colour::{Colour, Lch},
    noise::{Dice, smooth},
    plan::Plan,
};

/// A box of light or shade: lit on the sun's side.
fn wall(plan: &Plan, base: Colour, x: f32, left: f32, right: f32) -> Colour {
    let across = ((x - left) / (right - left)).clamp(0.0, 1.0);
    let toward = if plan.sun.0 > 0.5 * (left + right) { across } else { 1.0 - across };
    let power = if plan.is_dark() { 0.22 } else { 0.55 };
    let shade = base.through(plan.palette.cloud_shade * 1.2).mix(plan.palette.land, 0.25);
    shade.mix(base.through(plan.palette.glow.mix(Colour::new(1.0, 1.0, 1.0), 0.5)), toward * power + 0.18 * power)
}

fn slab(canvas: &mut Canvas, plan: &Plan, base: Colour, points: &[Point]) {
    let left = points.iter().map(|p| p.0).fold(f32::MAX, f32::min);
    let right = points.iter().map(|p| p.0).fold(f32::MIN, f32::max);
    let mut shape = Shape::on(canvas);
    shape.polygon(points);
    canvas.fill(&shape, |x, _, _| wall(plan, base, x, left, right));
}

fn window(canvas: &mut Canvas, plan: &Plan, centre: Point, w: f32, h: f32) {
    let colour = if plan.is_dark() || plan.light == super::palette::Light::Storm {
        plan.palette.lamp * 1.5
    } else {
        plan.palette.land.mix(plan.palette.sky[1], 0.35)
    };
    let mut shape = Shape::on(canvas);
    let (x, y) = centre;
    shape.polygon(&[(x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h)]);
    canvas.fill(&shape, |_, _, _| colour);
    if plan.is_dark() {
        glow(canvas, centre, h * 5.0, plan.palette.lamp, 0.35);
    }
}

/// A soft light around a point.
pub fn glow(canvas: &mut Canvas, centre: Point, radius: f32, light: Colour, strength: f32) {
    canvas.shade_between(centre.1 - radius * 2.2, centre.1 + radius * 2.2, |x, y, under| {
        let far = (x - centre.0).hypot(y - centre.1) / radius;
        if far > 2.2 { under } else { under + light * (strength * (-far * far * 2.0).exp()) }
    });
}

pub fn lighthouse(canvas: &mut Canvas, plan: &Plan, at: Point, s: f32) {
    let (x, y) = at;
    let (white, red) = (Lch(0.95, 0.01, 80.0).colour(), Lch(0.52, 0.17, 27.0).colour());
    let (low, high, tall) = (0.036 * s, 0.022 * s, 0.30 * s);
    let edge = |t: f32| low + (high - low) * t;
    for band in 0..5 {
        let (a, b) = (band as f32 / 5.0, (band + 1) as f32 / 5.0);
        let base = if band % 2 == 0 { white } else { red };
        let (ya, yb) = (y - tall * a, y - tall * b - 0.001);
        slab(
            canvas,
            plan,
            base,
            &[(x - edge(a), ya + 0.004), (x - edge(b), yb), (x + edge(b), yb), (x + edge(a), ya + 0.004)],
        );
    }
    let top = y - tall;
    let dark = plan.palette.land * 0.6;
    slab(
        canvas,
        plan,
        dark,
        &[
            (x - 0.032 * s, top),
            (x - 0.032 * s, top - 0.008 * s),
            (x + 0.032 * s, top - 0.008 * s),
            (x + 0.032 * s, top),
        ],
    );
    let mut lamp = Shape::on(canvas);
    lamp.polygon(&[
        (x - 0.016 * s, top - 0.008 * s),
        (x - 0.016 * s, top - 0.038 * s),
        (x + 0.016 * s, top - 0.038 * s),
        (x + 0.016 * s, top - 0.008 * s),
    ]);
    let light = plan.palette.lamp * if plan.is_dark() { 2.4 } else { 1.1 };
    canvas.fill(&lamp, |_, _, _| light);
    slab(
        canvas,
        plan,
        red,
        &[(x - 0.022 * s, top - 0.037 * s), (x, top - 0.066 * s), (x + 0.022 * s, top - 0.037 * s)],
    );
    for height in [0.3, 0.62] {
        window(canvas, plan, (x, y - tall * height), 0.0045 * s, 0.008 * s);
    }
    let source = (x, top - 0.023 * s);
    if plan.is_dark() || plan.light == super::palette::Light::Storm {
        glow(canvas, source, 0.07 * s, plan.palette.lamp, 0.9);
        beam(canvas, plan, source);
    }
}

fn beam(canvas: &mut Canvas, plan: &Plan, source: Point) {
    let lamp = plan.palette.lamp;
    for (side, tilt) in [(1.0_f32, -0.10_f32), (-1.0, 0.06)] {
        canvas.shade_between(source.1 - 0.4, source.1 + 0.4, |x, y, under| {
            let (dx, dy) = ((x - source.0) * side, y - source.1);
            if dx <= 0.0 {
                return under;
            }
            let off = (dy - dx * tilt).abs() / (0.006 + dx * 0.075);
            under + lamp * (smooth(1.0, 0.0, off) * 0.5 * (-dx * 1.5).exp() * smooth(0.0, 0.02, dx))
        });
    }
}

pub fn house(canvas: &mut Canvas, plan: &Plan, at: Point, s: f32) {
    let (x, y) = at;
    let (w, h) = (0.085 * s, 0.075 * s);
    let wood = Lch(0.60, 0.07, 55.0).colour();
    let roof = Lch(0.36, 0.07, 30.0).colour().mix(plan.palette.land, 0.25);
    slab(
        canvas,
        plan,
        roof * 0.8,
        &[(x + w * 0.45, y - h * 1.2), (x + w * 0.45, y - h * 2.0), (x + w * 0.65, y - h * 2.0), (x + w * 0.65, y - h)],
    );
    smoke(canvas, plan, (x + w * 0.55, y - h * 2.05), s);
    slab(canvas, plan, wood, &[(x - w, y + 0.01), (x - w, y - h), (x + w, y - h), (x + w, y + 0.01)]);
    slab(
        canvas,
        plan,
        roof,
        &[
            (x - w * 1.22, y - h * 0.92),
            (x - w * 0.62, y - h * 1.85),
            (x + w * 0.62, y - h * 1.85),
            (x + w * 1.22, y - h * 0.92),
        ],
    );
    if plan.has(super::words::Word::Snow) || plan.has(super::words::Word::Winter) {
        slab(
            canvas,
            plan,
            Lch(0.97, 0.01, 240.0).colour() * 1.3,
            &[
                (x - w * 1.14, y - h * 1.08),
                (x - w * 0.63, y - h * 1.9),
                (x + w * 0.63, y - h * 1.9),
                (x + w * 1.14, y - h * 1.08),
            ],
        );
    }
    for side in [-0.55, 0.55] {
        window(canvas, plan, (x + w * side, y - h * 0.52), w * 0.16, h * 0.19);
    }
    slab(
        canvas,
        plan,
        roof * 0.7,
        &[
            (x - w * 0.14, y + 0.01),
            (x - w * 0.14, y - h * 0.62),
            (x + w * 0.14, y - h * 0.62),
            (x + w * 0.14, y + 0.01),
        ],
    );
}

fn smoke(canvas: &mut Canvas, plan: &Plan, from: Point, s: f32) {
    let (haze, seed) = (plan.palette.cloud_light, plan.seed ^ 0x530);
    canvas.shade_between(from.1 - 0.3 * s, from.1, |x, y, under| {
        let up = (from.1 - y) / s;
        let sway = 0.05 * super::noise::fbm(up * 5.0, 1.0, 3, seed) * (up * 6.0).min(1.0) + up * up * 0.25;
        let wide = 0.006 + up * 0.07;
        let off = (x - from.0 - sway * s).abs() / (wide * s);
        under.mix(haze, smooth(1.0, 0.0, off) * 0.42 * (1.0 - up / 0.3).max(0.0))
    });
}

pub fn castle(canvas: &mut Canvas, plan: &Plan, at: Point, s: f32) {
    let (x, y) = at;
    let stone = Lch(0.66, 0.03, 70.0).colour();
    let slate = Lch(0.40, 0.07, 265.0).colour();
    let mut dice = Dice::new(plan.seed ^ 0xca57);
    let towers =
        [(-0.13, 0.15, 0.020), (0.14, 0.17, 0.022), (-0.065, 0.22, 0.026), (0.075, 0.25, 0.024), (0.0, 0.32, 0.030)];
    for (place, tall, wide) in towers {
        let (cx, tall, wide) = (x + place * s, (tall + dice.between(-0.015, 0.015)) * s, wide * s);
        let top = y - tall;
        slab(canvas, plan, stone, &[(cx - wide, y + 0.02), (cx - wide, top), (cx + wide, top), (cx + wide, y + 0.02)]);
        slab(
            canvas,
            plan,
            stone * 0.92,
            &[
                (cx - wide * 1.22, top + 0.012 * s),
                (cx - wide * 1.22, top - 0.006 * s),
                (cx + wide * 1.22, top - 0.006 * s),
                (cx + wide * 1.22, top + 0.012 * s),
            ],
        );
        slab(
            canvas,
            plan,
            slate,
            &[(cx - wide * 1.3, top - 0.005 * s), (cx, top - wide * 3.6), (cx + wide * 1.3, top - 0.005 * s)],
        );
        for height in [0.35, 0.7] {
            window(canvas, plan, (cx, y - tall * height), 0.0045 * s, 0.009 * s);
        }
    }
    let mut points = vec![(x - 0.17 * s, y + 0.03)];
    let merlons = 17;
    for i in 0..=merlons * 2 {
        let px = x - 0.17 * s + 0.34 * s * i as f32 / (merlons * 2) as f32;
        let high = if (i / 2) % 2 == 0 { 0.088 } else { 0.078 };
        points.push((px, y - high * s));
    }
    points.push((x + 0.17 * s, y + 0.03));
    slab(canvas, plan, stone * 0.95, &points);
    let mut gate = Shape::on(canvas);
    gate.ellipse((x, y - 0.028 * s), 0.018 * s, 0.022 * s).polygon(&[
        (x - 0.018 * s, y - 0.028 * s),
        (x + 0.018 * s, y - 0.028 * s),
        (x + 0.018 * s, y + 0.03),
        (x - 0.018 * s, y + 0.03),
    ]);
    let dark = plan.palette.land * 0.5;
    canvas.fill(&gate, |_, _, _| dark);
}

/// A pagoda.
pub fn temple(canvas: &mut Canvas, plan: &Plan, at: Point, s: f32) {
    let (x, y) = at;
    let (wood, roof) = (Lch(0.50, 0.15, 30.0).colour(), Lch(0.33, 0.04, 200.0).colour());
    let floors = 5;
    for floor in (0..floors).rev() {
        let (t, step) = (floor as f32 / floors as f32, 0.062 * s);
        let (w, base) = ((0.062 - 0.036 * t) * s, y - floor as f32 * step);
        slab(
            canvas,
            plan,
            wood,
            &[(x - w, base + 0.004), (x - w, base - step * 0.62), (x + w, base - step * 0.62), (x + w, base + 0.004)],
        );
        window(canvas, plan, (x, base - step * 0.28), w * 0.3, step * 0.15);
        let (eave, brow) = (w * 1.75, base - step * 0.55);
        slab(
            canvas,
            plan,
            roof,
            &[
                (x - eave, brow - step * 0.10),
                (x - eave * 0.72, brow + step * 0.02),
                (x, brow + step * 0.04),
                (x + eave * 0.72, brow + step * 0.02),
                (x + eave, brow - step * 0.10),
                (x + w * 0.8, brow - step * 0.42),
                (x - w * 0.8, brow - step * 0.42),
            ],
        );
    }
    let mut spire = Shape::on(canvas);
    spire.stroke((x, y - 0.30 * s), (x, y - 0.40 * s), 0.006 * s, 0.001 * s);
    let dark = plan.palette.land;
    canvas.fill(&spire, |_, _, _| dark);
}

/// A suspension bridge from edge to edge.
pub fn bridge(canvas: &mut Canvas, plan: &Plan) {
    let (a, deck, s) = (plan.aspect, plan.horizon - 0.055, plan.scale());
    let steel = Lch(0.50, 0.13, 32.0).colour().mix(plan.palette.haze, 0.18);
    let towers = [a * 0.24, a * 0.76];
    let top = deck - 0.24 * s;
    let mut shape = Shape::on(canvas);
    shape.stroke((-0.1, deck + 0.004), (a + 0.1, deck + 0.004), 0.014, 0.014);
    let cable = |x: f32| {
        let (left, right) = (towers[0], towers[1]);
        let t = if x < left {
            (x - left) / (right - left) * 1.3
        } else if x > right {
            (x - right) / (right - left) * 1.3 + 1.0
        } else {
            (x - left) / (right - left)
        };
        let sag = if (0.0..=1.0).contains(&t) {
            1.0 - (2.0 * t - 1.0).powi(2)
        } else if t < 0.0 {
            -t * 2.2
        } else {
            (t - 1.0) * 2.2
        };
        (top + sag * (deck - top - 0.02)).min(deck)
    };
    let steps = 160;
    for i in 0..steps {
        let (x0, x1) = (a * i as f32 / steps as f32, a * (i + 1) as f32 / steps as f32);
        shape.stroke((x0, cable(x0)), (x1, cable(x1)), 0.0045, 0.0045);
        if i % 3 == 0 {
            shape.stroke((x0, cable(x0)), (x0, deck), 0.0013, 0.0013);
        }
    }
    for x in towers {
        for side in [-0.014, 0.014] {
            shape.stroke((x + side * s, plan.horizon + 0.015), (x + side * s * 0.8, top - 0.012), 0.011 * s, 0.008 * s);
        }
        for level in 0..4 {
            let y = top + (deck - top) * level as f32 / 4.0;
            shape.stroke((x - 0.014 * s, y), (x + 0.014 * s, y), 0.007 * s, 0.007 * s);
        }
    }
    let (haze, land) = (plan.palette.haze, plan.palette.land);
    let dark = plan.is_dark();
    canvas.fill(&shape, |_, y, _| {
        let colour = if dark { steel.through(land * 4.0) } else { steel };
        colour.mix(haze, smooth(deck - 0.05, plan.horizon, y) * 0.3)
    });
    if dark {
        for i in 0..14 {
            glow(canvas, (a * (i as f32 + 0.5) / 14.0, deck - 0.008), 0.012, plan.palette.lamp, 0.9);
        }
    }
}
