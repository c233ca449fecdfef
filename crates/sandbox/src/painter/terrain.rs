//! Land: layered ridges that fade into the air, hills, dunes, rows of a field.
use super::{
    canvas::Canvas,
    colour::Colour,
    noise::{cell, fbm, noise, ridged, smooth},
    plan::{Ground, Plan},
    words::Word,
};

pub fn paint(canvas: &mut Canvas, plan: &Plan) {
    match plan.ground {
        Ground::Mountains => mountains(canvas, plan),
        Ground::Hills => hills(canvas, plan),
        Ground::Dunes => dunes(canvas, plan),
        Ground::Field => field(canvas, plan),
        Ground::Forest | Ground::City => {
            let layers = if plan.ground == Ground::Forest { 2 } else { 1 };
            far_ridges(canvas, plan, layers);
        }
        Ground::Island => island(canvas, plan),
        Ground::Sea if plan.dice(20).chance(0.5) || plan.has(Word::Lighthouse) => far_ridges(canvas, plan, 1),
        Ground::Sea | Ground::Space | Ground::Studio | Ground::Abstract => {}
    }
}

/// Fills from a line of heights down to `bottom`; the painter gets how far below the line a place is.
pub fn below(
    canvas: &mut Canvas,
    height: impl Fn(f32) -> f32,
    bottom: f32,
    paint: impl Fn(f32, f32, f32, Colour) -> Colour + Sync,
) {
    let unit = canvas.pixel();
    let line: Vec<f32> = (0..=canvas.width).map(|at| height(at as f32 * unit)).collect();
    let top = line.iter().copied().fold(1.0, f32::min).max(0.0);
    let columns = canvas.height as f32;
    canvas.shade_between(top, bottom, |x, y, under| {
        let at = (x * columns) as usize;
        let (a, b) = (line[at.min(line.len() - 1)], line[(at + 1).min(line.len() - 1)]);
        let deep = y - 0.5 * (a + b);
        let soft = unit * (1.0 + (a - b).abs() / unit).min(3.0) * 0.7;
        let share = smooth(-soft, soft, deep);
        if share <= 0.0 || y > bottom {
            return under;
        }
        under.mix(paint(x, y, deep.max(0.0), under), share)
    });
}

fn mountains(canvas: &mut Canvas, plan: &Plan) {
    let layers = if plan.has(Word::Minimal) { 3 } else { 5_u32 };
    let bottom = if plan.has_water { plan.horizon } else { 1.0 };
    let snowy = plan.has(Word::Snow) || plan.has(Word::Winter) || !plan.has(Word::Desert) && plan.dice(21).chance(0.75);
    for layer in 0..layers {
        let near = layer as f32 / (layers - 1) as f32;
        let seed = plan.seed ^ (layer * 7919 + 13);
        let (foot, rise) = if plan.has_water {
            (plan.horizon + 0.004, (if plan.has(Word::Aurora) { 0.22 } else { 0.33 }) * (1.0 - near) + 0.05)
        } else {
            (plan.horizon + 0.02 + near * near * 0.40, 0.34 - 0.16 * near)
        };
        let rough = 1.5 + near * 1.1;
        let peak = plan.focus * plan.aspect + (near - 0.2) * 0.5;
        let height = |x: f32| {
            let crest = ridged(x * rough + 3.1, layer as f32 * 9.7, 6, seed);
            let swell = fbm(x * 0.9, layer as f32 * 3.3, 3, seed ^ 5);
            let lift = if layer < 2 { 0.45 * (-((x - peak) / 0.42).powi(2)).exp() } else { 0.0 };
            foot - rise * (0.10 + 0.95 * crest + 0.32 * swell + lift).max(0.02)
        };
        let face = Face { plan, seed, near, foot, rise, snow: if snowy { 1.0 - near * 1.1 } else { 0.0 } };
        below(canvas, height, bottom, |x, y, deep, _| face.at(x, y, deep));
    }
}

/// The side of a mountain as the light falls on it.
struct Face<'a> {
    plan: &'a Plan,
    seed: u32,
    near: f32,
    foot: f32,
    rise: f32,
    snow: f32,
}

impl Face<'_> {
    fn at(&self, x: f32, y: f32, deep: f32) -> Colour {
        let palette = &self.plan.palette;
        let warp = fbm(x * 6.0, y * 5.0, 3, self.seed ^ 3) * 0.06;
        let (u, v) = ((x + warp) * 7.0 + deep * 1.2, (deep * 0.85 + y * 0.15 + warp) * 5.2);
        let side = if self.plan.sun.0 > x { 1.0 } else { -1.0 };
        let toward = (self.plan.sun.0 - x).abs().min(0.3) / 0.3 * side;
        let here = ridged(u, v, 5, self.seed ^ 1);
        let there = ridged(u + 0.07 * toward, v - 0.05, 5, self.seed ^ 1);
        let lit = (0.36 + (here - there) * 4.4 + (here - 0.45) * 0.4).clamp(0.0, 1.0);
        let mut rock = palette.land.mix(palette.land_light, lit * (0.75 - 0.25 * self.near));
        let altitude = (self.foot - y) / self.rise;
        if self.snow > 0.0 {
            let line = 0.40 + 0.28 * noise(x * 5.0, y * 3.0, self.seed ^ 8) + (0.5 - here) * 0.55;
            let white = palette.sky[1].mix(
                palette.cloud_light.mix(Colour::new(1.0, 0.98, 0.97), if self.plan.is_dark() { 0.05 } else { 0.55 }),
                0.2 + 0.8 * lit,
            );
            rock = rock.mix(white, smooth(line, line + 0.16, altitude) * self.snow.clamp(0.0, 1.0));
        }
        let air = (1.0 - self.near).powf(1.25) * 0.58;
        let pool = smooth(0.75, -0.05, altitude) * (0.22 + 0.5 * self.plan.mist) * (1.0 - self.near * 0.8);
        let glow = palette.glow * (0.16 * (1.0 - self.near) * (-(x - self.plan.sun.0).abs() * 3.0).exp());
        rock.mix(palette.haze, air).mix(palette.haze, pool) + glow * if self.plan.is_dark() { 0.25 } else { 1.0 }
    }
}

fn far_ridges(canvas: &mut Canvas, plan: &Plan, layers: u32) {
    for layer in 0..layers {
        let seed = plan.seed ^ (layer * 313 + 71);
        let rise = 0.13 - 0.03 * layer as f32;
        let height = |x: f32| plan.horizon + 0.003 - rise * (0.4 + 0.55 * fbm(x * 1.6, layer as f32, 5, seed)).max(0.0);
        let colour = plan.palette.land_light.mix(plan.palette.haze, 0.78 - 0.2 * layer as f32);
        let bottom = if plan.has_water { plan.horizon } else { 1.0 };
        below(canvas, height, bottom, |_, _, deep, _| colour.mix(plan.palette.haze, smooth(0.0, 0.14, deep) * 0.6));
    }
}

fn hills(canvas: &mut Canvas, plan: &Plan) {
    far_ridges(canvas, plan, 2);
    let layers = 4_u32;
    let bottom = if plan.has_water { plan.horizon } else { 1.0 };
    for layer in 0..layers {
        let near = layer as f32 / (layers - 1) as f32;
        let seed = plan.seed ^ (layer * 4241 + 29);
        let foot = if plan.has_water { plan.horizon - 0.05 * (1.0 - near) } else { plan.horizon + 0.03 + 0.27 * near };
        let swing = if plan.has_water { 0.05 } else { 0.07 + 0.03 * near };
        let height = |x: f32| foot - swing * fbm(x * (0.9 + 0.3 * near) + 2.0, layer as f32 * 5.0, 3, seed);
        below(canvas, height, bottom, |x, y, deep, _| grass(plan, seed, near, x, y, deep));
    }
}

/// Meadow on a rounded slope: light comes over the crest, the air takes the distance.
pub fn grass(plan: &Plan, seed: u32, near: f32, x: f32, y: f32, deep: f32) -> Colour {
    let palette = &plan.palette;
    // Two fixed grains, blended: a grain that changed with the distance would smear.
    let (fine, broad) = (fbm(x * 34.0, y * 80.0, 3, seed ^ 4), fbm(x * 15.0, y * 34.0, 4, seed ^ 5));
    let tuft = fine + (broad - fine) * near;
    let patch = fbm(x * 2.4, y * 5.0, 3, seed ^ 6);
    let lit = (0.78 - deep * (3.2 - near) + 0.32 * tuft + 0.35 * patch).clamp(0.0, 1.0);
    let dark = if plan.is_dark() { 0.55 } else { 1.0 };
    let toward = (-(x - plan.sun.0).abs() * 1.6).exp();
    let ground = palette.land.mix(palette.land_light, lit * (0.55 + 0.45 * toward) * dark);
    let glow = palette.glow * (0.10 * smooth(0.05, 0.0, deep) * toward * dark);
    (ground + glow)
        .mix(palette.haze, (1.0 - near).powf(1.4) * 0.55 + smooth(0.02, 0.2, deep) * 0.22 * plan.mist * (1.0 - near))
}

fn dunes(canvas: &mut Canvas, plan: &Plan) {
    let palette = &plan.palette;
    // Sand has its own colour; the hour only tints it.
    let sand = super::colour::Lch(0.74, 0.10, 66.0).colour();
    let tint = palette.land_light.mix(palette.haze, 0.4);
    let (light, shade) = if plan.is_dark() {
        (palette.land_light.mix(sand * 0.3, 0.45) * 1.15, palette.land.mix(palette.sky[2], 0.30))
    } else {
        (sand.mix(tint, 0.35), sand.through(palette.cloud_shade).mix(palette.land, 0.35))
    };
    let layers = 5_u32;
    for layer in 0..layers {
        let near = layer as f32 / (layers - 1) as f32;
        let seed = plan.seed ^ (layer * 887 + 37);
        let foot = plan.horizon + 0.01 + near * near * 0.30;
        let swing = 0.05 + 0.12 * near;
        let rough = 1.7 - 0.6 * near;
        let line = |x: f32| {
            let n = noise(x * rough + 1.7, layer as f32 * 6.1, seed) + 0.25 * noise(x * rough * 2.3, 3.0, seed ^ 2);
            foot - swing * (1.0 - n.abs()).powf(1.5)
        };
        let side = if plan.sun.0 > plan.aspect * 0.5 { 1.0 } else { -1.0 };
        below(canvas, line, 1.0, |x, y, deep, _| {
            // The lee of a dune is the part behind a wandering crest.
            let wander = 0.12 * fbm(x * 1.3, y * 2.2, 2, seed ^ 9);
            let slope = (line(x + 0.01 + deep * 0.5 * side + wander * deep)
                - line(x - 0.01 + deep * 0.5 * side + wander * deep))
                / 0.02;
            let lit = smooth(-0.05, 0.05, slope * side + 0.02);
            let ripple = (y * (420.0 - 190.0 * near) + 9.0 * fbm(x * 5.0, y * 7.0, 3, seed)).sin() * 0.035 * near;
            let grain = 0.03 * (cell((x * 900.0) as i32, (y * 900.0) as i32, seed) - 0.5);
            let body = shade.mix(light, (lit * (1.0 - deep * 0.9) + ripple + grain).clamp(0.0, 1.0));
            body.mix(palette.haze, (1.0 - near).powf(1.5) * 0.62)
        });
    }
}

/// Rows running to the horizon: lavender, tulips, wheat; or a meadow with flowers strewn in.
fn field(canvas: &mut Canvas, plan: &Plan) {
    far_ridges(canvas, plan, 2);
    let palette = &plan.palette;
    let seed = plan.seed ^ 0xf1e1d;
    let rows = plan.has(Word::Field);
    let bloom =
        if rows { super::colour::Lch(0.56, 0.15, 302.0).colour().mix(palette.accent, 0.25) } else { palette.accent };
    let vanish = plan.focus * plan.aspect;
    let height = |x: f32| plan.horizon + 0.012 * fbm(x * 1.5, 2.0, 3, seed);
    below(canvas, height, 1.0, |x, y, deep, _| {
        let near = smooth(0.0, 0.55, deep);
        let base = grass(plan, seed, 0.3 + 0.7 * near, x, y, deep * 0.15);
        let row = (x - vanish) / (deep + 0.03);
        let wobble = 0.22 * noise(x * 18.0, y * 18.0, seed);
        let strip = if rows {
            smooth(-0.15, 0.55, (row * 3.2 + wobble).sin())
        } else {
            smooth(0.0, 0.5, fbm(x * 6.0, y * 14.0, 3, seed ^ 2))
        };
        let fine = noise(x * 150.0, y * 190.0, seed ^ 7);
        let broad = noise(x * 75.0, y * 90.0, seed ^ 8);
        let dots = smooth(0.0, 0.5, fine + (broad - fine) * near);
        let shine = (0.5 + 0.7 * dots) * if plan.is_dark() { 0.45 } else { 1.0 };
        let share = strip * if rows { 0.45 + 0.5 * dots } else { dots * (0.35 + 0.6 * near) };
        base.mix(bloom * shine, share).mix(palette.haze, smooth(0.13, 0.0, deep) * 0.6)
    });
}

fn island(canvas: &mut Canvas, plan: &Plan) {
    let seed = plan.seed ^ 0x151;
    let centre = plan.focus * plan.aspect;
    let wide = 0.26 * plan.scale();
    let foot = plan.horizon + 0.012;
    let height = |x: f32| {
        let bell = (-((x - centre) / wide).powi(2) * 1.4).exp();
        foot + 0.03 - bell * (0.09 + 0.22 * ridged(x * 2.6, 4.0, 6, seed)) - bell * 0.02
    };
    let face = Face { plan, seed, near: 0.55, foot, rise: 0.25, snow: 0.0 };
    below(canvas, height, foot, |x, y, deep, _| {
        let rock = face.at(x, y, deep);
        let green = grass(plan, seed, 0.7, x, y, deep * 0.4);
        rock.mix(green, 0.55 * smooth(-0.2, 0.35, fbm(x * 9.0, y * 12.0, 4, seed)))
    });
}
