//! The gallery's search: what is written there is in the address a moment later, so that it can be kept and gone back from.
use crate::ui::prelude::*;
use leptos::ev::KeyboardEvent;

use super::facets::address;
use super::wanted::Wanted;
use crate::router::{self, Going};
use crate::ui::dynamic::effect;
use crate::ui::{Glyph, Icon, after_a_while};
use lapidary_domain::limits::SEARCH_MAX;

/// A pause in writing that is long enough to look.
const PAUSE_MS: u32 = 250;

#[component]
pub fn Search(wanted: Memo<Wanted>) -> AnyView {
    let words = RwSignal::new(wanted.with_untracked(|wanted| wanted.words.clone()));
    let written = StoredValue::new(0_u32);
    effect(move |_| {
        // The browser's back, or a chip that was taken away; never what is being written.
        let asked = wanted.with(|wanted| wanted.words.clone());
        if asked != words.with_untracked(|words| words.trim().to_owned()) {
            words.set(asked);
        }
    });
    let look = move || {
        let before = wanted.get_untracked();
        let now = Wanted { words: words.with_untracked(|words| words.trim().to_owned()), ..before.clone() };
        if now != before {
            // The first letter is a step to come back from, every other one mends it.
            let how = if before.words.is_empty() { Going::Forth } else { Going::Instead };
            router::go(&address(&now), how);
        }
    };
    let write = move |event| {
        words.set(event_target_value(&event));
        let this = written.get_value().wrapping_add(1);
        written.set_value(this);
        after_a_while(PAUSE_MS, move || {
            if written.try_get_value() == Some(this) {
                look();
            }
        });
    };
    let press = move |event: KeyboardEvent| match event.key().as_str() {
        "Enter" => look(),
        "Escape" if !words.with_untracked(String::is_empty) => {
            event.stop_propagation();
            event.prevent_default();
            words.set(String::new());
            look();
        }
        _ => {}
    };
    view! {
        <label class="search gallery__search">
            <Icon glyph=Glyph::Search />
            <span class="visually-hidden">"Search your pictures"</span>
            <input
                class="search__field"
                type="search"
                data-search
                autocomplete="off"
                maxlength=SEARCH_MAX.to_string()
                placeholder="Search your pictures"
                prop:value=words
                on:input=write
                on:keydown=press
            />
        </label>
    }
    .into_any()
}
