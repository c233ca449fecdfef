//! Puts one picture into storage: its original as it came, from the first moment on, and beside that its two thumbnails.
//! Thumbnails delay nothing, and a picture that is none leaves nothing.
use std::sync::Arc;

use actix_web::web::Bytes;
use lapidary_contract::FailureCode;
use uuid::Uuid;

use super::model_answer::ModelImage;
use super::scraps::Scraps;
use super::settle::StoredImage;
use crate::app::App;
use crate::images::credentials::has_content_credentials;
use crate::images::derive::{self, Derived, Look};
use crate::images::mark::DigitalSourceType;
use crate::images::store::StoreError;
use crate::metrics;
use crate::work::queue::Claimed;

/// Every attempt has keys of its own.
pub async fn keep(
    app: &App,
    job: &Claimed,
    scraps: &Scraps,
    position: usize,
    image: ModelImage,
) -> Result<StoredImage, FailureCode> {
    let ModelImage { bytes, revised_prompt, usage, call } = image;
    let unusable = |error: derive::NotAnImage| {
        tracing::warn!(generation_id = %job.id, request_id = job.request_id, %error,
            "the model's answer is no usable image");
        FailureCode::BadAnswer
    };
    let look = derive::look(&bytes).map_err(unusable)?;
    say_another_size(job, &look);
    let id = Uuid::now_v7();
    let object_prefix = format!("users/{}/images/{}/{}", job.person_id, id, job.attempt);
    let keys = [
        format!("{object_prefix}/original.{}", look.extension),
        format!("{object_prefix}/thumbnail.webp"),
        format!("{object_prefix}/preview.webp"),
    ];
    let [original_key, thumbnail_key, preview_key] = &keys;
    scraps.add(keys.clone());
    let stored = |put: Result<(), StoreError>| {
        put.map_err(|error| {
            tracing::error!(generation_id = %job.id, request_id = job.request_id, %error, "an image could not be stored");
            FailureCode::Storage
        })
    };
    let beside = async {
        let source = DigitalSourceType::of(job.has_references());
        let derived = derived(app, bytes.clone(), source).await?.map_err(unusable)?;
        let (thumbnail, preview) = tokio::join!(
            app.store.put(thumbnail_key, derived.thumbnail, "image/webp"),
            app.store.put(preview_key, derived.preview, "image/webp"),
        );
        stored(thumbnail).and(stored(preview)).map(|()| derived.thumbhash)
    };
    // To the end, both: an upload that is dropped halfway could still arrive after its key was deleted.
    let (original, beside) = tokio::join!(app.store.put(original_key, bytes.clone(), look.content_type), beside);
    let thumbhash = beside?;
    stored(original)?;
    scraps.keep(&keys);
    let size = bytes.len();
    metrics::image_stored(u64::try_from(size).unwrap_or(u64::MAX));
    Ok(StoredImage {
        id,
        position: i32::try_from(position).unwrap_or(i32::MAX),
        object_prefix,
        extension: look.extension,
        content_type: look.content_type,
        bytes: i64::try_from(size).map_err(|_| FailureCode::BadAnswer)?,
        width: look.width,
        height: look.height,
        thumbhash,
        has_content_credentials: has_content_credentials(&bytes),
        revised_prompt,
        usage,
        call,
    })
}

async fn derived(
    app: &App,
    bytes: Bytes,
    source: DigitalSourceType,
) -> Result<Result<Derived, derive::NotAnImage>, FailureCode> {
    let decoder = Arc::clone(&app.decoders).acquire_owned().await.map_err(|_| FailureCode::Internal)?;
    let decode = move || {
        // Nobody ends a decoding that began: its place is free when its memory is.
        let _decoder = decoder;
        derive::derive(&bytes, source)
    };
    tokio::task::spawn_blocking(decode).await.map_err(|_| FailureCode::Internal)
}

/// It is kept and costs what was agreed: the person has a picture, and its true size stands beside it.
fn say_another_size(job: &Claimed, look: &Look) {
    let asked = (u32::try_from(job.width).unwrap_or(0), u32::try_from(job.height).unwrap_or(0));
    if (look.width, look.height) != asked {
        tracing::warn!(generation_id = %job.id, request_id = job.request_id, model = job.model,
            asked = format!("{}x{}", job.width, job.height), got = format!("{}x{}", look.width, look.height),
            "the picture has another size than asked for");
    }
}
