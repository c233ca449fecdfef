//! The tiles of a generation: a place with the colours of its prompt while it waits, then the picture.
use crate::ui::prelude::*;
use lapidary_contract::{Generation, Image};
use lapidary_domain::GenerationStatus;
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use super::glow;
use crate::gallery::opening;
use crate::http;
use crate::page::image_path;
use crate::ui::Picture;
use crate::ui::dynamic::{changing, memo};

/// Only the first of a row says its state in words.
pub fn waiting_tile(row: RwSignal<Generation>, speaks: bool) -> AnyView {
    let (first, second) = row.with_untracked(|row| glow::hues(&row.composed_prompt, row.id.as_u128()));
    let is_running = memo(move |_| row.with(|row| row.status == GenerationStatus::Running));
    let word = changing(move || if is_running.get() { "Being made" } else { "In line" });
    view! {
        <div
            class="tile glow"
            class:is-running=is_running
            style=("--glow-first", first.to_string())
            style=("--glow-second", second.to_string())
        >
            {speaks.then(|| view! { <span class="tile__state">{word}</span> })}
        </div>
    }
    .into_any()
}

pub fn picture_tile(row: RwSignal<Generation>, id: Uuid) -> AnyView {
    let Some(image) = row.with_untracked(|row| row.images.iter().find(|image| image.id == id).cloned()) else {
        return ().into_any();
    };
    let Image { preview_url, thumbhash, width, height, prompt, .. } = image;
    let source = RwSignal::new(preview_url);
    // An address lives seven days; a tab may live longer.
    let renew = Callback::new(move |()| {
        spawn_local(async move {
            if let Ok(image) = http::get::<Image>(&format!("/v1/images/{id}")).await {
                let _ = source.try_set(image.preview_url);
            }
        });
    });
    view! {
        <a
            class="tile"
            href=image_path(&id)
            style=("view-transition-name", move || opening::name_of(id))
            on:click=move |_| opening::open(id)
        >
            <Picture src=source alt=prompt thumbhash width height on_stale=renew />
        </a>
    }
    .into_any()
}
