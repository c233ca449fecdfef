//! What must be true of the bucket at the end: every image is there as it was stored, and nothing else is.
use std::collections::{HashMap, HashSet};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_sdk_s3::types::ServerSideEncryption;
use chrono::TimeDelta;
use futures_util::{StreamExt, stream};
use lapidary::app::App;
use lapidary::clock::Clock;
use lapidary::config;
use lapidary::images::{orphans, owner};
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
        let known =
            "select object_prefix from images union all select picture_key from people where picture_key is not null";
        let known = sqlx::query_scalar(known).fetch_all(pool).await.expect("what rows know");
        let known: HashSet<String> = known.into_iter().collect();
        let is_known = |key: &String| {
            known.contains(key)
                || key == owner::KEY
                || key.rsplit_once('/').is_some_and(|(prefix, _)| known.contains(prefix))
        };
        let mut orphans: Vec<String> = self.list().await.into_keys().filter(|key| !is_known(key)).collect();
        orphans.sort();
        orphans
    }

    /// The product's own sweep, a day later: nothing that belongs to nobody is left, and nothing else is gone.
    pub async fn sweep(&self, stage: &Stage, pool: &PgPool, tally: &Tally) {
        tally.add("objects: orphans before the sweep", self.orphans(pool).await.len() as u64);
        let arguments = std::iter::once("lapidary".to_owned()).chain(stage.arguments.iter().cloned());
        let settings = config::settings_from(arguments).expect("settings");
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let app = App::build(settings, Clock::default()).await.expect("the app");
        app.clock.advance(TimeDelta::hours(25));
        // The first run may be the end of one that a process began when everything was young.
        for _ in 0..2 {
            let report = orphans::sweep(&app, false).await.expect("a sweep").expect("nobody else sweeps");
            tally.add("objects: orphans swept", report.counts.deleted.unsigned_abs());
            if !report.is_finished || report.counts.failed > 0 || report.counts.missing > 0 {
                tally.broken(format!("the sweep found or left something: {report:?}"));
            }
        }
        let left = self.orphans(pool).await;
        if !left.is_empty() {
            tally.broken(format!("{} objects of nobody after the sweep, for example {:?}", left.len(), left.first()));
        }
        app.db.close().await;
    }
}
