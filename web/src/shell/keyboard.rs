//! The keyboard everywhere: `g` then a letter to go, `n` new prompt, `/` search, `?` the list of keys.
//! A view takes part by its ids: `n` focuses `#prompt`, `/` the first `[data-search]` in sight, or the gallery's.
use crate::ui::prelude::*;
use gloo_timers::future::TimeoutFuture;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::browser;
use crate::page::Page;
use crate::router::{self, Going};
use crate::session::use_session;
use crate::ui::dialog::Dialog;

/// After this a lonely `g` is forgotten.
const CHORD_MS: u32 = 1_500;
/// A view needs a moment to be there before its field can have the focus.
const ARRIVAL_MS: u32 = 60;
const ARRIVAL_TRIES: u32 = 20;

const KEYS: [(&str, &str); 12] = [
    ("g s", "Go to the studio"),
    ("g g", "Go to the gallery"),
    ("g m", "Go to gems"),
    ("g a", "Go to the account"),
    ("n", "New prompt"),
    ("Ctrl Enter", "Generate"),
    ("/", "Search"),
    ("f", "Favourite the open picture"),
    ("Space", "Select a picture of the gallery"),
    ("Shift →", "Select on to the next"),
    ("Ctrl a", "Select all that were read"),
    ("?", "Show these keys"),
];

#[component]
pub fn Keyboard() -> AnyView {
    let session = use_session();
    let is_listed = RwSignal::new(false);
    let after_g = StoredValue::new(false);
    let press = move |event: KeyboardEvent| {
        if event.default_prevented() || event.ctrl_key() || event.meta_key() || event.alt_key() || is_taken(&event) {
            return;
        }
        if event.key() == "?" {
            event.prevent_default();
            return is_listed.set(true);
        }
        if !session.is_signed_in() {
            return;
        }
        let go = |page: Page| router::go(page.path(), Going::Forth);
        let chord = after_g.get_value();
        after_g.set_value(false);
        match (chord, event.key().as_str()) {
            (true, "s") => go(Page::Studio),
            (true, "g") => go(Page::Gallery),
            (true, "m") => go(Page::Gems),
            (true, "a") => go(Page::Account),
            (false, "g") => begin_chord(after_g),
            (false, "n") => {
                go(Page::Studio);
                focus_on_arrival("#prompt");
            }
            (false, "/") => {
                if !browser::focus("[data-search]") {
                    go(Page::Gallery);
                    focus_on_arrival("[data-search]");
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    let listener = window_event_listener(leptos::ev::keydown, press);
    on_cleanup(move || listener.remove());
    view! {
        <Dialog open=is_listed title="Keys">
            <dl class="keys">
                {KEYS.map(|(keys, what)| {
                    let keys = keys.split(' ').map(|key| view! { <kbd>{key}</kbd> }).collect_view();
                    view! { <div><dt>{keys}</dt><dd>{what}</dd></div> }
                }).into_iter().collect_view()}
            </dl>
        </Dialog>
    }
    .into_any()
}

fn begin_chord(after_g: StoredValue<bool>) {
    after_g.set_value(true);
    spawn_local(async move {
        TimeoutFuture::new(CHORD_MS).await;
        let _ = after_g.try_set_value(false);
    });
}

/// Whether the keys belong to a field or to an open dialog.
fn is_taken(event: &KeyboardEvent) -> bool {
    let Some(element) = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()) else { return false };
    let in_field = element.is_content_editable()
        || element.matches("input:not([type=radio],[type=checkbox]), textarea, select").unwrap_or(false);
    in_field || document().query_selector("dialog[open]").ok().flatten().is_some()
}

fn focus_on_arrival(selector: &'static str) {
    spawn_local(async move {
        for _ in 0..ARRIVAL_TRIES {
            if browser::focus(selector) {
                return;
            }
            TimeoutFuture::new(ARRIVAL_MS).await;
        }
    });
}
