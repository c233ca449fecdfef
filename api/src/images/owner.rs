//! Whose bucket it is: a small object names the database whose rows know what lies there. `migrate` puts it into a bucket
//! that has none, and nothing is swept in another database's bucket.
use aws_sdk_s3::error::ProvideErrorMetadata;
use sqlx::PgPool;
use uuid::Uuid;

use super::store::{ImageStore, StoreError, refused};

pub const KEY: &str = "lapidary-owner";

#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Storage(#[from] StoreError),
    #[error(
        "this bucket belongs to another database's Lapidary: give this one a bucket of its own, or delete {KEY} from it if \
         that other one is gone for good"
    )]
    Others,
    #[error("this bucket has no mark of its database: run `lapidary migrate`")]
    Unmarked,
}

/// Marks a bucket that nobody has marked.
pub async fn claim(house: &PgPool, store: &ImageStore) -> Result<(), OwnerError> {
    match check(house, store).await {
        Err(OwnerError::Unmarked) => {
            let ours = installation(house).await?.to_string();
            store.put(KEY, ours.into_bytes(), "text/plain").await?;
            // Two that marked at once: the later one stands, and the other hears of it here.
            check(house, store).await
        }
        known => known,
    }
}

/// Whether the bucket is this database's.
pub async fn check(house: &PgPool, store: &ImageStore) -> Result<(), OwnerError> {
    let ours = installation(house).await?.to_string();
    match store.mark().await? {
        None => Err(OwnerError::Unmarked),
        Some(theirs) if theirs == ours.as_bytes() => Ok(()),
        Some(_) => Err(OwnerError::Others),
    }
}

async fn installation(house: &PgPool) -> Result<Uuid, sqlx::Error> {
    sqlx::query_scalar!("select id from installation").fetch_one(house).await
}

impl ImageStore {
    async fn mark(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let act = "read whose bucket it is";
        let answer = match self.client.get_object().bucket(&self.bucket).key(KEY).send().await {
            // Without the right to list, a missing object is told as a forbidden one.
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            answer => answer.map_err(refused(act))?,
        };
        if answer.content_length().is_some_and(|bytes| bytes > 100) {
            return Ok(Some(Vec::new()));
        }
        let bytes = answer.body.collect().await.map_err(refused(act))?;
        Ok(Some(bytes.to_vec()))
    }
}
