//! Reads originals back, for a model that makes others from them: as a stream, opened when it is read, so that no process
//! holds what it only hands on.
use actix_web::web::Bytes;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use futures_util::{Stream, stream};

use super::store::{ImageStore, StoreError, refused};

/// An object that was there a moment ago.
#[derive(Clone)]
pub struct StoredFile {
    client: Client,
    bucket: String,
    key: String,
    pub bytes: u64,
}

impl ImageStore {
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
