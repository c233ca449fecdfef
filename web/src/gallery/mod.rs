//! The gallery: every picture of a person, newest first, and the way to each. This file holds the page of the list.
mod archives;
mod blocks;
mod bulk;
mod card;
mod changes;
pub mod clock;
mod collecting;
mod collections;
mod details;
mod empty;
mod facets;
mod image;
mod keys;
mod layout;
pub mod listing;
mod more;
pub mod opening;
mod pieces;
mod reel;
mod rows;
mod search;
mod selection;
mod selection_bar;
mod share;
pub mod shared;
mod shelves;
mod sight;
mod stage;
mod trash;
mod walking;
mod wall;
mod wanted;

use crate::ui::prelude::*;
use wasm_bindgen_futures::spawn_local;

use self::archives::{Archives, archive_panel, archives_dialog};
use self::collecting::{Collecting, collect_dialog, name_of, tools_of};
use self::collections::Collections;
pub use self::collections::CollectionsPage;
use self::facets::Facets;
pub use self::image::ImagePage;
use self::listing::Load;
use self::reel::Reel;
use self::search::Search;
use self::selection::Selection;
use self::selection_bar::{Bar, selection_bar};
use self::shelves::{Shelves, refresh_reel};
pub use self::trash::TrashPage;
use self::wall::wall;
use self::wanted::Wanted;
use crate::browser;
use crate::page::{self, Page};
use crate::router;
use crate::ui::dynamic::{changing, effect, memo};
use crate::ui::{FailureNote, Glyph, Icon, Skeleton, ratio};

/// Shapes of the places that stand in while the first page is read.
const STAND_INS: [(u32, u32); 10] = [(1, 1), (3, 2), (2, 3), (1, 1), (16, 9), (1, 1), (2, 3), (3, 2), (1, 1), (2, 3)];

#[component]
pub fn GalleryPage() -> AnyView {
    let view = router::page();
    // On the way out it stays what it was.
    let wanted = memo(move |before: Option<&Wanted>| match (view.get(), before) {
        (Page::Gallery, _) | (_, None) => Wanted::of(&router::parameters()),
        (_, Some(before)) => before.clone(),
    });
    let (shelves, selection) = (Shelves::kept(), Selection::new());
    let (collections, archives) = (Collections::new(), Archives::followed());
    let collecting = Collecting::new(collections, shelves.clone());
    let collection = memo(move |_| wanted.with(|wanted| wanted.collection));
    effect(move |_| {
        if collection.get().is_some() {
            collections.read();
        }
    });
    let name = memo(move |_| name_of(collections, collection.get()));
    let title = memo(move |_| match (collection.get(), name.get()) {
        (None, _) => "Gallery".to_owned(),
        (Some(_), name) => name.unwrap_or_else(|| "Collection".to_owned()),
    });
    effect(move |_| page::set_title(&title.get()));
    let shown = follow(wanted, &shelves, selection);
    let changes = shelves.changes.clone();
    let kept = StoredValue::new(shelves);
    let called = Signal::derive(move || name.get().unwrap_or_default());
    let content = changing(move || match shown.reel.get() {
        None => stand_ins(),
        Some(reel) => reel_view(kept, reel, selection, called),
    });
    let bar = Bar { selection, collecting, archives, collection, shelves: kept };
    view! {
        <div class="gallery">
            <header class="gallery__head">
                <h1 dir="auto">{move || title.get()}</h1>
                <Search wanted />
                {tabs_with(Tab::Gallery, Some(archives))}
            </header>
            {tools_of(collections, collection)}
            <Facets wanted collection=called changes />
            <div class="gallery__answer" class:is-waiting=shown.is_waiting aria-busy=move || busy(shown)>{content}</div>
            {selection_bar(bar)}
            {archive_panel(archives)}
            {archives_dialog(archives)}
            {collect_dialog(collecting)}
        </div>
    }
    .into_any()
}

/// The answer that is shown, and whether another one is on its way.
#[derive(Clone, Copy)]
struct Shown {
    reel: RwSignal<Option<Reel>>,
    is_waiting: RwSignal<bool>,
}

fn busy(shown: Shown) -> Option<&'static str> {
    (shown.is_waiting.get() || shown.reel.with(Option::is_none)).then_some("true")
}

/// Asks what the address asks; the last answer stays until the next is here.
fn follow(wanted: Memo<Wanted>, shelves: &Shelves, selection: Selection) -> Shown {
    let shown = Shown { reel: RwSignal::new(None), is_waiting: RwSignal::new(false) };
    let sight = shelves.clone();
    shelves.follow(move || refresh_reel(&sight.in_sight()));
    let shelves = shelves.clone();
    effect(move |_| {
        let reel = wanted.with(|wanted| shelves.look_at(wanted));
        selection.clear();
        if reel.is_read() {
            shown.is_waiting.set(false);
            shown.reel.set(Some(reel.clone()));
            return refresh_reel(&reel);
        }
        shown.is_waiting.set(shown.reel.with_untracked(Option::is_some));
        let shelves = shelves.clone();
        spawn_local(async move {
            let whole = reel.clone();
            let first = reel.clone();
            spawn_local(async move { whole.refresh().await });
            first.begun().await;
            if shelves.in_sight().wanted == reel.wanted {
                let _ = shown.reel.try_set(Some(reel));
                let _ = shown.is_waiting.try_set(false);
            }
        });
    });
    shown
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    Gallery,
    Collections,
    Trash,
}

/// The rooms of the gallery; each has its own address.
pub fn tabs(current: Tab) -> AnyView {
    tabs_with(current, None)
}

fn tabs_with(current: Tab, archives: Option<Archives>) -> AnyView {
    let one = |tab: Tab, href: &'static str, label: &'static str, glyph: Glyph| {
        view! {
            <li>
                <a class="chip" href=href aria-current=(current == tab).then_some("page")>
                    <Icon glyph />
                    {label}
                </a>
            </li>
        }
    };
    let zips = archives.map(|archives| {
        let press = move |_| {
            archives.read();
            archives.open.set(true);
        };
        view! {
            <li>
                <button type="button" class="chip" on:click=press>
                    <Icon glyph=Glyph::Download />
                    "Zips"
                </button>
            </li>
        }
    });
    view! {
        <nav aria-label="Gallery">
            <ul class="filters">
                {one(Tab::Gallery, Page::Gallery.path(), "All", Glyph::Gallery)}
                {one(Tab::Collections, Page::Collections.path(), "Collections", Glyph::Collection)}
                {one(Tab::Trash, Page::Trash.path(), "Trash", Glyph::Trash)}
                {zips}
            </ul>
        </nav>
    }
    .into_any()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Full,
    Failed,
    Empty,
}

/// What an answer shows when reading failed, when it is empty, and when there is something.
fn reel_view(shelves: StoredValue<Shelves>, reel: Reel, selection: Selection, collection: Signal<String>) -> AnyView {
    let (blocks, load) = (reel.blocks.clone(), reel.load.clone());
    let total = memo(move |_| blocks.with(|blocks| blocks.total()));
    let is_empty = memo(move |_| total.get() == 0);
    let load = memo(move |_| load.get());
    let kept = StoredValue::new(reel);
    let trouble = changing(move || {
        let Load::Failed(failure) = load.get() else { return None };
        let retry = Callback::new(move |()| refresh_reel(&kept.get_value()));
        Some(view! { <FailureNote failure on_retry=retry /> })
    });
    // One memo: a failure beside pictures must not build the wall anew.
    let state = memo(move |_| match (is_empty.get(), load.with(|load| matches!(load, Load::Failed(_)))) {
        (false, _) => State::Full,
        (true, true) => State::Failed,
        (true, false) => State::Empty,
    });
    // The focus may have been on a picture that went.
    effect(move |_| {
        if state.get() == State::Empty {
            request_animation_frame(browser::keep_focus);
        }
    });
    let body = changing(move || match state.get() {
        State::Full => wall(shelves.get_value(), kept.get_value(), selection),
        State::Failed => ().into_any(),
        State::Empty => kept.with_value(|reel| empty::nothing(&reel.wanted, &collection.get())),
    });
    let count = changing(move || match total.get() {
        0 => String::new(),
        total => format!("{}, AI-generated", bulk::pictures(total)),
    });
    view! {
        {trouble}
        <p class="gallery__about" role="status">{count}</p>
        {body}
    }
    .into_any()
}

fn stand_ins() -> AnyView {
    let one = |(width, height): (u32, u32)| {
        let ratio = ratio(width, height);
        view! { <div class="card--stand-in" style=("--ratio", ratio)><Skeleton ratio=(width, height) /></div> }
    };
    view! {
        <div class="stand-ins" aria-busy="true" aria-label="Reading your pictures">
            {STAND_INS.map(one).into_iter().collect_view()}
        </div>
    }
    .into_any()
}
