//! Erases every image and upload of somebody who stays: out of sight first, then the objects, then the rows. What was made
//! after it was asked for stays, and so does what is being made.
use std::collections::HashSet;

use serde_json::json;
use uuid::Uuid;

use super::job_queries::{self as jobs, Job};
use super::objects::Which;
use super::run::EraseError;
use super::{images_queries as queries, objects, person_queries, work_queries};
use crate::app::App;
use crate::images::objects::Listed;
use crate::images::place::Place;
use crate::images::sweep_queries;

const PIECE: i64 = 500;

pub async fn hide(app: &App, job: &Job, person_id: Uuid) -> Result<(), EraseError> {
    let mut tx = app.db.begin_house().await?;
    work_queries::end_archives(&mut tx, person_id, app.clock.now()).await?;
    tx.commit().await?;
    while queries::hide(app.db.house(), person_id, job.asked_at, PIECE).await? > 0 {}
    app.live.nudge(person_id);
    Ok(())
}

pub async fn delete_objects(app: &App, job: &Job, person_id: Uuid) -> Result<(), EraseError> {
    for folder in ["images", "references", "previews"] {
        let folder = format!("users/{person_id}/{folder}/");
        objects::delete(app, job, &folder, Which::AskedFor(person_id)).await?;
    }
    for folder in ["archives", "exports"] {
        objects::delete_folder(app, job, &format!("users/{person_id}/{folder}/")).await?;
    }
    Ok(())
}

/// What of a page belongs to rows that go, and what storage keeps of what was deleted or written over before: nobody's.
pub async fn going(app: &App, job: &Job, person_id: Uuid, page: Vec<Listed>) -> Result<Vec<Listed>, EraseError> {
    let house = app.db.house();
    let prefixes: HashSet<String> = page.iter().filter_map(|listed| prefix_of(&listed.object.key)).collect();
    let prefixes: Vec<String> = prefixes.into_iter().collect();
    let going = queries::going(house, person_id, job.asked_at, &prefixes).await?;
    let going: HashSet<String> = going.into_iter().collect();
    let mut known: HashSet<String> = sweep_queries::known_prefixes(house, &prefixes).await?.into_iter().collect();
    known.extend(sweep_queries::known_references(house, &prefixes).await?);
    let goes = |listed: &Listed| match prefix_of(&listed.object.key) {
        Some(prefix) => going.contains(&prefix) || (!listed.is_current && !known.contains(&prefix)),
        None => !listed.is_current,
    };
    Ok(page.into_iter().filter(goes).collect())
}

fn prefix_of(key: &str) -> Option<String> {
    match Place::of(key) {
        Place::Image { prefix, .. } | Place::Reference { prefix, .. } => Some(prefix),
        _ => None,
    }
}

pub async fn delete_rows(app: &App, job: &Job, person_id: Uuid) -> Result<(), EraseError> {
    loop {
        let mut tx = app.db.begin_house().await?;
        let images = person_queries::erase_images(&mut tx, person_id, job.asked_at, PIECE).await?;
        let (mut uploads, mut archives) = (0, 0);
        if images == 0 {
            (uploads, archives) = queries::erase_uploads_and_archives(&mut tx, person_id, job.asked_at).await?;
        }
        let counts = json!({ "images": images, "reference_images": uploads, "image_archives": archives });
        if !jobs::count(&mut *tx, job, &counts, &json!({})).await? {
            return Err(EraseError::Lost);
        }
        tx.commit().await?;
        if images == 0 {
            app.live.nudge(person_id);
            return Ok(());
        }
    }
}
