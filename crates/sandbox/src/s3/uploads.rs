//! Uploads that came to no end: s3s-fs keeps them and lists none. What it keeps of one, beside its parts, is a file with its
//! headers, named after bucket, key and upload.
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::dto::{ListMultipartUploadsInput, ListMultipartUploadsOutput, MultipartUpload};
use s3s::{S3Error, S3Result};

const LIMIT: usize = 1_000;

/// In the order of keys and uploads, behind the markers.
pub(super) fn list(folder: &Path, asked: ListMultipartUploadsInput) -> S3Result<ListMultipartUploadsOutput> {
    let start = format!(".bucket-{}.object-", URL_SAFE_NO_PAD.encode(&asked.bucket));
    let mut open: Vec<(String, String)> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(S3Error::internal_error)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((key, id)) = name.strip_prefix(&start).and_then(upload_of) else { continue };
        if folder.join(format!(".upload-{id}.json")).is_file() {
            open.push((key, id));
        }
    }
    open.sort();
    let prefix = asked.prefix.clone().unwrap_or_default();
    let after = (asked.key_marker.clone().unwrap_or_default(), asked.upload_id_marker.clone().unwrap_or_default());
    let mut behind = open.into_iter().filter(|one| one.0.starts_with(&prefix) && *one > after);
    let limit = usize::try_from(asked.max_uploads.unwrap_or(1_000)).unwrap_or(LIMIT).clamp(1, LIMIT);
    let page: Vec<(String, String)> = behind.by_ref().take(limit).collect();
    let is_truncated = behind.next().is_some();
    let last = page.last().filter(|_| is_truncated).cloned();
    let uploads = page.into_iter().map(|(key, id)| MultipartUpload {
        key: Some(key),
        upload_id: Some(id),
        ..MultipartUpload::default()
    });
    Ok(ListMultipartUploadsOutput {
        uploads: Some(uploads.collect()),
        bucket: Some(asked.bucket),
        prefix: asked.prefix,
        key_marker: asked.key_marker,
        upload_id_marker: asked.upload_id_marker,
        is_truncated: Some(is_truncated),
        next_key_marker: last.as_ref().map(|last| last.0.clone()),
        next_upload_id_marker: last.map(|last| last.1),
        max_uploads: i32::try_from(limit).ok(),
        ..ListMultipartUploadsOutput::default()
    })
}

/// Key and upload of what follows in a file's name.
fn upload_of(rest: &str) -> Option<(String, String)> {
    let (key, id) = rest.strip_suffix(".metadata.json")?.split_once(".upload-")?;
    let key = URL_SAFE_NO_PAD.decode(key).ok()?;
    Some((String::from_utf8(key).ok()?, id.to_owned()))
}
