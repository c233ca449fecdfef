//! When a key is a shortcut and when it is somebody writing.
use leptos::ev::KeyboardEvent;
use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

pub fn has_modifier(event: &KeyboardEvent) -> bool {
    event.ctrl_key() || event.meta_key() || event.alt_key() || event.default_prevented()
}

/// Whether the key belongs to a field or to an open dialog.
pub fn is_taken(event: &KeyboardEvent) -> bool {
    let element = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let is_field = |element: HtmlElement| {
        element.is_content_editable() || element.matches("input, textarea, select").unwrap_or(false)
    };
    element.is_some_and(is_field) || document().query_selector("dialog[open]").ok().flatten().is_some()
}
