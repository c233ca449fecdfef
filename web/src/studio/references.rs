//! The pictures to start from: chosen from files, dropped, pasted or taken from the gallery, in an order, with what they
//! cost. The only place of the studio that changes them in the draft.
use std::collections::HashMap;

use crate::ui::prelude::*;
use lapidary_contract::{Image, MadeFrom, Reference};
use leptos::{ev, html};
use uuid::Uuid;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::FileList;

use super::fold::Fold;
use super::from_gallery::from_gallery;
use super::mask::MaskPainter;
use super::prompt::field_error;
use super::state::Studio;
use super::uploads::{Uploading, upload_all, uploading};
use crate::browser;
use crate::http;
use crate::page::Page;
use crate::parts;
use crate::router::{self, Going};
use crate::ui::dynamic::{changing, effect, list, memo};
use crate::ui::{Button, ButtonKind, Glyph, Icon, Picture, format_gems};

/// What is shown of a picture that something is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub url: String,
    thumbnail_url: String,
    thumbhash: String,
    pub width: u32,
    pub height: u32,
}

impl From<Reference> for Shown {
    fn from(it: Reference) -> Self {
        let Reference { url, thumbnail_url, thumbhash, width, height, .. } = it;
        Self { url, thumbnail_url, thumbhash, width, height }
    }
}

impl From<Image> for Shown {
    fn from(it: Image) -> Self {
        let Image { url, thumbnail_url, thumbhash, width, height, .. } = it;
        Self { url, thumbnail_url, thumbhash, width, height }
    }
}

/// What the parts of this section share.
#[derive(Clone, Copy)]
pub struct References {
    pub studio: Studio,
    /// By the id of the reference or the image; `None`: it is not there any more.
    known: RwSignal<HashMap<Uuid, Option<Shown>>>,
    pub uploading: RwSignal<Vec<Uploading>>,
    /// What a screen reader is told.
    pub said: RwSignal<String>,
    is_open: RwSignal<bool>,
}

fn id_of(one: &MadeFrom) -> Option<Uuid> {
    one.reference_id.or(one.image_id)
}

impl References {
    pub fn add_reference(&self, reference: Reference) {
        let one = MadeFrom { reference_id: Some(reference.id), image_id: None };
        self.add(one, reference.id, reference.into());
    }

    pub fn add_image(&self, image: Image) {
        let one = MadeFrom { reference_id: None, image_id: Some(image.id) };
        self.add(one, image.id, image.into());
    }

    fn add(&self, one: MadeFrom, id: Uuid, shown: Shown) {
        self.known.update(|known| drop(known.insert(id, Some(shown))));
        self.is_open.set(true);
        self.change(|all| {
            if !all.contains(&one) {
                all.push(one);
            }
        });
        let count = self.studio.draft.with_untracked(|draft| draft.references.len());
        self.said.set(format!("Picture {count} is added."));
    }

    /// A mask is of the first picture: it goes when another one comes first.
    fn change(&self, change: impl FnOnce(&mut Vec<MadeFrom>)) {
        self.studio.draft.update(|draft| {
            let first = draft.references.first().cloned();
            change(&mut draft.references);
            if draft.references.first() != first.as_ref() {
                draft.mask_id = None;
            }
        });
    }

    pub fn first(&self) -> Option<Shown> {
        let id = self.studio.draft.with(|draft| draft.references.first().and_then(id_of))?;
        self.known.with(|known| known.get(&id).cloned().flatten())
    }

    /// Reads what came with *Use again*, or with a draft from before.
    fn read_unknown(self) {
        let all = self.studio.draft.with(|draft| draft.references.clone());
        for one in all {
            let Some(id) = id_of(&one) else { continue };
            if self.known.with_untracked(|known| known.contains_key(&id)) {
                continue;
            }
            spawn_local(async move {
                let found = match one.reference_id {
                    Some(id) => http::get::<Reference>(&format!("/v1/references/{id}")).await.map(Shown::from),
                    None => http::get::<Image>(&format!("/v1/images/{id}")).await.map(Shown::from),
                };
                self.known.update(|known| drop(known.insert(id, found.ok())));
            });
        }
    }
}

#[component]
pub fn ReferencesPane() -> AnyView {
    let studio = expect_context::<Studio>();
    let references = References {
        studio,
        known: RwSignal::new(HashMap::new()),
        uploading: RwSignal::new(Vec::new()),
        said: RwSignal::new(String::new()),
        is_open: RwSignal::new(studio.draft.with_untracked(|draft| !draft.references.is_empty())),
    };
    effect(move |_| references.read_unknown());
    follow_address(references);
    follow_files(references);
    let hint = Signal::derive(move || hint(studio));
    view! {
        <Fold title="Start from pictures" hint id="references" is_open=references.is_open>
            {parts::unfolded(references.is_open, move |it| (it.studio.references)(references))}
            <p class="visually-hidden" role="status">{references.said}</p>
        </Fold>
    }
    .into_any()
}

pub fn content(references: References) -> AnyView {
    let studio = references.studio;
    let is_picking = RwSignal::new(false);
    let takes = memo(move |_| studio.choice.with(|it| it.as_ref()?.model.edits.map(|edits| edits.references_max)));
    let all = memo(move |_| studio.draft.with(|draft| draft.references.clone()));
    let key = |one: &MadeFrom| id_of(one).unwrap_or_default().to_string();
    let error = move || errors(studio);
    let cannot = move || takes.get().is_none().then_some("This model starts from words alone. Choose another one.");
    view! {
        <p class="settings__about">
            "The model looks at them while it makes yours. What a camera wrote into a file, such as the place, is removed."
        </p>
        <ol class="references" id="reference-list" tabindex="-1" aria-label="Pictures to start from">
            {list(move || all.get(), key, move |one| tile(references, one))}
        </ol>
        {uploading(references)}
        <DropPlace references is_picking />
        <MaskPainter references />
        <p class="field-error">{cannot}{error}</p>
        {from_gallery(references, is_picking)}
    }
    .into_any()
}

fn hint(studio: Studio) -> String {
    let count = studio.draft.with(|draft| draft.references.len());
    let gems = studio.choice.with(|choice| {
        let choice = choice.as_ref()?;
        Some(lapidary_domain::price::references_surcharge(&choice.model, count) * i64::from(choice.count))
    });
    match (count, gems) {
        (0, _) => "none".to_owned(),
        (1, Some(gems)) => format!("1 picture · {}", format_gems(gems)),
        (count, Some(gems)) => format!("{count} pictures · {}", format_gems(gems)),
        (count, None) => format!("{count} pictures"),
    }
}

fn errors(studio: Studio) -> Option<String> {
    ["/references", "/mask_id"].into_iter().find_map(|pointer| field_error(studio, pointer))
}

fn tile(references: References, one: MadeFrom) -> AnyView {
    let Some(id) = id_of(&one) else { return ().into_any() };
    let place = {
        let one = one.clone();
        memo(move |_| references.studio.draft.with(|draft| draft.references.iter().position(|it| *it == one)))
    };
    let number = move || place.get().map_or(1, |place| place + 1);
    let shown = memo(move |_| references.known.with(|known| known.get(&id).cloned()));
    let picture = changing(move || {
        match shown.get() {
        None => view! { <span class="references__place skeleton"></span> }.into_any(),
        Some(None) => view! { <span class="references__place">"Not there any more"</span> }.into_any(),
        Some(Some(it)) => view! {
            <Picture src=it.thumbnail_url alt=format!("Picture {}", number()) thumbhash=it.thumbhash width=it.width height=it.height />
        }
        .into_any(),
    }
    });
    let gone = one.clone();
    let remove = Callback::new(move |()| {
        references.change(|all| all.retain(|it| *it != gone));
        references.said.set("The picture is removed.".to_owned());
        request_animation_frame(|| {
            browser::focus("#reference-list");
        });
    });
    let earlier = Callback::new(move |()| {
        references.change(|all| {
            if let Some(at) = all.iter().position(|it| *it == one).filter(|at| *at > 0) {
                all.swap(at, at - 1);
            }
        });
        references.said.set(format!("It is picture {} now.", place.get_untracked().map_or(1, |place| place + 1)));
    });
    let is_first = Signal::derive(move || place.get().unwrap_or(0) == 0);
    let (move_label, remove_label) = (
        Signal::derive(move || format!("Move picture {} forward", number())),
        Signal::derive(move || format!("Remove picture {}", number())),
    );
    view! {
        <li class="reference">
            <span class="reference__number" aria-hidden="true">{number}</span>
            {picture}
            <span class="reference__acts">
                <Button kind=ButtonKind::Bare on_press=earlier disabled=is_first label=move_label>
                    <Icon glyph=Glyph::ChevronLeft />
                </Button>
                <Button kind=ButtonKind::Bare on_press=remove label=remove_label>
                    <Icon glyph=Glyph::Close />
                </Button>
            </span>
        </li>
    }
    .into_any()
}

/// Where files are dropped, and how they are chosen otherwise.
#[component]
fn DropPlace(references: References, is_picking: RwSignal<bool>) -> AnyView {
    let (input, is_over) = (NodeRef::<html::Input>::new(), RwSignal::new(false));
    let chosen = move |_| {
        if let Some(input) = input.get_untracked() {
            take(references, input.files());
            input.set_value("");
        }
    };
    let choose = Callback::new(move |()| {
        if let Some(input) = input.get_untracked() {
            input.click();
        }
    });
    let pick = Callback::new(move |()| is_picking.set(true));
    view! {
        <div
            class="drop"
            class:is-over=is_over
            on:dragover=move |_| is_over.set(true)
            on:dragleave=move |_| is_over.set(false)
            on:drop=move |_| is_over.set(false)
        >
            <input
                node_ref=input
                class="visually-hidden"
                id="reference-files"
                type="file"
                prop:multiple=true
                prop:accept="image/png,image/webp,image/jpeg"
                tabindex="-1"
                aria-label="Pictures from this device"
                on:change=chosen
            />
            <Button on_press=choose>"Choose files"</Button>
            <Button on_press=pick>"From the gallery"</Button>
            <p class="drop__hint">"or drop or paste PNG, WebP or JPEG, up to 16 pictures of 50 MB"</p>
        </div>
    }
    .into_any()
}

fn take(references: References, files: Option<FileList>) {
    let Some(files) = files else { return };
    upload_all(references, (0..files.length()).filter_map(|index| files.get(index)).collect());
}

/// A picture that is pasted or dropped anywhere in the studio is one to start from, and never a page to go to.
fn follow_files(references: References) {
    let pasted = window_event_listener(ev::paste, move |event| {
        let event: web_sys::ClipboardEvent = event.unchecked_into();
        let files = event.clipboard_data().and_then(|data| data.files()).filter(|files| files.length() > 0);
        if files.is_some() {
            event.prevent_default();
            take(references, files);
        }
    });
    let over = window_event_listener(ev::dragover, |event| event.prevent_default());
    let dropped = window_event_listener(ev::drop, move |event| {
        event.prevent_default();
        take(references, event.data_transfer().and_then(|data| data.files()));
    });
    on_cleanup(move || {
        pasted.remove();
        over.remove();
        dropped.remove();
    });
}

/// `/studio?edit={image}` starts from an image.
fn follow_address(references: References) {
    effect(move |_| {
        let Some(id) = router::query("edit").and_then(|text| text.parse::<Uuid>().ok()) else { return };
        router::go(Page::Studio.path(), Going::Unmoved);
        references.studio.is_open.set(true);
        spawn_local(async move {
            match http::get::<Image>(&format!("/v1/images/{id}")).await {
                Ok(image) => references.add_image(image),
                Err(failure) => crate::ui::toast::failure(&failure),
            }
        });
    });
}
