//! Deletes a folder of the bucket: every version, every mark of a deletion, and uploads that came to no end, a page at a
//! time. What storage keeps is told, and tried again later.
use serde_json::{Value, json};
use uuid::Uuid;

use super::images;
use super::job_queries::{self as queries, Job};
use super::run::EraseError;
use crate::app::App;
use crate::images::objects::{BATCH_MAX, ObjectVersion};

/// Which objects of a folder go.
#[derive(Clone, Copy)]
pub enum Which {
    All,
    /// Of images and uploads that this person had when they asked.
    AskedFor(Uuid),
}

/// Everything below `folder`, with uploads that came to no end.
pub async fn delete_folder(app: &App, job: &Job, folder: &str) -> Result<(), EraseError> {
    delete(app, job, folder, Which::All).await?;
    app.store.abort_uploads(folder).await?;
    Ok(())
}

pub async fn delete(app: &App, job: &Job, folder: &str, which: Which) -> Result<(), EraseError> {
    let (mut cursor, mut kept_back) = (None, 0);
    loop {
        let page = app.store.list(folder, cursor.as_ref(), BATCH_MAX).await?;
        let going = match which {
            Which::All => page.objects,
            Which::AskedFor(person_id) => images::going(app, job, person_id, page.objects).await?,
        };
        let going: Vec<ObjectVersion> = going.into_iter().map(|listed| listed.object).collect();
        if !going.is_empty() {
            let kept = app.store.delete_each(&going).await?;
            kept_back += kept.len();
            let gone = going.iter().filter(|object| !kept.iter().any(|kept| kept.key == object.key));
            let counts = counts_of(gone.map(|object| object.key.as_str()));
            if !queries::count(app.db.house(), job, &json!({}), &counts).await? {
                return Err(EraseError::Lost);
            }
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None if kept_back > 0 => return Err(EraseError::NotDeleted(kept_back)),
            None => return Ok(()),
        }
    }
}

fn counts_of<'a>(keys: impl Iterator<Item = &'a str>) -> Value {
    let mut counts = serde_json::Map::new();
    for key in keys {
        let count = counts.get(kind_of(key)).and_then(Value::as_i64).unwrap_or(0);
        counts.insert(kind_of(key).to_owned(), json!(count + 1));
    }
    Value::Object(counts)
}

/// `users/{person}/images/{image}/{attempt}/thumbnail.webp` is a thumbnail.
fn kind_of(key: &str) -> &'static str {
    let mut parts = key.split('/').skip(2);
    match (parts.next(), key.rsplit('/').next().unwrap_or_default()) {
        (Some("images"), name) if name.starts_with("original") => "images",
        (Some("images"), _) => "thumbnails",
        (Some("previews"), _) => "previews",
        (Some("references"), _) => "references",
        (Some("archives"), _) => "archives",
        (Some("exports"), _) => "exports",
        (Some("picture"), _) => "pictures",
        _ => "others",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_counted_by_what_they_are() {
        let keys =
            ["users/a/images/b/1/original.png", "users/a/images/b/1/preview.webp", "users/a/images/b/1/thumbnail.webp"];
        let more = ["users/a/picture", "users/a/exports/e/1.zip", "users/a/whatever"];
        let counted = counts_of(keys.into_iter().chain(more));
        assert_eq!(counted, json!({"images": 1, "thumbnails": 2, "pictures": 1, "exports": 1, "others": 1}));
    }
}
