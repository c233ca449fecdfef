//! The results, newest first: what waits, what is being made, what came of it.
use crate::ui::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::entry::generation_entry;
use super::ideas::Ideas;
use super::paused::paused_note;
use super::state::Studio;
use crate::gallery::listing::Load;
use crate::ui::dynamic::{changing, list, memo};
use crate::ui::{Button, FailureNote, Skeleton};

#[component]
pub fn StreamPane() -> AnyView {
    let studio = expect_context::<Studio>();
    let listing = studio.listing();
    let (entries, load) = (listing.entries.clone(), listing.load.clone());
    let is_empty = memo(move |_| entries.with(Vec::is_empty));
    let state = memo(move |_| load.get());
    let lead = changing(move || match (is_empty.get(), state.get()) {
        (true, Load::First) => waiting(),
        (true, Load::Ready | Load::More) => view! { <Ideas /> }.into_any(),
        (_, Load::Failed(failure)) => {
            let retry = Callback::new(move |()| studio.refresh());
            view! { <FailureNote failure on_retry=retry /> }.into_any()
        }
        (false, _) => ().into_any(),
    });
    let entries = listing.entries.clone();
    view! {
        <section class="stream" aria-label="Results">
            {paused_note(studio)}
            {lead}
            {list(
                move || entries.get(),
                |entry| entry.id.to_string(),
                move |entry| generation_entry(studio, &entry.row),
            )}
            {more(studio)}
        </section>
    }
    .into_any()
}

fn waiting() -> AnyView {
    let one = |_| {
        view! {
            <div class="generation" aria-hidden="true">
                <Skeleton class="generation__skeleton" />
                <div class="generation__tiles" style=("--ratio", "1")>
                    <Skeleton ratio=(1, 1) />
                    <Skeleton ratio=(1, 1) />
                </div>
            </div>
        }
    };
    (0..2).map(one).collect_view().into_any()
}

fn more(studio: Studio) -> AnyView {
    let listing = studio.listing();
    let has_more = {
        let listing = listing.clone();
        memo(move |_| listing.has_more())
    };
    let load = listing.load.clone();
    let is_busy = Signal::derive(move || load.with(|load| *load == Load::More));
    let read = Callback::new(move |()| {
        let listing = studio.listing();
        spawn_local(async move { listing.more().await });
    });
    changing(move || {
        has_more
            .get()
            .then(|| view! { <Button class="stream__more" on_press=read busy=is_busy>"Show older ones"</Button> })
    })
}
