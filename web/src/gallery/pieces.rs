//! What the wall is made of: cards, the places of pictures whose rows are not here, blocks that were not read, and the
//! headings of days. Each stands where the layout says.
use crate::ui::number::decimal;
use crate::ui::prelude::*;

use super::card::card;
use super::layout::Rect;
use super::sight::{Item, Placed};
use super::wall::Wall;
use crate::ui::dynamic::memo;
use crate::ui::time::format_day_number;

pub fn element(wall: Wall, placed: Placed) -> AnyView {
    let item = placed.item;
    let rect = memo(move |before: Option<&Rect>| {
        let now = wall.items.with(|items| items.iter().find(|it| it.item == item).map(|it| it.rect));
        now.or(before.copied()).unwrap_or(placed.rect)
    });
    match item {
        Item::Card(id) => {
            let Some(entry) = wall.reel.with_value(|reel| reel.entry(id)) else { return ().into_any() };
            wall.shelves.with_value(|shelves| card(shelves, &entry, rect, wall))
        }
        Item::Day(day) => day_heading(format_day_number(day), rect),
        Item::Place(_) => place(rect),
        Item::Unread(_) => unread(rect),
    }
}

pub fn pixels(number: f64) -> String {
    format!("{}px", decimal(number))
}

fn day_heading(words: String, rect: Memo<Rect>) -> AnyView {
    view! { <h2 class="wall__heading" style=("top", move || pixels(rect.get().y))>{words}</h2> }.into_any()
}

fn place(rect: Memo<Rect>) -> AnyView {
    view! {
        <div
            class="card card--place"
            aria-hidden="true"
            style=("left", move || pixels(rect.get().x))
            style=("top", move || pixels(rect.get().y))
            style=("width", move || pixels(rect.get().width))
            style=("height", move || pixels(rect.get().height))
        ></div>
    }
    .into_any()
}

fn unread(rect: Memo<Rect>) -> AnyView {
    view! {
        <div
            class="wall__unread"
            aria-hidden="true"
            style=("top", move || pixels(rect.get().y))
            style=("height", move || pixels(rect.get().height))
        ></div>
    }
    .into_any()
}
