//! Uploads in parts that came to no end: s3s-fs keeps a file for each beside the bucket and cannot list them.
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::dto::{ListMultipartUploadsInput, ListMultipartUploadsOutput, MultipartUpload};
use s3s::{S3ErrorCode, S3Result, s3_error};

const PAGE_LIMIT: i32 = 1000;

/// s3s-fs denies access to an upload that is over.
pub(super) fn no_upload(error: s3s::S3Error) -> s3s::S3Error {
    let is_over = *error.code() == S3ErrorCode::AccessDenied;
    if is_over { s3_error!(NoSuchUpload, "The specified multipart upload does not exist.") } else { error }
}

/// In the order of keys, and of ids where several are of one key.
pub(super) fn list(folder: &Path, asked: ListMultipartUploadsInput) -> S3Result<ListMultipartUploadsOutput> {
    if asked.delimiter.is_some() || asked.encoding_type.is_some() {
        return Err(s3_error!(NotImplemented, "This store lists uploads as they are"));
    }
    let stem = format!(".bucket-{}.object-", URL_SAFE_NO_PAD.encode(&asked.bucket));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(s3s::S3Error::internal_error)?.flatten() {
        let name = entry.file_name();
        let Some((key, id)) = name.to_str().and_then(|name| read(name, &stem)) else { continue };
        let initiated = entry.metadata().and_then(|about| about.modified()).map_err(s3s::S3Error::internal_error)?;
        if key.starts_with(asked.prefix.as_deref().unwrap_or_default()) {
            found.push((key, id, initiated));
        }
    }
    found.sort();
    let after = (asked.key_marker.clone().unwrap_or_default(), asked.upload_id_marker.clone().unwrap_or_default());
    // Without an id the marker leaves out all of its key.
    found.retain(|(key, id, _)| *key > after.0 || (*key == after.0 && !after.1.is_empty() && *id > after.1));
    let limit = asked.max_uploads.unwrap_or(PAGE_LIMIT).clamp(1, PAGE_LIMIT);
    let is_truncated = found.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let last = found.last().filter(|_| is_truncated).cloned();
    Ok(ListMultipartUploadsOutput {
        bucket: Some(asked.bucket),
        prefix: asked.prefix,
        key_marker: asked.key_marker,
        upload_id_marker: asked.upload_id_marker,
        max_uploads: Some(limit),
        is_truncated: Some(is_truncated),
        next_key_marker: last.as_ref().map(|(key, ..)| key.clone()),
        next_upload_id_marker: last.map(|(_, id, _)| id),
        uploads: Some(
            found
                .into_iter()
                .map(|(key, id, initiated)| MultipartUpload {
                    key: Some(key),
                    upload_id: Some(id),
                    initiated: Some(initiated.into()),
                    ..MultipartUpload::default()
                })
                .collect(),
        ),
        ..ListMultipartUploadsOutput::default()
    })
}

/// Key and id, out of `{stem}{key in base64}.upload-{id}.metadata.json`.
fn read(name: &str, stem: &str) -> Option<(String, String)> {
    let (key, id) = name.strip_prefix(stem)?.strip_suffix(".metadata.json")?.split_once(".upload-")?;
    Some((String::from_utf8(URL_SAFE_NO_PAD.decode(key).ok()?).ok()?, id.to_owned()))
}
