//! Makes one zip: originals out of storage, one after another, and as parts of one object back into it. Holds one original
//! and two parts at a time, however many images there are.
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, Ordering};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::manifest;
use super::work_queries::{self as queries, Claimed, Pictured};
use super::zip::{TooLarge, Zip};
use crate::app::App;
use crate::images::queries::Objects;
use crate::images::routes::filename;
use crate::images::store::StoreError;
use crate::images::upload::Upload;

/// Rows read at once.
const PIECE: usize = 100;

#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Storage(#[from] StoreError),
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    #[error("a line of the manifest: {0}")]
    Line(#[from] serde_json::Error),
    #[error("another attempt has it")]
    Lost,
}

/// How far it is; its heartbeat tells.
#[derive(Default)]
pub struct Progress {
    pub done: AtomicI32,
    /// To be ended where this is dropped half-way.
    pub upload_id: Mutex<Option<String>>,
}

/// Gives the bytes of the object, which is whole then.
pub async fn make(app: &App, job: &Claimed, progress: &Progress) -> Result<u64, MakeError> {
    let expected = queries::bytes_of(app.db.house(), job.person_id, &job.image_ids).await?;
    let expected = u64::try_from(expected).unwrap_or(0);
    let upload = app.store.begin_upload(&job.key(), "application/zip", expected).await?;
    if let Ok(mut known) = progress.upload_id.lock() {
        *known = Some(upload.id.clone());
    }
    if !queries::note_upload(app.db.house(), job, Some(&upload.id)).await? {
        return Err(MakeError::Lost);
    }
    let mut writing = Writing { app, job, zip: Zip::begin(0), upload, written: Vec::new(), names: HashSet::new() };
    writing.whole("README.txt", &readme(job, app.clock.now()), app.clock.now()).await?;
    for ids in job.image_ids.chunks(PIECE) {
        for image in queries::images(app.db.house(), job.person_id, ids).await? {
            if writing.take_along(&image).await? {
                progress.done.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    writing.manifests().await?;
    let Writing { zip, mut upload, .. } = writing;
    upload.push(&zip.end()).await?;
    Ok(upload.complete().await?)
}

fn readme(job: &Claimed, now: DateTime<Utc>) -> Vec<u8> {
    manifest::readme(job.image_ids.len(), now.date_naive()).into_bytes()
}

struct Writing<'a> {
    app: &'a App,
    job: &'a Claimed,
    zip: Zip,
    upload: Upload<'a>,
    /// Images with the names of their files.
    written: Vec<(Uuid, String)>,
    /// In lower case: some file systems know no other.
    names: HashSet<String>,
}

impl Writing<'_> {
    async fn whole(&mut self, name: &str, bytes: &[u8], at: DateTime<Utc>) -> Result<(), MakeError> {
        self.upload.push(&self.zip.head(name, bytes, at)?).await?;
        Ok(self.upload.push(bytes).await?)
    }

    /// False where it is gone meanwhile.
    async fn take_along(&mut self, image: &Pictured) -> Result<bool, MakeError> {
        let key = Objects::at(image.object_prefix.clone(), image.extension.clone()).original();
        let Some(bytes) = self.app.store.read(&key).await? else {
            tracing::warn!(archive_id = %self.job.id, image_id = %image.id, "an archive goes without an image that is gone");
            return Ok(false);
        };
        let name = self.name(image);
        self.whole(&name, &bytes, image.created_at).await?;
        self.written.push((image.id, name));
        Ok(true)
    }

    fn name(&mut self, image: &Pictured) -> String {
        let name = crate::images::presign::safe(&filename(&image.prompt, image.id, &image.extension));
        let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, "bin"));
        let mut unique = name.clone();
        for number in 2.. {
            if self.names.insert(unique.to_lowercase()) {
                break;
            }
            unique = format!("{stem} ({number}).{ending}");
        }
        unique
    }

    /// Read once more, a piece at a time: together they may be larger than an image.
    async fn manifests(&mut self) -> Result<(), MakeError> {
        let now = self.app.clock.now();
        let written = std::mem::take(&mut self.written);
        let head = self.zip.open("manifest.json", now)?;
        self.upload.push(&head).await?;
        self.piece("[\n").await?;
        let mut is_first = true;
        for piece in written.chunks(PIECE) {
            for (name, image) in self.again(piece).await? {
                self.piece(&manifest::json(&name, &image, is_first)?).await?;
                is_first = false;
            }
        }
        self.piece("\n]\n").await?;
        let end = self.zip.close()?;
        self.upload.push(&end).await?;
        let head = self.zip.open("manifest.csv", now)?;
        self.upload.push(&head).await?;
        self.piece(&manifest::csv_head()).await?;
        for piece in written.chunks(PIECE) {
            for (name, image) in self.again(piece).await? {
                self.piece(&manifest::csv_line(&name, &image)).await?;
            }
        }
        let end = self.zip.close()?;
        Ok(self.upload.push(&end).await?)
    }

    async fn piece(&mut self, text: &str) -> Result<(), MakeError> {
        self.zip.feed(text.as_bytes());
        Ok(self.upload.push(text.as_bytes()).await?)
    }

    async fn again(&self, piece: &[(Uuid, String)]) -> Result<Vec<(String, Pictured)>, MakeError> {
        let ids: Vec<Uuid> = piece.iter().map(|(id, _)| *id).collect();
        let images = queries::images(self.app.db.house(), self.job.person_id, &ids).await?;
        let name = |image: &Pictured| piece.iter().find(|(id, _)| *id == image.id).map(|(_, name)| name.clone());
        Ok(images.into_iter().filter_map(|image| Some((name(&image)?, image))).collect())
    }
}
