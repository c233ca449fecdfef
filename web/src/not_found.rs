//! What is shown where nothing is.
use crate::ui::prelude::*;

use crate::page::Page;
use crate::ui::button::{ButtonKind, LinkButton};
use crate::ui::icon::Mark;

#[component]
pub fn NotFoundPage() -> AnyView {
    view! {
        <section class="quiet-page">
            <Mark />
            <h1>"Nothing here"</h1>
            <p>"This address leads nowhere. It may be mistyped, or what was here is gone."</p>
            <LinkButton kind=ButtonKind::Primary href=Page::Studio.path()>"Go to the studio"</LinkButton>
        </section>
    }
    .into_any()
}
