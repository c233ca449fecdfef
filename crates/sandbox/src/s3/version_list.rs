//! ListObjectVersions, a page at a time: versions and marks of deletions together, by key, the newest first.
use s3s::dto::*;
use s3s::{S3Result, s3_error};

use super::versions::{Found, Kind, known};

const PAGE_LIMIT: i32 = 1000;

/// `found` is in order and begins with the prefix that was asked for.
pub(super) fn page(found: Vec<Found>, asked: ListObjectVersionsInput) -> S3Result<ListObjectVersionsOutput> {
    let limit = asked.max_keys.unwrap_or(PAGE_LIMIT).clamp(0, PAGE_LIMIT);
    let room = usize::try_from(limit).unwrap_or(0);
    let after = After::of(&asked)?;
    let (mut versions, mut markers) = (Vec::new(), Vec::new());
    let mut folders: Vec<String> = Vec::new();
    let (mut last, mut is_truncated) = (None, false);
    for one in found {
        let folder = folder_of(&one.key, &asked);
        let is_told = folder.is_some() && folders.last() == folder.as_ref();
        if is_told || !after.has(folder.as_deref().unwrap_or(&one.key), &one, folder.is_some()) {
            continue;
        }
        if versions.len() + markers.len() + folders.len() == room {
            is_truncated = room > 0;
            break;
        }
        last = Some(match &folder {
            Some(folder) => (folder.clone(), None),
            None => (one.key.clone(), Some(one.version.id.clone())),
        });
        match folder {
            Some(folder) => folders.push(folder),
            None if one.version.kind == Kind::Marker => markers.push(marker(one)),
            None => versions.push(version(one)),
        }
    }
    let (next_key_marker, next_version_id_marker) = last.filter(|_| is_truncated).unzip();
    let common_prefixes = folders.into_iter().map(|folder| CommonPrefix { prefix: Some(folder) }).collect();
    Ok(ListObjectVersionsOutput {
        versions: Some(versions),
        delete_markers: Some(markers),
        common_prefixes: Some(common_prefixes),
        delimiter: asked.delimiter,
        is_truncated: Some(is_truncated),
        key_marker: asked.key_marker,
        max_keys: Some(limit),
        name: Some(asked.bucket),
        next_key_marker,
        next_version_id_marker: next_version_id_marker.flatten(),
        prefix: asked.prefix,
        version_id_marker: asked.version_id_marker,
        ..ListObjectVersionsOutput::default()
    })
}

/// Where the page before ended.
struct After {
    key: String,
    time: Option<u64>,
}

impl After {
    fn of(asked: &ListObjectVersionsInput) -> S3Result<Self> {
        let key = asked.key_marker.clone().unwrap_or_default();
        let id = asked.version_id_marker.as_deref().filter(|id| !id.is_empty());
        if id.is_some() && key.is_empty() {
            return Err(s3_error!(InvalidArgument, "A version-id marker cannot be specified without a key marker."));
        }
        Ok(Self { key, time: id.map(known).transpose()? })
    }

    fn has(&self, name: &str, one: &Found, is_folder: bool) -> bool {
        let is_older = || !is_folder && self.time.is_some_and(|time| one.version.time < time);
        name > self.key.as_str() || (name == self.key && is_older())
    }
}

/// What keys behind the prefix have in common up to the delimiter.
fn folder_of(key: &str, asked: &ListObjectVersionsInput) -> Option<String> {
    let delimiter = asked.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty())?;
    let prefix = asked.prefix.as_deref().unwrap_or_default();
    let (folder, _) = key.strip_prefix(prefix)?.split_once(delimiter)?;
    Some(format!("{prefix}{folder}{delimiter}"))
}

fn marker(one: Found) -> DeleteMarkerEntry {
    DeleteMarkerEntry {
        key: Some(one.key),
        version_id: Some(one.version.id),
        is_latest: Some(one.is_latest),
        last_modified: Some(one.modified.into()),
        ..DeleteMarkerEntry::default()
    }
}

fn version(one: Found) -> ObjectVersion {
    ObjectVersion {
        key: Some(one.key),
        version_id: Some(one.version.id),
        is_latest: Some(one.is_latest),
        last_modified: Some(one.modified.into()),
        size: i64::try_from(one.size).ok(),
        storage_class: Some(ObjectVersionStorageClass::from_static(ObjectVersionStorageClass::STANDARD)),
        ..ObjectVersion::default()
    }
}
