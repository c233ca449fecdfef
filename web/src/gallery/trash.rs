//! The trash: what was deleted, when each goes for good, and the way back.
use crate::ui::prelude::*;
use chrono::Duration;
use lapidary_contract::Image;
use lapidary_domain::limits::TRASH_DAYS;
use wasm_bindgen_futures::spawn_local;

use super::listing::{Entry, Listing, Load};
use super::more::More;
use super::shelves::{Shelves, refresh};
use super::{Tab, changes, keys, stand_ins, tabs};
use crate::page::{Page, image_path};
use crate::ui::dynamic::{changing, list, memo};
use crate::ui::{Button, Empty, FailureNote, Glyph, Icon, LinkButton, Picture, format_day};

#[component]
pub fn TrashPage() -> AnyView {
    let shelves = Shelves::kept();
    let shelf = shelves.trash.clone();
    let again = shelf.clone();
    shelves.follow(move || refresh(&again));
    refresh(&shelf);
    let kept = StoredValue::new((shelves, shelf.clone()));
    let full = move || {
        let (_, shelf) = kept.get_value();
        let entries = shelf.entries.clone();
        view! {
            <ul class="trash__grid">
                {list(
                    move || entries.get(),
                    |entry| entry.id.to_string(),
                    move |entry| kept.with_value(|(shelves, _)| trashed(shelves, &entry)),
                )}
            </ul>
            <More shelf />
        }
        .into_any()
    };
    view! {
        <div class="gallery">
            <header class="gallery__head">
                <h1>"Trash"</h1>
                {tabs(Tab::Trash)}
            </header>
            <p class="gallery__about">{format!("Deleted pictures stay here for {TRASH_DAYS} days, then they are erased.")}</p>
            {shelf_states(&shelf, full, nothing)}
        </div>
    }
    .into_any()
}

/// What the list shows while it is read, when that fails, when it is empty, and when there is something.
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

fn nothing() -> AnyView {
    view! {
        <Empty title="The trash is empty" text="What you delete waits here, in case you change your mind.">
            <LinkButton href=Page::Gallery.path()>"Back to the gallery"</LinkButton>
        </Empty>
    }
    .into_any()
}

fn trashed(shelves: &Shelves, entry: &Entry<Image>) -> AnyView {
    let row = RwSignal::from(entry.row.clone());
    let (id, image) = (entry.id, row.get_untracked());
    let shelves = StoredValue::new(shelves.clone());
    let source = memo(move |_| row.with(|row| row.thumbnail_url.clone()));
    let renew = Callback::new(move |()| {
        let shelves = shelves.get_value();
        spawn_local(async move { drop(shelves.reread(id).await) });
    });
    let restore = Callback::new(move |()| {
        keys::keep_focus(".trashed");
        changes::restore(&shelves.get_value(), &row.get_untracked(), || {});
    });
    let goes = changing(move || {
        let day = row.with(|row| row.deleted_at.map(|at| format_day(&(at + Duration::days(TRASH_DAYS)))));
        day.map(|day| format!("Erased on {day}"))
    });
    view! {
        <li class="trashed">
            <a class="trashed__link" href=image_path(&id)>
                <Picture
                    src=source
                    alt=image.prompt.clone()
                    thumbhash=image.thumbhash.clone()
                    width=image.width
                    height=image.height
                    on_stale=renew
                />
            </a>
            <p class="trashed__when">{goes}</p>
            <Button on_press=restore>
                <Icon glyph=Glyph::Undo />
                "Restore"
            </Button>
        </li>
    }
    .into_any()
}
