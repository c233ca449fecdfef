//! A quiet stand-in for what is being read. It has the size of what comes, so that nothing jumps.
use crate::ui::prelude::*;

/// With `ratio` (width, height) it is a picture's place, without it a line of text.
#[component]
pub fn Skeleton(#[prop(optional)] ratio: Option<(u32, u32)>, #[prop(optional, into)] class: String) -> AnyView {
    let kind = if ratio.is_some() { "skeleton--picture" } else { "skeleton--line" };
    let ratio = ratio.map_or("auto".to_owned(), |(width, height)| format!("{width} / {height}"));
    view! { <span class=format!("skeleton {kind} {class}") aria-hidden="true" style:aspect-ratio=ratio></span> }
        .into_any()
}
