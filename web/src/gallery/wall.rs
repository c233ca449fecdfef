//! The wall of pictures. Only what is in sight or near it has elements, however long the list is; where everything
//! stands is the layout's. Moves the view only so that what a person looks at stays where it is.
use crate::ui::number::put_in_order;
use std::sync::Arc;

use crate::ui::prelude::*;
use gloo_timers::future::TimeoutFuture;
use leptos::ev;
use leptos::html;
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlElement;

use super::layout::{Anchor, Known, Layout, Measure};
use super::opening;
use super::pieces;
use super::reel::Reel;
use super::selection::Selection;
use super::shelves::Shelves;
use super::sight::{Item, Placed, between, day_at, spread};
use crate::browser;
use crate::router;
use crate::ui::dynamic::{changing, effect, list};
use crate::ui::time::format_day_number;
use crate::ui::toast;

/// CSS pixels between pictures.
const GAP: f64 = 4.0;
/// Of the root's font size.
const HEADING_EM: f64 = 2.5;
const DAY_GAP_EM: f64 = 1.5;
/// The style sheets' `--top-bar`, and from which width on it is a rail.
const TOP_BAR_EM: f64 = 3.5;
const WIDE: f64 = 1024.0;
/// Cards that are made in one frame.
const AT_ONCE: usize = 6;
/// How far beyond the view cards have elements, in views.
const AHEAD: f64 = 0.75;
/// Who flies over blocks has them read only where the flight ends.
const REST_MS: u32 = 90;

#[derive(Clone, Copy, Default, PartialEq)]
pub(super) struct View {
    /// CSS pixels from the wall's top.
    pub(super) from: f64,
    height: f64,
}

impl View {
    pub(super) fn to(self) -> f64 {
        self.from + self.height
    }
}

#[derive(Clone, Copy)]
pub struct Wall {
    pub(super) node: NodeRef<html::Div>,
    pub(super) reel: StoredValue<Reel>,
    pub(super) shelves: StoredValue<Shelves>,
    pub(super) selection: Selection,
    pub(super) layout: RwSignal<Arc<Layout>>,
    pub(super) items: RwSignal<Vec<Placed>>,
    day: RwSignal<Option<i64>>,
    pub(super) measure: StoredValue<Measure>,
    pub(super) view: StoredValue<View>,
    known: StoredValue<Known>,
    /// A look is due in the next frame.
    is_due: StoredValue<bool>,
    /// Which pause of a flight is the last one.
    pause: StoredValue<u32>,
    has_begun: StoredValue<bool>,
}

pub fn wall(shelves: Shelves, reel: Reel, selection: Selection) -> AnyView {
    let wall = Wall {
        node: NodeRef::new(),
        reel: StoredValue::new(reel.clone()),
        shelves: StoredValue::new(shelves),
        selection,
        layout: RwSignal::new(Arc::default()),
        items: RwSignal::new(Vec::new()),
        day: RwSignal::new(None),
        measure: StoredValue::new(Measure::default()),
        view: StoredValue::new(View::default()),
        known: StoredValue::new(Known::new()),
        is_due: StoredValue::new(false),
        pause: StoredValue::new(0),
        has_begun: StoredValue::new(false),
    };
    effect(move |_| {
        reel.blocks.track();
        if wall.node.get().is_some() {
            wall.relayout();
        }
    });
    let scroll = window_event_listener(ev::scroll, move |_| wall.look_soon());
    let resize = window_event_listener(ev::resize, move |_| wall.relayout());
    on_cleanup(move || {
        scroll.remove();
        resize.remove();
    });
    let day = changing(move || wall.day.get().map(format_day_number));
    view! {
        <div class="wall" node_ref=wall.node role="group" aria-label="Pictures">
            <p class="wall__day" aria-hidden="true">{day}</p>
            {list(move || wall.items.get(), |placed| placed.item.key(), move |placed| pieces::element(wall, placed))}
        </div>
    }
    .into_any()
}

impl Wall {
    /// Lays everything out anew; what is looked at stays in its place.
    fn relayout(self) {
        let (Some(node), Some(reel)) = (self.node.get_untracked(), self.reel.try_get_value()) else { return };
        let width = f64::from(node.client_width());
        if width <= 0.0 {
            return;
        }
        let anchor = self.anchor(&node, &reel);
        let em = font_size();
        let (heading, day_gap) = ((em * HEADING_EM).round(), (em * DAY_GAP_EM).round());
        let measure = Measure { width, gap: GAP, heading, day_gap };
        self.measure.set_value(measure);
        let lay = |known: &mut Known| reel.blocks.with_untracked(|blocks| Layout::of(&blocks.all, measure, known));
        let layout = Arc::new(self.known.try_update_value(lay).unwrap_or_default());
        let to = anchor.and_then(|anchor| reel.blocks.with_untracked(|blocks| anchor.from(&blocks.all, &layout)));
        set_height(&node, layout.height);
        self.layout.set(layout);
        if let Some(to) = to {
            let off = to + node.get_bounding_client_rect().top();
            if off.abs() >= 1.0 {
                window().scroll_by_with_x_and_y(0.0, off);
            }
        }
        if self.has_begun.get_value() {
            // Before the next paint, and not in the task that read a block.
            return self.look_soon();
        }
        self.look(true);
        self.has_begun.set_value(true);
    }

    /// At the top nothing is held: what is new is seen to come.
    fn anchor(self, node: &HtmlElement, reel: &Reel) -> Option<Anchor> {
        if !self.has_begun.get_value() {
            return if router::came_back() { kept_place(reel) } else { None };
        }
        let from = -node.get_bounding_client_rect().top();
        let since = from - self.view.get_value().from;
        let seen = reel.seen.get_untracked()?;
        (from > 0.0).then(|| seen.moved(since))
    }

    fn look_soon(self) {
        if self.is_due.try_get_value() == Some(false) {
            self.is_due.set_value(true);
            request_animation_frame(move || self.look(false));
        }
    }

    /// Finds what is in sight now and gives it elements.
    pub(super) fn look(self, all_at_once: bool) {
        if self.is_due.try_set_value(false).is_some() {
            return;
        }
        let (Some(node), Some(reel)) = (self.node.get_untracked(), self.reel.try_get_value()) else { return };
        let view = View { from: -node.get_bounding_client_rect().top(), height: window_height() };
        let flown = (view.from - self.view.get_value().from).abs();
        self.view.set_value(view);
        let (layout, heading) = (self.layout.get_untracked(), self.measure.get_value().heading);
        let ahead = if self.has_begun.get_value() { view.height * AHEAD } else { 0.0 };
        let (mut items, day, seen) = reel.blocks.with_untracked(|blocks| {
            let items = between(&blocks.all, &layout, view.from - ahead, view.to() + ahead, heading);
            let top = view.from + self.covered();
            let day = (top > 0.0).then(|| day_at(&layout, &blocks.all, top)).flatten();
            (items, day, Anchor::at(&blocks.all, &layout, view.from))
        });
        reel.seen.update_untracked(|known| *known = seen);
        let before = self.items.get_untracked();
        self.keep_focused(&mut items, &before, &layout, &reel);
        let has_more = !all_at_once && spread(&mut items, &before, view.from + view.height / 2.0, AT_ONCE);
        if items != before {
            let had_focus = focused().is_some();
            self.items.set(items);
            if had_focus {
                request_animation_frame(browser::keep_focus);
            }
        }
        if self.day.get_untracked() != day {
            self.day.set(day);
        }
        if has_more || all_at_once {
            self.look_soon();
        }
        if flown > view.height && !all_at_once { self.read_at_rest() } else { self.read_near() }
    }

    /// How much of the view's top lies under the bar of narrow windows.
    fn covered(self) -> f64 {
        let width = window().inner_width().ok().and_then(|width| width.as_f64()).unwrap_or_default();
        if width < WIDE { self.measure.get_value().heading / HEADING_EM * TOP_BAR_EM } else { 0.0 }
    }

    /// The card with the focus keeps its elements wherever it is.
    fn keep_focused(self, items: &mut Vec<Placed>, before: &[Placed], layout: &Layout, reel: &Reel) {
        let Some(id) = focused() else { return };
        let card = Item::Card(id);
        if items.iter().any(|placed| placed.item == card) || !before.iter().any(|placed| placed.item == card) {
            return;
        }
        let place = reel.blocks.with_untracked(|blocks| blocks.position(id));
        if let Some(rect) = place.and_then(|(block, spot)| layout.rect(block, spot)) {
            let at = items.partition_point(|placed| placed.rect.y < rect.y);
            items.retain(|placed| placed.item != Item::Place(id));
            items.insert(at.min(items.len()), Placed { item: card, rect });
        }
    }

    fn read_at_rest(self) {
        let pause = self.pause.get_value().wrapping_add(1);
        self.pause.set_value(pause);
        spawn_local(async move {
            TimeoutFuture::new(REST_MS).await;
            if self.pause.try_get_value() == Some(pause) {
                self.read_near();
            }
        });
    }

    /// Has the blocks read that are in sight or next to it, those in sight first.
    fn read_near(self) {
        let Some(reel) = self.reel.try_get_value() else { return };
        let (view, layout) = (self.view.get_value(), self.layout.get_untracked());
        let near = layout.blocks_in(view.from - view.height, view.to() + view.height);
        let mut needed: Vec<(f64, u32)> = reel.blocks.with_untracked(|blocks| {
            let far = |index: usize| {
                let top = layout.tops.get(index).copied().unwrap_or_default();
                let end = top + layout.heights.get(index).copied().unwrap_or_default();
                (top - view.to()).max(view.from - end).max(0.0)
            };
            let blocks = blocks.all.iter().enumerate().skip(near.start).take(near.len());
            blocks.filter(|(_, it)| it.needs_reading()).map(|(index, it)| (far(index), it.key)).collect()
        });
        reel.forget_beyond(near);
        put_in_order(&mut needed, |(one, _), (other, _)| one < other);
        for (_, key) in needed {
            if !reel.begins(key) {
                continue;
            }
            let reel = reel.clone();
            spawn_local(async move {
                match reel.read(key).await {
                    // What is beside it may be due by now.
                    Ok(()) => self.look_soon(),
                    Err(failure) => toast::failure(&failure),
                }
            });
        }
    }
}

/// Where the person left for a picture; when that became another picture, where this one is.
fn kept_place(reel: &Reel) -> Option<Anchor> {
    let moved = opening::moved_to().filter(|id| reel.blocks.with_untracked(|blocks| blocks.knows(*id)));
    match moved {
        Some(id) => Some(Anchor::Picture { id, below: window_height() / 4.0 }),
        None => reel.seen.get_untracked(),
    }
}

fn window_height() -> f64 {
    window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(800.0)
}

/// The card that has the focus in it.
fn focused() -> Option<Uuid> {
    document().active_element()?.closest("[data-id]").ok()??.get_attribute("data-id")?.parse().ok()
}

/// CSS pixels of the root's text: who reads large has larger headings.
fn font_size() -> f64 {
    let root = document().document_element();
    let style = root.and_then(|root| window().get_computed_style(&root).ok().flatten());
    let size = style.and_then(|style| style.get_property_value("font-size").ok());
    size.map(|size| js_sys::parse_float(&size)).filter(|size| size.is_finite()).unwrap_or(16.0)
}

fn set_height(node: &HtmlElement, height: f64) {
    let _ = node.style().set_property("block-size", &pieces::pixels(height));
}
