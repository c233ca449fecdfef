//! Where the person is: the address as signals, links that stay in this document, and going elsewhere by code.
//! An own one, because the framework's weighs more than everything it would show. Must never build a view.
use std::cell::Cell;

use crate::ui::prelude::*;
use leptos::ev::{self, MouseEvent};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlAnchorElement, UrlSearchParams};

use crate::gems;
use crate::growing;
use crate::page::Page;
use crate::ui::dynamic::memo;

#[derive(Clone, PartialEq)]
struct Address {
    path: String,
    /// With its question mark; empty without a query.
    search: String,
}

thread_local! {
    /// Whether the view was come to without moving to its top.
    static CAME_BACK: Cell<bool> = const { Cell::new(false) };
    static ADDRESS: ArcRwSignal<Address> = ArcRwSignal::new(shown());
}

/// How an address is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Going {
    /// A new entry of the history, seen from its top.
    Forth,
    /// Instead of this entry of the history, seen from its top.
    Instead,
    /// Instead of this entry of the history, without moving what is seen.
    Unmoved,
}

/// Called once by the app: links and the browser's buttons are heard from now on.
pub fn start() {
    window_event_listener(ev::click, |event| {
        follow(&event);
    });
    window_event_listener(ev::popstate, |_| show(shown(), false));
}

/// The view at the address; changes only when it is another one.
pub fn page() -> Memo<Page> {
    let address = ADDRESS.with(Clone::clone);
    memo(move |_| address.with(|address| Page::at(&address.path)))
}

/// The last part of the address, reactive: an image's id.
pub fn last_part() -> String {
    let address = ADDRESS.with(Clone::clone);
    address.with(|address| address.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned())
}

/// A parameter of the query, decoded and reactive.
pub fn query(name: &str) -> Option<String> {
    let address = ADDRESS.with(Clone::clone);
    UrlSearchParams::new_with_str(&address.with(|address| address.search.clone())).ok()?.get(name)
}

/// All parameters of the query in their order, decoded and reactive.
pub fn parameters() -> Vec<(String, String)> {
    let address = ADDRESS.with(Clone::clone);
    let search = address.with(|address| address.search.trim_start_matches('?').replace('+', " "));
    let decode = |text: &str| js_sys::decode_uri_component(text).map_or_else(|_| text.to_owned(), String::from);
    let pairs = search.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

/// Whether the browser's back or forward led here, so that the view stands where it stood.
pub fn came_back() -> bool {
    CAME_BACK.get()
}

/// Goes to an address of ours: a path, with or without a query.
pub fn go(to: &str, how: Going) {
    let (Ok(history), here) = (window().history(), ADDRESS.with(ArcRwSignal::get_untracked)) else { return };
    let gone = match how {
        Going::Forth if format!("{}{}", here.path, here.search) == to => Ok(()),
        Going::Forth => history.push_state_with_url(&JsValue::NULL, "", Some(to)),
        Going::Instead | Going::Unmoved => history.replace_state_with_url(&JsValue::NULL, "", Some(to)),
    };
    if gone.is_err() {
        return;
    }
    let (there, to_top) = (shown(), how != Going::Unmoved);
    if there != here {
        show(there, to_top);
    } else if to_top {
        window().scroll_to_with_x_and_y(0.0, 0.0);
    }
}

/// Between a list and a picture the picture moves; other views just change.
fn show(there: Address, to_top: bool) {
    let is_picture = |address: &Address| address.path.starts_with("/images/");
    let here = ADDRESS.with(ArcRwSignal::get_untracked);
    gems::remember_before(&here.path, &there.path);
    let is_growing = is_picture(&there) != is_picture(&here);
    CAME_BACK.set(!to_top);
    let change = move || {
        if to_top {
            window().scroll_to_with_x_and_y(0.0, 0.0);
        }
        ADDRESS.with(|address| address.set(there));
    };
    if is_growing { growing::change(change) } else { change() }
}

fn shown() -> Address {
    let location = window().location();
    Address { path: location.pathname().unwrap_or_default(), search: location.search().unwrap_or_default() }
}

/// A plain press on a link of ours stays in this document; everything else is the browser's.
fn follow(event: &MouseEvent) -> Option<()> {
    let is_special =
        event.button() != 0 || event.meta_key() || event.alt_key() || event.ctrl_key() || event.shift_key();
    if event.default_prevented() || is_special {
        return None;
    }
    let link = event.target()?.dyn_into::<Element>().ok()?.closest("a[href]").ok()??;
    let link = link.dyn_into::<HtmlAnchorElement>().ok()?;
    let is_external = link.rel().split_ascii_whitespace().any(|word| word == "external");
    let is_elsewhere = link.origin() != window().location().origin().ok()?;
    if is_external
        || is_elsewhere
        || !link.target().is_empty()
        || !link.hash().is_empty()
        || link.has_attribute("download")
    {
        return None;
    }
    event.prevent_default();
    go(&format!("{}{}", link.pathname(), link.search()), Going::Forth);
    Some(())
}
