//! What a person does to an image: favour, delete, restore, download. Shown at once, taken back when the server says no.
use std::sync::Arc;

use crate::ui::prelude::*;
use lapidary_contract::{DownloadUrl, Image, UpdateImage};
use wasm_bindgen_futures::spawn_local;

use super::clock::now;
use super::shelves::Shelves;
use crate::browser;
use crate::http;
use crate::ui::toast;

fn path_of(image: &Image) -> String {
    format!("/v1/images/{}", image.id)
}

/// Turns the favourite mark around; answers the image as it is shown from now on.
pub fn toggle_favourite(shelves: &Shelves, image: &Image) -> Image {
    let before = image.clone();
    let after = Image { is_favourite: !before.is_favourite, ..before.clone() };
    shelves.place(&after);
    let (shelves, is_favourite) = (shelves.clone(), after.is_favourite);
    spawn_local(async move {
        let body = UpdateImage { is_favourite: Some(is_favourite) };
        if let Err(failure) = http::send_empty(http::Method::PATCH, &path_of(&before), &body).await {
            shelves.place(&before);
            toast::failure(&failure);
        }
    });
    after
}

/// Moves to the trash and offers the way back; `undone` is what else happens when it is taken.
pub fn delete(shelves: &Shelves, image: &Image, undone: impl Fn() + Send + Sync + 'static) {
    let before = image.clone();
    let shelves = shelves.clone();
    shelves.place(&Image { deleted_at: Some(now()), ..before.clone() });
    spawn_local(async move {
        match http::delete(&path_of(&before)).await {
            Ok(()) => {
                // Made here, outside of every view: the toast outlives the page that was deleted from.
                let undone = Arc::new(undone);
                let undo = Callback::new(move |()| {
                    let undone = undone.clone();
                    restore(&shelves, &before, move || undone());
                });
                toast::show("Moved to the trash. It stays there for 30 days.", Some(("Undo", undo)));
            }
            Err(failure) => {
                shelves.place(&before);
                toast::failure(&failure);
            }
        }
    });
}

/// Takes an image back out of the trash; `done` when the server has it back.
pub fn restore(shelves: &Shelves, image: &Image, done: impl FnOnce() + 'static) {
    let (shelves, before) = (shelves.clone(), image.clone());
    shelves.place(&Image { deleted_at: None, ..before.clone() });
    spawn_local(async move {
        match http::post_empty::<Image>(&format!("{}/restore", path_of(&before))).await {
            Ok(image) => {
                shelves.place(&image);
                toast::show("Back in the gallery", None);
                done();
            }
            Err(failure) => {
                shelves.place(&Image { deleted_at: before.deleted_at.or_else(|| Some(now())), ..before });
                toast::failure(&failure);
            }
        }
    });
}

/// Fetches an address that makes the browser save the original, and goes there; the page stays.
pub fn download(image: &Image, is_busy: RwSignal<bool>) {
    let path = format!("{}/download-url", path_of(image));
    is_busy.set(true);
    spawn_local(async move {
        let answer = http::get::<DownloadUrl>(&path).await;
        let _ = is_busy.try_set(false);
        match answer {
            Ok(download) => browser::leave_for(&download.url),
            Err(failure) => toast::failure(&failure),
        }
    });
}
