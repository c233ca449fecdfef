//! Presets: the chosen attributes kept under a name, and taken again in place of the chosen ones or beside them.
use lapidary_contract::{CreatePreset, List, Preset, UpdatePreset};
use lapidary_domain::Attribute;
use lapidary_domain::limits::TITLE_MAX;
use leptos::ev::SubmitEvent;
use wasm_bindgen_futures::spawn_local;

use super::fold::Fold;
use super::received;
use super::state::Studio;
use crate::browser;
use crate::http;
use crate::parts;
use crate::ui::dynamic::{changing, list, memo};
use crate::ui::field::Field;
use crate::ui::prelude::*;
use crate::ui::{Button, ButtonKind, Failure, FailureNote, Glyph, Icon, Skeleton, toast};

pub(super) const PATH: &str = "/v1/presets";

/// What is known of a person's presets, and what is being done to them.
#[derive(Clone, Copy)]
pub struct Shelf {
    studio: Studio,
    presets: RwSignal<Option<Vec<Preset>>>,
    /// Why the list is not there.
    unread: RwSignal<Option<Failure>>,
    name: RwSignal<String>,
    is_busy: RwSignal<bool>,
    failure: RwSignal<Option<Failure>>,
}

impl Shelf {
    fn read(self) {
        self.unread.set(None);
        spawn_local(async move {
            match http::get::<List<Preset>>(PATH).await {
                Ok(list) => self.presets.set(Some(list.data)),
                Err(failure) => self.unread.set(Some(failure)),
            }
        });
    }

    fn put(self, preset: Preset) {
        self.presets.update(|presets| {
            let presets = presets.get_or_insert_default();
            presets.retain(|known| known.id != preset.id);
            let at =
                presets.partition_point(|known| browser::lowercase(&known.name) < browser::lowercase(&preset.name));
            presets.insert(at, preset);
        });
    }

    fn save(self) {
        let attributes = self.studio.draft.with_untracked(|draft| draft.attributes.clone());
        let name = self.name.get_untracked();
        if self.is_busy.get_untracked() || attributes.is_empty() {
            return;
        }
        self.is_busy.set(true);
        self.failure.set(None);
        spawn_local(async move {
            match http::post::<_, Preset>(PATH, &CreatePreset { name, attributes }).await {
                Ok(preset) => {
                    self.name.set(String::new());
                    self.put(preset);
                }
                Err(failure) => self.failure.set(Some(failure)),
            }
            self.is_busy.set(false);
        });
    }

    /// Gone at once; the way back makes it anew.
    fn delete(self, preset: Preset) {
        let id = preset.id;
        self.presets.update(|presets| presets.iter_mut().for_each(|known| known.retain(|one| one.id != id)));
        request_animation_frame(|| {
            browser::focus("#preset-name");
        });
        spawn_local(async move {
            if let Err(failure) = http::delete(&format!("{PATH}/{id}")).await {
                toast::failure(&failure);
                self.read();
                return;
            }
            let undo = Callback::new(move |()| {
                let Preset { name, attributes, .. } = preset.clone();
                spawn_local(async move {
                    match http::post::<_, Preset>(PATH, &CreatePreset { name, attributes }).await {
                        Ok(preset) => self.put(preset),
                        Err(failure) => toast::failure(&failure),
                    }
                });
            });
            toast::show("Preset deleted", Some(("Undo", undo)));
        });
    }
}

/// In place of what was chosen, with the way back.
pub(super) fn apply(studio: Studio, attributes: Vec<Attribute>, name: &str) {
    let draft = studio.draft;
    let before = draft.with_untracked(|draft| draft.attributes.clone());
    draft.update(|draft| draft.attributes = attributes);
    let undo = Callback::new(move |()| draft.update(|draft| draft.attributes = before.clone()));
    toast::show(format!("“{name}” applied"), Some(("Undo", undo)));
}

/// What a preset holds, in a line.
pub(super) fn words(attributes: &[Attribute]) -> String {
    attributes.iter().map(|it| it.value.as_str()).collect::<Vec<_>>().join(", ")
}

#[component]
pub fn Presets() -> AnyView {
    let studio = expect_context::<Studio>();
    let shelf = Shelf {
        studio,
        presets: RwSignal::new(None),
        unread: RwSignal::new(None),
        name: RwSignal::new(String::new()),
        is_busy: RwSignal::new(false),
        failure: RwSignal::new(None),
    };
    let is_open = RwSignal::new(false);
    let hint = Signal::derive(move || match shelf.presets.with(|presets| presets.as_ref().map(Vec::len)) {
        Some(0) | None => "attributes under a name".to_owned(),
        Some(count) => format!("{count} saved"),
    });
    view! {
        <Fold title="Presets" hint id="presets" is_open>
            {parts::unfolded(is_open, move |it| (it.studio.presets)(shelf))}
        </Fold>
    }
    .into_any()
}

/// Read when somebody looks.
pub fn content(shelf: Shelf) -> AnyView {
    shelf.read();
    let body = changing(move || match (shelf.presets.with(Option::is_some), shelf.unread.get()) {
        (true, _) => rows(shelf),
        (false, Some(failure)) => {
            let retry = Callback::new(move |()| shelf.read());
            view! { <FailureNote failure on_retry=retry /> }.into_any()
        }
        (false, None) => view! { <Skeleton class="picker__skeleton" /> }.into_any(),
    });
    view! {
        {body}
        {form(shelf)}
    }
    .into_any()
}

fn form(shelf: Shelf) -> AnyView {
    let count = memo(move |_| shelf.studio.draft.with(|draft| draft.attributes.len()));
    let error = Signal::derive(move || shelf.failure.with(|failure| name_error(failure.as_ref()?)));
    let hint = Signal::derive(move || match count.get() {
        0 => "Pick attributes first: they are what is saved".to_owned(),
        1 => "Saves the chosen attribute".to_owned(),
        count => format!("Saves the {count} chosen attributes"),
    });
    let hint_words = changing(move || hint.get());
    let note = changing(move || {
        let failure = shelf.failure.get()?;
        name_error(&failure).is_none().then(|| view! { <FailureNote failure /> })
    });
    let save = move |event: SubmitEvent| {
        event.prevent_default();
        shelf.save();
    };
    let is_blocked = Signal::derive(move || count.get() == 0 || shelf.name.with(|name| name.trim().is_empty()));
    view! {
        <form class="preset-form" on:submit=save>
            <Field id="preset-name" label="Name" value=shelf.name error=error max_length=TITLE_MAX />
            <p class="preset-form__hint">{hint_words}</p>
            <Button submits=true disabled=is_blocked busy=shelf.is_busy>"Save preset"</Button>
            {note}
        </form>
    }
    .into_any()
}

/// What the server said of the name, or of there being too many.
pub(super) fn name_error(failure: &Failure) -> Option<String> {
    let Failure::Problem(problem, _) = failure else { return None };
    let wrong = problem.errors.first()?;
    Some(match (wrong.pointer.as_str(), wrong.code) {
        ("/name", lapidary_domain::ViolationCode::Duplicate) => "You have a preset of this name.".to_owned(),
        ("", _) => "You have 200 presets. Delete one first.".to_owned(),
        _ => wrong.detail.clone(),
    })
}

fn rows(shelf: Shelf) -> AnyView {
    let presets = move || shelf.presets.get().unwrap_or_default();
    let is_empty = memo(move |_| shelf.presets.with(|presets| presets.as_ref().is_none_or(Vec::is_empty)));
    let nothing = changing(move || {
        is_empty.get().then(
            || view! { <p class="preset__none">"None yet. Attributes that go well together can be kept here."</p> },
        )
    });
    view! {
        {nothing}
        <ul class="presets" aria-label="Presets" class:is-empty=is_empty>
            {list(presets, |preset| format!("{} {}", preset.id, preset.updated_at), move |preset| row(shelf, preset))}
        </ul>
    }
    .into_any()
}

fn row(shelf: Shelf, preset: Preset) -> AnyView {
    let is_renaming = RwSignal::new(false);
    let name = RwSignal::new(preset.name.clone());
    let words = words(&preset.attributes);
    let take = {
        let preset = preset.clone();
        Callback::new(move |()| apply(shelf.studio, preset.attributes.clone(), &preset.name))
    };
    let add = {
        let preset = preset.clone();
        Callback::new(move |()| {
            let mut attributes = shelf.studio.draft.with_untracked(|draft| draft.attributes.clone());
            let new = preset.attributes.iter().filter(|it| !attributes.contains(it)).cloned().collect::<Vec<_>>();
            attributes.extend(new);
            apply(shelf.studio, attributes, &preset.name);
        })
    };
    let delete = {
        let preset = preset.clone();
        Callback::new(move |()| shelf.delete(preset.clone()))
    };
    let share = {
        let link = received::link(&preset);
        Callback::new(move |()| {
            let link = link.clone();
            spawn_local(async move {
                let copied = browser::copy(&link).await;
                toast::show(
                    if copied { "Link copied. It carries the preset itself" } else { "This browser does not copy" },
                    None,
                );
            });
        })
    };
    let rename = Callback::new(move |()| is_renaming.update(|is_renaming| *is_renaming = !*is_renaming));
    let title = preset.name.clone();
    let labels = ["Copy a link to", "Rename", "Delete"].map(|act| Signal::stored(format!("{act} “{title}”")));
    let [share_label, rename_label, delete_label] = labels;
    let editing = {
        let preset = preset.clone();
        changing(move || is_renaming.get().then(|| rename_form(shelf, preset.clone(), name, is_renaming)))
    };
    view! {
        <li class="preset">
            <p class="preset__name" dir="auto">{title.clone()}</p>
            <p class="preset__words" dir="auto">{words}</p>
            <div class="preset__acts">
                <Button on_press=take label=Signal::stored(format!("Use “{title}” instead of what is chosen"))>"Use"</Button>
                <Button kind=ButtonKind::Bare on_press=add label=Signal::stored(format!("Add “{title}” to what is chosen"))>
                    "Add"
                </Button>
                <Button kind=ButtonKind::Bare on_press=share label=share_label>
                    <Icon glyph=Glyph::Share />
                </Button>
                <Button kind=ButtonKind::Bare on_press=rename label=rename_label>
                    <Icon glyph=Glyph::Pencil />
                </Button>
                <Button kind=ButtonKind::Bare on_press=delete label=delete_label>
                    <Icon glyph=Glyph::Trash />
                </Button>
            </div>
            {editing}
        </li>
    }
    .into_any()
}

fn rename_form(shelf: Shelf, preset: Preset, name: RwSignal<String>, is_renaming: RwSignal<bool>) -> AnyView {
    let (error, is_busy) = (RwSignal::new(None::<String>), RwSignal::new(false));
    let id = format!("rename-{}", preset.id);
    let field = format!("#{id}");
    request_animation_frame(move || {
        browser::focus(&field);
    });
    let save = move |event: SubmitEvent| {
        event.prevent_default();
        let (id, wanted) = (preset.id, name.get_untracked());
        is_busy.set(true);
        spawn_local(async move {
            let body = UpdatePreset { name: Some(wanted), attributes: None };
            match http::patch::<_, Preset>(&format!("{PATH}/{id}"), &body).await {
                Ok(preset) => {
                    is_renaming.set(false);
                    shelf.put(preset);
                }
                Err(failure) => {
                    is_busy.set(false);
                    error.set(Some(name_error(&failure).unwrap_or_else(|| failure.sentence())));
                }
            }
        });
    };
    view! {
        <form class="preset-form" on:submit=save>
            <Field id=id label="New name" value=name error=error max_length=TITLE_MAX />
            <Button submits=true busy=is_busy>"Rename"</Button>
        </form>
    }
    .into_any()
}
