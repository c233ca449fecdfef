//! From a request's body to an upload that its person can use. The same file again is the same upload.
use lapidary_contract::Reference;
use lapidary_contract::domain::limits::{MASKS_KEPT_MAX, PASSING_KEPT_MAX, REFERENCES_KEPT_MAX};
use lapidary_contract::domain::{Violation, ViolationCode};
use uuid::Uuid;

use super::clean::Unclean;
use super::queries::{self, New};
use super::receive::Upload;
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::{ApiError, ApiResult};
use crate::images::queries::Objects;

pub struct Uploaded {
    pub reference: Reference,
    pub is_new: bool,
    /// SHA-256 of the file as it came.
    pub fingerprint: Vec<u8>,
}

/// What becomes of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// Until its person deletes it.
    Kept,
    Mask,
    /// Came along with one request: it stands in no list, and goes when enough newer ones came.
    Passing,
}

pub async fn keep(app: &App, user: &CurrentUser, upload: Upload, stay: Stay) -> ApiResult<Uploaded> {
    let is_mask = stay == Stay::Mask;
    let (upload, fingerprint) = upload.fingerprint().await?;
    let mut tx = app.db.begin_as(user.actor()).await?;
    let is_kept_now = stay == Stay::Kept && queries::keep_for_good(&mut tx, user.person_id, &fingerprint).await?;
    let known = queries::of_file(&mut tx, user.person_id, &fingerprint, is_mask).await?;
    let kept = queries::count(&mut tx, user.person_id).await?;
    if is_kept_now && kept > REFERENCES_KEPT_MAX {
        return Err(wrong(ViolationCode::TooMany));
    }
    if let Some(row) = known.as_ref().filter(|_| stay != Stay::Kept) {
        queries::use_again(&mut tx, user.person_id, row.id, app.clock.now()).await?;
    }
    tx.commit().await?;
    if let Some(row) = known {
        return Ok(Uploaded { reference: row.shown(&app.store).await?, is_new: false, fingerprint });
    }
    if stay == Stay::Kept && kept >= REFERENCES_KEPT_MAX {
        return Err(wrong(ViolationCode::TooMany));
    }
    let (clean, _place) = upload.clean(app, is_mask).await?;
    let clean = clean.map_err(|unclean| match unclean {
        Unclean::UnknownType => ApiError::UnsupportedPicture,
        Unclean::Wrong(code) => wrong(code),
    })?;
    let id = Uuid::now_v7();
    // Keys of its own each time: what is deleted beside this can never be this.
    let object_prefix = format!("users/{}/references/{id}", user.person_id);
    let objects = Objects::at(object_prefix.clone(), clean.extension.to_owned());
    let (original, thumbnail) = (objects.original(), objects.thumbnail());
    let (stored, beside) = tokio::join!(
        app.store.put(&original, clean.bytes.clone(), clean.content_type),
        app.store.put(&thumbnail, clean.thumbnail.clone(), "image/webp"),
    );
    stored.and(beside)?;
    let new = New {
        person_id: user.person_id,
        object_prefix: &object_prefix,
        clean: &clean,
        is_mask,
        is_passing: stay == Stay::Passing,
        fingerprint: &fingerprint,
        now: app.clock.now(),
    };
    let mut tx = app.db.begin_as(user.actor()).await?;
    let added = queries::add(&mut tx, id, &new).await?;
    let forgotten_beyond = match stay {
        Stay::Kept => None,
        Stay::Mask => Some(MASKS_KEPT_MAX),
        Stay::Passing => Some(PASSING_KEPT_MAX),
    };
    if let Some(kept) = forgotten_beyond {
        queries::forget_older(&mut tx, user.person_id, is_mask, kept, new.now).await?;
    }
    let row = match added {
        Some(id) => Some(queries::get(&mut tx, user.person_id, id).await?),
        None => queries::of_file(&mut tx, user.person_id, &fingerprint, is_mask).await?,
    };
    tx.commit().await?;
    if added.is_none() {
        // The same file came twice at once; what the sweep of orphans finds otherwise.
        drop(app.store.delete_many(&[original, thumbnail]).await);
    }
    let reference = row.ok_or(ApiError::NotFound)?.shown(&app.store).await?;
    Ok(Uploaded { reference, is_new: added.is_some(), fingerprint })
}

/// About the body as a whole.
fn wrong(code: ViolationCode) -> ApiError {
    vec![Violation::new("", code)].into()
}
