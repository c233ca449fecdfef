//! The wall of pictures: days with headings that stick, justified rows under each. Measures its own width and lays the
//! rows out again when that changes; the order is the listing's.
use std::collections::HashMap;
use std::sync::Arc;

use crate::ui::prelude::*;
use lapidary_contract::Image;
use leptos::ev;
use leptos::html;
use uuid::Uuid;

use super::card::card;
use super::listing::{Entry, Listing};
use super::rows::{Place, height_of, places, row_height};
use super::shelves::Shelves;
use crate::ui::dynamic::{effect, list, memo};
use crate::ui::format_day;

/// CSS pixels between pictures; the style sheet's `--gap-picture` says the same.
const GAP: f64 = 4.0;

/// The pictures of one day. The list of days is compared by it, so it holds no signal.
#[derive(Clone, PartialEq)]
struct Day {
    label: String,
    ids: Vec<Uuid>,
}

#[component]
pub fn Wall(shelves: Shelves, shelf: Listing<Image>) -> AnyView {
    let node = NodeRef::<html::Div>::new();
    let width = RwSignal::new(first_width());
    let measure = move || {
        if let Some(node) = node.get_untracked() {
            let now = f64::from(node.client_width());
            if now > 0.0 && (now - width.get_untracked()).abs() >= 1.0 {
                width.set(now);
            }
        }
    };
    effect(move |_| {
        if node.get().is_some() {
            measure();
        }
    });
    let listener = window_event_listener(ev::resize, move |_| measure());
    on_cleanup(move || listener.remove());
    let entries = shelf.entries.clone();
    let days = {
        let entries = entries.clone();
        memo(move |_| entries.with(|entries| days_of(entries)))
    };
    let layout = {
        let entries = entries.clone();
        memo(move |_| entries.with(|entries| layout_of(entries, &days.read(), width.get())))
    };
    let kept = StoredValue::new((shelves, shelf));
    view! {
        <div class="wall" node_ref=node>
            {list(
                move || days.get().into_iter().map(|day| day.label).collect(),
                Clone::clone,
                move |label| day_view(kept, label, days, layout),
            )}
        </div>
    }
    .into_any()
}

/// Before anything is measured: the window's width, which is never less than the wall's.
fn first_width() -> f64 {
    window().inner_width().ok().and_then(|width| width.as_f64()).unwrap_or(360.0)
}

fn days_of(entries: &[Entry<Image>]) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for entry in entries {
        let label = entry.row.with_untracked(|row| format_day(&row.created_at));
        match days.last_mut() {
            Some(day) if day.label == label => day.ids.push(entry.id),
            _ => days.push(Day { label, ids: vec![entry.id] }),
        }
    }
    days
}

#[derive(Default, PartialEq)]
struct Layout {
    places: HashMap<Uuid, Place>,
    /// Of each day's rows, in CSS pixels: what the browser reserves for rows it does not draw.
    heights: HashMap<String, f64>,
}

fn layout_of(entries: &[Entry<Image>], days: &[Day], width: f64) -> Arc<Layout> {
    let ratio = |entry: &Entry<Image>| {
        entry.row.with_untracked(|row| f64::from(row.width.max(1)) / f64::from(row.height.max(1)))
    };
    let ratios: HashMap<Uuid, f64> = entries.iter().map(|entry| (entry.id, ratio(entry))).collect();
    let mut layout = Layout::default();
    for day in days {
        let of_day: Vec<f64> = day.ids.iter().map(|id| ratios.get(id).copied().unwrap_or(1.0)).collect();
        let places = places(&of_day, width, row_height(width), GAP);
        layout.heights.insert(day.label.clone(), height_of(&of_day, &places, width, GAP));
        layout.places.extend(day.ids.iter().copied().zip(places));
    }
    Arc::new(layout)
}

fn day_view(
    kept: StoredValue<(Shelves, Listing<Image>)>,
    label: String,
    days: Memo<Vec<Day>>,
    layout: Memo<Arc<Layout>>,
) -> AnyView {
    let heading = label.clone();
    let height = {
        let label = label.clone();
        move || {
            format!(
                "{}px",
                layout.with(|layout| layout.heights.get(&label).copied().unwrap_or_default()).round() as u32
            )
        }
    };
    let ids = memo(move |_| {
        days.with(|days| days.iter().find(|day| day.label == label).map(|day| day.ids.clone()).unwrap_or_default())
    });
    let one = move |id: Uuid| {
        const UNKNOWN: Place = Place { share: 0.2, gaps: 4, is_full: false };
        let place = memo(move |_| layout.with(|layout| layout.places.get(&id).copied().unwrap_or(UNKNOWN)));
        kept.with_value(|(shelves, shelf)| {
            let entry = shelf.entries.with_untracked(|it| it.iter().find(|entry| entry.id == id).cloned());
            entry.map(|entry| card(shelves, &entry, place.into()))
        })
    };
    view! {
        <section class="day">
            <h2 class="day__heading">{heading}</h2>
            <div class="day__rows" style=("contain-intrinsic-block-size", height)>
                {list(move || ids.get(), Uuid::to_string, one)}
            </div>
        </section>
    }
    .into_any()
}
