//! The four places: a rail on wide screens, a bar at the bottom on narrow ones. One list, the styles place it.
use crate::ui::prelude::*;

use crate::page::Page;
use crate::ui::icon::{Glyph, Icon};

const PLACES: [(Page, Glyph); 4] = [
    (Page::Studio, Glyph::Studio),
    (Page::Gallery, Glyph::Gallery),
    (Page::Gems, Glyph::Gem),
    (Page::Account, Glyph::Account),
];

#[component]
pub fn Navigation(page: Memo<Page>) -> AnyView {
    let places = PLACES.map(|(place, glyph)| {
        let current = move || (page.get().section() == Some(place)).then_some("page");
        view! {
            <li>
                <a class="place" href=place.path() aria-current=current>
                    <Icon glyph />
                    <span>{place.title()}</span>
                </a>
            </li>
        }
        .into_any()
    });
    view! { <nav class="places" aria-label="Main"><ul>{places.into_iter().collect_view()}</ul></nav> }.into_any()
}
