//! Pictures from words, without a model: the words choose light, ground, things and a way of painting, the text's hash
//! does the rest. Pure and deterministic: the same words, size, variant and quality give the same pixels everywhere.
mod abstracts;
mod blossoms;
mod canvas;
mod city;
mod colour;
mod creatures;
mod facets;
mod finish;
mod gem;
mod lines;
mod mark;
mod noise;
mod palette;
mod plan;
mod planet;
mod plants;
mod prints;
mod sky;
mod structures;
mod style;
mod subjects;
mod terrain;
mod vessels;
mod water;
mod words;

use canvas::Canvas;
use image::RgbaImage;
use plan::{Ground, Plan};
use words::Word;

/// Paints what the prompt says. `variant` tells pictures of one prompt apart; `quality` is one of the image API's words
/// and only changes how fine the work is. Costs about a third of a second for a megapixel.
pub fn paint(prompt: &str, width: u32, height: u32, variant: u32, quality: &str) -> RgbaImage {
    let (width, height) = (width.max(1), height.max(1));
    let seed = noise::seed_of(prompt, variant);
    let (inner_width, inner_height) = inner_size(width, height, quality);
    let plan = Plan::new(words::read(prompt), seed, inner_width as f32 / inner_height as f32);
    let mut canvas = Canvas::new(inner_width, inner_height);
    scene(&mut canvas, &plan);
    finish::bloom(&mut canvas, if plan.ground == Ground::Abstract { 0.12 } else { 0.4 });
    finish::tone(&mut canvas, &plan);
    style::apply(&mut canvas, &plan);
    let grain = if plan.has(Word::Photo) { 5.0 } else { 1.3 };
    let mut picture = finish::develop(&canvas, width, height, grain, seed);
    mark::stamp(&mut picture);
    picture
}

/// Large sheets are painted smaller and enlarged: nobody waits half a minute for a sandbox.
fn inner_size(width: u32, height: u32, quality: &str) -> (usize, usize) {
    let most: f32 = match quality {
        "low" => 500_000.0,
        "high" | "xhigh" | "max" | "hd" => 2_300_000.0,
        _ => 1_600_000.0,
    };
    let scale = (most / (width as f32 * height as f32)).sqrt().min(1.0);
    let side = |length: u32| ((length as f32 * scale).round() as usize).max(1);
    (side(width), side(height))
}

fn scene(canvas: &mut Canvas, plan: &Plan) {
    if plan.ground == Ground::Abstract {
        return abstracts::paint(canvas, plan);
    }
    sky::paint(canvas, plan);
    if plan.has(Word::Storm) {
        sky::lightning(canvas, plan);
    }
    subjects::distant(canvas, plan);
    terrain::paint(canvas, plan);
    subjects::shore(canvas, plan);
    if plan.has_water {
        water::paint(canvas, plan);
        if plan.ground == Ground::Sea && (plan.has(Word::Storm) || plan.has(Word::Waves)) {
            water::waves(canvas, plan);
        }
    }
    water::mist(canvas, plan);
    subjects::foreground(canvas, plan);
    sky::weather(canvas, plan);
}
