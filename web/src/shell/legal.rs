//! The quiet links at the end of a view.
use crate::ui::prelude::*;

use crate::page::Page;

#[component]
pub fn LegalLinks() -> AnyView {
    view! {
        <footer class="legal">
            <nav aria-label="About">
                <a href="/docs" rel="external">"API"</a>
                <a href=Page::Promises.path()>"Promises"</a>
                <a href=Page::Terms.path()>"Terms"</a>
            </nav>
        </footer>
    }
    .into_any()
}
