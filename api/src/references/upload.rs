//! From a request's body to an upload that its person can use. The same file again is the same upload.
use lapidary_contract::Reference;
use lapidary_contract::domain::limits::REFERENCES_KEPT_MAX;
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
}

pub async fn keep(app: &App, user: &CurrentUser, upload: Upload, is_mask: bool) -> ApiResult<Uploaded> {
    let (upload, fingerprint) = upload.fingerprint().await?;
    let mut tx = app.db.begin_as(user.actor()).await?;
    let known = queries::of_file(&mut tx, user.person_id, &fingerprint, is_mask).await?;
    let kept = queries::count(&mut tx, user.person_id).await?;
    tx.commit().await?;
    if let Some(row) = known {
        return Ok(Uploaded { reference: row.shown(&app.store).await?, is_new: false });
    }
    if kept >= REFERENCES_KEPT_MAX {
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
        fingerprint: &fingerprint,
        now: app.clock.now(),
    };
    let mut tx = app.db.begin_as(user.actor()).await?;
    let added = queries::add(&mut tx, id, &new).await?;
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
    Ok(Uploaded { reference, is_new: added.is_some() })
}

/// About the body as a whole.
fn wrong(code: ViolationCode) -> ApiError {
    vec![Violation::new("", code)].into()
}
