//! A brilliant-cut stone, traced: light enters, breaks by colour, bounces off the facets inside and comes out again.
use super::{
    canvas::Canvas,
    colour::{Colour, Lch},
    noise::{fbm, smooth},
    plan::Plan,
    words::Word,
};

type Vector = [f32; 3];

fn dot(a: Vector, b: Vector) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn along(a: Vector, b: Vector, t: f32) -> Vector {
    [a[0] + b[0] * t, a[1] + b[1] * t, a[2] + b[2] * t]
}

fn unit(a: Vector) -> Vector {
    let long = dot(a, a).sqrt().max(1e-6);
    [a[0] / long, a[1] / long, a[2] / long]
}

struct Facet {
    normal: Vector,
    far: f32,
}

/// Table, crown, girdle and pavilion of a round brilliant of radius 1.
fn cut(turn: f32) -> Vec<Facet> {
    let mut facets = vec![Facet { normal: [0.0, 1.0, 0.0], far: 0.36 }];
    let mut ring = |count: usize, shift: f32, tilt: f32, far: f32| {
        for i in 0..count {
            let angle = turn + (i as f32 + shift) / count as f32 * std::f32::consts::TAU;
            let (up, out) = tilt.to_radians().sin_cos();
            facets.push(Facet { normal: [out * angle.cos(), up, out * angle.sin()], far });
        }
    };
    ring(8, 0.0, 56.0, 0.575);
    ring(8, 0.5, 70.0, 0.470);
    ring(16, 0.5, 49.0, 0.665);
    ring(16, 0.5, 0.0, 0.985);
    ring(8, 0.0, -49.5, 0.645);
    ring(16, 0.5, -47.0, 0.683);
    facets
}

struct Stone {
    facets: Vec<Facet>,
    /// What is left of the light after a way of 1.
    tint: Colour,
    five: [Colour; 5],
}

impl Stone {
    fn enter(&self, from: Vector, way: Vector) -> Option<(f32, Vector)> {
        let (mut near, mut far, mut normal) = (f32::MIN, f32::MAX, [0.0; 3]);
        for facet in &self.facets {
            let (speed, gap) = (dot(facet.normal, way), facet.far - dot(facet.normal, from));
            if speed.abs() < 1e-6 {
                if gap < 0.0 {
                    return None;
                }
                continue;
            }
            let t = gap / speed;
            if speed < 0.0 {
                if t > near {
                    (near, normal) = (t, facet.normal);
                }
            } else {
                far = far.min(t);
            }
        }
        (near < far && near > 0.0).then_some((near, normal))
    }

    fn leave(&self, from: Vector, way: Vector) -> (f32, Vector) {
        let (mut far, mut normal) = (f32::MAX, [0.0, 1.0, 0.0]);
        for facet in &self.facets {
            let speed = dot(facet.normal, way);
            if speed > 1e-6 {
                let t = (facet.far - dot(facet.normal, from)) / speed;
                if t < far {
                    (far, normal) = (t, facet.normal);
                }
            }
        }
        (far.max(0.0), normal)
    }

    /// The room the stone lies in: dark, with a few bright windows.
    fn room(&self, way: Vector) -> Colour {
        let up = way[1];
        let base = self.five[0].mix(self.tint, smooth(-0.7, 0.8, up)) * 0.75;
        let mut light = base;
        for (toward, wide, power, tone) in [
            ([0.5, 0.75, 0.42], 0.90, 3.2, 3),
            ([-0.7, 0.55, 0.3], 0.93, 2.4, 4),
            ([0.1, 0.9, -0.42], 0.92, 2.6, 3),
            ([-0.2, 0.35, 0.91], 0.95, 2.2, 2),
            ([0.85, 0.1, -0.5], 0.94, 1.6, 4),
            ([-0.6, 0.15, -0.78], 0.95, 1.4, 1),
        ] {
            let facing = dot(way, unit(toward));
            let white = Colour::new(1.0, 1.0, 1.0).mix(self.five[tone], 0.35);
            light = light + white * (power * smooth(wide, wide + 0.03, facing));
        }
        light
    }

    /// One colour of light through the stone.
    fn trace(&self, hit: Vector, normal: Vector, way: Vector, index: f32) -> Colour {
        let (mut at, mut ray) = (hit, refracted(way, normal, 1.0 / index).unwrap_or(way));
        let mut gone = 0.0;
        for _ in 0..7 {
            let (far, out) = self.leave(along(at, ray, 1e-4), ray);
            at = along(at, ray, far);
            gone += far;
            let inward = [-out[0], -out[1], -out[2]];
            if let Some(free) = refracted(ray, inward, index) {
                return self.absorbed(self.room(free), gone);
            }
            ray = along(ray, out, -2.0 * dot(ray, out));
        }
        self.absorbed(self.room(ray) * 0.7, gone)
    }

    fn absorbed(&self, light: Colour, far: f32) -> Colour {
        let pass = |share: f32| share.max(0.02).powf(far * 0.95);
        light.through(Colour::new(pass(self.tint.r), pass(self.tint.g), pass(self.tint.b)))
    }

    fn colour(&self, from: Vector, way: Vector) -> Option<Colour> {
        let (far, normal) = self.enter(from, way)?;
        let hit = along(from, way, far);
        let facing = -dot(way, normal);
        let mirror = along(way, normal, 2.0 * facing);
        let fresnel = 0.08 + 0.92 * (1.0 - facing).max(0.0).powi(5);
        let (red, green, blue) = (
            self.trace(hit, normal, way, 1.98),
            self.trace(hit, normal, way, 2.02),
            self.trace(hit, normal, way, 2.07),
        );
        let inside = Colour::new(red.r, green.g, blue.b);
        Some(inside.mix(self.room(mirror), fresnel))
    }
}

fn refracted(way: Vector, normal: Vector, ratio: f32) -> Option<Vector> {
    let facing = -dot(way, normal);
    let rest = 1.0 - ratio * ratio * (1.0 - facing * facing);
    if rest < 0.0 {
        return None;
    }
    let scaled = [way[0] * ratio, way[1] * ratio, way[2] * ratio];
    Some(unit(along(scaled, normal, ratio * facing - rest.sqrt())))
}

fn tint(plan: &Plan) -> Colour {
    let named = [
        (Word::Red, 22.0),
        (Word::Green, 155.0),
        (Word::Blue, 258.0),
        (Word::Violet, 305.0),
        (Word::Pink, 355.0),
        (Word::Amber, 70.0),
        (Word::Gold, 85.0),
        (Word::Teal, 190.0),
    ];
    match named.iter().find(|(word, _)| plan.has(*word)) {
        Some((_, hue)) => Lch(0.72, 0.17, *hue).colour(),
        None if plan.has(Word::Mono) => Colour::new(0.9, 0.92, 0.95),
        None => Lch(0.74, 0.13, [190.0, 258.0, 155.0, 310.0, 15.0][plan.dice(31).pick(5)]).colour(),
    }
}

pub fn paint(canvas: &mut Canvas, plan: &Plan) {
    let mut dice = plan.dice(32);
    let stone = Stone { facets: cut(dice.between(0.0, 1.0)), tint: tint(plan), five: plan.palette.five };
    let size = 0.33 * plan.scale() * if plan.has(Word::Minimal) { 0.6 } else { 1.0 };
    let centre = (plan.aspect * 0.5, 0.47);
    let lean = dice.between(0.42, 0.62);
    let (sin, cos) = lean.sin_cos();
    let ray = |x: f32, y: f32| {
        let (u, v) = ((x - centre.0) / size, (centre.1 - y) / size + 0.06);
        // The camera looks down a little.
        ([u, v * cos + 4.0 * sin, -v * sin + 4.0 * cos], unit([0.0, -sin, -cos]))
    };
    floor(canvas, plan, &stone, centre, size);
    let step = canvas.pixel() * 0.25;
    let limit = size * 1.25;
    canvas.shade(|x, y, under| {
        if (x - centre.0).abs() > limit || (y - centre.1).abs() > limit {
            return under;
        }
        let mut sum = Colour::default();
        for (dx, dy) in [(-step, -step * 0.6), (step, step * 0.6)] {
            let (from, way) = ray(x + dx, y + dy);
            let seen = stone.colour(from, way).unwrap_or(under);
            sum = sum + seen * 0.5;
        }
        sum
    });
}

/// Backdrop, shadow, and the coloured light the stone throws.
fn floor(canvas: &mut Canvas, plan: &Plan, stone: &Stone, centre: (f32, f32), size: f32) {
    let [dark, deep, ..] = plan.palette.five;
    let seed = plan.seed;
    canvas.shade(|x, y, _| {
        let (dx, dy) = ((x - centre.0) / size, (y - centre.1) / size);
        let halo = (-(dx * dx * 0.22 + (dy + 0.3).powi(2) * 0.3)).exp();
        let wall = (dark * 0.35).mix(deep * 0.8, halo * 0.8);
        let ground = smooth(0.35, 1.6, dy);
        let shade = 1.0 - 0.75 * (-(dx * dx * 0.9 + (dy - 0.82).powi(2) * 16.0)).exp();
        let mist = 0.9 + 0.2 * fbm(x * 2.5, y * 2.5, 4, seed);
        // Caustics: folded light below and beside the stone.
        let (u, v) = (dx * 1.4, (dy - 1.0) * 3.6);
        let fold = fbm(u * 1.6 + 3.0, v * 0.8, 3, seed ^ 5);
        let line = (1.0 - fbm(u * 2.0 + fold * 1.5, v * 1.4 + fold, 4, seed ^ 6).abs()).powi(9);
        let reach = (-(dx * dx * 0.5 + (dy - 1.02).powi(2) * 5.0)).exp();
        wall.mix(deep * 0.55, ground * 0.6) * (shade * mist) + stone.tint * (line * reach * 0.4 * ground.sqrt())
    });
}
