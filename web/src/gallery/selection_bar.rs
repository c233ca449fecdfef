//! The bar for what is selected, and the keys that go with it. Shown only while something is.
use crate::ui::prelude::*;
use leptos::ev::{self, KeyboardEvent};
use uuid::Uuid;

use super::archives::Archives;
use super::bulk;
use super::collecting::Collecting;
use super::keys;
use super::selection::Selection;
use super::shelves::Shelves;
use crate::browser;
use crate::ui::dynamic::{changing, memo};
use crate::ui::{Button, ButtonKind, Glyph, Icon};

#[derive(Clone, Copy)]
pub struct Bar {
    pub selection: Selection,
    pub collecting: Collecting,
    pub archives: Archives,
    /// The collection in sight.
    pub collection: Memo<Option<Uuid>>,
    pub shelves: StoredValue<Shelves>,
}

impl Bar {
    /// What is selected, and nothing is from now on.
    fn take(self) -> Vec<Uuid> {
        let ids = self.selection.ids();
        self.clear();
        ids
    }

    fn clear(self) {
        self.selection.clear();
        request_animation_frame(browser::keep_focus);
    }

    fn discard(self) {
        bulk::discard(&self.shelves.get_value(), self.take());
    }

    fn select_all(self) {
        let all: Vec<Uuid> = self
            .shelves
            .with_value(|shelves| shelves.in_sight().blocks.with_untracked(|blocks| blocks.ids().collect()));
        self.selection.add(all);
    }
}

pub fn selection_bar(bar: Bar) -> AnyView {
    let listener = window_event_listener(ev::keydown, move |event: KeyboardEvent| press(bar, &event));
    on_cleanup(move || listener.remove());
    let is_shown = memo(move |_| bar.selection.count() > 0);
    let body = changing(move || is_shown.get().then(|| tools(bar)));
    // What is heard must be there before it changes.
    let heard = changing(move || match bar.selection.count() {
        0 => String::new(),
        count => format!("{} selected", bulk::pictures(count)),
    });
    view! {
        <span class="visually-hidden" role="status">{heard}</span>
        {body}
    }
    .into_any()
}

fn press(bar: Bar, event: &KeyboardEvent) {
    if keys::is_taken(event) || event.default_prevented() || event.alt_key() {
        return;
    }
    let is_held = event.ctrl_key() || event.meta_key();
    match event.key().as_str() {
        "a" if is_held => bar.select_all(),
        "Escape" if !bar.selection.is_empty() => bar.selection.clear(),
        "Delete" if !bar.selection.is_empty() => bar.discard(),
        _ => return,
    }
    event.prevent_default();
}

fn tools(bar: Bar) -> AnyView {
    let favour = Callback::new(move |()| bulk::favour(&bar.shelves.get_value(), bar.take()));
    let collect = Callback::new(move |()| bar.collecting.ask(bar.selection.ids()));
    let archive = Callback::new(move |()| bar.archives.ask(Some(bar.take()), None));
    let discard = Callback::new(move |()| bar.discard());
    let clear = Callback::new(move |()| bar.clear());
    let uncollect = changing(move || {
        bar.collection.get().map(|id| {
            let press = Callback::new(move |()| bulk::uncollect(&bar.shelves.get_value(), id, bar.take()));
            tool(Glyph::Minus, "Take out of the collection", press)
        })
    });
    let count = changing(move || bar.selection.count().to_string());
    view! {
        <div class="selected" role="toolbar" aria-label="Selected pictures">
            <p class="selected__count">{count} <span class="selected__word">" selected"</span></p>
            {tool(Glyph::Heart, "Favourite", favour)}
            {tool(Glyph::Collection, "Add to a collection", collect)}
            {uncollect}
            {tool(Glyph::Download, "Download zip", archive)}
            {tool(Glyph::Trash, "Delete", discard)}
            {tool(Glyph::Close, "Select nothing", clear)}
        </div>
    }
    .into_any()
}

fn tool(glyph: Glyph, name: &'static str, press: Callback<()>) -> AnyView {
    view! {
        <Button kind=ButtonKind::Bare on_press=press label=Signal::stored(name.to_owned())>
            <Icon glyph />
        </Button>
    }
    .into_any()
}
