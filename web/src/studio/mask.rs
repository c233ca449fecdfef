//! Says which part of the first picture may change, by mouse, finger or keys. Strokes are kept as lines, so that they can
//! be taken back and are sharp in the mask, which has every pixel of the picture however small it is shown.
use crate::ui::number::decimal;
use crate::ui::prelude::*;
use lapidary_contract::Reference;
use leptos::ev::KeyboardEvent;
use leptos::html;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, PointerEvent};

use super::references::{References, Shown};
use super::strokes::{Stroke, draw, export};
use crate::http;
use crate::ui::dialog::Dialog;
use crate::ui::dynamic::{changing, effect, memo};
use crate::ui::{self, Button, ButtonKind, Glyph, Icon, Segmented};

/// Pixels of the longer edge of what is painted on.
const SHEET: u32 = 1_024;
/// Parts of the longer edge.
const BRUSHES: [(&str, &str, f64); 3] =
    [("small", "Small", 0.03), ("middle", "Middle", 0.08), ("large", "Large", 0.18)];
/// Of the longer edge, for a press of an arrow.
const STEP: f64 = 0.02;

#[derive(Clone, Copy)]
struct Painter {
    strokes: RwSignal<Vec<Stroke>>,
    brush: RwSignal<String>,
    is_erasing: RwSignal<bool>,
    /// Where the cross of the keyboard is, in parts of width and height.
    cross: RwSignal<(f64, f64)>,
    /// The pen is down: what moves paints.
    is_down: RwSignal<bool>,
    said: RwSignal<String>,
}

impl Painter {
    fn radius(&self) -> f64 {
        let brush = self.brush.get_untracked();
        BRUSHES.iter().find(|(name, ..)| *name == brush).map_or(0.08, |(_, _, part)| *part) / 2.0
    }

    fn begin(&self, at: (f64, f64)) {
        let (radius, is_erasing) = (self.radius(), self.is_erasing.get_untracked());
        self.strokes.update(|all| all.push(Stroke { points: vec![at], radius, is_erasing }));
    }

    fn go_on(&self, at: (f64, f64)) {
        self.strokes.update(|all| {
            if let Some(last) = all.last_mut() {
                last.points.push(at);
            }
        });
    }

    fn say(&self, text: &str) {
        self.said.set(text.to_owned());
    }

    fn undo(&self) {
        self.strokes.update(|all| drop(all.pop()));
        self.say("The last stroke is taken back.");
    }

    fn press(&self, event: &KeyboardEvent) {
        let far = if event.shift_key() { 5.0 } else { 1.0 };
        let (x, y) = match event.key().as_str() {
            "ArrowLeft" => (-STEP * far, 0.0),
            "ArrowRight" => (STEP * far, 0.0),
            "ArrowUp" => (0.0, -STEP * far),
            "ArrowDown" => (0.0, STEP * far),
            " " => {
                event.prevent_default();
                return self.lower_or_lift();
            }
            "Backspace" | "Delete" => {
                event.prevent_default();
                return self.undo();
            }
            _ => return,
        };
        event.prevent_default();
        self.cross.update(|cross| *cross = ((cross.0 + x).clamp(0.0, 1.0), (cross.1 + y).clamp(0.0, 1.0)));
        let (x, y) = self.cross.get_untracked();
        if self.is_down.get_untracked() {
            self.go_on((x, y));
        }
        let percent = |part: f64| (part * 100.0).round() as i64;
        self.said.set(format!("{} % from the left, {} % from the top", percent(x), percent(y)));
    }

    fn lower_or_lift(&self) {
        let is_down = !self.is_down.get_untracked();
        self.is_down.set(is_down);
        if is_down {
            self.begin(self.cross.get_untracked());
            self.say(if self.is_erasing.get_untracked() { "Erasing." } else { "Painting." });
        } else {
            self.say("The brush is lifted.");
        }
    }
}

/// The button, its dialog, and what stands there when a mask is set.
#[component]
pub fn MaskPainter(references: References) -> AnyView {
    let studio = references.studio;
    let is_open = RwSignal::new(false);
    let is_offered = memo(move |_| {
        let takes = studio.choice.with(|it| it.as_ref().and_then(|it| it.model.edits).is_some_and(|it| it.takes_mask));
        takes && references.first().is_some()
    });
    let has_mask = memo(move |_| studio.draft.with(|draft| draft.mask_id.is_some()));
    let open = Callback::new(move |()| is_open.set(true));
    let remove = Callback::new(move |()| {
        studio.draft.update(|draft| draft.mask_id = None);
        references.said.set("The whole picture may change.".to_owned());
    });
    let row = changing(move || {
        let state = if has_mask.get() { "Only the marked part may change." } else { "All of it may change." };
        is_offered.get().then(|| {
            view! {
                <div class="mask-row">
                    <Button on_press=open>
                        <Icon glyph=Glyph::Pencil />
                        "Mark what may change"
                    </Button>
                    {has_mask.get().then(|| view! { <Button kind=ButtonKind::Bare on_press=remove>"Remove the mask"</Button> })}
                    <p class="mask-row__state">{state}</p>
                </div>
            }
        })
    });
    view! {
        {row}
        <Dialog open=is_open title="Mark what may change" class="dialog--wide">
            {move || references.first().map(|picture| sheet(references, is_open, picture))}
        </Dialog>
    }
    .into_any()
}

fn sheet(references: References, is_open: RwSignal<bool>, picture: Shown) -> AnyView {
    let painter = Painter {
        strokes: RwSignal::new(Vec::new()),
        brush: RwSignal::new("middle".to_owned()),
        is_erasing: RwSignal::new(false),
        cross: RwSignal::new((0.5, 0.5)),
        is_down: RwSignal::new(false),
        said: RwSignal::new(String::new()),
    };
    let canvas = NodeRef::<html::Canvas>::new();
    let (width, height) = (picture.width, picture.height);
    follow_strokes(painter, canvas, (width, height));
    let part = |part: f64| format!("{}%", decimal(part * 100.0));
    let (from_left, from_top) = (move || part(painter.cross.get().0), move || part(painter.cross.get().1));
    let at = move |event: &PointerEvent| {
        let canvas = canvas.get_untracked()?;
        let (wide, high) = (f64::from(canvas.client_width().max(1)), f64::from(canvas.client_height().max(1)));
        Some((f64::from(event.offset_x()) / wide, f64::from(event.offset_y()) / high))
    };
    let down = move |event: PointerEvent| {
        event.prevent_default();
        if let (Some(canvas), Some(at)) = (canvas.get_untracked(), at(&event)) {
            let _ = canvas.set_pointer_capture(event.pointer_id());
            painter.is_down.set(false);
            painter.begin(at);
        }
    };
    let moved = move |event: PointerEvent| {
        let is_pressed = canvas.get_untracked().is_some_and(|canvas| canvas.has_pointer_capture(event.pointer_id()));
        if let (true, Some(at)) = (is_pressed, at(&event)) {
            painter.go_on(at);
        }
    };
    view! {
        <p class="settings__about" id="mask-help">
            "Paint over what may change. By keys: arrows move the cross, with Shift further; Space lowers and lifts the brush; Backspace takes the last stroke back."
        </p>
        <div
            class="mask"
            style:aspect-ratio=format!("{width} / {height}")
            style=("--ratio", ui::ratio(width, height))
            tabindex="0"
            role="application"
            aria-label="The picture to mark"
            aria-describedby="mask-help"
            on:keydown=move |event| painter.press(&event)
        >
            <img class="mask__picture" src=picture.url alt="" draggable="false" />
            <canvas node_ref=canvas class="mask__canvas" on:pointerdown=down on:pointermove=moved></canvas>
            <span
                class="mask__cross"
                class:is-down=painter.is_down
                style:left=from_left
                style:top=from_top
                aria-hidden="true"
            ></span>
        </div>
        <p class="visually-hidden" role="status">{painter.said}</p>
        {tools(painter)}
        {ending(references, is_open, painter, (width, height))}
    }
    .into_any()
}

/// A phone need not hold every pixel of a large picture to show its strokes.
fn follow_strokes(painter: Painter, canvas: NodeRef<html::Canvas>, (width, height): (u32, u32)) {
    effect(move |_| {
        let Some(canvas) = canvas.get() else { return };
        let scale = (f64::from(SHEET) / f64::from(width.max(height).max(1))).min(1.0);
        let edge = |length: u32| ((f64::from(length) * scale) as u32).max(1);
        if canvas.width() != edge(width) || canvas.height() != edge(height) {
            canvas.set_width(edge(width));
            canvas.set_height(edge(height));
        }
        painter.strokes.with(|strokes| repaint(&canvas, strokes));
    });
}

fn tools(painter: Painter) -> AnyView {
    let option = |value: &str, label: &str| ui::Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        ..ui::Choice::default()
    };
    let brushes: Vec<ui::Choice> = BRUSHES.iter().map(|(value, label, _)| option(value, label)).collect();
    let modes = vec![option("paint", "Paint"), option("erase", "Erase")];
    let mode = Signal::derive(move || if painter.is_erasing.get() { "erase".to_owned() } else { "paint".to_owned() });
    let is_empty = Signal::derive(move || painter.strokes.with(Vec::is_empty));
    let undo = Callback::new(move |()| painter.undo());
    let clear = Callback::new(move |()| {
        painter.strokes.set(Vec::new());
        painter.say("Nothing is marked.");
    });
    view! {
        <div class="mask__tools">
            <Segmented
                legend="Brush"
                choices=Signal::stored(brushes)
                chosen=painter.brush
                on_choose=Callback::new(move |value| painter.brush.set(value))
            />
            <Segmented
                legend="Stroke"
                choices=Signal::stored(modes)
                chosen=mode
                on_choose=Callback::new(move |value: String| painter.is_erasing.set(value == "erase"))
            />
            <div class="mask__acts">
                <Button on_press=undo disabled=is_empty>
                    <Icon glyph=Glyph::Undo />
                    "Undo"
                </Button>
                <Button on_press=clear disabled=is_empty>"Clear"</Button>
            </div>
        </div>
    }
    .into_any()
}

fn ending(references: References, is_open: RwSignal<bool>, painter: Painter, size: (u32, u32)) -> AnyView {
    let (is_busy, failure) = (RwSignal::new(false), RwSignal::new(None::<String>));
    let is_empty = Signal::derive(move || painter.strokes.with(|all| !all.iter().any(|stroke| !stroke.is_erasing)));
    let send = Callback::new(move |()| {
        is_busy.set(true);
        failure.set(None);
        spawn_local(async move {
            let file = export(&painter.strokes.get_untracked(), size).await;
            let sent = match file {
                Some(file) => {
                    http::upload::<Reference>("/v1/references?purpose=mask", &file).await.map_err(|it| it.sentence())
                }
                None => Err("This browser could not make the mask.".to_owned()),
            };
            is_busy.set(false);
            match sent {
                Ok(mask) => {
                    references.studio.draft.update(|draft| draft.mask_id = Some(mask.id));
                    references.said.set("Only the marked part may change.".to_owned());
                    is_open.set(false);
                }
                Err(why) => failure.set(Some(why)),
            }
        });
    });
    view! {
        <p class="field-error" role="status">{failure}</p>
        <div class="dialog__actions">
            <Button kind=ButtonKind::Primary on_press=send busy=is_busy disabled=is_empty>"Use the mask"</Button>
        </div>
    }
    .into_any()
}

/// In the colour that the style sheet gives the canvas.
fn repaint(canvas: &HtmlCanvasElement, strokes: &[Stroke]) {
    let context = canvas.get_context("2d").ok().flatten().and_then(|it| it.dyn_into::<CanvasRenderingContext2d>().ok());
    let Some(context) = context else { return };
    let (width, height) = (f64::from(canvas.width()), f64::from(canvas.height()));
    context.clear_rect(0.0, 0.0, width, height);
    let style = window().get_computed_style(canvas).ok().flatten();
    if let Some(colour) = style.and_then(|style| style.get_property_value("color").ok()) {
        context.set_stroke_style_str(&colour);
    }
    draw(&context, strokes, (width, height), ("source-over", "destination-out"));
}
