//! Large objects, written a part at a time: never more than two parts are in memory.
use actix_web::web::Bytes;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::{self, ByteStream};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, ServerSideEncryption};
use chrono::{DateTime, Utc};

use super::store::{ImageStore, StoreError, refused};

/// Bytes of a part, unless that were too many parts; the protocol's least is 5 MiB.
const PART: usize = 8 * 1024 * 1024;
/// The protocol's limit is 10,000.
const PARTS_MAX: usize = 9_000;

/// A thousand uploads each: more, and the storage does not end what it is told to.
const PAGES_MAX: usize = 1_000;
/// Answers of a storage that does not list uploads.
const SILENT: [&str; 3] = ["NotImplemented", "MethodNotAllowed", "AccessDenied"];

pub struct Upload<'a> {
    store: &'a ImageStore,
    pub key: String,
    pub id: String,
    part: usize,
    waiting: Vec<u8>,
    done: Vec<CompletedPart>,
    /// Sent so far, and waiting.
    pub bytes: u64,
}

impl ImageStore {
    /// `expected` bytes, about.
    pub async fn begin_upload(&self, key: &str, content_type: &str, expected: u64) -> Result<Upload<'_>, StoreError> {
        let send = || {
            self.client
                .create_multipart_upload()
                .bucket(&self.bucket)
                .key(key)
                .content_type(content_type)
                .cache_control("private, no-store")
                .server_side_encryption(ServerSideEncryption::Aes256)
                .send()
        };
        let answer = self.asked("put", "begin an upload", send).await?;
        let id = answer.upload_id().unwrap_or_default().to_owned();
        if !matches!(answer.server_side_encryption(), Some(ServerSideEncryption::Aes256)) {
            self.abort_upload(key, &id).await?;
            return Err(StoreError::NotEncrypted);
        }
        let needed = usize::try_from(expected).unwrap_or(usize::MAX) / PARTS_MAX;
        let part = PART.max(needed);
        let (waiting, done) = (Vec::with_capacity(part), Vec::new());
        Ok(Upload { store: self, key: key.to_owned(), id, part, waiting, done, bytes: 0 })
    }

    /// Uploads below `prefix` that were begun before then and came to no end: key and id, at most a page of them. None where the
    /// storage does not say: several compatible servers cannot, and a key may not be allowed to ask.
    pub async fn unended_uploads(
        &self,
        prefix: &str,
        before: DateTime<Utc>,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let send = || self.client.list_multipart_uploads().bucket(&self.bucket).prefix(prefix).send();
        let answer = match send().await {
            Err(error) if SILENT.contains(&error.code().unwrap_or_default()) => return Ok(Vec::new()),
            Err(error) if self.may_ask_again(&error) => send().await,
            answer => answer,
        };
        let answer = answer.map_err(refused("list uploads"))?;
        let is_old = |initiated: Option<&primitives::DateTime>| {
            initiated.and_then(|at| DateTime::from_timestamp(at.secs(), 0)).is_some_and(|at| at < before)
        };
        let old = answer.uploads().iter().filter(|upload| is_old(upload.initiated()));
        let named = old.filter_map(|upload| Some((upload.key()?.to_owned(), upload.upload_id()?.to_owned())));
        Ok(named.collect())
    }

    /// Ends every upload below `prefix` that came to no end. What was ended is on no further page.
    pub async fn abort_uploads(&self, prefix: &str) -> Result<(), StoreError> {
        for _ in 0..PAGES_MAX {
            let unended = self.unended_uploads(prefix, DateTime::<Utc>::MAX_UTC).await?;
            if unended.is_empty() {
                return Ok(());
            }
            for (key, id) in unended {
                self.abort_upload(&key, &id).await?;
            }
        }
        Err(StoreError::Endless)
    }

    /// What was sent of it is thrown away; one that is not there any more counts as that.
    pub async fn abort_upload(&self, key: &str, id: &str) -> Result<(), StoreError> {
        let abort = self.client.abort_multipart_upload().bucket(&self.bucket).key(key).upload_id(id);
        match abort.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("NoSuchUpload") => Ok(()),
            Err(error) => Err(refused("end an upload")(error)),
        }
    }
}

impl Upload<'_> {
    pub async fn push(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        self.bytes += u64::try_from(bytes.len()).unwrap_or(0);
        while self.waiting.len() + bytes.len() >= self.part {
            let (now, later) = bytes.split_at(self.part - self.waiting.len());
            self.waiting.extend_from_slice(now);
            self.send().await?;
            bytes = later;
        }
        self.waiting.extend_from_slice(bytes);
        Ok(())
    }

    async fn send(&mut self) -> Result<(), StoreError> {
        let body = Bytes::from(std::mem::replace(&mut self.waiting, Vec::with_capacity(self.part)));
        let number = i32::try_from(self.done.len() + 1).unwrap_or(i32::MAX);
        let send = || {
            self.store
                .client
                .upload_part()
                .bucket(&self.store.bucket)
                .key(&self.key)
                .upload_id(&self.id)
                .part_number(number)
                .body(ByteStream::from(body.clone()))
                .send()
        };
        let answer = self.store.asked("put", "store a part of an object", send).await?;
        let part = CompletedPart::builder().part_number(number).set_e_tag(answer.e_tag().map(str::to_owned));
        self.done.push(part.build());
        Ok(())
    }

    /// Only now is there an object. Gives its bytes.
    pub async fn complete(mut self) -> Result<u64, StoreError> {
        if !self.waiting.is_empty() {
            self.send().await?;
        }
        let parts = CompletedMultipartUpload::builder().set_parts(Some(self.done)).build();
        let complete = self.store.client.complete_multipart_upload().bucket(&self.store.bucket);
        let complete = complete.key(&self.key).upload_id(&self.id).multipart_upload(parts);
        let answer = complete.send().await.map_err(refused("put an object together"))?;
        match answer.server_side_encryption() {
            // Some servers say it only where the upload began.
            None | Some(ServerSideEncryption::Aes256) => Ok(self.bytes),
            Some(_) => Err(StoreError::NotEncrypted),
        }
    }
}
