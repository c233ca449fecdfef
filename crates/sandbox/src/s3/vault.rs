//! The bucket's contents: files, by way of s3s-fs, with what the vendor does and s3s-fs does not.
//! Stricter than the vendor: it takes no object without the encryption header.
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use s3s::dto::*;
use s3s::{S3, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::sync::Mutex;

use super::uploads::no_upload;
use super::versioned::{Removed, only_version};
use super::versions::Versions;
use super::{listing, staged, uploads, version_list};
use crate::faults::Faults;

const BATCH_LIMIT: usize = 1000;
/// s3s-fs keeps an object's headers in a file named after the key in base64; file names end at 255 bytes.
const KEY_LIMIT: usize = 150;

pub(super) struct Vault {
    pub(super) folder: PathBuf,
    pub(super) files: FileSystem,
    pub(super) versions: Versions,
    faults: Faults,
    /// "Only if it does not exist" is looked up and then written: one at a time, or two would win.
    conditional: Mutex<()>,
}

impl Vault {
    pub(super) fn open(folder: &Path, faults: Faults) -> Result<Self, s3s_fs::Error> {
        let (files, versions) = (FileSystem::new(folder)?, Versions::open(folder)?);
        Ok(Self { folder: folder.to_owned(), files, versions, faults, conditional: Mutex::new(()) })
    }

    pub(super) fn bucket(&self, name: &str) -> S3Result<PathBuf> {
        let path = self.folder.join(name);
        if path.is_dir() { Ok(path) } else { Err(s3_error!(NoSuchBucket, "The specified bucket does not exist")) }
    }

    /// Where the object lies. Keys that two spellings of one path could share are refused.
    pub(super) fn object(&self, bucket: &str, key: &str) -> S3Result<PathBuf> {
        let path = self.bucket(bucket)?;
        if key.len() > KEY_LIMIT {
            return Err(s3_error!(KeyTooLongError, "This store keeps keys of up to {KEY_LIMIT} bytes"));
        }
        if key.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(s3_error!(InvalidArgument, "This store keeps no keys with empty or dotted parts"));
        }
        Ok(path.join(key))
    }

    pub(super) fn present(&self, bucket: &str, key: &str) -> S3Result<()> {
        if self.object(bucket, key)?.is_file() {
            return Ok(());
        }
        Err(s3_error!(NoSuchKey, "The specified key does not exist."))
    }

    /// Removes the object and the files that hold its headers. Absent is as good as removed.
    async fn remove(&self, bucket: &str, key: &str, version: Option<&str>) -> S3Result<Removed> {
        if self.versions.is_on(bucket) {
            return self.remove_version(bucket, key, version);
        }
        only_version(version)?;
        let object = self.object(bucket, key)?;
        if object.is_file() {
            tokio::fs::remove_file(&object).await.map_err(s3s::S3Error::internal_error)?;
        }
        for path in staged::headers(&self.folder, bucket, key) {
            let _ = tokio::fs::remove_file(path).await;
        }
        Ok(Removed { version: version.map(str::to_owned), is_marker: None })
    }
}

pub(super) fn aes256() -> Option<ServerSideEncryption> {
    Some(ServerSideEncryption::from_static(ServerSideEncryption::AES256))
}

fn encrypted(asked: Option<&ServerSideEncryption>) -> S3Result<()> {
    if asked.is_some_and(|asked| asked.as_str() == ServerSideEncryption::AES256) {
        return Ok(());
    }
    Err(s3_error!(InvalidRequest, "This bucket demands the header x-amz-server-side-encryption: AES256"))
}

fn content_type(kept: Option<String>) -> Option<String> {
    kept.or_else(|| Some("binary/octet-stream".to_owned()))
}

/// An error only in s3s's eyes; the edge takes the error body off it.
fn not_modified(tag: Option<&ETag>, cache_control: Option<&str>) -> s3s::S3Error {
    let mut headers = hyper::HeaderMap::new();
    if let Some(value) = tag.and_then(|tag| tag.to_http_header().ok()) {
        headers.insert(hyper::header::ETAG, value);
    }
    if let Some(value) = cache_control.and_then(|text| text.parse().ok()) {
        headers.insert(hyper::header::CACHE_CONTROL, value);
    }
    let mut error = s3_error!(NotModified);
    error.set_status_code(hyper::StatusCode::NOT_MODIFIED);
    error.set_headers(headers);
    error
}

#[async_trait::async_trait]
impl S3 for Vault {
    async fn put_object(&self, mut req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let allowed = encrypted(req.input.server_side_encryption.as_ref())
            .and_then(|()| self.object(&req.input.bucket, &req.input.key).map(drop));
        if let Err(refusal) = allowed {
            // An answer on top of unread bytes may be lost in a connection reset.
            if let Some(mut body) = req.input.body.take() {
                while let Some(Ok(_)) = body.next().await {}
            }
            return Err(refusal);
        }
        if self.versions.is_on(&req.input.bucket) {
            return self.put_version(req).await;
        }
        let conditional = req.input.if_none_match.is_some() || req.input.if_match.is_some();
        let _alone = if conditional { Some(self.conditional.lock().await) } else { None };
        let (bucket, key) = (req.input.bucket.clone(), req.input.key.clone());
        let kept = self.files.put_object(req).await;
        if kept.as_ref().is_err_and(|error| *error.code() == S3ErrorCode::BadDigest) {
            // s3s-fs compares the checksum when the file lies in its place already.
            self.remove(&bucket, &key, None).await?;
        }
        let mut response = kept?;
        response.output.server_side_encryption = aes256();
        Ok(response)
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let version = self.readable(&req.input.bucket, &req.input.key, req.input.version_id.as_deref())?;
        let known = req.input.if_none_match.clone();
        let mut response = self.files.get_object(req).await?;
        let output = &mut response.output;
        output.version_id = version;
        output.server_side_encryption = aes256();
        output.accept_ranges = Some("bytes".to_owned());
        output.content_type = content_type(output.content_type.take());
        let unchanged = match (known, &output.e_tag) {
            (Some(ETagCondition::Any), Some(_)) => true,
            (Some(ETagCondition::ETag(known)), Some(current)) => current.weak_cmp(&known),
            _ => false,
        };
        if unchanged {
            return Err(not_modified(output.e_tag.as_ref(), output.cache_control.as_deref()));
        }
        Ok(response)
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let version = self.readable(&req.input.bucket, &req.input.key, req.input.version_id.as_deref())?;
        let mut response = self.files.head_object(req).await?;
        response.output.version_id = version;
        response.output.server_side_encryption = aes256();
        response.output.accept_ranges = Some("bytes".to_owned());
        response.output.content_type = content_type(response.output.content_type.take());
        Ok(response)
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = req.input;
        let Removed { version: version_id, is_marker: delete_marker } =
            self.remove(&input.bucket, &input.key, input.version_id.as_deref()).await?;
        Ok(S3Response::new(DeleteObjectOutput { version_id, delete_marker, ..DeleteObjectOutput::default() }))
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let proved = |name: &hyper::header::HeaderName| {
            name == "content-md5" || name.as_str().starts_with("x-amz-checksum-") || name == "x-amz-trailer"
        };
        if !req.headers.keys().any(proved) {
            return Err(s3_error!(
                InvalidRequest,
                "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
            ));
        }
        let input = req.input;
        self.bucket(&input.bucket)?;
        if input.delete.objects.is_empty() || input.delete.objects.len() > BATCH_LIMIT {
            return Err(s3_error!(MalformedXML, "The XML you provided was not well-formed or did not validate."));
        }
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in input.delete.objects {
            let result = match self.faults.take_where("s3", |kind| kind == "partial_delete") {
                Some(fault) => {
                    let code = fault.value.as_str().unwrap_or("InternalError");
                    let code = S3ErrorCode::from_bytes(code.as_bytes()).unwrap_or(S3ErrorCode::InternalError);
                    Err(s3s::S3Error::with_message(code, "Refused because a fault was asked for."))
                }
                None => self.remove(&input.bucket, &object.key, object.version_id.as_deref()).await,
            };
            match result {
                Ok(removed) => deleted.push(DeletedObject {
                    key: Some(object.key),
                    version_id: object.version_id,
                    delete_marker: removed.is_marker,
                    delete_marker_version_id: removed.version.filter(|_| removed.is_marker == Some(true)),
                }),
                Err(error) => errors.push(s3s::dto::Error {
                    code: Some(error.code().as_str().to_owned()),
                    key: Some(object.key),
                    message: error.message().map(str::to_owned),
                    version_id: object.version_id,
                }),
            }
        }
        let deleted = if input.delete.quiet == Some(true) { Vec::new() } else { deleted };
        let (deleted, errors) = (Some(deleted), Some(errors));
        Ok(S3Response::new(DeleteObjectsOutput { deleted, errors, ..DeleteObjectsOutput::default() }))
    }

    async fn list_object_versions(
        &self,
        req: S3Request<ListObjectVersionsInput>,
    ) -> S3Result<S3Response<ListObjectVersionsOutput>> {
        self.bucket(&req.input.bucket)?;
        let prefix = req.input.prefix.as_deref().unwrap_or_default();
        let found = self.versions.all(&req.input.bucket, prefix).map_err(s3s::S3Error::internal_error)?;
        version_list::page(found, req.input).map(S3Response::new)
    }

    async fn put_bucket_versioning(
        &self,
        req: S3Request<PutBucketVersioningInput>,
    ) -> S3Result<S3Response<PutBucketVersioningOutput>> {
        self.turn_versions_on(&req.input)?;
        Ok(S3Response::new(PutBucketVersioningOutput::default()))
    }

    async fn get_bucket_versioning(
        &self,
        req: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        self.bucket(&req.input.bucket)?;
        let on = self.versions.is_on(&req.input.bucket);
        let status = on.then(|| BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED));
        Ok(S3Response::new(GetBucketVersioningOutput { status, ..GetBucketVersioningOutput::default() }))
    }

    async fn list_objects_v2(
        &self,
        mut req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let limit = req.input.max_keys.unwrap_or(1000).clamp(0, 1000);
        req.input.max_keys = Some(limit);
        let mut response = self.files.list_objects_v2(req).await?;
        listing::encode_v2(&mut response.output);
        Ok(response)
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        let mut response = self.files.list_objects(req).await?;
        listing::encode_v1(&mut response.output);
        Ok(response)
    }

    async fn list_buckets(&self, req: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        self.files.list_buckets(req).await
    }

    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        self.files.create_bucket(req).await
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.files.head_bucket(req).await
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.files.get_bucket_location(req).await
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        encrypted(req.input.server_side_encryption.as_ref())?;
        self.object(&req.input.bucket, &req.input.key)?;
        if self.versions.is_on(&req.input.bucket) {
            return self.copy_version(req).await;
        }
        let mut response = self.files.copy_object(req).await?;
        response.output.server_side_encryption = aes256();
        Ok(response)
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        encrypted(req.input.server_side_encryption.as_ref())?;
        self.object(&req.input.bucket, &req.input.key)?;
        let mut response = self.files.create_multipart_upload(req).await?;
        response.output.server_side_encryption = aes256();
        Ok(response)
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        self.files.upload_part(req).await.map_err(no_upload)
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        self.files.list_parts(req).await
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        self.bucket(&req.input.bucket)?;
        uploads::list(&self.folder, req.input).map(S3Response::new)
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        if self.versions.is_on(&req.input.bucket) {
            return self.complete_version(req).await;
        }
        let mut response = self.files.complete_multipart_upload(req).await.map_err(no_upload)?;
        response.output.server_side_encryption = aes256();
        Ok(response)
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.files.abort_multipart_upload(req).await.map_err(no_upload)
    }
}
