//! A zip on its way into storage: entries whole or in pieces, an upload that sends them on. Holds two parts at a time, and of
//! what it wrote no more than the list at the end. Knows nothing of what the entries are.
use chrono::{DateTime, Utc};

use super::make::MakeError;
use super::zip::Zip;
use crate::images::upload::Upload;

pub struct Writing<'a> {
    zip: Zip,
    upload: Upload<'a>,
}

impl<'a> Writing<'a> {
    pub fn begin(upload: Upload<'a>) -> Self {
        Self { zip: Zip::begin(0), upload }
    }

    pub async fn whole(&mut self, name: &str, bytes: &[u8], at: DateTime<Utc>) -> Result<(), MakeError> {
        self.upload.push(&self.zip.head(name, bytes, at)?).await?;
        Ok(self.upload.push(bytes).await?)
    }

    /// Of an entry that comes in pieces.
    pub async fn open(&mut self, name: &str, at: DateTime<Utc>) -> Result<(), MakeError> {
        let head = self.zip.open(name, at)?;
        Ok(self.upload.push(&head).await?)
    }

    pub async fn piece(&mut self, text: &str) -> Result<(), MakeError> {
        self.zip.feed(text.as_bytes());
        Ok(self.upload.push(text.as_bytes()).await?)
    }

    /// Behind the last piece.
    pub async fn close(&mut self) -> Result<(), MakeError> {
        let end = self.zip.close()?;
        Ok(self.upload.push(&end).await?)
    }

    /// Gives the bytes of the object, which is whole then.
    pub async fn end(mut self) -> Result<u64, MakeError> {
        self.upload.push(&self.zip.end()).await?;
        Ok(self.upload.complete().await?)
    }
}
