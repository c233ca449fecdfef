//! Requests to a bucket that keeps versions: what is written is put aside first, and what is deleted is marked.
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use uuid::Uuid;

use super::staged::{self, Staged};
use super::uploads::no_upload;
use super::vault::{Vault, aes256};
use super::versions::{NULL, known};

/// What became of a deletion.
pub(super) struct Removed {
    /// Of the mark that was left, or the one that was asked for.
    pub(super) version: Option<String>,
    pub(super) is_marker: Option<bool>,
}

impl Vault {
    /// The id of what is read, in a bucket that keeps versions; refuses all but the current version.
    pub(super) fn readable(&self, bucket: &str, key: &str, asked: Option<&str>) -> S3Result<Option<String>> {
        if !self.versions.is_on(bucket) {
            only_version(asked)?;
            self.present(bucket, key)?;
            return Ok(None);
        }
        asked.map(known).transpose()?;
        self.object(bucket, key)?;
        let current = self.versions.current(bucket, key)?;
        match asked {
            Some(id) if current.as_deref() != Some(id) => {
                Err(s3_error!(NotImplemented, "This store reads current versions only"))
            }
            _ if current.is_none() => Err(s3_error!(NoSuchKey, "The specified key does not exist.")),
            _ => Ok(current),
        }
    }

    /// What is written goes aside; gives where, and the names that were asked for.
    fn put_aside(&self, bucket: &mut BucketName, key: &mut ObjectKey) -> (Staged, BucketName, ObjectKey) {
        let staged = Staged::new(&self.folder);
        let bucket = std::mem::replace(bucket, staged::BUCKET.to_owned());
        let key = std::mem::replace(key, staged.key.clone());
        (staged, bucket, key)
    }

    pub(super) async fn put_version(
        &self,
        mut req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let must_be_new = must_be_new(req.input.if_match.take(), req.input.if_none_match.take());
        let (staged, bucket, key) = self.put_aside(&mut req.input.bucket, &mut req.input.key);
        // An answer on top of unread bytes may be lost in a connection reset: judged when they are read.
        let mut response = self.files.put_object(req).await?;
        response.output.version_id = Some(self.versions.put(&bucket, &key, &staged, must_be_new?)?);
        response.output.server_side_encryption = aes256();
        Ok(response)
    }

    pub(super) async fn copy_version(
        &self,
        mut req: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        if let CopySource::Bucket { version_id: Some(_), .. } = &req.input.copy_source {
            return Err(s3_error!(NotImplemented, "This store copies current versions only"));
        }
        let (staged, bucket, key) = self.put_aside(&mut req.input.bucket, &mut req.input.key);
        let mut response = self.files.copy_object(req).await?;
        response.output.version_id = Some(self.versions.put(&bucket, &key, &staged, false)?);
        response.output.server_side_encryption = aes256();
        Ok(response)
    }

    pub(super) async fn complete_version(
        &self,
        mut req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let must_be_new = must_be_new(req.input.if_match.take(), req.input.if_none_match.take())?;
        if must_be_new && self.object(&req.input.bucket, &req.input.key)?.is_file() {
            return Err(s3_error!(PreconditionFailed, "Object already exists"));
        }
        let upload = Uuid::parse_str(&req.input.upload_id)
            .map_err(|_| s3_error!(NoSuchUpload, "The specified multipart upload does not exist."))?
            .to_string();
        let (staged, bucket, key) = self.put_aside(&mut req.input.bucket, &mut req.input.key);
        let headers = staged::upload_headers(&self.folder, &bucket, &key, &upload);
        // Absent where there is no such upload, which s3s-fs says.
        let _ = std::fs::hard_link(&headers, staged.upload_headers(&upload));
        let completed = self.files.complete_multipart_upload(req).await.map_err(no_upload);
        let _ = std::fs::remove_file(staged.upload_headers(&upload));
        if !self.folder.join(format!(".upload-{upload}.json")).exists() {
            let _ = std::fs::remove_file(headers);
        }
        let mut response = completed?;
        response.output.version_id = Some(self.versions.put(&bucket, &key, &staged, must_be_new)?);
        response.output.server_side_encryption = aes256();
        // The body comes from here.
        if let Some(told) = response.output.future.take() {
            response.output.future = Some(Box::pin(async move {
                Ok(CompleteMultipartUploadOutput { bucket: Some(bucket), key: Some(key), ..told.await? })
            }));
        }
        Ok(response)
    }

    pub(super) fn remove_version(&self, bucket: &str, key: &str, asked: Option<&str>) -> S3Result<Removed> {
        self.object(bucket, key)?;
        let Some(id) = asked else {
            return Ok(Removed { version: Some(self.versions.mark(bucket, key)?), is_marker: Some(true) });
        };
        let is_marker = self.versions.remove(bucket, key, id)?;
        Ok(Removed { version: Some(id.to_owned()), is_marker: is_marker.then_some(true) })
    }

    pub(super) fn turn_versions_on(&self, asked: &PutBucketVersioningInput) -> S3Result<()> {
        self.bucket(&asked.bucket)?;
        let configuration = &asked.versioning_configuration;
        let is_enabled =
            configuration.status.as_ref().is_some_and(|status| status.as_str() == BucketVersioningStatus::ENABLED);
        if !is_enabled || configuration.mfa_delete.is_some() {
            return Err(s3_error!(NotImplemented, "This store only turns versions on"));
        }
        self.versions.turn_on(&asked.bucket)
    }
}

pub(super) fn only_version(version: Option<&str>) -> S3Result<()> {
    if version.is_none_or(|version| version == NULL) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "Invalid version id specified"))
}

fn must_be_new(if_match: Option<ETagCondition>, if_none_match: Option<ETagCondition>) -> S3Result<bool> {
    match (if_match, if_none_match) {
        (None, None) => Ok(false),
        (None, Some(ETagCondition::Any)) => Ok(true),
        _ => Err(s3_error!(NotImplemented, "Of conditions, a bucket with versions knows If-None-Match: *")),
    }
}
