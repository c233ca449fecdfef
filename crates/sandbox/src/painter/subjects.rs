//! Sets the things a prompt names into the landscape, each where it belongs.
use super::{
    blossoms,
    canvas::{Canvas, Point},
    city, creatures, gem,
    noise::smooth,
    plan::{Ground, Plan},
    planet, plants, structures, terrain, vessels,
    words::Word,
};

/// Things that stand behind the water and are mirrored in it.
pub fn distant(canvas: &mut Canvas, plan: &Plan) {
    if plan.has(Word::Planet) {
        planet::paint(canvas, plan);
    }
    if plan.has(Word::Balloon) {
        vessels::balloons(canvas, plan);
    }
}

pub fn shore(canvas: &mut Canvas, plan: &Plan) {
    match plan.ground {
        Ground::City => city::paint(canvas, plan),
        Ground::Forest => plants::forest(canvas, plan),
        Ground::Mountains if !plan.has(Word::Desert) && !plan.has(Word::Minimal) => plants::fringe(canvas, plan),
        Ground::Field if !plan.has(Word::Field) => plants::strewn(canvas, plan),
        Ground::Studio if plan.has(Word::Flower) => blossoms::flowers(canvas, plan),
        Ground::Studio => gem::paint(canvas, plan),
        _ => {}
    }
    if plan.has(Word::Bridge) && plan.has_water {
        structures::bridge(canvas, plan);
    }
    if plan.has(Word::Lantern) {
        vessels::lanterns(canvas, plan);
    }
}

/// Things before the water, on a piece of ground of their own.
pub fn foreground(canvas: &mut Canvas, plan: &Plan) {
    use Word::*;
    if plan.has_water && plan.has(Fish) {
        creatures::koi(canvas, plan);
    }
    if plan.has_water && (plan.has(Boat) || plan.ground == Ground::Sea && plan.dice(90).chance(0.2)) {
        vessels::boat(canvas, plan);
    }
    let standing = [Lighthouse, Castle, Temple, House, Tree, Fox, Cat, Person];
    let here: Vec<Word> = standing.into_iter().filter(|word| plan.has(*word)).collect();
    let place = matches!(plan.ground, Ground::Space | Ground::Studio | Ground::Abstract);
    if !here.is_empty() && !place {
        let spots = stand(canvas, plan, here.len());
        for (word, at) in here.into_iter().zip(spots) {
            let s = plan.scale();
            match word {
                Lighthouse => structures::lighthouse(canvas, plan, at, s * 1.25),
                Castle => structures::castle(canvas, plan, at, s * 1.1),
                Temple => structures::temple(canvas, plan, at, s),
                House => structures::house(canvas, plan, at, s),
                Tree => plants::tree(canvas, plan, at, s * 0.95),
                Fox => creatures::fox(canvas, plan, at, s),
                Cat => creatures::cat(canvas, plan, at, s),
                _ => creatures::person(canvas, plan, at, s),
            }
        }
    }
    if plan.has(Bird) {
        creatures::birds(canvas, plan);
    }
    if plan.has(Firefly) {
        vessels::fireflies(canvas, plan);
    }
}

/// Raises a knoll and answers places on it for `count` things, the first one at the focus.
fn stand(canvas: &mut Canvas, plan: &Plan, count: usize) -> Vec<Point> {
    let a = plan.aspect;
    let heart = plan.focus * a;
    let seed = plan.seed ^ 0x57a2d;
    let top = if plan.has_water { (plan.horizon + 0.10).min(0.80) } else { 0.76 };
    let wide = 0.42 * plan.scale().max(0.6);
    let line = |x: f32| {
        let bell = (-((x - heart) / wide).powi(2)).exp();
        let rough = 0.012 * super::noise::fbm(x * 7.0, 3.0, 4, seed);
        1.03 - (1.03 - top) * bell + rough * smooth(0.05, 0.4, bell)
    };
    let spots = (0..count)
        .map(|index| {
            let step = index.div_ceil(2) as f32 * if index % 2 == 1 { 1.0 } else { -1.0 };
            let inward = if plan.focus > 0.5 { -1.0 } else { 1.0 };
            let x = heart + step * inward * 0.19 * plan.scale();
            (x, line(x) + 0.006)
        })
        .collect();
    terrain::below(canvas, line, 1.0, |x, y, deep, _| {
        let meadow = terrain::grass(plan, seed, 1.0, x, y, deep);
        meadow.mix(plan.palette.land * 0.7, smooth(0.02, 0.25, deep) * 0.7)
    });
    if plan.ground != Ground::Dunes {
        plants::blades(canvas, plan, line);
    }
    spots
}
