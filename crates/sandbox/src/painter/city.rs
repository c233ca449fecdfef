//! Skylines: rows of towers that fade into the air, with windows that light up after dark.
use super::{
    canvas::{Canvas, Shape},
    colour::Colour,
    noise::{Dice, cell, smooth},
    plan::Plan,
    words::Word,
};

struct Tower {
    left: f32,
    right: f32,
    top: f32,
}

pub fn paint(canvas: &mut Canvas, plan: &Plan) {
    let layers = 4_u32;
    let foot = if plan.has_water { plan.horizon } else { 1.0 };
    for layer in 0..layers {
        let near = layer as f32 / (layers - 1) as f32;
        let mut dice = plan.dice(600 + layer);
        let towers = skyline(plan, near, &mut dice);
        let mut shape = Shape::on(canvas);
        for tower in &towers {
            shape.polygon(&[
                (tower.left, foot),
                (tower.left, tower.top),
                (tower.right, tower.top),
                (tower.right, foot),
            ]);
            crown(&mut shape, tower, &mut dice);
        }
        let unit = canvas.pixel();
        let mut owner: Vec<u16> = vec![u16::MAX; canvas.width + 1];
        for (index, tower) in towers.iter().enumerate() {
            let (from, to) = ((tower.left / unit).max(0.0) as usize, (tower.right / unit).max(0.0) as usize);
            for place in owner.iter_mut().take(to + 1).skip(from) {
                *place = index as u16;
            }
        }
        canvas.fill(&shape, |x, y, _| {
            let tower = owner.get((x / unit) as usize).and_then(|index| towers.get(*index as usize));
            facade(plan, tower, layer, near, x, y)
        });
    }
}

fn skyline(plan: &Plan, near: f32, dice: &mut Dice) -> Vec<Tower> {
    let base = if plan.has_water { plan.horizon } else { plan.horizon + 0.10 + 0.34 * near };
    let mut towers = Vec::new();
    let mut x = -0.03;
    let heart = plan.focus * plan.aspect;
    while x < plan.aspect + 0.02 {
        let wide = dice.between(0.028, 0.07) * (0.7 + 0.5 * near) * plan.scale();
        let middle = (-((x - heart) / (0.5 * plan.aspect)).powi(2) * 2.0).exp();
        let most = if plan.has_water {
            0.14 + 0.30 * middle * (1.0 - 0.55 * near)
        } else {
            0.10 + 0.28 * middle * (1.0 - 0.4 * near) + 0.05
        };
        let tall = most * dice.between(0.35, 1.0).powf(1.2) + 0.02;
        towers.push(Tower { left: x, right: x + wide, top: base - tall });
        x += wide * dice.between(0.82, 1.25);
    }
    towers
}

fn crown(shape: &mut Shape, tower: &Tower, dice: &mut Dice) {
    let (middle, wide) = (0.5 * (tower.left + tower.right), tower.right - tower.left);
    match dice.pick(6) {
        0 => {
            shape.stroke((middle, tower.top), (middle, tower.top - wide * 1.1), 0.004, 0.001);
        }
        1 => {
            let (l, r) = (middle - wide * 0.28, middle + wide * 0.28);
            shape.polygon(&[
                (l, tower.top + 0.01),
                (l, tower.top - wide * 0.35),
                (r, tower.top - wide * 0.35),
                (r, tower.top + 0.01),
            ]);
        }
        2 => {
            shape.polygon(&[
                (tower.left, tower.top + 0.001),
                (middle, tower.top - wide * 0.8),
                (tower.right, tower.top + 0.001),
            ]);
        }
        3 => {
            shape.polygon(&[
                (tower.left, tower.top + 0.001),
                (tower.right, tower.top - wide * 0.45),
                (tower.right, tower.top + 0.001),
            ]);
        }
        _ => {}
    }
}

fn facade(plan: &Plan, tower: Option<&Tower>, layer: u32, near: f32, x: f32, y: f32) -> Colour {
    let palette = &plan.palette;
    let air = (1.0 - near).powf(1.2) * 0.78;
    let Some(tower) = tower else { return palette.land.mix(palette.haze, air) };
    let across = (x - tower.left) / (tower.right - tower.left);
    let toward = if plan.sun.0 > tower.left { across } else { 1.0 - across };
    let wall = palette.land.mix(palette.land_light, 0.08 + 0.4 * toward * if plan.is_dark() { 0.4 } else { 1.0 });
    let size = 0.0085 * (0.55 + 0.6 * near);
    let (u, v) = ((x - tower.left) / size, (y - tower.top) / (size * 1.35));
    let (fu, fv) = (u.rem_euclid(1.0), v.rem_euclid(1.0));
    let inside = smooth(0.16, 0.26, fu) * smooth(0.84, 0.74, fu) * smooth(0.2, 0.32, fv) * smooth(0.85, 0.73, fv);
    let seed = plan.seed ^ (layer * 57) ^ ((tower.left * 9000.0) as i32 as u32);
    let dice = cell(u as i32, v as i32, seed);
    let after_dark = plan.is_dark() || plan.light == super::palette::Light::Storm;
    let lit = if after_dark { dice < 0.36 } else { dice < 0.05 };
    let glass = if lit {
        let neon = plan.has(Word::Neon) && cell(u as i32 / 3, v as i32 / 4, seed ^ 9) < 0.4;
        let lamp = if neon {
            palette.five[3].mix(palette.accent, cell(u as i32 / 3, 1, seed)).saturate(1.5)
        } else {
            palette.lamp
        };
        lamp * (0.55 + 0.9 * cell(u as i32, v as i32, seed ^ 3))
    } else {
        wall.mix(palette.sky[2], if after_dark { 0.10 } else { 0.42 })
    };
    let street = smooth(0.10, 0.55, y - tower.top) * if after_dark { 0.10 } else { 0.0 };
    let body = wall.mix(glass, inside * if v > 0.6 { 1.0 } else { 0.0 }) + palette.lamp * (street * 0.3);
    body.mix(palette.haze, air)
}
