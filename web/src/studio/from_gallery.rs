//! A dialog with the newest pictures: a press takes one to start from.
use crate::ui::prelude::*;
use lapidary_contract::{Image, List};
use wasm_bindgen_futures::spawn_local;

use super::references::References;
use crate::http;
use crate::ui::dialog::Dialog;
use crate::ui::dynamic::{changing, effect, list};
use crate::ui::failure::Failure;
use crate::ui::{FailureNote, Picture, Skeleton};

const PATH: &str = "/v1/images?limit=60";

pub fn from_gallery(references: References, is_open: RwSignal<bool>) -> AnyView {
    let images = RwSignal::new(None::<Result<Vec<Image>, Failure>>);
    let read = move || {
        spawn_local(async move {
            images.set(Some(http::get::<List<Image>>(PATH).await.map(|page| page.data)));
        });
    };
    effect(move |_| {
        if is_open.get() {
            read();
        }
    });
    let retry = Callback::new(move |()| read());
    let body = move || {
        changing(move || {
            images.with(|images| match images {
                None => view! { <Skeleton class="pick__place" /> }.into_any(),
                Some(Err(failure)) => view! { <FailureNote failure=failure.clone() on_retry=retry /> }.into_any(),
                Some(Ok(all)) if all.is_empty() => {
                    view! { <p class="pick__none">"There are no pictures in your gallery yet."</p> }.into_any()
                }
                Some(Ok(all)) => {
                    let all = all.clone();
                    let one = move |image: Image| choice(references, is_open, image);
                    view! { <ul class="pick">{list(move || all.clone(), |it: &Image| it.id.to_string(), one)}</ul> }
                        .into_any()
                }
            })
        })
    };
    view! { <Dialog open=is_open title="Pick from the gallery" class="dialog--wide">{body()}</Dialog> }.into_any()
}

fn choice(references: References, is_open: RwSignal<bool>, image: Image) -> AnyView {
    let label = format!("Start from “{}”", image.prompt);
    let (thumbnail, hash) = (image.thumbnail_url.clone(), image.thumbhash.clone());
    let (width, height) = (image.width, image.height);
    let press = move |_| {
        references.add_image(image.clone());
        is_open.set(false);
    };
    view! {
        <li>
            <button type="button" class="pick__one" aria-label=label on:click=press>
                <Picture src=thumbnail alt="" thumbhash=hash width height />
            </button>
        </li>
    }
    .into_any()
}
