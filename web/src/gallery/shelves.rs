//! The three lists of images: all, favourites, trash. Kept between pages, one person's at a time, moved by what happens.
use std::cell::{Cell, RefCell};

use crate::ui::prelude::*;
use lapidary_contract::{Image, LiveEvent};
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use super::listing::{Listing, Load, Row};
use crate::http;
use crate::live;
use crate::session::use_session;
use crate::ui::Failure;

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
    pub all: Listing<Image>,
    pub favourites: Listing<Image>,
    pub trash: Listing<Image>,
}

thread_local! {
    static KEPT: RefCell<Option<(Uuid, Shelves)>> = const { RefCell::new(None) };
    /// Whether the gallery was last seen with favourites only: the arrows of an open picture walk through what was seen.
    static ONLY_FAVOURITES: Cell<bool> = const { Cell::new(false) };
}

impl Shelves {
    fn new() -> Self {
        Self {
            all: Listing::new("/v1/images?limit=50"),
            favourites: Listing::new("/v1/images?limit=50&favourite=true"),
            trash: Listing::new("/v1/images?limit=50&trash=true"),
        }
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

    /// The list of the gallery, which is the one in sight from now on.
    pub fn look_at(&self, only_favourites: bool) -> Listing<Image> {
        ONLY_FAVOURITES.set(only_favourites);
        self.in_sight()
    }

    pub fn in_sight(&self) -> Listing<Image> {
        if ONLY_FAVOURITES.get() { self.favourites.clone() } else { self.all.clone() }
    }

    /// Ids before (newer) and after (older) one in the list that was seen.
    pub fn neighbours(&self, id: Uuid) -> (Option<Uuid>, Option<Uuid>) {
        match self.in_sight().neighbours(id) {
            (None, None) => self.all.neighbours(id),
            found => found,
        }
    }

    /// Puts an image where it belongs now, and nowhere else.
    pub fn place(&self, image: &Image) {
        let is_trashed = image.deleted_at.is_some();
        let shelves = [
            (&self.all, !is_trashed),
            (&self.favourites, !is_trashed && image.is_favourite),
            (&self.trash, is_trashed),
        ];
        for (shelf, belongs) in shelves {
            let is_read = shelf.load.with_untracked(|load| *load != Load::First);
            match belongs {
                true if is_read => shelf.put(image.clone()),
                true => {}
                false => shelf.remove(image.id),
            }
        }
    }

    pub fn find(&self, id: Uuid) -> Option<Image> {
        [&self.all, &self.favourites, &self.trash].into_iter().find_map(|shelf| shelf.find(id))
    }

    /// Reads one image again: it changed elsewhere, or its addresses have expired.
    pub async fn reread(&self, id: Uuid) -> Result<Image, Failure> {
        let image = http::get::<Image>(&format!("/v1/images/{id}")).await?;
        self.place(&image);
        Ok(image)
    }

    /// Follows the live events as long as the current view lives; `shelf` is the one in sight.
    pub fn follow(&self, shelf: Listing<Image>) {
        let shelves = self.clone();
        live::on_event(move |event| match event {
            LiveEvent::GenerationChanged { generation, .. } => {
                generation.images.iter().for_each(|image| shelves.place(image));
            }
            LiveEvent::ImageChanged { image_id } => {
                let (shelves, id) = (shelves.clone(), *image_id);
                spawn_local(async move {
                    // Unreachable or erased for good: the next reading of the list says so.
                    drop(shelves.reread(id).await);
                });
            }
            LiveEvent::GemsChanged { .. }
            | LiveEvent::PurchaseChanged { .. }
            | LiveEvent::NoticesChanged { .. }
            | LiveEvent::ArchiveChanged { .. }
            | LiveEvent::StatusChanged { .. } => {}
            LiveEvent::Reset => refresh(&shelf),
        });
    }
}

pub fn refresh(shelf: &Listing<Image>) {
    let shelf = shelf.clone();
    spawn_local(async move { shelf.refresh().await });
}
