//! What a person does to many images at once. Shown at once, taken back when the server says no.
use crate::ui::prelude::*;
use lapidary_contract::{BulkAction, ChangeImages, ChangedImages, CollectionImages, Image};
use lapidary_domain::limits::{BULK_MAX, TRASH_DAYS};
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use super::clock::now;
use super::shelves::Shelves;
use crate::http;
use crate::ui::time::format_number;
use crate::ui::{Failure, toast};

/// `1 picture`, `12 pictures`
pub fn pictures(count: usize) -> String {
    format!("{} {}", format_number(count as i64), if count == 1 { "picture" } else { "pictures" })
}

async fn send(action: BulkAction, ids: &[Uuid]) -> Result<(), Failure> {
    for part in ids.chunks(BULK_MAX) {
        let change = ChangeImages { action, image_ids: part.to_vec() };
        http::post::<_, ChangedImages>("/v1/images/bulk", &change).await?;
    }
    Ok(())
}

/// As they are known here; those that are not are read when they come in sight.
fn known(shelves: &Shelves, ids: &[Uuid]) -> Vec<Image> {
    ids.iter().filter_map(|id| shelves.find(*id)).collect()
}

fn place_all(shelves: &Shelves, images: &[Image]) {
    images.iter().for_each(|image| shelves.place(image));
}

pub fn favour(shelves: &Shelves, ids: Vec<Uuid>) {
    let before = known(shelves, &ids);
    let after: Vec<Image> = before.iter().map(|image| Image { is_favourite: true, ..image.clone() }).collect();
    place_all(shelves, &after);
    let shelves = shelves.clone();
    spawn_local(async move {
        match send(BulkAction::Favour, &ids).await {
            Ok(()) => toast::show(format!("{} in your favourites", pictures(ids.len())), None),
            Err(failure) => {
                place_all(&shelves, &before);
                toast::failure(&failure);
            }
        }
    });
}

/// Moves all to the trash and offers the way back for all.
pub fn discard(shelves: &Shelves, ids: Vec<Uuid>) {
    let before = known(shelves, &ids);
    shelves.take_away(&ids);
    let at = Some(now());
    let after: Vec<Image> = before.iter().map(|image| Image { deleted_at: at, ..image.clone() }).collect();
    place_all(shelves, &after);
    let shelves = shelves.clone();
    spawn_local(async move {
        match send(BulkAction::Discard, &ids).await {
            Ok(()) => {
                let stays = if ids.len() == 1 { "It stays" } else { "They stay" };
                let words = format!("{} moved to the trash. {stays} there for {TRASH_DAYS} days.", pictures(ids.len()));
                let undo = Callback::new(move |()| restore(&shelves, ids.clone(), before.clone()));
                toast::show(words, Some(("Undo", undo)));
            }
            Err(failure) => {
                place_all(&shelves, &before);
                toast::failure(&failure);
            }
        }
    });
}

fn restore(shelves: &Shelves, ids: Vec<Uuid>, before: Vec<Image>) {
    let shelves = shelves.clone();
    spawn_local(async move {
        match send(BulkAction::Restore, &ids).await {
            Ok(()) => {
                place_all(&shelves, &before);
                toast::show(format!("{} back in the gallery", pictures(ids.len())), None);
                if before.len() < ids.len() || shelves.in_sight().wanted.takes_only_by_asking() {
                    shelves.in_sight().refresh().await;
                }
            }
            Err(failure) => toast::failure(&failure),
        }
    });
}

/// Puts all into a collection.
pub async fn collect(collection: Uuid, ids: &[Uuid]) -> Result<i64, Failure> {
    let mut changed = 0;
    for part in ids.chunks(BULK_MAX) {
        let images = CollectionImages { image_ids: part.to_vec() };
        let path = format!("/v1/collections/{collection}/images");
        changed += http::post::<_, ChangedImages>(&path, &images).await?.changed;
    }
    Ok(changed)
}

/// Takes all out of a collection, and offers the way back.
pub fn uncollect(shelves: &Shelves, collection: Uuid, ids: Vec<Uuid>) {
    shelves.in_sight().remove(&ids);
    let shelves = shelves.clone();
    spawn_local(async move {
        let mut answer = Ok(());
        for part in ids.chunks(BULK_MAX) {
            let images = CollectionImages { image_ids: part.to_vec() };
            answer =
                http::send_empty(http::Method::DELETE, &format!("/v1/collections/{collection}/images"), &images).await;
            if answer.is_err() {
                break;
            }
        }
        match answer {
            Ok(()) => {
                let count = pictures(ids.len());
                let undo = Callback::new(move |()| {
                    let (shelves, ids) = (shelves.clone(), ids.clone());
                    spawn_local(async move {
                        match collect(collection, &ids).await {
                            Ok(_) => shelves.doubt_collection(collection),
                            Err(failure) => toast::failure(&failure),
                        }
                    });
                });
                toast::show(format!("{count} taken out of the collection"), Some(("Undo", undo)));
            }
            Err(failure) => {
                shelves.doubt_collection(collection);
                toast::failure(&failure);
            }
        }
    });
}
