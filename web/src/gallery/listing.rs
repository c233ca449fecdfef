//! A list that is read page by page, newest first, kept while a person walks between pages and told of every change.
//! It never sorts what the API answered, and never shows one row twice.
use crate::ui::prelude::*;
use chrono::{DateTime, Utc};
use lapidary_contract::List;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::http;
use crate::ui::failure::Failure;

/// What a listing can hold.
pub trait Row: Clone + PartialEq + Send + Sync + DeserializeOwned + 'static {
    fn id(&self) -> Uuid;

    /// Newer rows come first.
    fn order(&self) -> DateTime<Utc>;

    /// Whether it may take the place of what is known: answers and events overtake each other.
    fn may_follow(&self, known: &Self) -> bool;
}

/// One row with a signal of its own: a change of one redraws one.
#[derive(Clone)]
pub struct Entry<T: Row> {
    pub id: Uuid,
    pub row: ArcRwSignal<T>,
}

impl<T: Row> Entry<T> {
    pub fn new(row: T) -> Self {
        Self { id: row.id(), row: ArcRwSignal::new(row) }
    }

    pub fn set(&self, row: T) {
        let is_news = self.row.with_untracked(|known| *known != row && row.may_follow(known));
        if is_news {
            self.row.set(row);
        }
    }
}

#[derive(Clone, PartialEq)]
pub enum Load {
    /// Nothing was read yet.
    First,
    Ready,
    /// The next page is on its way.
    More,
    Failed(Failure),
}

#[derive(Clone)]
pub struct Listing<T: Row> {
    /// With its query, without a cursor.
    path: &'static str,
    pub entries: ArcRwSignal<Vec<Entry<T>>>,
    pub load: ArcRwSignal<Load>,
    cursor: ArcRwSignal<Option<String>>,
}

impl<T: Row> Listing<T> {
    pub fn new(path: &'static str) -> Self {
        Self {
            path,
            entries: ArcRwSignal::new(Vec::new()),
            load: ArcRwSignal::new(Load::First),
            cursor: ArcRwSignal::new(None),
        }
    }

    /// Reads the first page again; what was read beyond it stays.
    pub async fn refresh(&self) {
        match http::get::<List<T>>(self.path).await {
            Ok(page) => {
                self.merge_first(page);
                self.load.set(Load::Ready);
            }
            Err(failure) => self.load.set(Load::Failed(failure)),
        }
    }

    /// Reads the page after the last known row.
    pub async fn more(&self) {
        let Some(cursor) = self.cursor.get_untracked() else { return };
        if self.load.with_untracked(|load| matches!(load, Load::First | Load::More)) {
            return;
        }
        self.load.set(Load::More);
        match http::get::<List<T>>(&format!("{}&cursor={cursor}", self.path)).await {
            Ok(page) => {
                self.entries.update(|entries| {
                    for row in page.data {
                        match entries.iter().find(|entry| entry.id == row.id()) {
                            Some(entry) => entry.set(row),
                            None => entries.push(Entry::new(row)),
                        }
                    }
                });
                self.cursor.set(page.next_cursor);
                self.load.set(Load::Ready);
            }
            Err(failure) => self.load.set(Load::Failed(failure)),
        }
    }

    pub fn has_more(&self) -> bool {
        self.cursor.with(Option::is_some)
    }

    /// Takes a row that is new or has changed. One beyond the last page read comes with its page.
    pub fn put(&self, row: T) {
        let known = self.entries.with_untracked(|entries| entries.iter().find(|entry| entry.id == row.id()).cloned());
        if let Some(entry) = known {
            entry.set(row);
            return;
        }
        let order = row.order();
        let is_cut = self.cursor.with_untracked(Option::is_some);
        self.entries.update(|entries| {
            let at = entries.iter().position(|entry| entry.row.with_untracked(Row::order) <= order);
            match at {
                Some(at) => entries.insert(at, Entry::new(row)),
                None if is_cut => {}
                None => entries.push(Entry::new(row)),
            }
        });
    }

    pub fn remove(&self, id: Uuid) {
        if self.find(id).is_some() {
            self.entries.update(|entries| entries.retain(|entry| entry.id != id));
        }
    }

    pub fn find(&self, id: Uuid) -> Option<T> {
        self.entries.with_untracked(|entries| {
            let entry = entries.iter().find(|entry| entry.id == id)?;
            Some(entry.row.get_untracked())
        })
    }

    fn merge_first(&self, page: List<T>) {
        let known = self.entries.get_untracked();
        let last = page.data.last().map(Row::order);
        let is_in_page = |id: Uuid| page.data.iter().any(|row| row.id() == id);
        let tail: Vec<Entry<T>> = match (&page.next_cursor, last) {
            (Some(_), Some(last)) => known
                .iter()
                .filter(|entry| entry.row.with_untracked(Row::order) < last && !is_in_page(entry.id))
                .cloned()
                .collect(),
            _ => Vec::new(),
        };
        if tail.is_empty() {
            self.cursor.set(page.next_cursor.clone());
        }
        let mut entries: Vec<Entry<T>> = Vec::with_capacity(page.data.len() + tail.len());
        for row in page.data {
            match known.iter().find(|entry| entry.id == row.id()) {
                Some(entry) => {
                    entry.set(row);
                    entries.push(entry.clone());
                }
                None => entries.push(Entry::new(row)),
            }
        }
        entries.extend(tail);
        let is_same = entries.len() == known.len() && entries.iter().zip(&known).all(|(new, old)| new.id == old.id);
        if !is_same {
            self.entries.set(entries);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq, serde::Deserialize)]
    struct Pebble {
        id: u128,
        minute: i64,
        is_done: bool,
    }

    impl Row for Pebble {
        fn id(&self) -> Uuid {
            Uuid::from_u128(self.id)
        }

        fn order(&self) -> DateTime<Utc> {
            DateTime::from_timestamp(self.minute * 60, 0).unwrap_or_default()
        }

        fn may_follow(&self, known: &Self) -> bool {
            self.is_done || !known.is_done
        }
    }

    fn pebble(id: u128) -> Pebble {
        Pebble { id, minute: id as i64, is_done: false }
    }

    fn ids(listing: &Listing<Pebble>) -> Vec<u128> {
        listing.entries.with_untracked(|entries| entries.iter().map(|entry| entry.id.as_u128()).collect())
    }

    fn page(ids: &[u128], next: Option<&str>) -> List<Pebble> {
        List { data: ids.iter().map(|id| pebble(*id)).collect(), next_cursor: next.map(str::to_owned) }
    }

    #[test]
    fn a_new_row_takes_its_place_by_age() {
        let listing = Listing::new("/p?");
        listing.merge_first(page(&[9, 5, 3], Some("c")));
        listing.put(pebble(10));
        listing.put(pebble(4));
        listing.put(pebble(1));
        assert_eq!(ids(&listing), [10, 9, 5, 4, 3], "what is beyond the last page read waits for its page");
    }

    #[test]
    fn a_refresh_keeps_what_was_read_beyond_the_first_page_and_drops_what_is_gone() {
        let listing = Listing::new("/p?");
        listing.merge_first(page(&[9, 8, 7, 6], Some("c")));
        listing.merge_first(page(&[10, 9, 7], Some("d")));
        assert_eq!(ids(&listing), [10, 9, 7, 6]);
        assert_eq!(listing.cursor.get_untracked().as_deref(), Some("c"));
        listing.merge_first(page(&[10], None));
        assert_eq!(ids(&listing), [10]);
    }

    #[test]
    fn an_answer_that_was_overtaken_changes_nothing() {
        let listing = Listing::new("/p?");
        listing.put(Pebble { is_done: true, ..pebble(1) });
        listing.put(pebble(1));
        assert!(listing.find(Uuid::from_u128(1)).is_some_and(|row| row.is_done));
    }
}
