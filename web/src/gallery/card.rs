//! A picture in a row of the gallery: a link that grows into the picture's page, with what can be done on the spot.
use crate::ui::prelude::*;
use lapidary_contract::Image;
use leptos::ev::KeyboardEvent;
use wasm_bindgen_futures::spawn_local;

use super::changes;
use super::keys;
use super::listing::Entry;
use super::opening;
use super::rows::Place;
use super::shelves::Shelves;
use crate::page::image_path;
use crate::ui::dynamic::{changing, memo};
use crate::ui::{Button, ButtonKind, Glyph, Icon, Picture, ratio};

pub fn card(shelves: &Shelves, entry: &Entry<Image>, place: Signal<Place>) -> AnyView {
    let row = RwSignal::from(entry.row.clone());
    let id = entry.id;
    let image = row.get_untracked();
    let source = memo(move |_| row.with(|row| row.thumbnail_url.clone()));
    let renew = {
        let shelves = StoredValue::new(shelves.clone());
        Callback::new(move |()| {
            let shelves = shelves.get_value();
            spawn_local(async move { drop(shelves.reread(id).await) });
        })
    };
    let basis = move || {
        let Place { share, gaps, .. } = place.get();
        // A little less than its share: rounding must not push the last one into the next row; growing takes up the rest.
        format!("calc((100% - {gaps} * var(--gap-picture)) * {} / 100000)", (share * 99_700.0) as u32)
    };
    let kept = StoredValue::new(shelves.clone());
    view! {
        <div
            class="card"
            on:keydown=move |event| kept.with_value(|shelves| press(shelves, row, &event))
            data-id=id.to_string()
            class:is-growing=move || place.get().is_full
            style=("flex-basis", basis)
            style=("--ratio", ratio(image.width, image.height))
        >
            <a
                class="card__link"
                href=image_path(&id)
                style=("view-transition-name", move || opening::name_of(id))
                on:click=move |_| opening::open(id)
            >
                <Picture
                    src=source
                    alt=image.prompt.clone()
                    thumbhash=image.thumbhash.clone()
                    width=image.width
                    height=image.height
                    on_stale=renew
                />
            </a>
            {actions(shelves, row)}
        </div>
    }
    .into_any()
}

fn delete(shelves: &Shelves, row: RwSignal<Image>) {
    keys::keep_focus(".card");
    changes::delete(shelves, &row.get_untracked(), || {});
}

/// Keys of the card that has the focus.
fn press(shelves: &Shelves, row: RwSignal<Image>, event: &KeyboardEvent) {
    if keys::has_modifier(event) {
        return;
    }
    match event.key().as_str() {
        "f" => drop(changes::toggle_favourite(shelves, &row.get_untracked())),
        "Delete" => delete(shelves, row),
        "ArrowRight" => keys::move_focus(".card", true),
        "ArrowLeft" => keys::move_focus(".card", false),
        _ => return,
    }
    event.prevent_default();
}

fn actions(shelves: &Shelves, row: RwSignal<Image>) -> AnyView {
    let shelves = StoredValue::new(shelves.clone());
    let is_favourite = memo(move |_| row.with(|row| row.is_favourite));
    let favour = Callback::new(move |()| {
        changes::toggle_favourite(&shelves.get_value(), &row.get_untracked());
    });
    let delete = Callback::new(move |()| delete(&shelves.get_value(), row));
    let heart = changing(move || {
        let glyph = if is_favourite.get() { Glyph::HeartFilled } else { Glyph::Heart };
        view! { <Icon glyph /> }
    });
    // Without a pointer that hovers, the mark says it and the picture's own page changes it.
    let mark = changing(move || {
        is_favourite.get().then(|| {
            view! {
                <span class="card__mark" aria-hidden="true">
                    <Icon glyph=Glyph::HeartFilled />
                </span>
            }
        })
    });
    view! {
        {mark}
        <div class="card__actions">
            <Button kind=ButtonKind::Bare class="card__favour" on_press=favour pressed=is_favourite label="Favourite">
                {heart}
            </Button>
            <Button kind=ButtonKind::Bare class="card__delete" on_press=delete label=Signal::derive(|| "Delete".to_owned())>
                <Icon glyph=Glyph::Trash />
            </Button>
        </div>
    }
    .into_any()
}
