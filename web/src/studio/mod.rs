//! The studio: composer, queue and results in one place. This file lays them out and connects them with the address,
//! the keyboard, the clock and the live events.
mod attributes;
mod choice;
mod composer;
mod draft;
mod entry;
mod fold;
mod from_gallery;
mod glow;
mod ideas;
mod later;
mod mask;
mod options;
mod own_size;
mod pairs;
mod paused;
mod presets;
mod progress;
mod prompt;
mod reading;
pub mod received;
mod references;
mod refine;
mod refining;
mod sections;
mod sending;
mod settings;
mod state;
mod stream;
mod strokes;
mod tile;
mod uploads;
mod variation;
mod vary;
mod words;

use std::time::Duration;

use crate::ui::prelude::*;
use lapidary_contract::{Generation, Image};
use leptos::ev;
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use self::composer::ComposerPane;
pub use self::later::{LATER, Later};
use self::state::{PATH, Studio};
use self::stream::StreamPane;
use self::vary::VaryDialog;
use crate::http;
use crate::live;
use crate::page::Page;
use crate::router::{self, Going};
use crate::ui::dynamic::effect;
use crate::ui::failure::Failure;
use crate::ui::toast;

#[component]
pub fn StudioPage() -> AnyView {
    let studio = Studio::new();
    provide_context(studio);
    studio.refresh();
    live::on_event(move |event| studio.hear(event));
    keep_time(studio);
    follow_address(studio);
    let listener = window_event_listener(ev::online, move |_| studio.retry_when_online());
    on_cleanup(move || listener.remove());
    view! {
        <div class="studio">
            <h1 class="visually-hidden">"Studio"</h1>
            <ComposerPane />
            <StreamPane />
            <VaryDialog />
            <p class="visually-hidden" role="status">{studio.said}</p>
        </div>
    }
    .into_any()
}

fn keep_time(studio: Studio) {
    if let Ok(clock) = set_interval_with_handle(move || studio.tick(), Duration::from_secs(1)) {
        on_cleanup(move || clock.clear());
    }
}

/// `/studio?from={id}` takes over what an image or a generation was made of; `/studio?vary={id}` offers to change one thing.
fn follow_address(studio: Studio) {
    effect(move |_| {
        let asked = |name: &str| router::query(name).and_then(|text| text.parse::<Uuid>().ok());
        let (from, vary) = (asked("from"), asked("vary"));
        let Some(id) = from.or(vary) else { return };
        router::go(Page::Studio.path(), Going::Unmoved);
        spawn_local(async move {
            match find(studio, id).await {
                Ok(generation) if vary.is_some() => studio.vary(&generation),
                Ok(generation) => studio.use_again(&generation),
                Err(failure) => toast::failure(&failure),
            }
        });
    });
}

async fn find(studio: Studio, id: Uuid) -> Result<Generation, Failure> {
    if let Some(generation) = studio.find_known(id) {
        return Ok(generation);
    }
    match http::get::<Image>(&format!("/v1/images/{id}")).await {
        Ok(image) => http::get(&format!("{PATH}/{}", image.generation_id)).await,
        Err(_) => http::get(&format!("{PATH}/{id}")).await,
    }
}
