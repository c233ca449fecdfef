//! A planet with bands or continents, an atmosphere at its rim and sometimes rings.
use super::{
    canvas::Canvas,
    colour::Colour,
    noise::{fbm, noise, smooth},
    plan::{Ground, Plan},
};

pub fn paint(canvas: &mut Canvas, plan: &Plan) {
    let mut dice = plan.dice(1000);
    let in_space = plan.ground == Ground::Space;
    let radius = plan.scale() * if in_space { dice.between(0.24, 0.32) } else { dice.between(0.12, 0.17) };
    let centre = if in_space {
        (plan.aspect * (0.35 + 0.3 * plan.focus), 0.5)
    } else {
        (plan.focus * plan.aspect, plan.horizon * 0.42)
    };
    let (ringed, banded) = (dice.chance(0.7), dice.chance(0.6));
    let lean = dice.between(-0.5, 0.5);
    let (sin, cos) = lean.sin_cos();
    let light = [-0.62, -0.45, 0.64];
    let [dark, deep, middle, pale, hot] = plan.palette.five;
    let seed = plan.seed ^ 0x91a;
    let pixel = canvas.pixel();
    let solid = if in_space { 1.0 } else { 0.86 };
    canvas.shade(|x, y, under| {
        let (dx, dy) = ((x - centre.0) / radius, (y - centre.1) / radius);
        if dx.hypot(dy) > 2.6 {
            return under;
        }
        let (u, v) = (dx * cos + dy * sin, dy * cos - dx * sin);
        let mut colour = under;
        let far = u.hypot(v);
        let rim = plan.palette.glow.mix(middle, 0.6);
        let toward = (0.6 - 0.5 * (dx * 0.8 + dy * 0.6)).clamp(0.0, 1.2);
        if far > 1.0 {
            colour = colour + rim * (0.55 * (-(far - 1.0) * 11.0).exp() * toward);
        }
        let edge = pixel / radius;
        let share = smooth(1.0 + edge, 1.0 - edge, far);
        if share > 0.0 {
            let z = (1.0 - far * far).max(0.0).sqrt();
            let lit = (-(dx * -light[0] + dy * -light[1]) + z * light[2]).max(0.0);
            let (px, py) = (u / (1.0 + z * 0.35), v / (1.0 + z * 0.35));
            let warp = fbm(px * 3.0, py * 3.0, 4, seed);
            let face = if banded {
                let band = fbm(px * 0.8 + warp * 0.2, py * 7.0 + warp * 0.9, 5, seed ^ 1);
                deep.mix(pale, smooth(-0.45, 0.45, band))
                    .mix(hot, smooth(0.15, 0.6, noise(py * 4.0, 1.0 + warp * 0.5, seed)) * 0.55)
            } else {
                let land = smooth(-0.04, 0.06, fbm(px * 2.2 + warp * 0.5, py * 2.2, 6, seed ^ 2));
                let cloud = smooth(0.05, 0.5, fbm(px * 3.0 + warp, py * 4.5 + warp, 5, seed ^ 3));
                deep.mix(middle.mix(hot, 0.3 + 0.5 * warp), land).mix(Colour::new(0.95, 0.96, 1.0), cloud * 0.8)
            };
            let air = rim * ((1.0 - z).powi(3) * lit.sqrt() * 0.9);
            let body = face * (lit * 1.35 + 0.02) + air + dark * 0.04;
            colour = colour.mix(body, share * solid);
        }
        if ringed {
            let (ru, rv) = (u, v * 3.6);
            let ring = ru.hypot(rv);
            let front = v > 0.0 || far > 1.0;
            if front && (1.28..2.2).contains(&ring) {
                let grain = 0.5 + 0.5 * noise(ring * 17.0, 3.0, seed) + 0.25 * noise(ring * 60.0, 1.0, seed);
                let gap = 1.0 - smooth(0.05, 0.02, (ring - 1.82).abs()) * 0.9;
                let soft = smooth(1.28, 1.36, ring) * smooth(2.2, 2.08, ring);
                let shadow = if u > 0.2 && v < 0.15 && far < 1.6 { 0.35 } else { 1.0 };
                colour = colour.mix(pale.mix(hot, 0.25) * (0.85 * shadow), (grain * gap * soft * 0.8).clamp(0.0, 0.92));
            }
        }
        colour
    });
}
