//! The list that is asked for, cut into blocks: what is known of each, what was read of it, and where a change belongs.
//! Asks nobody; holds no more than it is told.
use crate::ui::number::put_in_order;
use chrono::{DateTime, Utc};
use lapidary_contract::{Image, ImageBlock};
use uuid::Uuid;

use super::listing::Entry;
use crate::ui::time::day_number;

/// What the layout needs of a picture, kept also when the picture's row is forgotten.
#[derive(Clone, Debug, PartialEq)]
pub struct Spot {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    /// Width by height.
    pub ratio: f64,
    /// Days since the epoch in the reader's zone.
    pub day: i64,
}

impl Spot {
    fn of(image: &Image) -> Self {
        let ratio = f64::from(image.width.max(1)) / f64::from(image.height.max(1));
        Self { id: image.id, at: image.created_at, ratio, day: day_number(&image.created_at) }
    }

    fn order(&self) -> (DateTime<Utc>, Uuid) {
        (self.at, self.id)
    }
}

#[derive(Clone)]
pub struct Block {
    pub key: u32,
    pub cursor: Option<String>,
    pub newest_at: DateTime<Utc>,
    pub oldest_at: DateTime<Utc>,
    /// Days of both, as a spot's.
    pub days: (i64, i64),
    /// Pictures, as far as known.
    pub count: usize,
    /// Newest first; empty until it is read.
    pub spots: Vec<Spot>,
    /// Beside the spots; empty when it was not read or is forgotten.
    pub entries: Vec<Entry<Image>>,
    /// Nothing changed since it was read, as far as known.
    pub is_fresh: bool,
    /// Another number for other spots.
    pub revision: u32,
}

impl Block {
    pub fn needs_reading(&self) -> bool {
        !self.is_fresh || self.entries.len() != self.spots.len()
    }

    fn take(&mut self, rows: Vec<(Spot, Entry<Image>)>) {
        (self.spots, self.entries) = rows.into_iter().unzip();
        self.count = self.spots.len();
        self.revision += 1;
    }
}

/// Newest first.
#[derive(Clone, Default)]
pub struct Blocks {
    pub all: Vec<Block>,
    next_key: u32,
}

impl Blocks {
    pub fn total(&self) -> usize {
        self.all.iter().map(|block| block.count).sum()
    }

    /// The first answer to a question; the other blocks come with the cut. Rows that are known keep their entries.
    pub fn begin(&mut self, rows: Vec<Image>) {
        let known: Vec<Entry<Image>> = self.all.drain(..).flat_map(|block| block.entries).collect();
        let (Some(newest), Some(oldest)) = (rows.first(), rows.last()) else { return };
        let mut block = self.block(None, newest.created_at, oldest.created_at, 0);
        let take = |row: Image| {
            let entry = known.iter().find(|entry| entry.id == row.id).cloned();
            let (spot, entry) = (Spot::of(&row), entry.unwrap_or_else(|| Entry::new(row.clone())));
            entry.set(row);
            (spot, entry)
        };
        block.take(rows.into_iter().map(take).collect());
        block.is_fresh = true;
        self.all = vec![block];
    }

    /// The whole list as it is cut now. What was read stays where it belongs, and is read again when it comes in sight.
    pub fn cut(&mut self, cut: Vec<ImageBlock>) {
        let first_is_fresh = self.all.first().is_some_and(|block| block.is_fresh);
        let known: Vec<Block> = std::mem::take(&mut self.all);
        let spots = known.into_iter().flat_map(|block| {
            let entries = block.entries.into_iter().map(Some).chain(std::iter::repeat(None));
            block.spots.into_iter().zip(entries).collect::<Vec<_>>()
        });
        let mut spots = spots.peekable();
        for (index, part) in cut.into_iter().enumerate() {
            let count = usize::try_from(part.count).unwrap_or_default();
            let mut block = self.block(part.cursor, part.newest_at, part.oldest_at, count);
            let mut own = Vec::new();
            while let Some((spot, entry)) = spots.next_if(|(spot, _)| spot.at >= part.oldest_at) {
                // What came since the cut stands at the top; what is newer than its block elsewhere has left the list.
                let is_own = index == 0 || spot.at <= part.newest_at;
                own.extend(is_own.then_some((spot, entry)));
            }
            // A part of a block would stand for the whole with a wrong height.
            if own.len() * 2 >= count && own.iter().all(|(_, entry)| entry.is_some()) {
                block.is_fresh = index == 0 && first_is_fresh && own.len() >= count;
                block.take(own.into_iter().filter_map(|(spot, entry)| Some((spot, entry?))).collect());
            } else if own.len() == count {
                block.spots = own.into_iter().map(|(spot, _)| spot).collect();
            }
            self.all.push(block);
        }
    }

    fn block(&mut self, cursor: Option<String>, newest: DateTime<Utc>, oldest: DateTime<Utc>, count: usize) -> Block {
        self.next_key += 1;
        Block {
            key: self.next_key,
            cursor,
            newest_at: newest,
            oldest_at: oldest,
            days: (day_number(&newest), day_number(&oldest)),
            count,
            spots: Vec::new(),
            entries: Vec::new(),
            is_fresh: false,
            revision: 0,
        }
    }

    /// Rows that were read for a block; `is_all` when they reach its end, otherwise what is older stays.
    pub fn read(&mut self, key: u32, rows: Vec<Image>, is_all: bool) {
        let Some(at) = self.all.iter().position(|block| block.key == key) else { return };
        let beside = [at.checked_sub(1), Some(at + 1)].into_iter().flatten().filter_map(|it| self.all.get(it));
        let others: Vec<Uuid> = beside.flat_map(|block| block.spots.iter().map(|spot| spot.id)).collect();
        let Some(block) = self.all.get_mut(at) else { return };
        let oldest = rows.last().map(|row| row.created_at);
        let mut known: Vec<_> = block.spots.drain(..).zip(block.entries.drain(..)).collect();
        let rows = rows.into_iter().filter(|row| row.created_at >= block.oldest_at && !others.contains(&row.id));
        let mut taken: Vec<_> = rows
            .map(|row| {
                let spot = Spot::of(&row);
                let entry = match known.iter().position(|(spot, _)| spot.id == row.id) {
                    Some(at) => known.swap_remove(at).1,
                    None => Entry::new(row.clone()),
                };
                entry.set(row);
                (spot, entry)
            })
            .collect();
        if !is_all {
            taken.extend(known.into_iter().filter(|(spot, _)| oldest.is_some_and(|oldest| spot.at < oldest)));
            put_in_order(&mut taken, |(one, _), (other, _)| one.order() > other.order());
        }
        block.take(taken);
        block.is_fresh = true;
    }

    /// Everything is read again when it comes in sight.
    pub fn doubt(&mut self) {
        self.all.iter_mut().for_each(|block| block.is_fresh = false);
    }

    /// Takes a picture that is new or has changed. One in a block that was not read comes with its block.
    pub fn put(&mut self, image: Image) {
        if let Some(entry) = self.entry(image.id) {
            return entry.set(image);
        }
        let spot = Spot::of(&image);
        if self.all.is_empty() {
            return self.begin(vec![image]);
        }
        let last = self.all.len() - 1;
        let at = self.all.iter().position(|block| block.oldest_at <= spot.at).unwrap_or(last);
        let Some(block) = self.all.get_mut(at) else { return };
        block.count += 1;
        if block.entries.len() != block.spots.len() || block.spots.is_empty() && block.count > 1 {
            block.is_fresh = false;
            return;
        }
        let place = block.spots.iter().position(|known| known.order() < spot.order()).unwrap_or(block.spots.len());
        block.oldest_at = block.oldest_at.min(spot.at);
        block.newest_at = block.newest_at.max(spot.at);
        block.spots.insert(place, spot);
        block.entries.insert(place, Entry::new(image));
        block.revision += 1;
    }

    pub fn remove(&mut self, ids: &[Uuid]) {
        for block in &mut self.all {
            if !block.spots.iter().any(|spot| ids.contains(&spot.id)) {
                continue;
            }
            let before = block.spots.len();
            block.spots.retain(|spot| !ids.contains(&spot.id));
            block.entries.retain(|entry| !ids.contains(&entry.id));
            block.count = block.count.saturating_sub(before - block.spots.len());
            block.revision += 1;
        }
    }

    pub fn knows(&self, id: Uuid) -> bool {
        self.position(id).is_some()
    }

    pub fn entry(&self, id: Uuid) -> Option<Entry<Image>> {
        let (block, at) = self.position(id)?;
        self.all.get(block)?.entries.get(at).cloned()
    }

    /// Which block, and where in it.
    pub fn position(&self, id: Uuid) -> Option<(usize, usize)> {
        let find = |block: &Block| block.spots.iter().position(|spot| spot.id == id);
        self.all.iter().enumerate().find_map(|(index, block)| Some((index, find(block)?)))
    }

    /// The ids of all that was read, newest first.
    pub fn ids(&self) -> impl Iterator<Item = Uuid> {
        self.all.iter().flat_map(|block| block.spots.iter().map(|spot| spot.id))
    }

    /// The ids before (newer) and after (older) one; nothing where a neighbour may be in a block that was not read.
    pub fn neighbours(&self, id: Uuid) -> Option<(Option<Uuid>, Option<Uuid>)> {
        let (block, at) = self.position(id)?;
        let spot = |block: usize, at: usize| self.all.get(block)?.spots.get(at).map(|spot| spot.id);
        let newer = match at.checked_sub(1) {
            Some(before) => spot(block, before),
            None => match block.checked_sub(1) {
                Some(above) => Some(self.all.get(above)?.spots.last()?.id),
                None => None,
            },
        };
        let older = match (spot(block, at + 1), self.all.get(block + 1)) {
            (Some(older), _) => Some(older),
            (None, Some(below)) => Some(below.spots.first()?.id),
            (None, None) => None,
        };
        Some((newer, older))
    }

    /// Lets the rows of all but these blocks go, where more are held than `most`; their places are kept.
    pub fn forget_beyond(&mut self, kept: std::ops::Range<usize>, most: usize) {
        let mut held: Vec<usize> =
            self.all.iter().enumerate().filter(|(_, it)| !it.entries.is_empty()).map(|(index, _)| index).collect();
        let away = |index: &usize| kept.start.saturating_sub(*index).max(index.saturating_sub(kept.end));
        put_in_order(&mut held, |one, other| away(one) < away(other));
        for index in held.into_iter().skip(most).filter(|index| !kept.contains(index)) {
            if let Some(block) = self.all.get_mut(index) {
                block.entries.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests;
