//! The end of a list that has more: reads on when it comes near, and has a button for whoever cannot scroll there.
use crate::ui::prelude::*;
use lapidary_contract::Image;
use leptos::html;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen_futures::spawn_local;
use web_sys::{IntersectionObserver, IntersectionObserverEntry, IntersectionObserverInit};

use super::listing::{Listing, Load};
use crate::ui::Button;
use crate::ui::dynamic::{effect, memo};

/// How far below the window reading begins.
const AHEAD: &str = "100% 0px";

/// Looks out for an element; stops when dropped.
struct Lookout {
    observer: IntersectionObserver,
    _seen: Closure<dyn Fn(js_sys::Array)>,
}

impl Lookout {
    fn new(seen: impl Fn() + 'static) -> Option<Self> {
        let seen = Closure::<dyn Fn(js_sys::Array)>::new(move |entries: js_sys::Array| {
            let is_near = |entry: wasm_bindgen::JsValue| {
                entry.dyn_into::<IntersectionObserverEntry>().is_ok_and(|entry| entry.is_intersecting())
            };
            if entries.iter().any(is_near) {
                seen();
            }
        });
        let options = IntersectionObserverInit::new();
        options.set_root_margin(AHEAD);
        let observer = IntersectionObserver::new_with_options(seen.as_ref().unchecked_ref(), &options).ok()?;
        Some(Self { observer, _seen: seen })
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

#[component]
pub fn More(shelf: Listing<Image>) -> AnyView {
    let node = NodeRef::<html::Div>::new();
    let has_more = {
        let shelf = shelf.clone();
        memo(move |_| shelf.has_more())
    };
    let (load, entries) = (shelf.load.clone(), shelf.entries.clone());
    let is_busy = Signal::derive(move || load.with(|load| *load == Load::More));
    let shelf = StoredValue::new(shelf);
    let read = move || {
        let shelf = shelf.get_value();
        spawn_local(async move { shelf.more().await });
    };
    let lookout = StoredValue::new_local(Lookout::new(move || {
        let is_failed = shelf.with_value(|shelf| shelf.load.with_untracked(|load| matches!(load, Load::Failed(_))));
        // After a failure only a person tries again.
        if !is_failed {
            read();
        }
    }));
    effect(move |_| {
        // Watched anew after every page: an end that stays in sight is not reported twice.
        entries.track();
        let Some(node) = node.get() else { return };
        lookout.with_value(|lookout| {
            if let Some(lookout) = lookout {
                lookout.observer.unobserve(&node);
                lookout.observer.observe(&node);
            }
        });
    });
    let press = Callback::new(move |()| read());
    view! {
        <div class="more" node_ref=node>
            {move || {
                has_more.get().then(|| view! { <Button on_press=press busy=is_busy>"Show more"</Button> })
            }}
        </div>
    }
    .into_any()
}
