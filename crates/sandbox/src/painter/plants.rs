//! What grows in a landscape: rows of conifers in mist, one great tree, grass, strewn flowers.
use super::{
    canvas::{Canvas, Point, Shape},
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

/// Small conifers where mountains meet the water, or at the lower edge: they tell how large everything else is.
pub fn fringe(canvas: &mut Canvas, plan: &Plan) {
    let mut dice = plan.dice(760);
    let mut shape = Shape::on(canvas);
    let (foot, tall) = if plan.has_water { (plan.horizon + 0.005, 0.038) } else { (1.03, 0.17) };
    let tall = tall * plan.scale();
    let mut x = -0.02;
    while x < plan.aspect + 0.02 {
        let crowd = noise(x * 2.6, 4.0, plan.seed ^ 21) + 0.3 * noise(x * 9.0, 1.0, plan.seed ^ 22);
        if crowd > -0.12 {
            let high = tall * dice.between(0.5, 1.15) * (0.55 + 0.9 * crowd.min(0.6));
            conifer(&mut shape, (x, foot), high.max(0.008), &mut dice);
        }
        x += tall * dice.between(0.10, 0.24);
    }
    let colour = plan.palette.land.mix(plan.palette.haze, if plan.has_water { 0.14 } else { 0.0 }) * 0.75;
    canvas.fill(&shape, |_, _, under| under.mix(colour, 0.96));
}

/// Blades of grass along a line of the ground.
pub fn blades(canvas: &mut Canvas, plan: &Plan, line: impl Fn(f32) -> f32) {
    let mut dice = plan.dice(770);
    let mut shape = Shape::on(canvas);
    for _ in 0..(420.0 * plan.aspect) as u32 {
        let x = dice.between(-0.02, plan.aspect + 0.02);
        let high = plan.scale() * dice.between(0.006, 0.021);
        let foot = (x, line(x) + 0.006);
        let lean = dice.between(-0.5, 0.5) * high;
        shape.stroke(foot, (x + lean * 0.4, foot.1 - high * 0.6), 0.0022, 0.0016);
        shape.stroke((x + lean * 0.4, foot.1 - high * 0.6), (x + lean, foot.1 - high), 0.0016, 0.0003);
    }
    let palette = &plan.palette;
    let colour = palette.land.mix(palette.land_light, if plan.is_dark() { 0.1 } else { 0.35 });
    canvas.fill(&shape, |x, y, under| under.mix(colour * (0.8 + 0.4 * noise(x * 40.0, y * 9.0, plan.seed)), 0.85));
}

/// Flowers strewn over a meadow, smaller the farther away.
pub fn strewn(canvas: &mut Canvas, plan: &Plan) {
    let mut dice = plan.dice(780);
    let five = &plan.palette.five;
    let white = Colour::new(0.95, 0.93, 0.88);
    let light = if plan.is_dark() { 0.4 } else { 1.0 };
    for colour in [five[3], plan.palette.accent, white, five[2].mix(plan.palette.accent, 0.5)] {
        let mut shape = Shape::on(canvas);
        for _ in 0..420 {
            let near = dice.unit().powf(0.8);
            let at = (dice.between(-0.02, plan.aspect + 0.02), plan.horizon + 0.03 + (1.0 - plan.horizon) * near);
            if noise(at.0 * 3.0 / (0.3 + near), near * 6.0, plan.seed ^ 31) < -0.05 {
                continue;
            }
            let size = plan.scale() * (0.0012 + 0.0082 * near * near) * dice.between(0.7, 1.2);
            for petal in 0..5 {
                let angle = petal as f32 * 1.2566 + at.0 * 50.0;
                let place = (at.0 + angle.cos() * size * 0.6, at.1 + angle.sin() * size * 0.4);
                shape.ellipse(place, size * 0.5, size * 0.36);
            }
        }
        canvas.fill(&shape, |x, y, under| {
            let far = smooth(plan.horizon + 0.25, plan.horizon, y);
            under.mix(colour * (light * (0.85 + 0.25 * noise(x * 120.0, y * 120.0, plan.seed))), 0.95 - 0.5 * far)
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
