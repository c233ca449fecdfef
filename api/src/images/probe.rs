//! Looks at what lies in the bucket without reading it: whether an object is encrypted, and whether anything lies outside
//! people's folders. Changes nothing.
use aws_sdk_s3::types::ServerSideEncryption;

use super::owner;
use super::store::{ImageStore, StoreError, refused};
use crate::doctor::bucket;

/// What storage says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// How, in the storage's words.
    Encrypted(String),
    Clear,
    Missing,
}

impl ImageStore {
    pub async fn probe(&self, key: &str) -> Result<Probe, StoreError> {
        let answer = match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Err(error) if error.raw_response().is_some_and(|answer| answer.status().as_u16() == 404) => {
                return Ok(Probe::Missing);
            }
            answer => answer.map_err(refused("show an object"))?,
        };
        let how = answer.server_side_encryption().map(ServerSideEncryption::as_str);
        Ok(match how {
            Some(how @ ("AES256" | "aws:kms" | "aws:kms:dsse")) => Probe::Encrypted(how.to_owned()),
            _ => Probe::Clear,
        })
    }

    /// Objects and folders at the top of the bucket that are none of ours, as far as one page tells.
    pub async fn strangers(&self) -> Result<usize, StoreError> {
        let send = || self.client.list_objects_v2().bucket(&self.bucket).delimiter("/").max_keys(1_000).send();
        let answer = self.asked("list", "list objects", send).await?;
        let probes = format!("{}/", bucket::FOLDER);
        let folders = answer.common_prefixes().iter().filter_map(|folder| folder.prefix());
        let strange = folders.filter(|folder| *folder != "users/" && *folder != probes).count();
        let objects = answer.contents().iter().filter_map(|object| object.key());
        Ok(strange + objects.filter(|key| *key != owner::KEY).count())
    }
}
