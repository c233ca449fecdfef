//! Deletes a folder of the bucket: every version, every mark of a deletion, and uploads that came to no end, a page at a
//! time. What storage keeps is told, and tried again later.
use serde_json::{Value, json};
use uuid::Uuid;

use super::images;
use super::job_queries::{self as queries, Job};
use super::run::EraseError;
use crate::app::App;
use crate::images::objects::{BATCH_MAX, Kept, Listed, ObjectVersion};

/// Which objects of a folder go.
#[derive(Clone, Copy)]
pub enum Which {
    All,
    /// Of images and uploads that this person had when they asked, and what storage keeps of those deleted before.
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
        let mut page = app.store.list(folder, cursor.as_ref(), BATCH_MAX).await?;
        // Where a page begins within a key, its newest versions went with the page before.
        let begins_with = cursor.as_ref().map(|last| last.key.as_str());
        page.objects.iter_mut().for_each(|it| it.is_current &= begins_with != Some(it.object.key.as_str()));
        let going = match which {
            Which::All => page.objects,
            Which::AskedFor(person_id) => images::going(app, job, person_id, page.objects).await?,
        };
        if !going.is_empty() {
            let objects: Vec<ObjectVersion> = going.iter().map(|listed| listed.object.clone()).collect();
            let kept = app.store.delete_each(&objects).await?;
            kept_back += kept.len();
            let counts = counts_of(&going, &kept);
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

/// What somebody had, however many older versions of it there were.
fn counts_of(going: &[Listed], kept: &[Kept]) -> Value {
    let mut counts = serde_json::Map::new();
    let gone = going.iter().filter(|it| it.is_current && !kept.iter().any(|kept| kept.is(&it.object)));
    for Listed { object, .. } in gone {
        let count = counts.get(kind_of(&object.key)).and_then(Value::as_i64).unwrap_or(0);
        counts.insert(kind_of(&object.key).to_owned(), json!(count + 1));
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
    use chrono::DateTime;

    use super::*;

    fn listed(key: &str, version: &str, is_current: bool) -> Listed {
        let object = ObjectVersion { key: key.to_owned(), version: Some(version.to_owned()) };
        Listed { object, modified_at: DateTime::UNIX_EPOCH, is_current }
    }

    #[test]
    fn objects_are_counted_by_what_they_are() {
        let keys = [
            "users/a/images/b/1/original.png",
            "users/a/images/b/1/preview.webp",
            "users/a/images/b/1/thumbnail.webp",
            "users/a/picture",
            "users/a/exports/e/1.zip",
            "users/a/whatever",
        ];
        let counted = counts_of(&keys.map(|key| listed(key, "null", true)), &[]);
        assert_eq!(counted, json!({"images": 1, "thumbnails": 2, "pictures": 1, "exports": 1, "others": 1}));
    }

    #[test]
    fn a_picture_in_several_versions_is_one_and_what_was_deleted_before_is_none() {
        let (one, other) = ("users/a/images/b/1/original.png", "users/a/images/c/1/original.png");
        let going = [listed(one, "3", true), listed(one, "2", false), listed(other, "5", false)];
        assert_eq!(counts_of(&going, &[]), json!({"images": 1}));
        let kept = |version| Kept { object: listed(one, version, true).object, code: "AccessDenied".into() };
        assert_eq!(counts_of(&going, &[kept("2")]), json!({"images": 1}), "an older version of it stayed");
        assert_eq!(counts_of(&going, &[kept("3")]), json!({}));
    }
}
