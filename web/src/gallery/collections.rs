//! Collections: pictures under a name. What is known of them, and every way to change them; which pictures are in one is
//! the gallery's to show.
use crate::ui::prelude::*;
use lapidary_contract::{Collection, List, NameCollection};
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use super::wanted::Wanted;
use super::{Tab, facets, tabs};
use crate::http;
use crate::ui::dialog::Dialog;
use crate::ui::dynamic::{changing, list, memo};
use crate::ui::field::Field;
use crate::ui::{Button, ButtonKind, Empty, Failure, FailureNote, Glyph, Icon, Picture, Skeleton, fresh_id};
use lapidary_domain::limits::TITLE_MAX;

const PATH: &str = "/v1/collections";

#[derive(Clone, Copy)]
pub struct Collections {
    /// Nothing until they were read.
    pub all: RwSignal<Option<Vec<Collection>>>,
    pub failure: RwSignal<Option<Failure>>,
}

impl Collections {
    pub fn new() -> Self {
        Self { all: RwSignal::new(None), failure: RwSignal::new(None) }
    }

    pub fn read(self) {
        spawn_local(async move {
            match read_all().await {
                Ok(all) => drop(self.all.try_set(Some(all))),
                Err(failure) => drop(self.failure.try_set(Some(failure))),
            }
        });
    }

    pub fn find(self, id: Uuid) -> Option<Collection> {
        self.all.with(|all| all.iter().flatten().find(|it| it.id == id).cloned())
    }

    pub async fn create(self, name: &str) -> Result<Collection, Failure> {
        let made = http::post::<_, Collection>(PATH, &NameCollection { name: name.to_owned() }).await?;
        let copy = made.clone();
        let _ = self.all.try_update(|all| all.get_or_insert_default().insert(0, copy));
        Ok(made)
    }

    pub async fn rename(self, id: Uuid, name: &str) -> Result<(), Failure> {
        let named = http::patch::<_, Collection>(&of(id), &NameCollection { name: name.to_owned() }).await?;
        let _ = self.all.try_update(|all| {
            all.iter_mut().flatten().filter(|it| it.id == id).for_each(|it| it.name.clone_from(&named.name));
        });
        Ok(())
    }

    pub async fn delete(self, id: Uuid) -> Result<(), Failure> {
        http::delete(&of(id)).await?;
        let _ = self.all.try_update(|all| {
            if let Some(all) = all {
                all.retain(|it| it.id != id);
            }
        });
        Ok(())
    }
}

fn of(id: Uuid) -> String {
    format!("{PATH}/{id}")
}

async fn read_all() -> Result<Vec<Collection>, Failure> {
    Ok(http::get::<List<Collection>>(PATH).await?.data)
}

/// Asks for a name; `save` is called with it, and the dialog closes when that went well.
pub fn name_dialog(
    open: RwSignal<bool>,
    title: &'static str,
    name: RwSignal<String>,
    save: Callback<(String, Saving)>,
) -> AnyView {
    let saving = Saving { open, is_busy: RwSignal::new(false), failure: RwSignal::new(None) };
    let id = fresh_id("name");
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let words = name.with_untracked(|name| name.trim().to_owned());
        if !words.is_empty() && !saving.is_busy.get_untracked() {
            saving.is_busy.set(true);
            saving.failure.set(None);
            save.run((words, saving));
        }
    };
    let error = Signal::derive(move || {
        saving.failure.with(|failure| failure.as_ref().map(|it| it.at("/name").unwrap_or_else(|| it.sentence())))
    });
    view! {
        <Dialog open=open title=title>
            <form class="naming" on:submit=submit>
                <Field id=id.clone() label="Name" value=name max_length=TITLE_MAX error=error autocomplete="off" />
                <div class="dialog__actions">
                    <Button kind=ButtonKind::Primary submits=true busy=saving.is_busy>"Save"</Button>
                </div>
            </form>
        </Dialog>
    }
    .into_any()
}

/// Where a dialog stands with what it saves.
#[derive(Clone, Copy)]
pub struct Saving {
    open: RwSignal<bool>,
    is_busy: RwSignal<bool>,
    failure: RwSignal<Option<Failure>>,
}

impl Saving {
    pub fn done(self, answer: Result<(), Failure>) {
        let _ = self.is_busy.try_set(false);
        match answer {
            Ok(()) => drop(self.open.try_set(false)),
            Err(failure) => drop(self.failure.try_set(Some(failure))),
        }
    }
}

/// A dialog that makes a collection, and what happens then.
pub fn new_collection(collections: Collections, open: RwSignal<bool>, then: Callback<Collection>) -> AnyView {
    let name = RwSignal::new(String::new());
    let save = Callback::new(move |(words, saving): (String, Saving)| {
        spawn_local(async move {
            let answer = collections.create(&words).await;
            let made = answer.as_ref().ok().cloned();
            saving.done(answer.map(drop));
            if let Some(made) = made {
                let _ = name.try_set(String::new());
                then.run(made);
            }
        });
    });
    name_dialog(open, "New collection", name, save)
}

/// All of them, each with the picture that came last.
#[component]
pub fn CollectionsPage() -> AnyView {
    let collections = Collections::new();
    collections.read();
    let open = RwSignal::new(false);
    let create = Callback::new(move |()| open.set(true));
    let then = Callback::new(|_: Collection| {});
    let state = memo(move |_| collections.all.with(|all| all.as_ref().map(Vec::len)));
    let body = changing(move || match (state.get(), collections.failure.get()) {
        (None, Some(failure)) => {
            let retry = Callback::new(move |()| {
                collections.failure.set(None);
                collections.read();
            });
            view! { <FailureNote failure on_retry=retry /> }.into_any()
        }
        (None, None) => (0..3).map(|_| view! { <Skeleton ratio=(3, 2) /> }).collect_view().into_any(),
        (Some(0), _) => nothing(create),
        (Some(_), _) => {
            let all = move || collections.all.get().unwrap_or_default();
            let items = list(all, |it| format!("{} {} {}", it.id, it.name, it.image_count), cover);
            view! { <ul class="collections">{items}</ul> }.into_any()
        }
    });
    view! {
        <div class="gallery">
            <header class="gallery__head">
                <h1>"Collections"</h1>
                {tabs(Tab::Collections)}
            </header>
            <div>
                <Button on_press=create>
                    <Icon glyph=Glyph::Plus />
                    "New collection"
                </Button>
            </div>
            {body}
            {new_collection(collections, open, then)}
        </div>
    }
    .into_any()
}

fn nothing(create: Callback<()>) -> AnyView {
    view! {
        <Empty title="No collections yet" text="Keep pictures that belong together under a name. Select some in the gallery and add them.">
            <Button kind=ButtonKind::Primary on_press=create>"Make a collection"</Button>
        </Empty>
    }
    .into_any()
}

fn cover(collection: Collection) -> AnyView {
    let href = facets::address(&Wanted { collection: Some(collection.id), ..Wanted::default() });
    let count = super::bulk::pictures(usize::try_from(collection.image_count).unwrap_or_default());
    let picture = match collection.cover_url {
        Some(src) => {
            let thumbhash = collection.cover_thumbhash.unwrap_or_default();
            view! { <Picture src=src alt="" thumbhash width=3 height=2 /> }.into_any()
        }
        None => {
            view! { <span class="collection__empty" aria-hidden="true"><Icon glyph=Glyph::Gallery /></span> }.into_any()
        }
    };
    view! {
        <li>
            <a class="collection" href=href>
                <span class="collection__cover">{picture}</span>
                <span class="collection__name" dir="auto">{collection.name}</span>
                <span class="quiet">{count}</span>
            </a>
        </li>
    }
    .into_any()
}
