//! Everything above the horizon: gradient, sun and moon, clouds, stars, aurora, rainbow.
use super::{
    canvas::Canvas,
    colour::{BLACK, Colour, Lch, Ramp},
    noise::{cell, cell_bits, fbm, noise, smooth},
    palette::Light,
    plan::{Ground, Plan},
    words::Word,
};

pub fn paint(canvas: &mut Canvas, plan: &Plan) {
    let sky = Sky::new(plan, canvas.pixel());
    let bottom = (plan.horizon + 0.02).min(1.0);
    let below = plan.palette.haze;
    canvas.shade(|x, y, _| if y <= bottom { sky.at(x, y) } else { below });
}

/// A bolt from the clouds to the horizon, branching twice or thrice.
pub fn lightning(canvas: &mut Canvas, plan: &Plan) {
    let mut dice = plan.dice(77);
    let mut bolt = super::canvas::Shape::on(canvas);
    let start = (plan.sun.0 + dice.between(-0.1, 0.1), -0.02);
    let mut paths = vec![(start, plan.horizon, 0.0052_f32)];
    let mut root = start;
    while let Some((mut at, end, thick)) = paths.pop() {
        let lean = if thick > 0.004 { 0.0 } else { dice.between(-0.03, 0.03) };
        while at.1 < end {
            let next = (at.0 + lean + dice.between(-0.028, 0.028), at.1 + dice.between(0.012, 0.034));
            bolt.stroke(at, next, thick, thick * 0.96);
            if thick > 0.004 && dice.chance(0.22) && paths.len() < 4 {
                paths.push((next, (next.1 + dice.between(0.08, 0.2)).min(plan.horizon), thick * 0.45));
            }
            at = next;
        }
        if thick > 0.004 {
            root = (0.5 * (start.0 + at.0), plan.horizon * 0.5);
        }
    }
    let light = Lch(0.93, 0.04, 285.0).colour();
    super::structures::glow(canvas, root, 0.30, light, 0.30);
    canvas.fill(&bolt, |_, _, _| light * 2.6);
}

struct Sky<'a> {
    plan: &'a Plan,
    ramp: Ramp,
    pixel: f32,
    stars: f32,
    milky: bool,
    aurora: bool,
    rainbow: bool,
    disc: f32,
    is_nebula: bool,
}

impl<'a> Sky<'a> {
    fn new(plan: &'a Plan, pixel: f32) -> Self {
        let [zenith, high, low, horizon] = plan.palette.sky;
        let is_nebula = plan.ground == Ground::Space;
        let stars = match plan.light {
            Light::Night => 1.0,
            Light::Dusk if plan.has(Word::Stars) => 0.9,
            Light::Dusk => 0.35,
            _ => 0.0,
        };
        Self {
            plan,
            ramp: Ramp::new(&[(0.0, zenith), (0.42, high), (0.78, low), (1.0, horizon)]),
            pixel,
            stars: if plan.clouds > 0.7 { stars * 0.2 } else { stars },
            milky: plan.light == Light::Night && (plan.has(Word::Stars) || is_nebula || plan.dice(3).chance(0.5)),
            aurora: plan.has(Word::Aurora),
            rainbow: plan.has(Word::Rainbow),
            disc: plan.scale() * if plan.is_moon { 0.045 } else { 0.036 },
            is_nebula,
        }
    }

    fn at(&self, x: f32, y: f32) -> Colour {
        let plan = self.plan;
        let height = (1.0 - y / plan.horizon).clamp(0.0, 1.0);
        let mut colour = if self.is_nebula { self.nebula(x, y) } else { self.ramp.at(1.0 - height) };
        if self.stars > 0.0 {
            colour = colour + self.stars(x, y) * (self.stars * smooth(0.0, 0.35, height));
        }
        if self.is_nebula {
            return colour;
        }
        if self.milky {
            colour = colour + self.milky_way(x, y, height);
        }
        if self.aurora {
            colour = colour + self.aurora(x, y);
        }
        colour = colour + self.glow(x, y);
        if plan.shows_disc {
            colour = self.disc(x, y, colour);
        }
        colour = self.clouds(x, y, height, colour);
        if self.rainbow {
            colour = colour + self.rainbow(x, y);
        }
        colour.mix(plan.palette.haze, smooth(0.22, 0.0, height) * plan.mist * 0.55)
    }

    fn glow(&self, x: f32, y: f32) -> Colour {
        let plan = self.plan;
        let (dx, dy) = (x - plan.sun.0, y - plan.sun.1);
        let far = dx.hypot(dy);
        let wide = (dx * 0.55).hypot(dy * 1.5);
        let strength = match plan.light {
            Light::Sunset => 1.0,
            Light::Dawn => 0.8,
            Light::Dusk if !plan.is_moon => 0.45,
            Light::Dusk | Light::Night => 0.16,
            Light::Day => 0.5,
            Light::Storm => 0.25,
        };
        let light = 0.5 * (-far * 5.5).exp() + 0.42 * (-wide * 3.6).exp() + 0.5 * (-far * far * 260.0).exp();
        plan.palette.glow * (light * strength)
    }

    fn disc(&self, x: f32, y: f32, sky: Colour) -> Colour {
        let plan = self.plan;
        let (dx, dy) = (x - plan.sun.0, y - plan.sun.1);
        let far = dx.hypot(dy);
        let mut share = smooth(self.disc + self.pixel, self.disc - self.pixel, far);
        if share <= 0.0 {
            return sky;
        }
        if !plan.is_moon {
            let warm = plan.palette.glow * if plan.light == Light::Day { 2.6 } else { 1.9 };
            return sky.mix(warm, share);
        }
        if plan.words.contains(&Word::Minimal) || plan.dice(5).chance(0.25) {
            // A crescent: another disc hides the rest.
            let hidden = (dx + self.disc * 0.42).hypot(dy - self.disc * 0.18);
            share *= smooth(self.disc * 0.93 - self.pixel, self.disc * 0.93 + self.pixel, hidden);
        }
        let seas = fbm(dx / self.disc * 1.4 + 9.0, dy / self.disc * 1.4, 4, plan.seed);
        let face = 1.0 - 0.28 * smooth(-0.05, 0.4, seas);
        sky.mix(plan.palette.glow * (1.25 * face), share)
    }

    fn clouds(&self, x: f32, y: f32, height: f32, sky: Colour) -> Colour {
        let plan = self.plan;
        let reach = 1.0 / (height + 0.28);
        let (cx, cy) = ((x - plan.aspect * 0.5) * reach * 0.95, reach * 1.35 + (1.0 - height) * 0.6);
        let seed = plan.seed;
        let warp = fbm(cx * 1.1 + 7.0, cy * 1.1, 3, seed ^ 77);
        let (wx, wy) = (cx + warp * 0.55, cy + warp * 0.35);
        let cut = 0.42 - plan.clouds * 0.72;
        let here = fbm(wx, wy * 1.15, 6, seed ^ 11);
        let thick = smooth(cut, cut + 0.55, here);
        if thick < 0.004 {
            return sky;
        }
        let (tx, ty) = (plan.sun.0 - x, plan.sun.1 - y);
        let far = tx.hypot(ty).max(0.08);
        let there = fbm(wx + tx / far * 0.16, (wy + ty / far * 0.16) * 1.15, 4, seed ^ 11);
        let lit = (0.42 + (here - there) * 1.5 + 0.25 * (-far * 2.2).exp() - thick * 0.18).clamp(0.0, 1.0);
        let mut cloud = plan.palette.cloud_shade.mix(plan.palette.cloud_light, lit);
        // Thin edges near the sun burn.
        cloud = cloud + plan.palette.glow * ((1.0 - thick) * 0.9 * (-far * 4.5).exp());
        sky.mix(cloud, thick * (0.55 + 0.45 * plan.clouds) * smooth(0.0, 0.16, height))
    }

    fn stars(&self, x: f32, y: f32) -> Colour {
        let mut sum = BLACK;
        for (layer, grid, most) in [(0_u32, 30.0, 1.7), (1, 64.0, 0.7), (2, 130.0, 0.3)] {
            let (gx, gy) = ((x * grid).floor(), (y * grid).floor());
            let bits = cell_bits(gx as i32, gy as i32, self.plan.seed ^ (layer * 977));
            let chance = (bits & 255) as f32 / 255.0;
            if chance > [0.22, 0.16, 0.13][layer as usize] {
                continue;
            }
            let at = |shift: u32| 0.2 + 0.6 * ((bits >> shift) & 255) as f32 / 255.0;
            let (sx, sy) = ((gx + at(8)) / grid, (gy + at(16)) / grid);
            let power = ((bits >> 24) as f32 / 255.0).powi(5) + 0.06;
            let size = (self.pixel * 0.75).max(0.00065) * (0.9 + power * 0.8);
            let far = (x - sx).hypot(y - sy) / size;
            if far < 5.0 {
                let warm = Colour::new(1.0, 0.86, 0.7).mix(Colour::new(0.75, 0.86, 1.0), at(4));
                sum = sum + warm * (power * most * ((-far * far * 0.5).exp() + 0.05 * (-far).exp()));
            }
        }
        sum
    }

    fn milky_way(&self, x: f32, y: f32, height: f32) -> Colour {
        let seed = self.plan.seed;
        let along = x * 0.55 + y - self.plan.aspect * 0.33 - 0.1;
        let band = (-(along * 3.6 + 0.25 * fbm(x * 2.0, y * 2.0, 3, seed ^ 31)).powi(2)).exp();
        let dust = smooth(-0.25, 0.5, fbm(x * 4.0 + 3.0, y * 4.0, 5, seed ^ 32));
        let lanes = smooth(0.05, 0.35, fbm(x * 3.0, y * 5.0 + 9.0, 4, seed ^ 33)) * band;
        let tint = self.plan.palette.sky[3].mix(Colour::new(0.55, 0.5, 0.62), 0.3);
        tint * (band * (0.16 + 0.34 * dust) * (1.0 - 0.75 * lanes) * smooth(0.0, 0.4, height))
    }

    fn nebula(&self, x: f32, y: f32) -> Colour {
        let (plan, seed) = (self.plan, self.plan.seed);
        let wx = fbm(x * 1.4, y * 1.4, 4, seed ^ 41);
        let wy = fbm(x * 1.4 + 5.2, y * 1.4 + 1.3, 4, seed ^ 42);
        let one = fbm(x * 1.3 + wx * 1.2, y * 1.3 + wy * 1.2, 6, seed ^ 43);
        let two = fbm(x * 1.9 - wy * 1.1 + 4.0, y * 1.9 + wx * 1.3, 5, seed ^ 44);
        let dark = plan.palette.sky[0] * 0.45;
        let a = plan.palette.five[1].saturate(1.3) * 0.75;
        let b = plan.palette.accent * 0.8;
        let core = smooth(-0.22, 0.6, one);
        let gas = dark + a * (core * 0.8) + b * (smooth(-0.1, 0.6, two) * core * 1.1);
        gas + plan.palette.glow * (core.powi(5) * 0.5) + dark * (0.4 * noise(x * 3.0, y * 3.0, seed)).max(0.0)
    }

    fn aurora(&self, x: f32, y: f32) -> Colour {
        let plan = self.plan;
        let green = Lch(0.86, 0.2, 158.0).colour();
        let violet = Lch(0.55, 0.2, 305.0).colour();
        let mut sum = BLACK;
        for curtain in 0..3_u32 {
            let seed = plan.seed ^ (curtain * 555 + 50);
            let place = plan.horizon * (0.40 + 0.17 * curtain as f32);
            let fold = fbm(x * 1.3, curtain as f32 * 4.0, 4, seed);
            let foot = place + 0.16 * fold + 0.05 * noise(x * 6.0 + fold * 3.0, 2.0, seed);
            let up = (foot - y) / (0.34 - 0.06 * curtain as f32);
            let ray = 0.55 + 0.45 * fbm(x * 11.0 + fold * 5.0, up * 0.25, 3, seed ^ 9);
            let body = smooth(-0.08, 0.05, up) * (-up.max(0.0) * 2.7).exp();
            let strength = body * ray * smooth(-0.45, 0.5, noise(x * 1.1 + 3.0, curtain as f32 * 7.0, seed ^ 3));
            sum = sum + green.mix(violet, smooth(0.15, 1.0, up)) * (strength * 0.8);
        }
        sum
    }

    fn rainbow(&self, x: f32, y: f32) -> Colour {
        let plan = self.plan;
        let centre = (plan.aspect - plan.sun.0, plan.horizon + 0.12);
        let ring = ((x - centre.0).hypot(y - centre.1) - 0.5) / 0.045;
        if !(-1.0..=1.0).contains(&ring) {
            return BLACK;
        }
        let hue = 290.0 - (ring + 1.0) * 0.5 * 265.0;
        Lch(0.78, 0.16, hue).colour() * (0.3 * (1.0 - ring * ring))
    }
}

/// Falling snow or rain over everything, and fireflies near the ground.
pub fn weather(canvas: &mut Canvas, plan: &Plan) {
    let seed = plan.seed ^ 0x51ed;
    if plan.has(Word::Rain) || (plan.has(Word::Storm) && !plan.has(Word::Snow)) {
        let tint = plan.palette.cloud_light;
        canvas.shade(|x, y, below| {
            let slant = x + y * 0.16;
            let mut sum = 0.0;
            for (layer, columns) in [(0_u32, 150.0_f32), (1, 90.0)] {
                let column = (slant * columns).floor();
                let run = cell(column as i32, layer as i32, seed);
                let drop = (y * (2.2 + run * 2.0) + run * 17.0).rem_euclid(1.0);
                let middle = ((slant * columns).rem_euclid(1.0) - 0.5).abs();
                let falls = cell(column as i32, (y * (2.2 + run * 2.0) + run * 17.0) as i32, seed ^ 5) < 0.3;
                sum += if falls {
                    smooth(0.14, 0.0, middle) * smooth(0.0, 0.28, drop) * smooth(0.34, 0.28, drop)
                } else {
                    0.0
                };
            }
            below + tint * (0.16 * sum)
        });
    }
    let is_falling = !plan.has(Word::Mountain) || plan.has(Word::Storm);
    if plan.has(Word::Snow) && is_falling && plan.ground != Ground::Studio {
        let white = plan.palette.cloud_light.mix(Colour::new(1.0, 1.0, 1.0), 0.7);
        canvas.shade(|x, y, below| {
            let mut share = 0.0_f32;
            for (layer, grid) in [(0_u32, 14.0_f32), (1, 28.0), (2, 52.0)] {
                share = share.max(flake(x, y, grid, seed ^ (layer * 91)));
            }
            below.mix(white, share * 0.85)
        });
    }
}

fn flake(x: f32, y: f32, grid: f32, seed: u32) -> f32 {
    let (gx, gy) = ((x * grid).floor(), (y * grid).floor());
    let bits = cell_bits(gx as i32, gy as i32, seed);
    if bits & 3 != 0 {
        return 0.0;
    }
    let at = |shift: u32| 0.25 + 0.5 * ((bits >> shift) & 255) as f32 / 255.0;
    let size = (0.05 + 0.07 * ((bits >> 24) as f32 / 255.0)) / grid;
    let far = (x - (gx + at(8)) / grid).hypot(y - (gy + at(16)) / grid);
    smooth(size * 1.3, size * 0.3, far)
}
