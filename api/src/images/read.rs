//! Reads originals back: whole, for the one who takes them along; as a stream that is opened when it is read, for a model that
//! makes others from them, so that no process holds what it only hands on.
use actix_web::web::Bytes;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use futures_util::{Stream, stream};

use super::store::{ImageStore, StoreError, refused};

/// Readings of one object, where its bytes break off.
const READINGS: usize = 3;

/// An object that was there a moment ago.
#[derive(Clone)]
pub struct StoredFile {
    client: Client,
    bucket: String,
    key: String,
    pub bytes: u64,
}

impl ImageStore {
    /// A whole object; none where it is not there.
    pub async fn read(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        let act = "read an object";
        let mut readings = 0;
        loop {
            readings += 1;
            let answer = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
                Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
                answer => answer.map_err(refused(act))?,
            };
            match answer.body.collect().await {
                Ok(bytes) => return Ok(Some(bytes.into_bytes())),
                Err(error) if readings >= READINGS => return Err(refused(act)(error)),
                Err(_) => {}
            }
        }
    }

    /// One whose row says that it is there, and how large; nobody is asked before it is read.
    pub fn known(&self, key: String, bytes: u64) -> StoredFile {
        StoredFile { client: self.client.clone(), bucket: self.bucket.clone(), key, bytes }
    }

    /// None where it is not there.
    pub async fn file(&self, key: &str) -> Result<Option<StoredFile>, StoreError> {
        let answer = match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Err(error) if error.raw_response().is_some_and(|answer| answer.status().as_u16() == 404) => {
                return Ok(None);
            }
            answer => answer.map_err(refused("show an object"))?,
        };
        let bytes = answer.content_length().unwrap_or_default().unsigned_abs();
        let (client, bucket) = (self.client.clone(), self.bucket.clone());
        Ok(Some(StoredFile { client, bucket, key: key.to_owned(), bytes }))
    }
}

enum Reading {
    NotYet(StoredFile),
    Open(ByteStream),
}

impl StoredFile {
    async fn open(&self) -> Result<ByteStream, StoreError> {
        let answer = self.client.get_object().bucket(&self.bucket).key(&self.key).send().await;
        Ok(answer.map_err(refused("read an object"))?.body)
    }

    pub fn stream(&self) -> impl Stream<Item = Result<Bytes, StoreError>> + Send + 'static {
        stream::try_unfold(Reading::NotYet(self.clone()), |reading| async move {
            let mut body = match reading {
                Reading::NotYet(file) => file.open().await?,
                Reading::Open(body) => body,
            };
            let piece = body.try_next().await.map_err(refused("read an object"))?;
            Ok(piece.map(|piece| (piece, Reading::Open(body))))
        })
    }

    pub async fn read(&self) -> Result<Bytes, StoreError> {
        Ok(self.open().await?.collect().await.map_err(refused("read an object"))?.into_bytes())
    }
}
