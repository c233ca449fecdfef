//! One generation in the stream: its words, its tiles, what is said about it and what can be done next.
use crate::ui::prelude::*;
use lapidary_contract::Generation;
use lapidary_domain::{GenerationStatus, Size};
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use super::state::{PATH, Studio};
use super::tile::{picture_tile, waiting_tile};
use super::words;
use crate::browser;
use crate::http;
use crate::page::Page;
use crate::ui::dynamic::{changing, list, memo};
use crate::ui::failure::RequestId;
use crate::ui::{self, Button, ButtonKind, Glyph, Icon, Moment, format_gems, toast};

/// A place in the row of tiles.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Picture(Uuid),
    Waiting(u32),
}

impl Slot {
    fn key(&self) -> String {
        match self {
            Self::Picture(id) => id.to_string(),
            Self::Waiting(place) => place.to_string(),
        }
    }
}

pub fn generation_entry(studio: Studio, row: &ArcRwSignal<Generation>) -> AnyView {
    let row = RwSignal::from(row.clone());
    let first = row.get_untracked();
    let ratio = ratio_of(&first);
    let status = memo(move |_| row.with(|row| row.status));
    let slots = memo(move |_| row.with(slots));
    let tile = move |slot| match slot {
        Slot::Picture(id) => picture_tile(row, id),
        Slot::Waiting(place) => waiting_tile(row, place == 0),
    };
    let class = if first.count == 1 { "generation__tiles generation__tiles--single" } else { "generation__tiles" };
    view! {
        <article class="generation" id=format!("generation-{}", first.id) aria-busy=move || (!status.get().is_final()).to_string()>
            {heading(studio, row)}
            <div class=class style=("--ratio", ratio)>
                {list(move || slots.get(), Slot::key, tile)}
            </div>
            {move || ending(studio, row, status.get())}
        </article>
    }
    .into_any()
}

fn ratio_of(generation: &Generation) -> String {
    let size = generation.size.parse::<Size>().unwrap_or(Size { width: 1, height: 1 });
    ui::ratio(size.width, size.height)
}

/// Pictures first, then a place for each that may still come.
fn slots(generation: &Generation) -> Vec<Slot> {
    let known = generation.images.len() as u32;
    let pictures = generation.images.iter().map(|image| Slot::Picture(image.id));
    let missing = if generation.status.is_final() { 0 } else { generation.count.saturating_sub(known) };
    pictures.chain((0..missing).map(Slot::Waiting)).collect()
}

fn heading(studio: Studio, row: RwSignal<Generation>) -> AnyView {
    let generation = row.get_untracked();
    let about = row.with_untracked(|row| about(studio, row));
    let again = Callback::new(move |()| {
        studio.is_open.set(false);
        row.with_untracked(|row| studio.use_again(row));
    });
    view! {
        <header class="generation__head">
            <div class="generation__words">
                <h2 class="generation__prompt" dir="auto">{generation.prompt}</h2>
                <p class="generation__about">
                    {about}
                    <Moment at=generation.created_at />
                </p>
            </div>
            <Button kind=ButtonKind::Bare on_press=again label="Use again: prompt, attributes and settings">
                <Icon glyph=Glyph::Refresh />
                <span class="generation__again">"Use again"</span>
            </Button>
        </header>
    }
    .into_any()
}

fn about(studio: Studio, generation: &Generation) -> String {
    let name = studio.catalogue.with_untracked(|known| {
        let model = known.as_ref()?.domain.model(&generation.model)?;
        Some(model.name.clone())
    });
    let name = name.unwrap_or_else(|| generation.model.clone());
    let price = format_gems(generation.price_gems);
    let size = generation.size.replace('x', " × ");
    let words = generation.attributes.iter().map(|attribute| attribute.value.clone()).collect::<Vec<_>>().join(", ");
    let parts = [words, name, size, generation.quality.clone(), price];
    let mut about = String::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        // A part is not torn apart at a line's end.
        about.push_str(&part.replace(' ', "\u{a0}").replace(",\u{a0}", ", "));
        about.push_str(" · ");
    }
    // A line may end with a dot, never begin with one.
    about.replace(" · ", "\u{a0}· ")
}

/// Below the tiles: how it goes, or how it ended, with the next step.
fn ending(studio: Studio, row: RwSignal<Generation>, status: GenerationStatus) -> AnyView {
    match status {
        GenerationStatus::Queued | GenerationStatus::Running => progress(studio, row),
        GenerationStatus::Succeeded if row.with(|row| row.images.is_empty()) => in_trash(),
        GenerationStatus::Succeeded => ().into_any(),
        GenerationStatus::PartlySucceeded | GenerationStatus::Failed | GenerationStatus::Cancelled => {
            trouble(studio, row, &row.get())
        }
    }
}

fn in_trash() -> AnyView {
    view! {
        <p class="generation__note">
            <span>"Its pictures are in the " <a href=Page::Trash.path()>"trash"</a> "."</span>
        </p>
    }
    .into_any()
}

fn progress(studio: Studio, row: RwSignal<Generation>) -> AnyView {
    let is_cancelling = RwSignal::new(false);
    let usual = {
        let done: Vec<Generation> =
            studio.listing().entries.with_untracked(|it| it.iter().map(|entry| entry.row.get_untracked()).collect());
        row.with_untracked(|row| words::usual_seconds(&done, row)).map(words::usually)
    };
    let state = changing(move || row.with(|row| words::waiting(row, studio.clock.get())));
    let cancel = Callback::new(move |()| {
        let id = row.with_untracked(|row| row.id);
        is_cancelling.set(true);
        spawn_local(async move {
            let answer = http::post_empty::<Generation>(&format!("{PATH}/{id}/cancel")).await;
            let _ = is_cancelling.try_set(false);
            match answer {
                Ok(generation) => {
                    studio.put(generation);
                    // The pressed button is gone with the work; focus goes to what can be done next.
                    let next = format!("#generation-{id} .generation__next button");
                    request_animation_frame(move || {
                        browser::focus(&next);
                    });
                }
                Err(failure) => toast::failure(&failure),
            }
        });
    });
    view! {
        <p class="generation__note">
            <span class="generation__state">{state}</span>
            {usual.map(|usual| view! { <span>{usual}</span> })}
            <Button kind=ButtonKind::Bare on_press=cancel busy=is_cancelling>
                "Cancel"
            </Button>
        </p>
    }
    .into_any()
}

fn trouble(studio: Studio, row: RwSignal<Generation>, generation: &Generation) -> AnyView {
    let again = Callback::new(move |()| row.with_untracked(|row| studio.repeat(row)));
    let edit = Callback::new(move |()| row.with_untracked(|row| studio.use_again(row)));
    let retry = words::can_repeat(generation).then(|| {
        view! {
            <Button on_press=again busy=studio.is_sending>
                "Try again"
            </Button>
        }
    });
    let is_failed = generation.failure.is_some();
    let request_id = is_failed.then(|| generation.request_id.clone()).map(|id| view! { <RequestId id /> });
    view! {
        <div class="generation__end" class:is-failed=is_failed>
            <p>{words::outcome(generation)}</p>
            <div class="generation__next">
                {retry}
                <Button kind=ButtonKind::Bare on_press=edit>
                    "Edit prompt"
                </Button>
                {request_id}
            </div>
        </div>
    }
    .into_any()
}
