//! Keys and focus: when a key is a shortcut and when it is somebody writing; where focus goes when its place goes.
use leptos::ev::KeyboardEvent;
use leptos::prelude::{document, request_animation_frame};
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

/// Whether the key belongs to a button.
pub fn is_on_button(event: &KeyboardEvent) -> bool {
    let element = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    element.is_some_and(|element| element.tag_name() == "BUTTON")
}

/// The elements that match, and which of them has the focus in it.
fn among(selector: &str) -> (Vec<HtmlElement>, Option<usize>) {
    let Ok(list) = document().query_selector_all(selector) else { return (Vec::new(), None) };
    let nodes = (0..list.length()).filter_map(|index| list.item(index));
    let elements: Vec<HtmlElement> = nodes.filter_map(|node| node.dyn_into().ok()).collect();
    let focused = document().active_element();
    let at = elements.iter().position(|element| element.contains(focused.as_deref()));
    (elements, at)
}

fn focus_in(element: &HtmlElement) {
    let first = element.query_selector("a, button").ok().flatten();
    if let Some(first) = first.and_then(|it| it.dyn_into::<HtmlElement>().ok()) {
        let _ = first.focus();
    }
}

/// Before one of the elements that match goes: focus moves to the one that takes its place.
pub fn keep_focus(selector: &'static str) {
    let (_, Some(at)) = among(selector) else { return };
    request_animation_frame(move || {
        let (elements, _) = among(selector);
        if let Some(element) = elements.get(at).or(elements.last()) {
            focus_in(element);
        }
    });
}
