//! Zips of pictures: asked for here, made by the server, told of while they are made, and listed for as long as they
//! can be downloaded.
use std::cell::RefCell;

use crate::ui::prelude::*;
use lapidary_contract::{ArchiveStatus, CreateImageArchive, ImageArchive, List, LiveEvent};
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use super::bulk::pictures;
use crate::http;
use crate::live;
use crate::ui::dialog::Dialog;
use crate::ui::dynamic::{changing, list};
use crate::ui::time::{format_day, format_number, format_time};
use crate::ui::{Button, ButtonKind, Failure, FailureNote, Glyph, Icon, LinkButton, toast};

const PATH: &str = "/v1/image-archives";

thread_local! {
    /// Asked for by this tab and not put away: told of until somebody does.
    static OWN: RefCell<Vec<Uuid>> = const { RefCell::new(Vec::new()) };
}

#[derive(Clone, Copy)]
pub struct Archives {
    /// Newest first; nothing until they were read.
    all: RwSignal<Option<Vec<ImageArchive>>>,
    failure: RwSignal<Option<Failure>>,
    pub open: RwSignal<bool>,
}

impl Archives {
    /// Follows what becomes of them as long as the current view lives.
    pub fn followed() -> Self {
        let archives = Self { all: RwSignal::new(None), failure: RwSignal::new(None), open: RwSignal::new(false) };
        live::on_event(move |event| match event {
            LiveEvent::ArchiveChanged { archive } => archives.take(*archive.clone()),
            LiveEvent::Reset => archives.read(),
            LiveEvent::GenerationChanged { .. }
            | LiveEvent::ImageChanged { .. }
            | LiveEvent::GemsChanged { .. }
            | LiveEvent::PurchaseChanged { .. }
            | LiveEvent::NoticesChanged { .. }
            | LiveEvent::ExportChanged { .. }
            | LiveEvent::StatusChanged { .. } => {}
        });
        archives.read();
        archives
    }

    pub fn read(self) {
        spawn_local(async move {
            match http::get::<List<ImageArchive>>(PATH).await {
                Ok(page) => {
                    let _ = self.all.try_set(Some(page.data));
                    let _ = self.failure.try_set(None);
                }
                Err(failure) => drop(self.failure.try_set(Some(failure))),
            }
        });
    }

    fn take(self, archive: ImageArchive) {
        self.all.update(|all| {
            let all = all.get_or_insert_default();
            match all.iter_mut().find(|known| known.id == archive.id) {
                // Events and answers overtake each other.
                Some(known) if is_over(known) && !is_over(&archive) => {}
                Some(known) => *known = archive,
                None => all.insert(0, archive),
            }
        });
    }

    pub fn ask(self, ids: Option<Vec<Uuid>>, collection: Option<Uuid>) {
        let body = CreateImageArchive { image_ids: ids, collection_id: collection };
        let key = Uuid::now_v7().to_string();
        spawn_local(async move {
            match http::post_with_key::<_, ImageArchive>(PATH, &body, &key).await {
                Ok(archive) => {
                    OWN.with_borrow_mut(|own| own.push(archive.id));
                    self.take(archive);
                }
                Err(failure) => toast::failure(&failure),
            }
        });
    }

    fn delete(self, id: Uuid) {
        spawn_local(async move {
            match http::delete(&format!("{PATH}/{id}")).await {
                Ok(()) => drop(self.all.try_update(|all| {
                    if let Some(all) = all {
                        all.retain(|it| it.id != id);
                    }
                })),
                Err(failure) => toast::failure(&failure),
            }
        });
    }

    fn put_away(self, id: Uuid) {
        OWN.with_borrow_mut(|own| own.retain(|known| *known != id));
        self.all.update(|_| {});
    }
}

fn is_over(archive: &ImageArchive) -> bool {
    match archive.status {
        ArchiveStatus::Queued | ArchiveStatus::Running => false,
        ArchiveStatus::Ready | ArchiveStatus::Failed | ArchiveStatus::Expired => true,
    }
}

/// What is being made, and what this tab asked for: a quiet panel at the edge.
pub fn archive_panel(archives: Archives) -> AnyView {
    let shown = move || {
        let is_shown = |archive: &ImageArchive| {
            let is_own = OWN.with_borrow(|own| own.contains(&archive.id));
            !is_over(archive) || is_own && archive.status != ArchiveStatus::Expired
        };
        let all = archives.all.get().unwrap_or_default();
        all.into_iter().filter(is_shown).collect::<Vec<_>>()
    };
    // A new key where something else is to be said, so that one bar grows and does not start anew.
    let panel = list(shown, |it| format!("{} {}", it.id, is_over(it)), move |it| panel_row(archives, it));
    view! { <section class="archives" aria-label="Zips">{panel}</section> }.into_any()
}

fn panel_row(archives: Archives, archive: ImageArchive) -> AnyView {
    let id = archive.id;
    let now = Signal::derive(move || {
        archives.all.with(|all| all.iter().flatten().find(|it| it.id == id).cloned()).unwrap_or_else(|| archive.clone())
    });
    let put_away = Callback::new(move |()| archives.put_away(id));
    let body = if is_over(&now.get_untracked()) {
        let archive = now.get_untracked();
        match (&archive.url, archive.status) {
            (Some(url), ArchiveStatus::Ready) => view! {
                <p role="status">{format!("Your zip of {} is ready.", count(&archive))}</p>
                <LinkButton kind=ButtonKind::Primary href=url.clone() leaves=true>
                    <Icon glyph=Glyph::Download />
                    "Download"
                </LinkButton>
            }
            .into_any(),
            _ => view! { <p role="status">{failure_of(&archive)}</p> }.into_any(),
        }
    } else {
        let done = move || now.with(|it| it.done_count);
        let words = move || {
            now.with(|it| match it.status {
                ArchiveStatus::Queued => "Your zip waits in line.".to_owned(),
                _ => format!(
                    "Your zip is being made: {} of {}.",
                    format_number(it.done_count),
                    format_number(it.image_count)
                ),
            })
        };
        let most = now.with_untracked(|it| it.image_count).max(1);
        view! {
            <p>{move || words()}</p>
            <progress class="archives__bar" max=most.to_string() prop:value=move || done().to_string() aria-label="Zip"></progress>
        }
        .into_any()
    };
    let close = is_over(&now.get_untracked()).then(|| {
        view! {
            <Button kind=ButtonKind::Bare on_press=put_away label="Put away">
                <Icon glyph=Glyph::Close />
            </Button>
        }
    });
    view! { <div class="archives__one"><div class="archives__words">{body}</div>{close}</div> }.into_any()
}

fn count(archive: &ImageArchive) -> String {
    pictures(usize::try_from(archive.image_count).unwrap_or_default())
}

fn failure_of(archive: &ImageArchive) -> String {
    let why = archive.failure.clone().unwrap_or_default();
    format!("Your zip could not be made. {why}").trim().to_owned()
}

/// All that there are, with when each goes by itself.
pub fn archives_dialog(archives: Archives) -> AnyView {
    view! { <Dialog open=archives.open title="Zips">{archives_list(archives)}</Dialog> }.into_any()
}

fn archives_list(archives: Archives) -> AnyView {
    changing(move || {
        match (archives.all.get(), archives.failure.get()) {
        (None, Some(failure)) => {
            let retry = Callback::new(move |()| archives.read());
            view! { <FailureNote failure on_retry=retry /> }.into_any()
        }
        (None, None) => view! { <p class="quiet">"Reading…"</p> }.into_any(),
        (Some(all), _) if all.is_empty() => view! {
            <p class="quiet">"No zips yet. Select pictures in the gallery and press Download zip: it holds the originals and a list of how each was made."</p>
        }
        .into_any(),
        (Some(all), _) => {
            let rows = all.into_iter().map(|it| dialog_row(archives, it)).collect_view();
            view! { <ul class="zips">{rows}</ul> }.into_any()
        }
    }
    })
}

fn dialog_row(archives: Archives, archive: ImageArchive) -> AnyView {
    let id = archive.id;
    let state = match archive.status {
        ArchiveStatus::Queued => "Waits in line".to_owned(),
        ArchiveStatus::Running => {
            format!("{} of {}", format_number(archive.done_count), format_number(archive.image_count))
        }
        ArchiveStatus::Ready => archive.expires_at.map(|at| format!("Until {}", format_day(&at))).unwrap_or_default(),
        ArchiveStatus::Failed => failure_of(&archive),
        ArchiveStatus::Expired => "Gone".to_owned(),
    };
    let link = archive.url.clone().filter(|_| archive.status == ArchiveStatus::Ready).map(|url| {
        view! {
            <LinkButton href=url leaves=true>
                <Icon glyph=Glyph::Download />
                "Download"
            </LinkButton>
        }
    });
    let delete = Callback::new(move |()| archives.delete(id));
    let label = format!("Delete the zip of {}", format_time(&archive.created_at));
    view! {
        <li>
            <div class="zips__words">
                <p>{format!("{}, {}", count(&archive), format_time(&archive.created_at))}</p>
                <p class="quiet">{state}</p>
            </div>
            {link}
            <Button kind=ButtonKind::Bare on_press=delete label=Signal::stored(label)>
                <Icon glyph=Glyph::Trash />
            </Button>
        </li>
    }
    .into_any()
}
