//! One generation in the stream: its words, its tiles, what is said about it and what can be done next.
use crate::ui::prelude::*;
use lapidary_contract::Generation;
use lapidary_domain::{GenerationStatus, Size};
use uuid::Uuid;

use super::progress::{hand_on_focus, progress};
use super::state::Studio;
use super::tile::{looks, picture_tile, waiting_tile};
use super::words;
use crate::page::Page;
use crate::ui::dynamic::{changing, list, memo};
use crate::ui::failure::RequestId;
use crate::ui::{self, Button, ButtonKind, Glyph, Icon, Moment, format_gems};

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

/// What stands below the tiles. Going from waiting to running changes nothing there, so that no button is lost.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Unfinished,
    Delivered,
    InTrash,
    Troubled,
}

impl Stage {
    fn of(generation: &Generation) -> Self {
        match generation.status {
            GenerationStatus::Queued | GenerationStatus::Running => Self::Unfinished,
            GenerationStatus::Succeeded if generation.images.is_empty() => Self::InTrash,
            GenerationStatus::Succeeded => Self::Delivered,
            GenerationStatus::PartlySucceeded | GenerationStatus::Failed | GenerationStatus::Cancelled => {
                Self::Troubled
            }
        }
    }
}

pub fn generation_entry(studio: Studio, row: &ArcRwSignal<Generation>) -> AnyView {
    let row = RwSignal::from(row.clone());
    let first = row.get_untracked();
    let ratio = ratio_of(&first);
    let stage = memo(move |_| row.with(Stage::of));
    let slots = memo(move |_| row.with(slots));
    let (looks, is_cancelling) = (looks(row), RwSignal::new(false));
    let tile = move |slot| match slot {
        Slot::Picture(id) => picture_tile(row, id, looks),
        Slot::Waiting(place) => waiting_tile(row, place == 0, looks),
    };
    let ending = changing(move || {
        let stage = stage.get();
        hand_on_focus(first.id);
        match stage {
            Stage::Unfinished => progress(studio, row, is_cancelling),
            Stage::Delivered => ().into_any(),
            Stage::InTrash => in_trash(),
            Stage::Troubled => trouble(studio, row, &row.get_untracked()),
        }
    });
    view! {
        <article
            class=if first.count == 1 { "generation generation--single" } else { "generation" }
            class:is-paired=move || studio.pairs.with(|pairs| pairs.contains(&first.id))
            style=("--ratio", ratio)
            id=format!("generation-{}", first.id)
            aria-busy=move || (stage.get() == Stage::Unfinished).to_string()>
            {heading(studio, row)}
            <div class="generation__tiles">
                {list(move || slots.get(), Slot::key, tile)}
            </div>
            {ending}
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
    // The catalogue may come later than the list: then its names do.
    let about = changing(move || row.with(|row| about(studio, row)));
    let again = Callback::new(move |()| {
        studio.is_open.set(false);
        row.with_untracked(|row| studio.use_again(row));
    });
    let is_made = memo(move |_| row.with(|row| !row.images.is_empty()));
    let origin = changing(move || is_made.get().then_some("AI-generated\u{a0}· "));
    let vary = changing(move || is_made.get().then(|| vary_button(studio, row)));
    view! {
        <header class="generation__head">
            <div class="generation__words">
                <h2 class="generation__prompt" dir="auto">{generation.prompt}</h2>
                <p class="generation__about">
                    {about}
                    {origin}
                    <Moment at=generation.created_at />
                </p>
            </div>
            <div class="generation__acts">
                {vary}
                <Button kind=ButtonKind::Bare on_press=again label="Use again: prompt, attributes and settings">
                    <Icon glyph=Glyph::Refresh />
                    <span class="generation__again">"Use again"</span>
                </Button>
            </div>
        </header>
    }
    .into_any()
}

fn vary_button(studio: Studio, row: RwSignal<Generation>) -> AnyView {
    let vary = Callback::new(move |()| row.with_untracked(|row| studio.vary(row)));
    view! {
        <Button kind=ButtonKind::Bare on_press=vary label="Vary: everything again, one thing changed">
            <Icon glyph=Glyph::Studio />
            <span class="generation__again">"Vary"</span>
        </Button>
    }
    .into_any()
}

fn about(studio: Studio, generation: &Generation) -> String {
    let name = studio.model_name(&generation.model);
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

fn in_trash() -> AnyView {
    view! {
        <p class="generation__note">
            <span>"Its pictures are in the " <a href=Page::Trash.path()>"trash"</a> "."</span>
        </p>
    }
    .into_any()
}

fn trouble(studio: Studio, row: RwSignal<Generation>, generation: &Generation) -> AnyView {
    let again = Callback::new(move |()| row.with_untracked(|row| studio.repeat(row)));
    let edit = Callback::new(move |()| row.with_untracked(|row| studio.use_again(row)));
    let about = words::about(generation);
    let name = format!("Try again: “{about}”");
    let retry = words::can_repeat(generation).then(|| {
        view! {
            <Button on_press=again busy=studio.is_sending label=name>
                "Try again"
            </Button>
        }
    });
    let is_failed = generation.failure.is_some();
    let request_id = is_failed.then(|| generation.request_id.clone()).map(|id| view! { <RequestId id /> });
    view! {
        <div class="generation__end" class:is-failed=is_failed>
            <p>{words::outcome(generation)}</p>
            {words::refusal(generation).map(|said| view! { <p class="generation__about">{said}</p> })}
            <div class="generation__next">
                {retry}
                <Button kind=ButtonKind::Bare on_press=edit label=format!("Edit prompt: “{about}”")>
                    "Edit prompt"
                </Button>
                {request_id}
            </div>
        </div>
    }
    .into_any()
}
