//! The gallery: every picture of a person, newest first, and the way to each. This file holds the page of the list.
mod card;
mod changes;
pub mod clock;
mod details;
mod image;
mod keys;
pub mod listing;
mod more;
pub mod opening;
mod rows;
mod shelves;
mod stage;
mod trash;
mod wall;

use crate::ui::prelude::*;
use lapidary_contract::Image;

pub use self::image::ImagePage;
use self::listing::{Listing, Load};
use self::more::More;
use self::shelves::{Shelves, refresh};
pub use self::trash::TrashPage;
use self::wall::Wall;
use crate::page::Page;
use crate::router;
use crate::ui::dynamic::{changing, memo};
use crate::ui::{ButtonKind, Empty, FailureNote, Glyph, Icon, LinkButton, Skeleton, ratio};

/// Shapes of the places that stand in while the first page is read.
const STAND_INS: [(u32, u32); 10] = [(1, 1), (3, 2), (2, 3), (1, 1), (16, 9), (1, 1), (2, 3), (3, 2), (1, 1), (2, 3)];

#[component]
pub fn GalleryPage() -> AnyView {
    let only_favourites = memo(move |_| router::query("favourite").as_deref() == Some("true"));
    let content = changing(move || gallery_view(only_favourites.get()));
    view! {
        <div class="gallery">
            <header class="gallery__head">
                <h1>"Gallery"</h1>
                <Filters current=Signal::derive(move || if only_favourites.get() { Filter::Favourites } else { Filter::All }) />
            </header>
            {content}
        </div>
    }
    .into_any()
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    All,
    Favourites,
    Trash,
}

/// The ways to look at the gallery; each has its own address.
#[component]
pub fn Filters(current: Signal<Filter>) -> AnyView {
    let one = |filter: Filter, href: &'static str, label: &'static str, glyph: Glyph| {
        view! {
            <li>
                <a class="chip" href=href aria-current=move || (current.get() == filter).then_some("page")>
                    <Icon glyph />
                    {label}
                </a>
            </li>
        }
    };
    view! {
        <nav aria-label="Gallery">
            <ul class="filters">
                {one(Filter::All, Page::Gallery.path(), "All", Glyph::Gallery)}
                {one(Filter::Favourites, "/gallery?favourite=true", "Favourites", Glyph::Heart)}
                {one(Filter::Trash, Page::Trash.path(), "Trash", Glyph::Trash)}
            </ul>
        </nav>
    }
    .into_any()
}

fn gallery_view(only_favourites: bool) -> AnyView {
    let shelves = Shelves::kept();
    let shelf = shelves.look_at(only_favourites);
    shelves.follow(shelf.clone());
    refresh(&shelf);
    let (kept, nothing) = (StoredValue::new((shelves, shelf.clone())), move || nothing_yet(only_favourites));
    let wall = move || {
        let (shelves, shelf) = kept.get_value();
        view! {
            <Wall shelves shelf=shelf.clone() />
            <More shelf />
        }
        .into_any()
    };
    shelf_states(&shelf, wall, nothing)
}

/// What a list of images shows while it is read, when that fails, when it is empty, and when there is something.
fn shelf_states(
    shelf: &Listing<Image>,
    full: impl Fn() -> AnyView + Send + Sync + 'static,
    empty: impl Fn() -> AnyView + Send + Sync + 'static,
) -> AnyView {
    let (entries, load) = (shelf.entries.clone(), shelf.load.clone());
    let is_empty = memo(move |_| entries.with(Vec::is_empty));
    let load = memo(move |_| load.get());
    let is_first = memo(move |_| load.with(|load| *load == Load::First));
    let shelf = StoredValue::new(shelf.clone());
    let trouble = changing(move || {
        let Load::Failed(failure) = load.get() else { return None };
        let retry = Callback::new(move |()| refresh(&shelf.get_value()));
        Some(view! { <FailureNote failure on_retry=retry /> })
    });
    let is_failed = memo(move |_| load.with(|load| matches!(load, Load::Failed(_))));
    let body = changing(move || match (is_empty.get(), is_first.get(), is_failed.get()) {
        (false, ..) => full(),
        (true, true, _) => stand_ins(),
        (true, false, true) => ().into_any(),
        (true, false, false) => empty(),
    });
    view! {
        {trouble}
        {body}
    }
    .into_any()
}

fn stand_ins() -> AnyView {
    let one = |(width, height): (u32, u32)| {
        let ratio = ratio(width, height);
        view! { <div class="card card--stand-in" style=("--ratio", ratio)><Skeleton ratio=(width, height) /></div> }
    };
    view! {
        <div class="day__rows" aria-busy="true" aria-label="Reading your pictures">
            {STAND_INS.map(one).into_iter().collect_view()}
        </div>
    }
    .into_any()
}

fn nothing_yet(only_favourites: bool) -> AnyView {
    if only_favourites {
        return view! {
            <Empty title="No favourites yet" text="Press the heart on a picture, or f while it is open, and it is kept here.">
                <LinkButton href=Page::Gallery.path()>"See all pictures"</LinkButton>
            </Empty>
        }
        .into_any();
    }
    view! {
        <Empty title="No pictures yet" text="Everything you make is kept here until you delete it.">
            <LinkButton kind=ButtonKind::Primary href=Page::Studio.path()>"Make your first picture"</LinkButton>
        </Empty>
    }
    .into_any()
}
