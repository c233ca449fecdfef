//! One picture on its own page: which one, its neighbours, and how keys, swipes and links move between them.
use crate::ui::prelude::*;
use lapidary_contract::{Image, ImageNeighbours, LiveEvent, ProblemType};
use leptos::ev::{self, KeyboardEvent};
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use super::collecting::{Collecting, collect_dialog};
use super::collections::Collections;
use super::details::Details;
use super::share::share_dialog;
use super::shelves::Shelves;
use super::stage::Stage;
use super::{changes, keys, opening};
use crate::browser;
use crate::http;
use crate::live;
use crate::page::{self, Page, image_path};
use crate::router::{self, Going};
use crate::ui::dynamic::{changing, effect, memo};
use crate::ui::{Empty, Failure, FailureNote, LinkButton, Skeleton};

/// What the parts of the page share.
#[derive(Clone, Copy)]
pub struct OpenImage {
    pub id: Memo<Option<Uuid>>,
    pub image: RwSignal<Option<Image>>,
    pub failure: RwSignal<Option<Failure>>,
    pub newer: Memo<Option<Uuid>>,
    pub older: Memo<Option<Uuid>>,
    around: RwSignal<ImageNeighbours>,
    pub is_sharing: RwSignal<bool>,
    pub collecting: Collecting,
    shelves: StoredValue<Shelves>,
    go: Callback<Option<Uuid>>,
}

impl OpenImage {
    fn new() -> Self {
        let page = router::page();
        // On the way out it stays what it was.
        let id = memo(move |before: Option<&Option<Uuid>>| match page.get() {
            Page::Image => router::last_part().parse::<Uuid>().ok(),
            _ => before.copied().flatten(),
        });
        let shelves = StoredValue::new(Shelves::kept());
        let around = RwSignal::new(ImageNeighbours::default());
        let go = Callback::new(move |to: Option<Uuid>| match to {
            Some(id) => {
                opening::follow(id);
                router::go(&image_path(&id), Going::Unmoved);
            }
            None => router::go(Page::Gallery.path(), Going::Unmoved),
        });
        Self {
            id,
            image: RwSignal::new(None),
            failure: RwSignal::new(None),
            newer: memo(move |_| around.with(|around| around.newer)),
            older: memo(move |_| around.with(|around| around.older)),
            around,
            is_sharing: RwSignal::new(false),
            collecting: Collecting::new(Collections::new(), Shelves::kept()),
            shelves,
            go,
        }
    }

    /// Shows what is known of an image at once and reads it again.
    pub fn read(self, id: Uuid) {
        let shelves = self.shelves.get_value();
        self.failure.set(None);
        let is_shown = self.image.with_untracked(|image| image.as_ref().is_some_and(|image| image.id == id));
        if !is_shown {
            self.image.set(shelves.find(id));
        }
        spawn_local(async move {
            let answer = shelves.reread(id).await;
            if self.id.try_get_untracked().flatten() != Some(id) {
                return;
            }
            match answer {
                Ok(image) => self.image.set(Some(image)),
                Err(failure) if failure.is(ProblemType::NotFound) => {
                    self.image.set(None);
                    self.failure.set(Some(failure));
                }
                // What is shown stays; a place without a picture says why.
                Err(failure) if self.image.with_untracked(Option::is_none) => self.failure.set(Some(failure)),
                Err(_) => {}
            }
        });
    }

    /// Finds what stands beside it in the list that was seen; the server knows where nothing was read.
    fn look_around(self, id: Uuid) {
        let reel = self.shelves.with_value(Shelves::in_sight);
        let known = reel.blocks.with_untracked(|blocks| blocks.neighbours(id));
        if let Some((newer, older)) = known {
            return self.around.set(ImageNeighbours { newer, older });
        }
        self.around.set(ImageNeighbours::default());
        spawn_local(async move {
            let path = reel.wanted.api(&format!("/v1/images/{id}/neighbours"), "", browser::encode);
            if let Ok(around) = http::get::<ImageNeighbours>(&path).await
                && self.id.try_get_untracked().flatten() == Some(id)
            {
                self.around.set(around);
            }
        });
    }

    pub fn step(self, to: Memo<Option<Uuid>>) {
        if let Some(id) = to.get_untracked() {
            self.go.run(Some(id));
        }
    }

    /// Back to where the person came from; a picture opened by its address leads to the gallery.
    pub fn close(self) {
        match (opening::came_from_list(), window().history()) {
            (true, Ok(history)) => drop(history.back()),
            _ => self.go.run(None),
        }
    }

    pub fn toggle_favourite(self) {
        if let Some(image) = self.image.get_untracked() {
            self.image.set(Some(changes::toggle_favourite(&self.shelves.get_value(), &image)));
        }
    }

    /// Deletes and goes on to the next picture; who takes it back before going elsewhere sees it again.
    pub fn delete(self) {
        let Some(image) = self.image.get_untracked() else { return };
        let next = self.older.get_untracked().or(self.newer.get_untracked());
        let id = image.id;
        changes::delete(&self.shelves.get_value(), &image, move || {
            if matches!(Page::at(&window().location().pathname().unwrap_or_default()), Page::Image | Page::Gallery) {
                opening::follow(id);
                router::go(&image_path(&id), Going::Unmoved);
            }
        });
        self.go.run(next);
    }

    pub fn restore(self) {
        let Some(image) = self.image.get_untracked() else { return };
        changes::restore(&self.shelves.get_value(), &image, || {});
        self.image.set(Some(Image { deleted_at: None, ..image }));
    }
}

#[component]
pub fn ImagePage() -> AnyView {
    let open = OpenImage::new();
    provide_context(open);
    follow_address(open);
    follow_events(open);
    follow_keyboard(open);
    let shown = memo(move |_| open.image.with(|image| image.as_ref().map(|image| image.id)));
    let is_bad_address = move || open.id.get().is_none();
    let content = changing(move || match (shown.get(), open.failure.get()) {
        (Some(_), _) => view! { <Stage /> <Details /> }.into_any(),
        (None, Some(failure)) => failure_view(open, failure),
        (None, None) if is_bad_address() => not_here(),
        (None, None) => waiting(),
    });
    view! {
        <div class="image-page">
            <h1 class="visually-hidden">"Picture"</h1>
            {content}
            {share_dialog(open.id, open.is_sharing)}
            {collect_dialog(open.collecting)}
        </div>
    }
    .into_any()
}

fn follow_address(open: OpenImage) {
    effect(move |_| {
        if let Some(id) = open.id.get() {
            open.read(id);
            open.look_around(id);
        }
    });
    effect(move |_| {
        let title =
            open.image.with(|image| image.as_ref().map(|image| image.prompt.chars().take(60).collect::<String>()));
        if let Some(title) = title {
            page::set_title(&title);
        }
    });
}

fn follow_events(open: OpenImage) {
    live::on_event(move |event| match event {
        LiveEvent::GenerationChanged { generation, .. } => {
            open.shelves.with_value(|shelves| generation.images.iter().for_each(|image| shelves.place(image)));
        }
        LiveEvent::ImageChanged { image_id } if open.id.get_untracked() == Some(*image_id) => open.read(*image_id),
        LiveEvent::ImageChanged { image_id } => open.shelves.with_value(|shelves| shelves.reread_later(*image_id)),
        LiveEvent::GemsChanged { .. }
        | LiveEvent::PurchaseChanged { .. }
        | LiveEvent::NoticesChanged { .. }
        | LiveEvent::ArchiveChanged { .. }
        | LiveEvent::ExportChanged { .. }
        | LiveEvent::StatusChanged { .. } => {}
        LiveEvent::Reset => open.id.get_untracked().into_iter().for_each(|id| open.read(id)),
    });
}

fn follow_keyboard(open: OpenImage) {
    let listener = window_event_listener(ev::keydown, move |event: KeyboardEvent| {
        if keys::has_modifier(&event) || keys::is_taken(&event) {
            return;
        }
        match event.key().as_str() {
            "ArrowLeft" => open.step(open.newer),
            "ArrowRight" => open.step(open.older),
            "Escape" => open.close(),
            "f" => open.toggle_favourite(),
            "Delete" => open.delete(),
            _ => return,
        }
        event.prevent_default();
    });
    on_cleanup(move || listener.remove());
}

fn waiting() -> AnyView {
    view! {
        <div class="stage" aria-busy="true" aria-label="Reading the picture" style=("--ratio", "1")>
            <Skeleton ratio=(1, 1) class="stage__skeleton" />
        </div>
    }
    .into_any()
}

fn failure_view(open: OpenImage, failure: Failure) -> AnyView {
    if failure.is(ProblemType::NotFound) {
        return not_here();
    }
    let retry = Callback::new(move |()| open.id.get_untracked().into_iter().for_each(|id| open.read(id)));
    view! { <FailureNote failure on_retry=retry /> }.into_any()
}

fn not_here() -> AnyView {
    view! {
        <Empty
            title="This picture is not here"
            text="It may have been deleted for good, or it belongs to somebody else. Pictures are private."
        >
            <LinkButton href=Page::Gallery.path()>"Go to the gallery"</LinkButton>
        </Empty>
    }
    .into_any()
}
