//! A part of the composer that unfolds under its heading; the heading says what is inside while it is closed.
use crate::ui::prelude::*;

use crate::ui::{Glyph, Icon};

#[component]
pub fn Fold(
    #[prop(into)] title: String,
    #[prop(into)] hint: Signal<String>,
    /// Unique in the document.
    id: &'static str,
    is_open: RwSignal<bool>,
    children: Children,
) -> AnyView {
    view! {
        <section class="fold">
            <h2 class="fold__title">
                <button
                    type="button"
                    class="section__head"
                    aria-expanded=move || is_open.get().to_string()
                    aria-controls=id
                    on:click=move |_| is_open.update(|open| *open = !*open)
                >
                    <span class="section__name">{title}</span>
                    <span class="section__hint">{hint}</span>
                    <Icon glyph=Glyph::ChevronDown />
                </button>
            </h2>
            <div id=id class="fold__body" hidden=move || !is_open.get()>
                {children()}
            </div>
        </section>
    }
    .into_any()
}
