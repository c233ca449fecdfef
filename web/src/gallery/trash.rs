//! The trash: what was deleted, when each goes for good, and the way back.
use crate::ui::prelude::*;
use chrono::Duration;
use lapidary_contract::Image;
use lapidary_domain::limits::TRASH_DAYS;
use wasm_bindgen_futures::spawn_local;

use super::listing::Entry;
use super::more::More;
use super::shelves::{Shelves, refresh};
use super::{Filter, Filters, changes, keys, shelf_states};
use crate::page::{Page, image_path};
use crate::ui::dynamic::{changing, list, memo};
use crate::ui::{Button, Empty, Glyph, Icon, LinkButton, Picture, format_day};

#[component]
pub fn TrashPage() -> AnyView {
    let shelves = Shelves::kept();
    let shelf = shelves.trash.clone();
    shelves.follow(shelf.clone());
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
                <Filters current=Signal::stored(Filter::Trash) />
            </header>
            <p class="gallery__about">{format!("Deleted pictures stay here for {TRASH_DAYS} days, then they are erased.")}</p>
            {shelf_states(&shelf, full, nothing)}
        </div>
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
