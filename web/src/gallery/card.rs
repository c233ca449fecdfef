//! A picture on the wall: a link that grows into the picture's page, a corner to select it, and what can be done on
//! the spot.
use crate::ui::prelude::*;
use lapidary_contract::Image;
use leptos::ev::{KeyboardEvent, MouseEvent, PointerEvent};
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use super::layout::Rect;
use super::listing::Entry;
use super::pieces::pixels;
use super::shelves::Shelves;
use super::wall::Wall;
use super::{changes, keys, opening};
use crate::browser;
use crate::page::image_path;
use crate::ui::dynamic::{changing, memo};
use crate::ui::{Button, ButtonKind, Glyph, Icon, Picture, after_a_while};

/// How long a finger rests on a picture to select it.
const LONG_PRESS_MS: u32 = 450;
/// Characters of a prompt that tell one picture from another.
const NAME_MAX: usize = 60;

pub fn card(shelves: &Shelves, entry: &Entry<Image>, rect: Memo<Rect>, wall: Wall) -> AnyView {
    let row = RwSignal::from(entry.row.clone());
    let id = entry.id;
    let image = row.get_untracked();
    let source = memo(move |_| row.with(|row| row.thumbnail_url.clone()));
    let kept = StoredValue::new(shelves.clone());
    let renew = Callback::new(move |()| {
        let shelves = kept.get_value();
        spawn_local(async move { drop(shelves.reread(id).await) });
    });
    // Made when a pointer or the focus comes near: most cards pass without.
    let is_near = RwSignal::new(false);
    let come_near = move || {
        if !is_near.get_untracked() {
            is_near.set(true);
        }
    };
    let tools = changing(move || is_near.get().then(|| actions(kept, row, wall)));
    let is_selected = memo(move |_| wall.selection.has(id));
    let touch = Touch { wall, id, pressed: StoredValue::new(0), is_held: StoredValue::new(false) };
    view! {
        <div
            class="card"
            class:is-selected=is_selected
            data-id=id.to_string()
            style=("left", move || pixels(rect.get().x))
            style=("top", move || pixels(rect.get().y))
            style=("width", move || pixels(rect.get().width))
            style=("height", move || pixels(rect.get().height))
            on:keydown=move |event| press(kept, row, wall, &event)
            on:pointerenter=move |_| come_near()
            on:focusin=move |_| come_near()
            on:pointerdown=move |event| touch.begin(&event)
            on:pointerup=move |_| touch.end()
            on:pointercancel=move |_| touch.end()
            on:contextmenu=move |event| touch.menu(&event)
        >
            <a
                class="card__link"
                href=image_path(&id)
                title="AI-generated"
                style=("view-transition-name", move || opening::name_of(id))
                on:click=move |event| click(touch, &event)
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
            {check(&image, wall, is_selected)}
            {mark(row)}
            {tools}
        </div>
    }
    .into_any()
}

/// A finger that rests on a card selects it.
#[derive(Clone, Copy)]
struct Touch {
    wall: Wall,
    id: Uuid,
    /// Counts presses; a rest belongs to one.
    pressed: StoredValue<u32>,
    /// The press has selected; the click that follows it does nothing.
    is_held: StoredValue<bool>,
}

impl Touch {
    fn begin(self, event: &PointerEvent) {
        self.is_held.set_value(false);
        if event.pointer_type() != "touch" {
            return;
        }
        self.end();
        let press = self.pressed.get_value();
        after_a_while(LONG_PRESS_MS, move || {
            if self.pressed.try_get_value() == Some(press) {
                self.hold();
            }
        });
    }

    fn end(self) {
        self.pressed.set_value(self.pressed.get_value().wrapping_add(1));
    }

    fn hold(self) {
        if !self.is_held.get_value() {
            self.is_held.set_value(true);
            self.wall.selection.turn(self.id);
        }
    }

    /// A browser's own menu after a long press is ours.
    fn menu(self, event: &MouseEvent) {
        if self.is_held.get_value() {
            event.prevent_default();
        }
    }
}

/// Opens, or selects while something is selected or shift is held.
fn click(touch: Touch, event: &MouseEvent) {
    let (wall, id) = (touch.wall, touch.id);
    if event.ctrl_key() || event.meta_key() {
        return;
    }
    if touch.is_held.get_value() {
        touch.is_held.set_value(false);
        return event.prevent_default();
    }
    let selection = wall.selection;
    match (event.shift_key(), selection.is_empty()) {
        (true, _) => extend(wall, id),
        (false, false) => selection.turn(id),
        (false, true) => return opening::open(id),
    }
    event.prevent_default();
}

/// Everything from where the last stretch began.
fn extend(wall: Wall, id: Uuid) {
    let selection = wall.selection;
    let start = selection.start().unwrap_or(id);
    selection.add(wall.span(start, id));
    if selection.start().is_none() {
        selection.start_at(id);
    }
}

fn check(image: &Image, wall: Wall, is_selected: Memo<bool>) -> AnyView {
    let id = image.id;
    let name: String = image.prompt.chars().take(NAME_MAX).collect();
    let press = move |event: MouseEvent| {
        if event.shift_key() { extend(wall, id) } else { wall.selection.turn(id) }
    };
    view! {
        <button
            type="button"
            class="card__check"
            aria-label=format!("Select: {name}")
            aria-pressed=move || if is_selected.get() { "true" } else { "false" }
            on:click=press
        >
            <Icon glyph=Glyph::Check />
        </button>
    }
    .into_any()
}

/// Without a pointer that hovers, the mark says it and the picture's own page changes it.
fn mark(row: RwSignal<Image>) -> AnyView {
    let is_favourite = memo(move |_| row.with(|row| row.is_favourite));
    changing(move || {
        is_favourite.get().then(|| {
            view! {
                <span class="card__mark" aria-hidden="true">
                    <Icon glyph=Glyph::HeartFilled />
                </span>
            }
        })
    })
}

fn delete(shelves: StoredValue<Shelves>, row: RwSignal<Image>, wall: Wall) {
    let id = row.with_untracked(|row| row.id);
    if wall.step(id, "ArrowRight").is_none() {
        wall.step(id, "ArrowLeft");
    }
    request_animation_frame(browser::keep_focus);
    changes::delete(&shelves.get_value(), &row.get_untracked(), || {});
}

/// Keys of the card that has the focus.
fn press(shelves: StoredValue<Shelves>, row: RwSignal<Image>, wall: Wall, event: &KeyboardEvent) {
    if keys::has_modifier(event) {
        return;
    }
    let id = row.with_untracked(|row| row.id);
    let (key, selection) = (event.key(), wall.selection);
    match key.as_str() {
        // A button takes the space bar itself.
        " " if !keys::is_on_button(event) => selection.turn(id),
        "ArrowRight" | "ArrowLeft" | "ArrowDown" | "ArrowUp" => {
            if event.shift_key() && selection.start().is_none() {
                selection.start_at(id);
            }
            let to = wall.step(id, &key);
            if let (true, Some(to)) = (event.shift_key(), to) {
                extend(wall, to);
            }
        }
        "f" => drop(changes::toggle_favourite(&shelves.get_value(), &row.get_untracked())),
        // What is selected is deleted by its own bar.
        "Delete" if selection.is_empty() => delete(shelves, row, wall),
        _ => return,
    }
    event.prevent_default();
}

fn actions(shelves: StoredValue<Shelves>, row: RwSignal<Image>, wall: Wall) -> AnyView {
    let is_favourite = memo(move |_| row.with(|row| row.is_favourite));
    let favour = Callback::new(move |()| {
        changes::toggle_favourite(&shelves.get_value(), &row.get_untracked());
    });
    let delete = Callback::new(move |()| delete(shelves, row, wall));
    let heart = changing(move || {
        let glyph = if is_favourite.get() { Glyph::HeartFilled } else { Glyph::Heart };
        view! { <Icon glyph /> }
    });
    view! {
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
