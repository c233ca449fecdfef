//! Writes the book down, so that a demo that is started again knows what was bought. One file, replaced as a whole.
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::book::Book;
use super::{Vendor, locked};

const NAME: &str = "book.json";
/// Changes come in handfuls: they are written together.
const LEAST_PAUSE: Duration = Duration::from_millis(50);

/// What the folder holds; nothing yet at the first start.
pub fn read(folder: &Path) -> std::io::Result<Book> {
    match std::fs::read_to_string(folder.join(NAME)) {
        Ok(text) => Book::read(&text).map_err(std::io::Error::other),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Book::default()),
        Err(error) => Err(error),
    }
}

/// Writes after each change, never more than a fifth of the time.
pub async fn keep_written(vendor: Arc<Vendor>, folder: PathBuf) {
    let mut changes = vendor.changes.subscribe();
    loop {
        let began = Instant::now();
        if let Err(error) = write_if_newer(&vendor, &folder) {
            tracing::error!(%error, "the Stripe sandbox cannot write to {}", folder.display());
        }
        tokio::time::sleep(LEAST_PAUSE.max(began.elapsed() * 5)).await;
        if changes.changed().await.is_err() {
            return;
        }
    }
}

pub fn write_if_newer(vendor: &Vendor, folder: &Path) -> std::io::Result<()> {
    // Held to the end: two writers would share the new file.
    let mut written = locked(&vendor.written_version);
    let book = vendor.book();
    if book.version == *written {
        return Ok(());
    }
    *written = book.version;
    let text = serde_json::to_vec(&*book)?;
    drop(book);
    let (file, fresh) = (folder.join(NAME), folder.join(format!("{NAME}.new")));
    std::fs::write(&fresh, text)?;
    std::fs::rename(fresh, file)
}
