//! The tiles of a generation: a place with the colours of its prompt while it waits, the first rough looks at what is
//! being made over it, then the picture.
use crate::ui::prelude::*;
use lapidary_contract::{Generation, Image};
use lapidary_domain::GenerationStatus;
use uuid::Uuid;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::HtmlImageElement;

use super::glow;
use crate::gallery::opening;
use crate::http;
use crate::page::image_path;
use crate::ui::Picture;
use crate::ui::dynamic::{changing, effect, list, memo};

/// The last rough looks at a generation, the newest last: it fades in over the one before.
pub type Looks = RwSignal<Vec<String>>;

/// One below and one that fades in.
const LOOKS: usize = 2;

/// Follows the rough looks: each is shown when it is decoded, so the one before stays until then.
pub fn looks(row: RwSignal<Generation>) -> Looks {
    let looks = RwSignal::new(Vec::new());
    let newest = memo(move |_| row.with(|row| row.preview_url.clone()));
    effect(move |_| {
        let (Some(url), Ok(loader)) = (newest.get(), HtmlImageElement::new()) else { return };
        loader.set_src(&url);
        spawn_local(async move {
            // One that cannot be loaded is not shown: the place stays as it was.
            if JsFuture::from(loader.decode()).await.is_ok()
                && newest.try_get_untracked().flatten() == Some(url.clone())
            {
                looks.update(|looks: &mut Vec<String>| {
                    looks.push(url);
                    let old = looks.len().saturating_sub(LOOKS);
                    looks.drain(..old);
                });
            }
        });
    });
    looks
}

/// Only the first of a row shows its rough looks and says its state in words.
pub fn waiting_tile(row: RwSignal<Generation>, is_first: bool, looks: Looks) -> AnyView {
    let (first, second) = row.with_untracked(|row| glow::hues(&row.composed_prompt, row.id.as_u64_pair().1));
    let is_running = memo(move |_| row.with(|row| row.status == GenerationStatus::Running));
    let word = changing(move || match (is_running.get(), looks.with(Vec::is_empty)) {
        (true, false) => "A first look",
        (true, true) => "Being made",
        (false, _) => "In line",
    });
    let shown = is_first.then(|| {
        list(
            move || looks.get(),
            Clone::clone,
            |url| view! { <img class="tile__look" alt="" aria-hidden="true" src=url /> },
        )
    });
    view! {
        <div
            class="tile glow"
            class:is-running=is_running
            style=("--glow-first", first.to_string())
            style=("--glow-second", second.to_string())
        >
            {shown}
            {is_first.then(|| view! { <span class="tile__state">{word}</span> })}
        </div>
    }
    .into_any()
}

/// The first picture comes over the last look at it.
pub fn picture_tile(row: RwSignal<Generation>, id: Uuid, looks: Looks) -> AnyView {
    let found = row.with_untracked(|row| {
        let at = row.images.iter().position(|image| image.id == id)?;
        row.images.get(at).map(|image| (at, image.clone()))
    });
    let Some((at, image)) = found else { return ().into_any() };
    let Image { preview_url, thumbhash, width, height, prompt, .. } = image;
    let before = looks.with_untracked(|looks| looks.last().cloned()).filter(|_| at == 0).unwrap_or_default();
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
            <Picture src=source alt=prompt thumbhash width height before on_stale=renew />
        </a>
    }
    .into_any()
}
