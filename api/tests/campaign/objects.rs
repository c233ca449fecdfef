//! What must be true of the bucket at the end: every image is there as it was stored, and nothing else is.
use std::collections::{HashMap, HashSet};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_sdk_s3::types::ServerSideEncryption;
use futures_util::{StreamExt, stream};
use sqlx::{PgPool, Row};

use crate::stage::{BUCKET, Stage};
use crate::tally::Tally;

pub struct Bucket(Client);

impl Bucket {
    pub fn of(stage: &Stage) -> Self {
        let (id, secret) = &stage.store_keys;
        let configuration = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new(id, secret, None, None, "campaign"))
            .endpoint_url(&stage.store_url)
            .force_path_style(true);
        Self(Client::from_conf(configuration.build()))
    }

    /// Key and bytes of everything.
    async fn list(&self) -> HashMap<String, i64> {
        let mut found = HashMap::new();
        let mut pages = self.0.list_objects_v2().bucket(BUCKET).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.expect("a page of the bucket");
            found.extend(
                page.contents()
                    .iter()
                    .map(|object| (object.key().unwrap_or_default().to_owned(), object.size().unwrap_or_default())),
            );
        }
        found
    }

    /// Each image's three objects: there, encrypted, and the original exactly as long as its row says.
    pub async fn check_images(&self, pool: &PgPool, tally: &Tally) {
        let mut wanted: Vec<(String, Option<i64>)> = Vec::new();
        for row in
            sqlx::query("select object_prefix, extension, bytes from images").fetch_all(pool).await.expect("images")
        {
            let (prefix, extension): (String, String) = (row.get(0), row.get(1));
            wanted.push((format!("{prefix}/original.{extension}"), Some(row.get(2))));
            wanted.push((format!("{prefix}/thumbnail.webp"), None));
            wanted.push((format!("{prefix}/preview.webp"), None));
        }
        let heads = wanted
            .into_iter()
            .map(|(key, bytes)| async move { self.check(&key, bytes).await.map_err(|why| (key, why)) });
        let mut heads = stream::iter(heads).buffer_unordered(8);
        while let Some(checked) = heads.next().await {
            match checked {
                Ok(()) => tally.one("objects: checked"),
                Err((key, why)) => tally.broken(format!("{key}: {why}")),
            }
        }
    }

    async fn check(&self, key: &str, bytes: Option<i64>) -> Result<(), String> {
        let head = self.0.head_object().bucket(BUCKET).key(key).send().await;
        let head = head.map_err(|error| format!("belongs to an image and is not there ({error})"))?;
        let length = head.content_length().unwrap_or_default();
        if bytes.map_or(length <= 0, |bytes| bytes != length) {
            return Err(format!("is {length} bytes long, not {bytes:?}"));
        }
        match head.server_side_encryption() {
            Some(ServerSideEncryption::Aes256) => Ok(()),
            other => Err(format!("is not encrypted ({other:?})")),
        }
    }

    /// Objects that belong to no row.
    pub async fn orphans(&self, pool: &PgPool) -> Vec<String> {
        let prefixes = sqlx::query_scalar("select object_prefix from images").fetch_all(pool).await.expect("images");
        let known: HashSet<String> = prefixes.into_iter().collect();
        let keys = self.list().await.into_keys();
        let mut orphans: Vec<String> =
            keys.filter(|key| key.rsplit_once('/').is_none_or(|(prefix, _)| !known.contains(prefix))).collect();
        orphans.sort();
        orphans
    }
}
