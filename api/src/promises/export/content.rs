//! Writes an export into its zip: first what it is, then files out of storage one after another, then every row about the
//! person. Never more than a page of rows and one file in memory, and no transaction while storage is waited for.
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::image_queries::{self, Kept};
use super::table::{self, Asked, Line, Table, Wall, Whose};
use super::{line, readme};
use crate::app::App;
use crate::archives::make::{MakeError, Progress, original};
use crate::archives::manifest;
use crate::archives::work_queries::{self, Claimed, Pictured};
use crate::archives::writing::Writing;
use crate::db::{Actor, PersonTx};
use crate::images::presign::safe;
use crate::images::queries::Objects;
use crate::images::routes::filename;

/// Rows read at once: a row of an archive names up to 10,000 images, one of a generation holds two long texts.
const ROWS: i64 = 50;
/// People's requests come first: a page that finds no place in their pool waits, and asks so often.
const TRIES: usize = 5;
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Everything of the job's person, into the zip.
pub async fn write(app: &App, job: &Claimed, writing: &mut Writing<'_>, progress: &Progress) -> Result<(), MakeError> {
    let Some(account_id) = work_queries::account_of(app.db.house(), job.person_id).await? else {
        return Err(MakeError::Lost);
    };
    let actor = Actor { person_id: job.person_id, account_id };
    let mut export = Export { app, job, actor, until: app.clock.now(), gone: HashSet::new() };
    let readme = readme::text(export.until, app.settings.support_contact.as_deref());
    writing.whole("README.txt", readme.as_bytes(), export.until).await?;
    export.images(writing, progress).await?;
    export.uploads(writing).await?;
    export.picture(writing).await?;
    export.manifests(writing).await?;
    for table in table::all() {
        export.table(writing, table).await?;
    }
    Ok(())
}

struct Export<'a> {
    app: &'a App,
    job: &'a Claimed,
    actor: Actor,
    /// What came later is left to the next export: JSON and CSV hold the same rows.
    until: DateTime<Utc>,
    /// Images whose file is not there.
    gone: HashSet<Uuid>,
}

impl Export<'_> {
    fn from_the_start(&self) -> Asked {
        let whose = self.actor.person_id;
        Asked { whose, after_at: DateTime::UNIX_EPOCH, after_id: Uuid::nil(), until: self.until, rows: ROWS }
    }

    /// For a page as the person sees it.
    async fn begin(&self) -> Result<PersonTx, sqlx::Error> {
        for _ in 1..TRIES {
            match self.app.db.begin_as(self.actor).await {
                Err(sqlx::Error::PoolTimedOut) => tokio::time::sleep(AGAIN_AFTER).await,
                begun => return begun,
            }
        }
        self.app.db.begin_as(self.actor).await
    }

    async fn page_of_images(&self, asked: Asked) -> Result<Vec<Kept>, sqlx::Error> {
        let mut tx = self.begin().await?;
        let page = image_queries::images(&mut tx, asked).await?;
        tx.commit().await?;
        Ok(page)
    }

    async fn page(&self, table: &Table, asked: Asked) -> Result<Vec<Line>, sqlx::Error> {
        match table.wall {
            Wall::House => (table.read)(&mut *self.app.db.house().acquire().await?, asked).await,
            Wall::Person => {
                let mut tx = self.begin().await?;
                let page = (table.read)(&mut tx, asked).await?;
                tx.commit().await?;
                Ok(page)
            }
        }
    }

    async fn images(&mut self, writing: &mut Writing<'_>, progress: &Progress) -> Result<(), MakeError> {
        let mut asked = self.from_the_start();
        loop {
            let page = self.page_of_images(asked).await?;
            let Some(Kept { image, .. }) = page.last() else { return Ok(()) };
            (asked.after_at, asked.after_id) = (image.created_at, image.id);
            for kept in &page {
                match original(self.app, self.job, &kept.image).await? {
                    Some(bytes) => {
                        writing.whole(&name(kept), &bytes, kept.image.created_at).await?;
                        progress.done.fetch_add(1, Ordering::Relaxed);
                    }
                    None => drop(self.gone.insert(kept.image.id)),
                }
            }
        }
    }

    async fn uploads(&self, writing: &mut Writing<'_>) -> Result<(), MakeError> {
        let mut asked = self.from_the_start();
        loop {
            let mut tx = self.begin().await?;
            let page = image_queries::uploads(&mut tx, asked).await?;
            tx.commit().await?;
            let Some(last) = page.last() else { return Ok(()) };
            (asked.after_at, asked.after_id) = (last.created_at, last.id);
            for upload in page {
                let name = format!(
                    "references/{}{}.{}",
                    if upload.is_mask { "mask " } else { "" },
                    upload.id,
                    upload.extension
                );
                let key = Objects::at(upload.object_prefix, upload.extension).original();
                if let Some(bytes) = self.app.store.read(&key).await? {
                    writing.whole(&name, &bytes, upload.created_at).await?;
                }
            }
        }
    }

    async fn picture(&self, writing: &mut Writing<'_>) -> Result<(), MakeError> {
        let mut tx = self.begin().await?;
        let key = image_queries::picture(&mut tx, self.actor.person_id).await?;
        tx.commit().await?;
        let Some(key) = key else { return Ok(()) };
        let Some(bytes) = self.app.store.read(&key).await? else { return Ok(()) };
        let ending = image::guess_format(&bytes).ok().and_then(|format| format.extensions_str().first().copied());
        writing.whole(&format!("picture.{}", ending.unwrap_or("bin")), &bytes, self.until).await
    }

    /// Of the files that are there, read once more, a page at a time.
    async fn manifests(&self, writing: &mut Writing<'_>) -> Result<(), MakeError> {
        let mut is_first = true;
        writing.open("manifest.json", self.until).await?;
        writing.piece("[\n").await?;
        self.each_image(writing, |name, image| {
            let line = manifest::json(name, image, is_first);
            is_first = false;
            line
        })
        .await?;
        writing.piece("\n]\n").await?;
        writing.close().await?;
        writing.open("manifest.csv", self.until).await?;
        writing.piece(&manifest::csv_head()).await?;
        self.each_image(writing, |name, image| Ok(manifest::csv_line(name, image))).await?;
        writing.close().await
    }

    async fn each_image(
        &self,
        writing: &mut Writing<'_>,
        mut said: impl FnMut(&str, &Pictured) -> Result<String, serde_json::Error>,
    ) -> Result<(), MakeError> {
        let mut asked = self.from_the_start();
        loop {
            let page = self.page_of_images(asked).await?;
            let Some(Kept { image, .. }) = page.last() else { return Ok(()) };
            (asked.after_at, asked.after_id) = (image.created_at, image.id);
            for kept in page.iter().filter(|kept| !self.gone.contains(&kept.image.id)) {
                writing.piece(&said(&name(kept), &kept.image)?).await?;
            }
        }
    }

    async fn table(&self, writing: &mut Writing<'_>, table: &Table) -> Result<(), MakeError> {
        writing.open(&format!("data/{}.json", table.name), self.until).await?;
        writing.piece("[\n").await?;
        let mut is_first = true;
        self.each_row(writing, table, |row| {
            let comma = if is_first { "" } else { ",\n" };
            is_first = false;
            Ok(format!("{comma}{row}"))
        })
        .await?;
        writing.piece("\n]\n").await?;
        writing.close().await?;
        writing.open(&format!("data/{}.csv", table.name), self.until).await?;
        writing.piece(&line::head(&table.names())).await?;
        self.each_row(writing, table, line::of).await?;
        writing.close().await
    }

    async fn each_row(
        &self,
        writing: &mut Writing<'_>,
        table: &Table,
        mut said: impl FnMut(&str) -> Result<String, serde_json::Error>,
    ) -> Result<(), MakeError> {
        let whose = match table.whose {
            Whose::Person => self.actor.person_id,
            Whose::Account => self.actor.account_id,
        };
        let mut asked = Asked { whose, ..self.from_the_start() };
        loop {
            let page = self.page(table, asked).await?;
            let Some(last) = page.last() else { return Ok(()) };
            (asked.after_at, asked.after_id) = (last.at, last.id);
            for row in &page {
                writing.piece(&said(&row.line)?).await?;
            }
        }
    }
}

/// The id makes it the only one of its name.
fn name(kept: &Kept) -> String {
    let Kept { image, is_in_trash } = kept;
    let folder = if *is_in_trash { "trash" } else { "images" };
    let file = safe(&filename(&image.prompt, image.id, &image.extension));
    let words = file.rsplit_once(' ').map_or("", |(words, _)| words);
    let blank = if words.is_empty() { "" } else { " " };
    format!("{folder}/{words}{blank}{}.{}", image.id, image.extension)
}
