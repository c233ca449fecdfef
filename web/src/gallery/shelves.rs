//! What is kept of the gallery between pages: the last questions with their answers, and the trash. One person's at a
//! time, moved by what happens.
use std::cell::RefCell;

use crate::ui::prelude::*;
use gloo_timers::future::TimeoutFuture;
use lapidary_contract::{Image, LiveEvent};
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use super::listing::{Listing, Load, Row};
use super::reel::Reel;
use super::wanted::Wanted;
use crate::http;
use crate::live;
use crate::session::use_session;
use crate::ui::Failure;

/// How long changes are gathered, and how many of them are read one by one.
const GATHER_MS: u32 = 80;
const ONE_BY_ONE_MAX: usize = 8;
/// Questions that are kept; the one in sight is the first.
const KEPT_MAX: usize = 4;

impl Row for Image {
    fn id(&self) -> Uuid {
        self.id
    }

    /// The trash is ordered by when things came there.
    fn order(&self) -> chrono::DateTime<chrono::Utc> {
        self.deleted_at.unwrap_or(self.created_at)
    }

    fn may_follow(&self, _known: &Self) -> bool {
        true
    }
}

#[derive(Clone)]
pub struct Shelves {
    reels: ArcRwSignal<Vec<Reel>>,
    /// Counts what was put, changed or taken away: what is counted of pictures is counted again.
    pub changes: ArcRwSignal<u32>,
    pub trash: Listing<Image>,
}

thread_local! {
    /// Changed elsewhere, and not yet read again.
    static CHANGED: RefCell<Vec<Uuid>> = const { RefCell::new(Vec::new()) };
    static KEPT: RefCell<Option<(Uuid, Shelves)>> = const { RefCell::new(None) };
}

impl Shelves {
    fn new() -> Self {
        let (reels, changes) = (ArcRwSignal::new(Vec::new()), ArcRwSignal::new(0));
        Self { reels, changes, trash: Listing::new("/v1/images?limit=50&trash=true") }
    }

    /// Those of the person who is here; another person's are forgotten.
    pub fn kept() -> Self {
        let person = use_session().me.with_untracked(|me| me.as_ref().map(|me| me.id)).unwrap_or_default();
        KEPT.with_borrow_mut(|kept| match kept {
            Some((known, shelves)) if *known == person => shelves.clone(),
            _ => {
                let shelves = Self::new();
                *kept = Some((person, shelves.clone()));
                shelves
            }
        })
    }

    /// The answer to a question, which is the one in sight from now on.
    pub fn look_at(&self, wanted: &Wanted) -> Reel {
        let mut reels = self.reels.get_untracked();
        let known = reels.iter().position(|reel| reel.wanted == *wanted).map(|at| reels.remove(at));
        let reel = known.unwrap_or_else(|| Reel::new(wanted.clone()));
        reels.insert(0, reel.clone());
        reels.truncate(KEPT_MAX);
        self.reels.set(reels);
        reel
    }

    pub fn in_sight(&self) -> Reel {
        match self.reels.with_untracked(|reels| reels.first().cloned()) {
            Some(reel) => reel,
            None => self.look_at(&Wanted::default()),
        }
    }

    /// Puts an image where it belongs now, and nowhere else.
    pub fn place(&self, image: &Image) {
        self.changed();
        self.reels.with_untracked(|reels| reels.iter().for_each(|reel| reel.place(image)));
        let is_read = self.trash.load.with_untracked(|load| *load != Load::First);
        match image.deleted_at.is_some() {
            true if is_read => self.trash.put(image.clone()),
            true => {}
            false => self.trash.remove(image.id),
        }
    }

    fn changed(&self) {
        self.changes.update(|changes| *changes = changes.wrapping_add(1));
    }

    /// Takes images out of every list but the trash.
    pub fn take_away(&self, ids: &[Uuid]) {
        self.changed();
        self.reels.with_untracked(|reels| reels.iter().for_each(|reel| reel.remove(ids)));
    }

    pub fn find(&self, id: Uuid) -> Option<Image> {
        let found = self.reels.with_untracked(|reels| reels.iter().find_map(|reel| reel.find(id)));
        found.or_else(|| self.trash.find(id))
    }

    /// What is in a collection is another than before; a view that shows it reads it again.
    pub fn doubt_collection(&self, id: Uuid) {
        let sight = self.in_sight();
        self.reels
            .update(|reels| reels.retain(|reel| reel.wanted.collection != Some(id) || reel.wanted == sight.wanted));
        if sight.wanted.collection == Some(id) {
            spawn_local(async move { sight.refresh().await });
        }
    }

    /// Reads one image again: it changed elsewhere, or its addresses have expired.
    pub async fn reread(&self, id: Uuid) -> Result<Image, Failure> {
        let image = http::get::<Image>(&format!("/v1/images/{id}")).await?;
        self.place(&image);
        Ok(image)
    }

    /// Follows the live events as long as the current view lives; `reset` reads again what it shows.
    pub fn follow(&self, reset: impl Fn() + 'static) {
        let shelves = self.clone();
        live::on_event(move |event| match event {
            LiveEvent::GenerationChanged { generation, .. } => {
                generation.images.iter().for_each(|image| shelves.place(image));
            }
            LiveEvent::ImageChanged { image_id } => shelves.reread_later(*image_id),
            LiveEvent::GemsChanged { .. }
            | LiveEvent::PurchaseChanged { .. }
            | LiveEvent::NoticesChanged { .. }
            | LiveEvent::ArchiveChanged { .. }
            | LiveEvent::ExportChanged { .. }
            | LiveEvent::StatusChanged { .. } => {}
            LiveEvent::Reset => reset(),
        });
    }

    /// Many that change at once are read as a list.
    pub fn reread_later(&self, id: Uuid) {
        let is_first = CHANGED.with_borrow_mut(|changed| {
            changed.push(id);
            changed.len() == 1
        });
        if !is_first {
            return;
        }
        let shelves = self.clone();
        spawn_local(async move {
            TimeoutFuture::new(GATHER_MS).await;
            let changed = CHANGED.take();
            if changed.len() > ONE_BY_ONE_MAX {
                shelves.in_sight().refresh().await;
                if shelves.trash.load.with_untracked(|load| *load != Load::First) {
                    shelves.trash.refresh().await;
                }
                return;
            }
            for id in changed {
                // Unreachable or erased for good: the next reading of the list says so.
                drop(shelves.reread(id).await);
            }
        });
    }
}

pub fn refresh(shelf: &Listing<Image>) {
    let shelf = shelf.clone();
    spawn_local(async move { shelf.refresh().await });
}

pub fn refresh_reel(reel: &Reel) {
    let reel = reel.clone();
    spawn_local(async move { reel.refresh().await });
}
