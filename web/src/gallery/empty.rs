//! What the gallery says when nothing is found: what would be here, or what to loosen.
use crate::ui::prelude::*;

use super::facets::{address, part_name};
use super::wanted::{Part, Wanted};
use crate::page::Page;
use crate::ui::{ButtonKind, Empty, LinkButton};

/// `collection` is the name of the collection in sight.
pub fn nothing(wanted: &Wanted, collection: &str) -> AnyView {
    match wanted.parts().as_slice() {
        [] => view! {
            <Empty title="No pictures yet" text="Everything you make is kept here until you delete it.">
                <LinkButton kind=ButtonKind::Primary href=Page::Studio.path()>"Make your first picture"</LinkButton>
            </Empty>
        }
        .into_any(),
        [Part::Favourite] => view! {
            <Empty title="No favourites yet" text="Press the heart on a picture, or f while it is open, and it is kept here.">
                <LinkButton href=Page::Gallery.path()>"See all pictures"</LinkButton>
            </Empty>
        }
        .into_any(),
        [Part::Collection] => view! {
            <Empty title="Nothing in this collection yet" text="Select pictures in the gallery and add them.">
                <LinkButton href=Page::Gallery.path()>"See all pictures"</LinkButton>
            </Empty>
        }
        .into_any(),
        parts => loosen(wanted, parts, collection),
    }
}

fn loosen(wanted: &Wanted, parts: &[Part], collection: &str) -> AnyView {
    let one = |part: &Part| {
        let words = format!("Without {}", part_name(wanted, part, collection));
        view! { <LinkButton href=address(&wanted.without(part))>{words}</LinkButton> }
    };
    let ways = parts.iter().map(one).collect_view();
    let text = match parts {
        [Part::Words] => "No prompt, attribute or model has all of these words. Try fewer or others.",
        _ => "No picture is all of this at once. Take something away:",
    };
    view! {
        <Empty title="Nothing found" text=text>
            <div class="empty__ways">{ways}</div>
        </Empty>
    }
    .into_any()
}
