//! Objects in bulk: pages of what lies in the bucket, every version of it, and deletion in batches that says what stayed.
//! Judges nothing: what may go is decided by `orphans` and `trash`.
use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use chrono::{DateTime, Utc};

use super::store::{ImageStore, StoreError, refused};

/// Keys of one batch or page, the protocol's limit.
pub const BATCH_MAX: usize = 1_000;
/// The storage's troubles of the moment; every other refusal is final.
const FOR_A_MOMENT: [&str; 3] = ["SlowDown", "InternalError", "ServiceUnavailable"];
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// One version of an object; without versions there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectVersion {
    pub key: String,
    pub version: Option<String>,
}

impl From<&str> for ObjectVersion {
    fn from(key: &str) -> Self {
        Self { key: key.to_owned(), version: None }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub object: ObjectVersion,
    pub modified_at: DateTime<Utc>,
    /// What a reader gets: neither an older version nor the mark of a deletion.
    pub is_current: bool,
}

#[derive(Debug)]
pub struct Page {
    pub objects: Vec<Listed>,
    /// Where the next page begins; none: this was the last.
    pub next: Option<ObjectVersion>,
}

/// An object that was not deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub object: ObjectVersion,
    pub code: String,
}

impl Kept {
    /// Several compatible servers do not say which version it is about: then it may be any.
    pub fn is(&self, object: &ObjectVersion) -> bool {
        let Self { object: ObjectVersion { key, version }, .. } = self;
        *key == object.key && (version.is_none() || object.version.is_none() || *version == object.version)
    }
}

impl ImageStore {
    /// Deletes all of them; one that is not there counts as deleted.
    pub async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        let objects: Vec<ObjectVersion> = keys.iter().map(|key| key.as_str().into()).collect();
        let kept = self.delete_each(&objects).await?;
        match kept.first() {
            None => Ok(()),
            Some(first) => Err(StoreError::NotDeleted { count: kept.len(), code: first.code.clone() }),
        }
    }

    /// As [`ImageStore::delete_many`], and says which stayed: one that cannot be deleted does not keep the others.
    pub async fn delete_each(&self, objects: &[ObjectVersion]) -> Result<Vec<Kept>, StoreError> {
        let mut stayed = Vec::new();
        for batch in objects.chunks(BATCH_MAX) {
            let (again, kept): (Vec<Kept>, Vec<Kept>) = self
                .delete_batch(batch)
                .await?
                .into_iter()
                .partition(|kept| FOR_A_MOMENT.contains(&kept.code.as_str()));
            stayed.extend(kept);
            if again.is_empty() {
                continue;
            }
            tokio::time::sleep(AGAIN_AFTER).await;
            let again: Vec<ObjectVersion> =
                batch.iter().filter(|object| again.iter().any(|kept| kept.is(object))).cloned().collect();
            stayed.extend(self.delete_batch(&again).await?);
        }
        for _ in &stayed {
            crate::metrics::storage_failed("delete");
        }
        Ok(stayed)
    }

    async fn delete_batch(&self, batch: &[ObjectVersion]) -> Result<Vec<Kept>, StoreError> {
        let act = "delete objects";
        let identifiers: Result<Vec<_>, _> = batch
            .iter()
            .map(|object| ObjectIdentifier::builder().key(&object.key).set_version_id(object.version.clone()).build())
            .collect();
        let delete = identifiers.and_then(|ids| Delete::builder().set_objects(Some(ids)).quiet(true).build());
        let delete = delete.map_err(refused(act))?;
        let send = || self.client.delete_objects().bucket(&self.bucket).delete(delete.clone()).send();
        let answer = self.asked("delete", act, send).await?;
        // The answer is 200 even when single keys failed.
        let kept = answer.errors().iter().map(|error| Kept {
            object: ObjectVersion {
                key: error.key().unwrap_or_default().to_owned(),
                version: error.version_id().filter(|id| !id.is_empty()).map(str::to_owned),
            },
            code: error.code().unwrap_or("an unnamed error").to_owned(),
        });
        Ok(kept.collect())
    }

    /// A page of everything below `prefix`, in the order of keys, after `last`.
    pub async fn list(&self, prefix: &str, last: Option<&ObjectVersion>, limit: usize) -> Result<Page, StoreError> {
        let limit = i32::try_from(limit.min(BATCH_MAX)).unwrap_or(1);
        let (key, version) = (last.map(|last| last.key.clone()), last.and_then(|last| last.version.clone()));
        let send = || {
            let list = self.client.list_object_versions().bucket(&self.bucket).prefix(prefix).max_keys(limit);
            list.set_key_marker(key.clone()).set_version_id_marker(version.clone()).send()
        };
        let answer = match send().await {
            // Several compatible servers keep no versions and know no list of them.
            Err(error) if matches!(error.code(), Some("NotImplemented" | "MethodNotAllowed")) => {
                return self.list_plain(prefix, key, limit).await;
            }
            Err(error) if self.may_ask_again(&error) => send().await,
            answer => answer,
        };
        let answer = answer.map_err(|error| failed("list", "list objects", error))?;
        let versions = answer.versions().iter().filter_map(|object| {
            listed(object.key(), object.version_id(), object.last_modified(), object.is_latest().unwrap_or(true))
        });
        let marks = answer
            .delete_markers()
            .iter()
            .filter_map(|mark| listed(mark.key(), mark.version_id(), mark.last_modified(), false));
        let is_truncated = answer.is_truncated().unwrap_or(false);
        if is_truncated && answer.next_key_marker().is_none() {
            return Err(StoreError::Endless);
        }
        let next = answer.next_key_marker().filter(|_| is_truncated);
        let next = next.map(|key| ObjectVersion {
            key: key.to_owned(),
            version: answer.next_version_id_marker().map(str::to_owned),
        });
        Ok(Page { objects: versions.chain(marks).collect(), next })
    }

    async fn list_plain(&self, prefix: &str, last: Option<String>, limit: i32) -> Result<Page, StoreError> {
        let send = || {
            let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).max_keys(limit);
            list.set_start_after(last.clone()).send()
        };
        let answer = self.asked("list", "list objects", send).await?;
        let objects: Vec<Listed> = answer
            .contents()
            .iter()
            .filter_map(|object| listed(object.key(), None, object.last_modified(), true))
            .collect();
        let is_truncated = answer.is_truncated().unwrap_or(false);
        let next = objects.last().map(|last| last.object.clone()).filter(|_| is_truncated);
        if is_truncated && next.is_none() {
            return Err(StoreError::Endless);
        }
        Ok(Page { next, objects })
    }
}

fn failed<E: std::error::Error>(act: &'static str, what: &'static str, error: E) -> StoreError {
    crate::metrics::storage_failed(act);
    refused(what)(error)
}

/// One without a key or a date is none that we could judge.
fn listed(
    key: Option<&str>,
    version: Option<&str>,
    modified_at: Option<&primitives::DateTime>,
    is_current: bool,
) -> Option<Listed> {
    Some(Listed {
        object: ObjectVersion { key: key?.to_owned(), version: version.map(str::to_owned) },
        modified_at: DateTime::from_timestamp(modified_at?.secs(), 0)?,
        is_current,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_version_that_stayed_is_not_another_of_its_key_unless_storage_does_not_say_which() {
        let object = |version: Option<&str>| ObjectVersion { key: "a".into(), version: version.map(str::to_owned) };
        let kept = |version| Kept { object: object(version), code: "SlowDown".into() };
        assert!(kept(Some("1")).is(&object(Some("1"))) && !kept(Some("1")).is(&object(Some("2"))));
        assert!(kept(None).is(&object(Some("2"))) && kept(Some("null")).is(&object(None)));
        assert!(!kept(None).is(&"b".into()));
    }
}
