//! The objects that one run put into storage and no row names: previews, and pictures that came to nothing. Deleted when the
//! run has ended, as well as that goes; what is left, the sweep of orphans finds.
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::app::App;
use crate::work::queue::Claimed;

#[derive(Default)]
pub struct Scraps(Mutex<BTreeSet<String>>);

impl Scraps {
    /// Before they are written: a run may be dropped at any moment.
    pub fn add(&self, keys: impl IntoIterator<Item = String>) {
        self.keys().extend(keys);
    }

    /// They belong to a picture now.
    pub fn keep<'a>(&self, keys: impl IntoIterator<Item = &'a String>) {
        let mut scraps = self.keys();
        for key in keys {
            scraps.remove(key);
        }
    }

    pub async fn throw_away(&self, app: &App, job: &Claimed) {
        let keys: Vec<String> = std::mem::take(&mut *self.keys()).into_iter().collect();
        if keys.is_empty() {
            return;
        }
        if let Err(error) = app.store.delete_many(&keys).await {
            tracing::warn!(generation_id = %job.id, %error, "objects of no image are left in storage");
        }
    }

    fn keys(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
