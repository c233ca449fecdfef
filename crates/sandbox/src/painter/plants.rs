//! Trees and flowers: rows of conifers in mist, one great tree, blossoms seen close.
use super::{
    canvas::{Canvas, Point, Shape, curve},
    colour::{Colour, Lch},
    noise::{Dice, noise, smooth},
    plan::Plan,
    words::Word,
};

pub fn forest(canvas: &mut Canvas, plan: &Plan) {
    let layers = 5_u32;
    for layer in 0..layers {
        let near = layer as f32 / (layers - 1) as f32;
        let mut dice = plan.dice(700 + layer);
        let foot = if plan.has_water { plan.horizon + 0.004 } else { plan.horizon + 0.02 + near * near * 0.46 };
        let tall = if plan.has_water { 0.20 - 0.10 * near } else { 0.09 + 0.36 * near * near + 0.05 * near };
        let mut shape = Shape::on(canvas);
        let mut x = -0.05;
        let gap = if near > 0.8 { 0.34 } else { 0.20 };
        while x < plan.aspect + 0.1 {
            let sway = 0.035 * noise(x * 2.0, layer as f32 * 3.0, plan.seed);
            let open = near > 0.8 && !plan.has_water && (x - plan.focus * plan.aspect).abs() < 0.2;
            let high = tall * dice.between(0.55, 1.1) * if open { 0.25 } else { 1.0 };
            conifer(&mut shape, (x, foot + sway + 0.02), high, &mut dice);
            x += high * gap * dice.between(0.5, 1.3) + 0.004;
        }
        if !plan.has_water {
            shape.polygon(&[
                (-0.1, foot - 0.012),
                (plan.aspect + 0.1, foot - 0.012),
                (plan.aspect + 0.1, 1.1),
                (-0.1, 1.1),
            ]);
        }
        let palette = &plan.palette;
        let leaf =
            palette.land.mix(palette.land_light, 0.30 * (1.0 - near)).mix(palette.haze, (1.0 - near).powf(1.3) * 0.66);
        let autumn = plan.has(Word::Autumn);
        canvas.fill(&shape, |x, y, _| {
            let tint = if autumn {
                leaf.mix(palette.accent, 0.3 * smooth(-0.3, 0.4, noise(x * 14.0, y * 6.0, plan.seed)))
            } else {
                leaf
            };
            let pool = smooth(foot - tall * 0.75, foot + 0.06, y) * (0.10 + 0.42 * plan.mist) * (1.0 - near * 0.8);
            let toward = (-((x - plan.sun.0) / 0.3).powi(2)).exp() * (1.0 - near) * 0.12;
            tint.mix(palette.haze, pool) + palette.glow * toward
        });
    }
}

fn conifer(shape: &mut Shape, foot: Point, tall: f32, dice: &mut Dice) {
    let tiers = 9;
    let wide = tall * dice.between(0.13, 0.19);
    let mut left: Vec<Point> = Vec::new();
    let mut right: Vec<Point> = Vec::new();
    for tier in 0..tiers {
        let t = tier as f32 / tiers as f32;
        let reach = wide * (t + 0.10) * dice.between(0.85, 1.15);
        let y = foot.1 - tall * (1.0 - t);
        let drop = tall / tiers as f32;
        for (side, way) in [(&mut left, -1.0), (&mut right, 1.0)] {
            side.push((foot.0 + way * reach * 0.35, y));
            side.push((foot.0 + way * reach * dice.between(0.9, 1.1), y + drop * dice.between(0.85, 1.2)));
        }
    }
    let trunk = tall * 0.012;
    let mut points = vec![(foot.0, foot.1 - tall * 1.04)];
    points.extend(right);
    points.extend([
        (foot.0 + trunk, foot.1 - tall * 0.02),
        (foot.0 + trunk, foot.1),
        (foot.0 - trunk, foot.1),
        (foot.0 - trunk, foot.1 - tall * 0.02),
    ]);
    points.extend(left.into_iter().rev());
    shape.polygon(&points);
}

/// One great tree: it branches, and its leaves come in lit clumps.
pub fn tree(canvas: &mut Canvas, plan: &Plan, at: Point, s: f32) {
    let mut dice = plan.dice(720);
    let mut wood = Shape::on(canvas);
    let mut tips: Vec<Point> = Vec::new();
    branch(&mut wood, &mut tips, &mut dice, at, -std::f32::consts::FRAC_PI_2, 0.115 * s, 0.030 * s, 0);
    let bark = plan.palette.land.mix(Lch(0.32, 0.04, 50.0).colour(), 0.3) * 0.8;
    canvas.fill(&wood, |_, _, _| bark);
    if plan.has(Word::Winter) {
        return;
    }
    let leaf = match () {
        () if plan.has(Word::Spring) || plan.has(Word::Pink) => Lch(0.80, 0.12, 355.0),
        () if plan.has(Word::Autumn) => Lch(0.66, 0.17, 48.0),
        () => Lch(0.60, 0.12, 128.0),
    }
    .colour();
    let dark = leaf.through(plan.palette.cloud_shade).mix(plan.palette.land, 0.45);
    let light =
        leaf.through(plan.palette.glow.mix(Colour::new(1.0, 1.0, 1.0), 0.4)) * if plan.is_dark() { 0.4 } else { 1.0 };
    let toward = if plan.sun.0 > at.0 { 1.0 } else { -1.0 };
    for pass in 0..4 {
        let share = pass as f32 / 3.0;
        let mut shape = Shape::on(canvas);
        for tip in &tips {
            for _ in 0..3 {
                let size = s * dice.between(0.010, 0.024) * (1.15 - 0.6 * share);
                let shift = s * 0.034 * (1.0 - 0.3 * share);
                let x = tip.0 + dice.between(-shift, shift) + toward * share * 0.012 * s;
                let y = tip.1 + dice.between(-shift, shift) - share * 0.016 * s;
                if dice.chance(1.0 - 0.55 * share) {
                    shape.ellipse((x, y), size, size * 0.8);
                }
            }
        }
        let colour = dark.mix(light, share);
        canvas.fill(&shape, |_, _, under| under.mix(colour, 0.92));
    }
}

#[expect(clippy::too_many_arguments, reason = "a branch is all of these, and only this function makes one")]
fn branch(
    shape: &mut Shape,
    tips: &mut Vec<Point>,
    dice: &mut Dice,
    from: Point,
    angle: f32,
    long: f32,
    thick: f32,
    depth: u32,
) {
    let to = (from.0 + angle.cos() * long, from.1 + angle.sin() * long);
    shape.stroke(from, to, thick, thick * 0.68).ellipse(to, thick * 0.34, thick * 0.34);
    if depth >= 3 {
        tips.push(to);
    }
    if depth >= 6 {
        return;
    }
    let count = if depth < 2 || dice.chance(0.25) { 3 } else { 2 };
    for i in 0..count {
        let spread = (i as f32 - (count - 1) as f32 * 0.5) * dice.between(0.5, 0.85);
        let bend = angle + spread + dice.between(-0.15, 0.15);
        let next = long * dice.between(0.68, 0.88);
        branch(shape, tips, dice, to, bend, next, thick * 0.66, depth + 1);
    }
}

/// Blossoms seen close, before a soft background.
pub fn flowers(canvas: &mut Canvas, plan: &Plan) {
    let mut dice = plan.dice(740);
    let (a, s) = (plan.aspect, plan.scale());
    let count = if plan.has(Word::Minimal) || plan.has(Word::Close) { 1 } else { 5 };
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
        canvas.fill(&stem, |x, _, under| {
            under.mix(green * (0.7 + 0.6 * noise(x * 30.0, 1.0, plan.seed)), 0.55 + 0.4 * depth)
        });
        blossom(canvas, plan, centre, size, &mut dice);
    }
}

fn blossom(canvas: &mut Canvas, plan: &Plan, centre: Point, size: f32, dice: &mut Dice) {
    let five = &plan.palette.five;
    let outer = plan.palette.accent.mix(five[2 + dice.pick(2)], dice.unit() * 0.7);
    let inner = five[3].mix(Colour::new(1.0, 0.95, 0.85), 0.3);
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
                let vein = 0.06 * (side * 26.0).sin() * out;
                let fold = 1.0 - 0.28 * side.abs() + 0.18 * side * (0.5 - sin * 0.5);
                (inner * 0.62).mix(outer, smooth(0.0, 0.7, out)) * (shade * fold + vein + 0.2 * out)
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
