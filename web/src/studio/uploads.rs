//! Files on their way to the server: each with its name and, where it is refused, why. One after the other, so that a
//! phone's line is not shared by sixteen.
use crate::ui::prelude::*;
use gloo_timers::future::TimeoutFuture;
use lapidary_contract::{ProblemType, Reference};
use lapidary_domain::limits::{REFERENCE_BYTES_MAX, REFERENCES_MAX};
use wasm_bindgen_futures::spawn_local;
use web_sys::File;

use super::references::References;
use crate::http;
use crate::ui::dynamic::list;
use crate::ui::failure::Failure;
use crate::ui::{Button, ButtonKind, Glyph, Icon};

const NO_PICTURE: &str = "Only PNG, WebP and JPEG pictures can be taken.";
const TOO_LARGE: &str = "This is larger than 50 MB.";
const AGAIN: u32 = 3;
const AGAIN_MS: u32 = 15_000;
const KINDS: [&str; 3] = ["image/png", "image/webp", "image/jpeg"];

#[derive(Clone, Debug, PartialEq)]
pub struct Uploading {
    key: u32,
    name: String,
    /// A sentence.
    failure: Option<String>,
}

pub fn upload_all(references: References, files: Vec<File>) {
    thread_local! {
        static NEXT: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
    }
    let taken = references.studio.draft.with_untracked(|draft| draft.references.len());
    let room = REFERENCES_MAX.saturating_sub(taken);
    let mut waiting = Vec::new();
    for (index, file) in files.into_iter().enumerate() {
        let key = NEXT.replace(NEXT.get().wrapping_add(1));
        let failure = if index >= room { Some("16 pictures are the most.") } else { refusal(&file) };
        let failure = failure.map(str::to_owned);
        let is_taken = failure.is_none();
        references.uploading.update(|all| all.push(Uploading { key, name: file.name(), failure }));
        if is_taken {
            waiting.push((key, file));
        }
    }
    references.said.set(match waiting.len() {
        0 => "No picture could be taken.".to_owned(),
        1 => "Uploading one picture.".to_owned(),
        count => format!("Uploading {count} pictures."),
    });
    spawn_local(async move {
        for (key, file) in waiting {
            match patiently(&file).await {
                Ok(reference) => {
                    references.uploading.update(|all| all.retain(|one| one.key != key));
                    references.add_reference(reference);
                }
                Err(failure) => {
                    let sentence = sentence(&failure);
                    references.said.set(format!("{}: {sentence}", file.name()));
                    references.uploading.update(|all| {
                        if let Some(one) = all.iter_mut().find(|one| one.key == key) {
                            one.failure = Some(sentence);
                        }
                    });
                }
            }
        }
    });
}

/// Many at once are taken in turns: who is told to come again does.
async fn patiently(file: &File) -> Result<Reference, Failure> {
    for _ in 0..AGAIN {
        match http::upload::<Reference>("/v1/references", file).await {
            Err(failure) if failure.is(ProblemType::Unavailable) => TimeoutFuture::new(AGAIN_MS).await,
            done => return done,
        }
    }
    http::upload("/v1/references", file).await
}

/// What need not be sent to be refused.
fn refusal(file: &File) -> Option<&'static str> {
    if !KINDS.contains(&file.type_().as_str()) {
        return Some(NO_PICTURE);
    }
    (file.size() > REFERENCE_BYTES_MAX as f64).then_some(TOO_LARGE)
}

fn sentence(failure: &Failure) -> String {
    if failure.is(ProblemType::PayloadTooLarge) {
        return TOO_LARGE.to_owned();
    }
    if failure.is(ProblemType::UnsupportedMediaType) {
        return NO_PICTURE.to_owned();
    }
    failure.sentence()
}

pub fn uploading(references: References) -> AnyView {
    let row = move |one: Uploading| {
        let key = one.key;
        let dismiss = Callback::new(move |()| references.uploading.update(|all| all.retain(|it| it.key != key)));
        let state = match &one.failure {
            None => view! { <span class="upload__state">"Uploading"</span> }.into_any(),
            Some(why) => {
                let label = format!("Dismiss {}", one.name);
                view! {
                    <span class="upload__why">{why.clone()}</span>
                    <Button kind=ButtonKind::Bare on_press=dismiss label>
                        <Icon glyph=Glyph::Close />
                    </Button>
                }
                .into_any()
            }
        };
        view! {
            <li class="upload" class:is-failed=one.failure.is_some()>
                <span class="upload__name">{one.name}</span>
                {state}
            </li>
        }
    };
    let key = |one: &Uploading| format!("{} {}", one.key, one.failure.is_some());
    view! { <ul class="uploads">{list(move || references.uploading.get(), key, row)}</ul> }.into_any()
}
