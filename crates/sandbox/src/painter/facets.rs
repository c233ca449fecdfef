//! Pictures made of pieces: triangles of folded paper, panes of coloured glass.
use super::{
    canvas::Canvas,
    colour::Colour,
    noise::{cell, cell_bits, fbm, noise, smooth},
    plan::Plan,
};

type Corner = (f32, f32);

/// Low-poly: a jittered mesh, each triangle one colour and a little light.
pub fn triangles(canvas: &mut Canvas, plan: &Plan) {
    let seed = plan.seed ^ 0x1095;
    let count = if canvas.height > 400 { 30.0 } else { 18.0 };
    let source = canvas.blurred((canvas.height / 260).max(1));
    let mut fine = Canvas::new(canvas.width * 2, canvas.height * 2);
    let corner = |i: i32, j: i32| -> Corner {
        let bits = cell_bits(i, j, seed);
        let jitter = |shift: u32| (((bits >> shift) & 255) as f32 / 255.0 - 0.5) * 0.78;
        ((i as f32 + jitter(0) + if j & 1 == 0 { 0.25 } else { -0.25 }) / count, (j as f32 + jitter(8)) / count)
    };
    let columns = (canvas.aspect() * count) as i32 + 2;
    for j in -1..=count as i32 + 1 {
        for i in -1..=columns {
            let (a, b, c, d) = (corner(i, j), corner(i + 1, j), corner(i, j + 1), corner(i + 1, j + 1));
            let halves =
                if cell_bits(i, j, seed ^ 3) & 1 == 0 { [[a, b, c], [b, d, c]] } else { [[a, b, d], [a, d, c]] };
            for (half, three) in halves.into_iter().enumerate() {
                let light = 0.90 + 0.22 * cell(i * 2 + half as i32, j, seed ^ 7);
                raster(&mut fine, three, facet_colour(&source, three).saturate(1.12) * light);
            }
        }
    }
    *canvas = fine.shrunk(2);
}

fn facet_colour(source: &Canvas, [a, b, c]: [Corner; 3]) -> Colour {
    let middle = ((a.0 + b.0 + c.0) / 3.0, (a.1 + b.1 + c.1) / 3.0);
    let mut sum = source.sample(middle.0, middle.1) * 2.0;
    for corner in [a, b, c] {
        sum = sum + source.sample((corner.0 + middle.0) * 0.5, (corner.1 + middle.1) * 0.5);
    }
    sum * 0.2
}

fn raster(canvas: &mut Canvas, [a, b, c]: [Corner; 3], colour: Colour) {
    let unit = canvas.height as f32;
    let at = |p: Corner| (p.0 * unit, p.1 * unit);
    let (a, b, c) = (at(a), at(b), at(c));
    let low = |x: f32, y: f32, z: f32| x.min(y).min(z).floor().max(0.0) as usize;
    let high = |x: f32, y: f32, z: f32, most: usize| (x.max(y).max(z).ceil().max(0.0) as usize).min(most);
    let side = |p: Corner, q: Corner, x: f32, y: f32| (q.0 - p.0) * (y - p.1) - (q.1 - p.1) * (x - p.0);
    for y in low(a.1, b.1, c.1)..high(a.1, b.1, c.1, canvas.height) {
        for x in low(a.0, b.0, c.0)..high(a.0, b.0, c.0, canvas.width) {
            let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
            let (s, t, u) = (side(a, b, px, py), side(b, c, px, py), side(c, a, px, py));
            if (s >= 0.0 && t >= 0.0 && u >= 0.0) || (s <= 0.0 && t <= 0.0 && u <= 0.0) {
                canvas.pixels[y * canvas.width + x] = colour;
            }
        }
    }
}

/// Voronoi panes: with lead between them a church window, without it a cubist's view.
pub fn glass(canvas: &mut Canvas, plan: &Plan, leaded: bool) {
    let seed = plan.seed ^ 0x61a5;
    let count = if leaded { 25.0 } else { 11.0 };
    let source = canvas.blurred((canvas.height / 180).max(1));
    let unit = canvas.pixel();
    let plain = canvas.clone();
    canvas.shade(|x, y, _| {
        let bend = 0.25 * fbm(x * 3.0, y * 3.0, 2, seed ^ 1);
        let (u, v) = (x * count + bend, y * count + bend);
        let (gx, gy) = (u.floor() as i32, v.floor() as i32);
        let (mut first, mut second, mut pane) = (f32::MAX, f32::MAX, (0.0, 0.0, 0_u32));
        for j in gy - 1..=gy + 1 {
            for i in gx - 1..=gx + 1 {
                let bits = cell_bits(i, j, seed);
                let at = (
                    i as f32 + 0.1 + 0.8 * (bits & 255) as f32 / 255.0,
                    j as f32 + 0.1 + 0.8 * ((bits >> 8) & 255) as f32 / 255.0,
                );
                let far = if leaded {
                    (at.0 - u).hypot(at.1 - v)
                } else {
                    (at.0 - u).abs().max((at.1 - v).abs()) + 0.4 * (at.0 - u + at.1 - v).abs()
                };
                if far < first {
                    (second, first, pane) = (first, far, (at.0, at.1, bits));
                } else if far < second {
                    second = far;
                }
            }
        }
        let gap = second - first;
        let dice = (pane.2 >> 16) as f32 / 65_535.0;
        let place = ((pane.0 - bend) / count, (pane.1 - bend) / count);
        if !leaded {
            let shift = 0.10 * (dice - 0.5);
            let seen = plain.sample(x + shift, y + shift * 0.6).mix(source.sample(place.0, place.1), 0.45);
            let slope = 0.78 + 0.4 * ((u - pane.0) * (dice - 0.3) + 0.5).clamp(0.0, 1.0);
            let line = smooth(unit * count * 1.6, 0.0, gap) * 0.55;
            return seen.saturate(1.15) * (slope * (1.0 - line));
        }
        let body = source.sample(place.0, place.1).saturate(1.9);
        let lift = 0.30 + 0.85 * body.luminance().max(0.004).powf(-0.25) * 0.62;
        let streak =
            1.0 + 0.16 * noise(u * 2.4 + dice * 40.0, v * 9.0, seed ^ 4) + 0.10 * noise(x * 60.0, y * 60.0, seed ^ 5);
        let shine = 1.0 + 0.5 * (-first * first * 5.0).exp();
        let lead = smooth(0.115, 0.075, gap);
        let round = Colour::new(0.035, 0.036, 0.042) + Colour::new(0.12, 0.12, 0.13) * smooth(0.05, 0.0, gap);
        (body * (lift * streak * shine)).mix(round, lead)
    });
}
