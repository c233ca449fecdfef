//! Makes one zip: originals out of storage, one after another, and as parts of one object back into it. Holds one original
//! and two parts at a time, however many images there are. What is not images alone is written by `promises::export`.
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, Ordering};

use uuid::Uuid;

use super::kind::Kind;
use super::manifest;
use super::work_queries::{self as queries, Claimed, Pictured};
use super::writing::Writing;
use super::zip::TooLarge;
use crate::app::App;
use crate::images::queries::Objects;
use crate::images::routes::filename;
use crate::images::store::StoreError;
use crate::promises::export;

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
    let expected = match job.kind() {
        Kind::Images => queries::bytes_of(app.db.house(), job.person_id, &job.image_ids).await?,
        Kind::Everything => queries::bytes_of_all(app.db.house(), job.person_id).await?,
    };
    let expected = u64::try_from(expected).unwrap_or(0);
    let upload = app.store.begin_upload(&job.key(), "application/zip", expected).await?;
    if let Ok(mut known) = progress.upload_id.lock() {
        *known = Some(upload.id.clone());
    }
    if !queries::note_upload(app.db.house(), job, Some(&upload.id)).await? {
        return Err(MakeError::Lost);
    }
    let mut writing = Writing::begin(upload);
    match job.kind() {
        Kind::Images => Images::new(app, job).write(&mut writing, progress).await?,
        Kind::Everything => export::write(app, job, &mut writing, progress).await?,
    }
    writing.end().await
}

/// The bytes of an original; none where it is gone meanwhile.
pub async fn original(app: &App, job: &Claimed, image: &Pictured) -> Result<Option<actix_web::web::Bytes>, MakeError> {
    let key = Objects::at(image.object_prefix.clone(), image.extension.clone()).original();
    let bytes = app.store.read(&key).await?;
    if bytes.is_none() {
        tracing::warn!(archive_id = %job.id, image_id = %image.id, "an archive goes without an image that is gone");
    }
    Ok(bytes)
}

/// Those that were asked for, by their ids.
struct Images<'a> {
    app: &'a App,
    job: &'a Claimed,
    /// Images with the names of their files.
    written: Vec<(Uuid, String)>,
    /// In lower case: some file systems know no other.
    names: HashSet<String>,
}

impl<'a> Images<'a> {
    fn new(app: &'a App, job: &'a Claimed) -> Self {
        Self { app, job, written: Vec::new(), names: HashSet::new() }
    }

    async fn write(mut self, writing: &mut Writing<'_>, progress: &Progress) -> Result<(), MakeError> {
        let now = self.app.clock.now();
        let readme = manifest::readme(self.job.image_ids.len(), now.date_naive());
        writing.whole("README.txt", readme.as_bytes(), now).await?;
        for ids in self.job.image_ids.chunks(PIECE) {
            for image in queries::images(self.app.db.house(), self.job.person_id, ids).await? {
                let Some(bytes) = original(self.app, self.job, &image).await? else { continue };
                let name = self.name(&image);
                writing.whole(&name, &bytes, image.created_at).await?;
                self.written.push((image.id, name));
                progress.done.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.manifests(writing).await
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
    async fn manifests(&self, writing: &mut Writing<'_>) -> Result<(), MakeError> {
        let now = self.app.clock.now();
        writing.open("manifest.json", now).await?;
        writing.piece("[\n").await?;
        let mut is_first = true;
        for piece in self.written.chunks(PIECE) {
            for (name, image) in self.again(piece).await? {
                writing.piece(&manifest::json(&name, &image, is_first)?).await?;
                is_first = false;
            }
        }
        writing.piece("\n]\n").await?;
        writing.close().await?;
        writing.open("manifest.csv", now).await?;
        writing.piece(&manifest::csv_head()).await?;
        for piece in self.written.chunks(PIECE) {
            for (name, image) in self.again(piece).await? {
                writing.piece(&manifest::csv_line(&name, &image)).await?;
            }
        }
        writing.close().await
    }

    async fn again(&self, piece: &[(Uuid, String)]) -> Result<Vec<(String, Pictured)>, MakeError> {
        let ids: Vec<Uuid> = piece.iter().map(|(id, _)| *id).collect();
        let images = queries::images(self.app.db.house(), self.job.person_id, &ids).await?;
        let name = |image: &Pictured| piece.iter().find(|(id, _)| *id == image.id).map(|(_, name)| name.clone());
        Ok(images.into_iter().filter_map(|image| Some((name(&image)?, image))).collect())
    }
}
