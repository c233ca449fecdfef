//! Writes an export into its zip: first what it is, then files out of storage one after another, then every row about the
//! person. Never more than a page of rows and one file in memory, and no transaction while storage is waited for.
use std::collections::HashSet;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::image_queries::{self, Kept};
use super::table::{self, Asked, Line, Table, Wall, Whose};
use super::{line, readme};
use crate::app::App;
use crate::archives::make::{MakeError, Progress, original};
use crate::archives::manifest;
use crate::archives::work_queries::{self, Claimed};
use crate::archives::writing::Writing;
use crate::db::Actor;
use crate::images::presign::safe;
use crate::images::queries::Objects;
use crate::images::routes::filename;

/// Rows read at once: a row of an archive names up to 10,000 images, one of a generation holds two long texts.
const ROWS: i64 = 50;

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
    for form in [Form::Json, Form::Csv] {
        export.manifest(writing, form).await?;
    }
    for table in table::all() {
        for form in [Form::Json, Form::Csv] {
            export.table(writing, table, form).await?;
        }
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
    fn at_the_start(&self) -> Asked {
        let whose = self.actor.person_id;
        Asked { whose, after_at: DateTime::UNIX_EPOCH, after_id: Uuid::nil(), until: self.until, rows: ROWS }
    }

    async fn page_of_images(&self, asked: Asked) -> Result<Vec<Kept>, sqlx::Error> {
        let mut tx = self.app.db.begin_job_as(self.actor).await?;
        let page = image_queries::images(&mut tx, asked).await?;
        tx.commit().await?;
        Ok(page)
    }

    async fn page(&self, table: &Table, asked: Asked) -> Result<Vec<Line>, sqlx::Error> {
        match table.wall {
            Wall::House => (table.read)(&mut *self.app.db.house().acquire().await?, asked).await,
            Wall::Person => {
                let mut tx = self.app.db.begin_job_as(self.actor).await?;
                let page = (table.read)(&mut tx, asked).await?;
                tx.commit().await?;
                Ok(page)
            }
        }
    }

    async fn images(&mut self, writing: &mut Writing<'_>, progress: &Progress) -> Result<(), MakeError> {
        let mut asked = self.at_the_start();
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
        let mut asked = self.at_the_start();
        loop {
            let mut tx = self.app.db.begin_job_as(self.actor).await?;
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
        let mut tx = self.app.db.begin_job_as(self.actor).await?;
        let key = image_queries::picture(&mut tx, self.actor.person_id).await?;
        tx.commit().await?;
        let Some(key) = key else { return Ok(()) };
        let Some(bytes) = self.app.store.read(&key).await? else { return Ok(()) };
        let ending = image::guess_format(&bytes).ok().and_then(|format| format.extensions_str().first().copied());
        writing.whole(&format!("picture.{}", ending.unwrap_or("bin")), &bytes, self.until).await
    }

    /// Of the files that are there, read once more, a page at a time.
    async fn manifest(&self, writing: &mut Writing<'_>, form: Form) -> Result<(), MakeError> {
        writing.open(&format!("manifest.{}", form.ending()), self.until).await?;
        writing.piece(&form.head(manifest::csv_head)).await?;
        let (mut asked, mut is_first) = (self.at_the_start(), true);
        loop {
            let page = self.page_of_images(asked).await?;
            let Some(Kept { image, .. }) = page.last() else { break };
            (asked.after_at, asked.after_id) = (image.created_at, image.id);
            for kept in page.iter().filter(|kept| !self.gone.contains(&kept.image.id)) {
                let line = match form {
                    Form::Json => manifest::json(&name(kept), &kept.image, is_first)?,
                    Form::Csv => manifest::csv_line(&name(kept), &kept.image),
                };
                writing.piece(&line).await?;
                is_first = false;
            }
        }
        writing.piece(form.end()).await?;
        writing.close().await
    }

    async fn table(&self, writing: &mut Writing<'_>, table: &Table, form: Form) -> Result<(), MakeError> {
        writing.open(&format!("data/{}.{}", table.name, form.ending()), self.until).await?;
        writing.piece(&form.head(|| line::head(&table.names()))).await?;
        let whose = match table.whose {
            Whose::Person => self.actor.person_id,
            Whose::Account => self.actor.account_id,
        };
        let (mut asked, mut is_first) = (Asked { whose, ..self.at_the_start() }, true);
        loop {
            let page = self.page(table, asked).await?;
            let Some(last) = page.last() else { break };
            (asked.after_at, asked.after_id) = (last.at, last.id);
            for row in &page {
                match form {
                    Form::Json if is_first => writing.piece(&row.line).await?,
                    Form::Json => writing.piece(&format!(",\n{}", row.line)).await?,
                    Form::Csv => writing.piece(&line::of(&row.line)?).await?,
                }
                is_first = false;
            }
        }
        writing.piece(form.end()).await?;
        writing.close().await
    }
}

/// For programs and for spreadsheets.
#[derive(Clone, Copy)]
enum Form {
    Json,
    Csv,
}

impl Form {
    fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }

    fn head(self, columns: impl FnOnce() -> String) -> String {
        match self {
            Self::Json => "[\n".to_owned(),
            Self::Csv => columns(),
        }
    }

    fn end(self) -> &'static str {
        match self {
            Self::Json => "\n]\n",
            Self::Csv => "",
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
