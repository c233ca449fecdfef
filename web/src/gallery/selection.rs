//! Which pictures are selected: one by one, from one to another, or all that was read. Does nothing to them.
use std::collections::BTreeSet;

use crate::ui::prelude::*;
use uuid::Uuid;

#[derive(Clone, Copy)]
pub struct Selection {
    ids: RwSignal<BTreeSet<Uuid>>,
    /// Where a stretch begins that shift extends.
    start: StoredValue<Option<Uuid>>,
}

impl Selection {
    pub fn new() -> Self {
        Self { ids: RwSignal::new(BTreeSet::new()), start: StoredValue::new(None) }
    }

    pub fn has(self, id: Uuid) -> bool {
        self.ids.with(|ids| ids.contains(&id))
    }

    pub fn count(self) -> usize {
        self.ids.with(BTreeSet::len)
    }

    /// For those who only act: not followed.
    pub fn is_empty(self) -> bool {
        self.ids.with_untracked(BTreeSet::is_empty)
    }

    /// Newest first, as ids of images are made in time.
    pub fn ids(self) -> Vec<Uuid> {
        self.ids.with_untracked(|ids| ids.iter().rev().copied().collect())
    }

    /// The next stretch begins here.
    pub fn start_at(self, id: Uuid) {
        self.start.set_value(Some(id));
    }

    pub fn start(self) -> Option<Uuid> {
        self.start.get_value()
    }

    pub fn turn(self, id: Uuid) {
        self.start_at(id);
        self.ids.update(|ids| {
            if !ids.remove(&id) {
                ids.insert(id);
            }
        });
    }

    pub fn add(self, more: impl IntoIterator<Item = Uuid>) {
        self.ids.update(|ids| ids.extend(more));
    }

    pub fn clear(self) {
        self.start.set_value(None);
        if !self.is_empty() {
            self.ids.set(BTreeSet::new());
        }
    }
}
