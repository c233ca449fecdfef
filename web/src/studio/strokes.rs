//! Strokes of a brush, in parts of the picture's edges, and what is made of them: lines on a canvas, and the file of a mask.
use leptos::prelude::document;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement};

#[derive(Clone, Debug, PartialEq)]
pub struct Stroke {
    /// In parts of width and height.
    pub points: Vec<(f64, f64)>,
    /// In parts of the longer edge.
    pub radius: f64,
    pub is_erasing: bool,
}

/// In order; the two ways are how painting and erasing meet what is there.
pub fn draw(context: &CanvasRenderingContext2d, strokes: &[Stroke], size: (f64, f64), ways: (&str, &str)) {
    let (width, height) = size;
    context.set_line_cap("round");
    context.set_line_join("round");
    for stroke in strokes {
        let _ = context.set_global_composite_operation(if stroke.is_erasing { ways.1 } else { ways.0 });
        context.set_line_width(stroke.radius * 2.0 * width.max(height));
        context.begin_path();
        for (index, (x, y)) in stroke.points.iter().enumerate() {
            if index == 0 {
                context.move_to(x * width, y * height);
            }
            // A single point is a line of no length, which has round ends.
            context.line_to(x * width, y * height);
        }
        context.stroke();
    }
    let _ = context.set_global_composite_operation("source-over");
}

/// A PNG of this size, opaque but where something was painted.
pub async fn export(strokes: &[Stroke], (width, height): (u32, u32)) -> Option<Blob> {
    let canvas = document().create_element("canvas").ok()?.dyn_into::<HtmlCanvasElement>().ok()?;
    canvas.set_width(width);
    canvas.set_height(height);
    let context = canvas.get_context("2d").ok()??.dyn_into::<CanvasRenderingContext2d>().ok()?;
    let size = (f64::from(width), f64::from(height));
    context.fill_rect(0.0, 0.0, size.0, size.1);
    draw(&context, strokes, size, ("destination-out", "source-over"));
    let made = js_sys::Promise::new(&mut |resolve, _| {
        let done = Closure::once_into_js(move |blob: JsValue| drop(resolve.call1(&JsValue::NULL, &blob)));
        let _ = canvas.to_blob(done.unchecked_ref());
    });
    JsFuture::from(made).await.ok()?.dyn_into::<Blob>().ok()
}
