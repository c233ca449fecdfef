//! A question to the gallery with what is known of its answer: read block by block, told of every change, kept while a
//! person walks between pages. Knows no view.
use crate::ui::prelude::*;
use gloo_timers::future::TimeoutFuture;
use lapidary_contract::{Image, ImageBlocks, List};
use uuid::Uuid;

use super::blocks::Blocks;
use super::layout::Anchor;
use super::listing::{Entry, Load};
use super::wanted::Wanted;
use crate::browser;
use crate::http;
use crate::ui::Failure;

const IMAGES: &str = "/v1/images";
const LOOK_MS: u32 = 10;
/// Images of a block, as the server cuts.
const BLOCK: usize = 100;
/// What one block may have grown to since it was cut.
const GROWN_MAX: usize = 1_000;
/// Blocks whose rows stay in memory.
const HELD_MAX: usize = 24;
/// Blocks on their way at a time.
const READING_MAX: usize = 3;

#[derive(Clone)]
pub struct Reel {
    pub wanted: Wanted,
    pub blocks: ArcRwSignal<Blocks>,
    pub load: ArcRwSignal<Load>,
    /// What was looked at last.
    pub seen: ArcRwSignal<Option<Anchor>>,
    reading: ArcRwSignal<Vec<u32>>,
}

impl Reel {
    pub fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            blocks: ArcRwSignal::new(Blocks::default()),
            load: ArcRwSignal::new(Load::First),
            seen: ArcRwSignal::new(None),
            reading: ArcRwSignal::new(Vec::new()),
        }
    }

    pub fn is_read(&self) -> bool {
        self.load.with_untracked(|load| *load != Load::First)
    }

    fn path(&self, cursor: Option<&str>) -> String {
        let cursor = cursor.map(|cursor| format!("&cursor={}", browser::encode(cursor))).unwrap_or_default();
        self.wanted.api(IMAGES, &format!("limit={BLOCK}{cursor}"), browser::encode)
    }

    /// Reads the newest again and how the rest is cut now; what else was read is read again when it comes in sight.
    pub async fn refresh(&self) {
        if let Err(failure) = self.read_all().await {
            self.load.set(Load::Failed(failure));
        }
    }

    /// Waits until there is something to show, or a failure.
    pub async fn begun(&self) {
        while !self.is_read() {
            TimeoutFuture::new(LOOK_MS).await;
        }
    }

    async fn read_all(&self) -> Result<(), Failure> {
        let page = http::get::<List<Image>>(&self.path(None)).await?;
        let has_more = page.next_cursor.is_some();
        self.blocks.update(|blocks| {
            blocks.doubt();
            match blocks.all.first().map(|block| (block.key, block.spots.is_empty())) {
                Some((key, false)) if has_more => blocks.read(key, page.data, false),
                _ => blocks.begin(page.data),
            }
        });
        self.load.set(Load::Ready);
        if has_more {
            let path = self.wanted.api("/v1/images/blocks", "", browser::encode);
            let cut = http::get::<ImageBlocks>(&path).await?;
            self.blocks.update(|blocks| blocks.cut(cut.blocks));
        }
        Ok(())
    }

    /// Reads one block unless it is on its way; says when there is room for no other.
    pub fn begins(&self, key: u32) -> bool {
        let is_free = self.reading.with_untracked(|keys| !keys.contains(&key) && keys.len() < READING_MAX);
        if is_free {
            self.reading.update(|keys| keys.push(key));
        }
        is_free
    }

    /// Reads a block to its end; see [`Reel::begins`].
    pub async fn read(&self, key: u32) -> Result<(), Failure> {
        let answer = self.rows_of(key).await;
        self.reading.update(|keys| keys.retain(|known| *known != key));
        let (rows, is_all) = answer?;
        // Reading an answer and laying it out are a task each: between them a person scrolls.
        TimeoutFuture::new(0).await;
        self.blocks.update(|blocks| blocks.read(key, rows, is_all));
        Ok(())
    }

    async fn rows_of(&self, key: u32) -> Result<(Vec<Image>, bool), Failure> {
        let block = self.blocks.with_untracked(|blocks| {
            let block = blocks.all.iter().find(|block| block.key == key)?;
            Some((block.cursor.clone(), block.oldest_at))
        });
        let Some((mut cursor, oldest_at)) = block else { return Ok((Vec::new(), true)) };
        let mut rows = Vec::new();
        loop {
            let page = http::get::<List<Image>>(&self.path(cursor.as_deref())).await?;
            rows.extend(page.data);
            let is_all =
                page.next_cursor.is_none() || rows.last().is_none_or(|row: &Image| row.created_at <= oldest_at);
            if is_all || rows.len() >= GROWN_MAX {
                return Ok((rows, is_all));
            }
            cursor = page.next_cursor;
        }
    }

    /// Lets go of what is far from these blocks.
    pub fn forget_beyond(&self, kept: std::ops::Range<usize>) {
        self.blocks.update_untracked(|blocks| blocks.forget_beyond(kept, HELD_MAX));
    }

    /// Puts an image where it belongs now, or nowhere.
    pub fn place(&self, image: &Image) {
        if !self.is_read() {
            return;
        }
        let entry = self.entry(image.id);
        match (self.wanted.takes(image), entry) {
            (Some(false), _) => self.remove(&[image.id]),
            (_, Some(entry)) => entry.set(image.clone()),
            (Some(true), None) => self.blocks.update(|blocks| blocks.put(image.clone())),
            (None, None) => {}
        }
    }

    pub fn remove(&self, ids: &[Uuid]) {
        if self.blocks.with_untracked(|blocks| ids.iter().any(|id| blocks.knows(*id))) {
            self.blocks.update(|blocks| blocks.remove(ids));
        }
    }

    pub fn entry(&self, id: Uuid) -> Option<Entry<Image>> {
        self.blocks.with_untracked(|blocks| blocks.entry(id))
    }

    pub fn find(&self, id: Uuid) -> Option<Image> {
        self.entry(id).map(|entry| entry.row.get_untracked())
    }
}
