//! A line that says when there is no connection, and goes by itself when there is one again.
use crate::ui::prelude::*;

use crate::live;
use crate::session::{Standing, use_session};
use crate::ui::dynamic::changing;
use crate::ui::failure::Failure;
use crate::ui::icon::{Glyph, Icon};

#[component]
pub fn OfflineNote() -> AnyView {
    let session = use_session();
    let is_offline = RwSignal::new(!window().navigator().on_line());
    let offline = window_event_listener(leptos::ev::offline, move |_| is_offline.set(true));
    let online = window_event_listener(leptos::ev::online, move |_| {
        is_offline.set(false);
        if session.standing.with_untracked(|standing| *standing == Standing::Unreachable(Failure::Offline)) {
            session.boot();
        }
    });
    on_cleanup(move || {
        offline.remove();
        online.remove();
    });
    let connected = live::connected();
    let words = move || {
        if is_offline.get() {
            Some("You are offline. What you typed is kept; this goes on by itself when you are back.")
        } else if session.is_signed_in() && !connected.get() {
            Some("Live updates do not get through. This page looks for news every few seconds instead.")
        } else {
            None
        }
    };
    let note =
        changing(move || words().map(|words| view! { <p class="note"><Icon glyph=Glyph::Offline /> {words}</p> }));
    view! { <div role="status">{note}</div> }.into_any()
}
