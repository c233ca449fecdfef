//! The sheet everything is painted on: linear light per pixel, in coordinates where the height is 1.
//! Also shapes: polygons with exact, anti-aliased coverage.
use super::colour::{BLACK, Colour};

pub type Point = (f32, f32);

/// Columns right of the sheet that catch what lies outside.
const SPARE: usize = 2;

#[derive(Clone)]
pub struct Canvas {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<Colour>,
}

impl Canvas {
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![BLACK; width * height] }
    }

    /// Width in heights.
    pub fn aspect(&self) -> f32 {
        self.width as f32 / self.height as f32
    }

    /// The length of a pixel.
    pub fn pixel(&self) -> f32 {
        1.0 / self.height as f32
    }

    /// Repaints every pixel from its place and what is there, on every core.
    pub fn shade(&mut self, paint: impl Fn(f32, f32, Colour) -> Colour + Sync) {
        self.shade_between(0.0, 1.0, paint);
    }

    /// As `shade`, only for rows between two heights.
    pub fn shade_between(&mut self, top: f32, bottom: f32, paint: impl Fn(f32, f32, Colour) -> Colour + Sync) {
        let (width, unit) = (self.width, self.pixel());
        let row_of = |y: f32| ((y * self.height as f32).floor().max(0.0) as usize).min(self.height);
        let (first, last) = (row_of(top), row_of(bottom + unit));
        if first >= last {
            return;
        }
        let threads = std::thread::available_parallelism().map_or(1, |count| count.get().min(4));
        let rows = (last - first).div_ceil(threads * 4).max(1);
        let paint = &paint;
        let mut bands: Vec<(usize, &mut [Colour])> =
            self.pixels[first * width..last * width].chunks_mut(rows * width).enumerate().collect();
        // Dealt like cards, so that every thread gets some sky and some ground.
        let mut hands: Vec<Vec<(usize, &mut [Colour])>> = (0..threads).map(|_| Vec::new()).collect();
        for (place, band) in bands.drain(..).enumerate() {
            hands[place % threads].push(band);
        }
        std::thread::scope(|scope| {
            for hand in hands {
                scope.spawn(move || {
                    for (index, band) in hand {
                        for (at, pixel) in band.iter_mut().enumerate() {
                            let (x, y) = (at % width, first + index * rows + at / width);
                            *pixel = paint((x as f32 + 0.5) * unit, (y as f32 + 0.5) * unit, *pixel);
                        }
                    }
                });
            }
        });
    }

    /// The colour at a place, interpolated; outside, the edge goes on.
    pub fn sample(&self, x: f32, y: f32) -> Colour {
        let px = (x * self.height as f32 - 0.5).clamp(0.0, (self.width - 1) as f32);
        let py = (y * self.height as f32 - 0.5).clamp(0.0, (self.height - 1) as f32);
        let (x0, y0) = (px as usize, py as usize);
        let (x1, y1) = ((x0 + 1).min(self.width - 1), (y0 + 1).min(self.height - 1));
        let (dx, dy) = (px - x0 as f32, py - y0 as f32);
        let row = |y: usize| self.pixels[y * self.width + x0].mix(self.pixels[y * self.width + x1], dx);
        row(y0).mix(row(y1), dy)
    }

    /// Paints where a shape is: `paint(x, y, below)`, weighed by coverage.
    pub fn fill(&mut self, shape: &Shape, paint: impl Fn(f32, f32, Colour) -> Colour + Sync) {
        let Some((top, bottom)) = shape.rows() else { return };
        let mask = shape.coverage();
        let (width, height) = (self.width, self.height as f32);
        self.shade_between(top as f32 / height, bottom as f32 / height, |x, y, below| {
            let row = ((y * height) as usize).wrapping_sub(top);
            match mask.get(row.wrapping_mul(width).wrapping_add((x * height) as usize)) {
                Some(share) if *share > 0.002 => below.mix(paint(x, y, below), *share),
                _ => below,
            }
        });
    }

    /// Averaged over squares of `factor` pixels.
    pub fn shrunk(&self, factor: usize) -> Self {
        let (width, height) = ((self.width / factor).max(1), (self.height / factor).max(1));
        let mut other = Self::new(width, height);
        let share = 1.0 / (factor * factor) as f32;
        for y in 0..height {
            for x in 0..width {
                let mut sum = BLACK;
                for dy in 0..factor.min(self.height) {
                    let start = (y * factor + dy) * self.width + x * factor;
                    for pixel in &self.pixels[start..start + factor.min(self.width)] {
                        sum = sum + *pixel;
                    }
                }
                other.pixels[y * width + x] = sum * share;
            }
        }
        other
    }

    /// A soft copy: three box blurs come close to a Gaussian.
    pub fn blurred(&self, radius: usize) -> Self {
        let mut now = self.clone();
        for _ in 0..3 {
            now = now.box_rows(radius).turned();
            now = now.box_rows(radius).turned();
        }
        now
    }

    fn box_rows(&self, radius: usize) -> Self {
        let mut other = Self::new(self.width, self.height);
        let share = 1.0 / (2 * radius + 1) as f32;
        for (from, to) in self.pixels.chunks(self.width).zip(other.pixels.chunks_mut(self.width)) {
            let at = |i: isize| from[i.clamp(0, self.width as isize - 1) as usize];
            let r = radius as isize;
            let mut sum = (-r..=r).fold(BLACK, |sum, i| sum + at(i));
            for (x, out) in to.iter_mut().enumerate() {
                *out = sum * share;
                sum = sum + at(x as isize + r + 1) + at(x as isize - r) * -1.0;
            }
        }
        other
    }

    fn turned(&self) -> Self {
        let mut other = Self::new(self.height, self.width);
        for y in 0..self.height {
            for x in 0..self.width {
                other.pixels[x * self.height + y] = self.pixels[y * self.width + x];
            }
        }
        other
    }
}

/// A set of polygons; where they overlap they are one.
pub struct Shape {
    width: usize,
    height: usize,
    sums: Vec<f32>,
    top: usize,
    bottom: usize,
}

impl Shape {
    pub fn on(canvas: &Canvas) -> Self {
        let (width, height) = (canvas.width, canvas.height);
        Self { width, height, sums: vec![0.0; (width + SPARE) * height], top: height, bottom: 0 }
    }

    fn rows(&self) -> Option<(usize, usize)> {
        (self.top < self.bottom).then_some((self.top, self.bottom - 1))
    }

    pub fn polygon(&mut self, points: &[Point]) -> &mut Self {
        let unit = self.height as f32;
        let area: f32 = pairs(points).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum();
        for (a, b) in pairs(points) {
            let (a, b) = ((a.0 * unit, a.1 * unit), (b.0 * unit, b.1 * unit));
            if area >= 0.0 { self.edge(a, b) } else { self.edge(b, a) }
        }
        self
    }

    pub fn ellipse(&mut self, centre: Point, rx: f32, ry: f32) -> &mut Self {
        let steps = ((rx.max(ry) * self.height as f32).sqrt() * 6.0).clamp(12.0, 200.0) as usize;
        let at = |i: usize| {
            let (sin, cos) = (i as f32 / steps as f32 * std::f32::consts::TAU).sin_cos();
            (centre.0 + rx * cos, centre.1 + ry * sin)
        };
        let points: Vec<Point> = (0..steps).map(at).collect();
        self.polygon(&points)
    }

    /// A line that goes from one thickness to another.
    pub fn stroke(&mut self, from: Point, to: Point, start: f32, end: f32) -> &mut Self {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).max(1e-6);
        let (nx, ny) = (-dy / length * 0.5, dx / length * 0.5);
        self.polygon(&[
            (from.0 + nx * start, from.1 + ny * start),
            (to.0 + nx * end, to.1 + ny * end),
            (to.0 - nx * end, to.1 - ny * end),
            (from.0 - nx * start, from.1 - ny * start),
        ])
    }

    /// Signed area per pixel, summed up along the row later: exact coverage without samples.
    fn edge(&mut self, a: Point, b: Point) {
        if (a.1 - b.1).abs() < 1e-6 {
            return;
        }
        let (sign, p, q) = if a.1 < b.1 { (1.0, a, b) } else { (-1.0, b, a) };
        let slope = (q.0 - p.0) / (q.1 - p.1);
        let limit = self.width as f32;
        let (start, end) = (p.1.max(0.0), q.1.min(self.height as f32));
        if start >= end {
            return;
        }
        self.top = self.top.min(start as usize);
        self.bottom = self.bottom.max((end.ceil() as usize).min(self.height));
        let mut x = p.0 + (start - p.1) * slope;
        for row in start as usize..(end.ceil() as usize).min(self.height) {
            let (y0, y1) = ((row as f32).max(start), (row as f32 + 1.0).min(end));
            let x_next = x + (y1 - y0) * slope;
            let area = sign * (y1 - y0);
            let (left, right) = (x.min(x_next).clamp(0.0, limit), x.max(x_next).clamp(0.0, limit));
            self.spread(row * (self.width + SPARE), left, right, area);
            x = x_next;
        }
    }

    fn spread(&mut self, base: usize, left: f32, right: f32, area: f32) {
        let (first, last) = (left.floor(), right.ceil());
        let at = base + first as usize;
        if last <= first + 1.0 {
            let middle = 0.5 * (left + right) - first;
            self.sums[at] += area * (1.0 - middle);
            self.sums[at + 1] += area * middle;
            return;
        }
        let scale = 1.0 / (right - left);
        let mut before = 0.0;
        let mut covered = 0.0;
        for step in 0..=(last - first) as usize {
            // Area right of the edge in this column, as a running difference.
            let column_end = (first + step as f32 + 1.0).min(right);
            let column_start = (first + step as f32).max(left);
            let inside = ((column_end - column_start) * scale).max(0.0);
            let middle = 0.5 * (column_end + column_start) - (first + step as f32);
            let total = covered + inside * (1.0 - middle);
            self.sums[at + step] += area * (total - before);
            before = total;
            covered += inside;
        }
    }

    /// Only the rows the shape touches.
    fn coverage(&self) -> Vec<f32> {
        let mut mask = vec![0.0; self.width * (self.bottom - self.top)];
        for row in self.top..self.bottom {
            let mut sum = 0.0;
            let sums = &self.sums[row * (self.width + SPARE)..];
            let at = (row - self.top) * self.width;
            for (share, step) in mask[at..at + self.width].iter_mut().zip(sums) {
                sum += step;
                *share = sum.abs().min(1.0);
            }
        }
        mask
    }
}

fn pairs(points: &[Point]) -> impl Iterator<Item = (Point, Point)> + '_ {
    points.iter().copied().zip(points.iter().copied().cycle().skip(1))
}

/// A closed curve through points (Catmull-Rom), as many small lines.
pub fn curve(points: &[Point]) -> Vec<Point> {
    const STEPS: usize = 10;
    let at = |i: usize| points[i % points.len()];
    let count = points.len();
    (0..count * STEPS)
        .map(|step| {
            let (i, t) = (step / STEPS, (step % STEPS) as f32 / STEPS as f32);
            let (a, b, c, d) = (at(i + count - 1), at(i), at(i + 1), at(i + 2));
            let along = |a: f32, b: f32, c: f32, d: f32| {
                0.5 * (2.0 * b
                    + (c - a) * t
                    + (2.0 * a - 5.0 * b + 4.0 * c - d) * t * t
                    + (3.0 * b - a - 3.0 * c + d) * t * t * t)
            };
            (along(a.0, b.0, c.0, d.0), along(a.1, b.1, c.1, d.1))
        })
        .collect()
}
