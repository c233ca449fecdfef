//! The dialog that puts pictures into a collection, and what stands above a collection that is looked at.
use crate::ui::prelude::*;
use lapidary_contract::Collection;
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use super::bulk::{collect, pictures};
use super::collections::{Collections, Saving, name_dialog, new_collection};
use super::shelves::Shelves;
use crate::page::Page;
use crate::router::{self, Going};
use crate::ui::dialog::Dialog;
use crate::ui::dynamic::{changing, list};
use crate::ui::time::format_number;
use crate::ui::{Button, ButtonKind, Glyph, Icon, toast};

/// Which pictures are to be put somewhere; nothing: the dialog is closed.
#[derive(Clone, Copy)]
pub struct Collecting {
    pub open: RwSignal<bool>,
    ids: RwSignal<Vec<Uuid>>,
    collections: Collections,
    shelves: StoredValue<Shelves>,
}

impl Collecting {
    pub fn new(collections: Collections, shelves: Shelves) -> Self {
        Self {
            open: RwSignal::new(false),
            ids: RwSignal::new(Vec::new()),
            collections,
            shelves: StoredValue::new(shelves),
        }
    }

    pub fn ask(self, ids: Vec<Uuid>) {
        self.collections.read();
        self.ids.set(ids);
        self.open.set(true);
    }

    fn put_into(self, collection: Collection) {
        let (ids, shelves) = (self.ids.get_untracked(), self.shelves.get_value());
        self.open.set(false);
        spawn_local(async move {
            match collect(collection.id, &ids).await {
                Ok(_) => {
                    shelves.doubt_collection(collection.id);
                    let address = super::facets::address(&super::wanted::Wanted {
                        collection: Some(collection.id),
                        ..Default::default()
                    });
                    let see = Callback::new(move |()| router::go(&address, Going::Forth));
                    let words = format!("{} in “{}”", pictures(ids.len()), collection.name);
                    toast::show(words, Some(("See it", see)));
                }
                Err(failure) => toast::failure(&failure),
            }
        });
    }
}

pub fn collect_dialog(collecting: Collecting) -> AnyView {
    let is_naming = RwSignal::new(false);
    let collections = collecting.collections;
    let create = Callback::new(move |()| {
        collecting.open.set(false);
        is_naming.set(true);
    });
    let then = Callback::new(move |made: Collection| collecting.put_into(made));
    let body = move || {
        let one = move |collection: Collection| {
            let (name, count) = (collection.name.clone(), format_number(collection.image_count));
            let press = Callback::new(move |()| collecting.put_into(collection.clone()));
            view! {
                <li>
                    <Button class="collecting__one" on_press=press>
                        <span dir="auto">{name}</span>
                        <span class="facet__count">{count}</span>
                    </Button>
                </li>
            }
        };
        let all = move || collections.all.get().unwrap_or_default();
        list(all, |it| format!("{} {}", it.id, it.name), one)
    };
    view! {
        <Dialog open=collecting.open title="Add to a collection">
            <ul class="collecting">{body()}</ul>
            <div class="dialog__actions">
                <Button on_press=create>
                    <Icon glyph=Glyph::Plus />
                    "New collection"
                </Button>
            </div>
        </Dialog>
        {new_collection(collections, is_naming, then)}
    }
    .into_any()
}

/// Renames and deletes the collection that is looked at.
pub fn collection_tools(collections: Collections, id: Uuid) -> AnyView {
    let (is_naming, is_asking) = (RwSignal::new(false), RwSignal::new(false));
    let name = RwSignal::new(String::new());
    let rename = Callback::new(move |()| {
        name.set(collections.find(id).map(|it| it.name).unwrap_or_default());
        is_naming.set(true);
    });
    let save = Callback::new(move |(words, saving): (String, Saving)| {
        spawn_local(async move { saving.done(collections.rename(id, &words).await) });
    });
    let ask = Callback::new(move |()| is_asking.set(true));
    let delete = Callback::new(move |()| {
        is_asking.set(false);
        spawn_local(async move {
            match collections.delete(id).await {
                Ok(()) => {
                    router::go(Page::Collections.path(), Going::Instead);
                    toast::show("The collection is gone. Its pictures are still in the gallery.", None);
                }
                Err(failure) => toast::failure(&failure),
            }
        });
    });
    let keep = Callback::new(move |()| is_asking.set(false));
    view! {
        <div class="gallery__tools">
            <Button on_press=rename>
                <Icon glyph=Glyph::Pencil />
                "Rename"
            </Button>
            <Button on_press=ask>
                <Icon glyph=Glyph::Trash />
                "Delete collection"
            </Button>
        </div>
        {name_dialog(is_naming, "Rename the collection", name, save)}
        <Dialog open=is_asking title="Delete this collection?">
            <p>"Only the collection goes. Its pictures stay in the gallery."</p>
            <div class="dialog__actions">
                <Button on_press=keep>"Keep it"</Button>
                <Button kind=ButtonKind::Danger on_press=delete>"Delete collection"</Button>
            </div>
        </Dialog>
    }
    .into_any()
}

/// The name of the collection in sight, once it is known.
pub fn name_of(collections: Collections, id: Option<Uuid>) -> Option<String> {
    id.and_then(|id| collections.find(id)).map(|it| it.name)
}

/// A view that changes with the collection.
pub fn tools_of(collections: Collections, id: Memo<Option<Uuid>>) -> AnyView {
    changing(move || id.get().map(|id| collection_tools(collections, id)))
}
