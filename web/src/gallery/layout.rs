//! Where everything of the wall stands: blocks under each other, days with their headings, justified rows, and an
//! estimate for what was not read. Knows sizes in CSS pixels, no browser.
use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::blocks::{Block, Spot};
use super::rows::{row_height, rows};

/// Shape of a picture nobody has seen.
const USUAL_RATIO: f64 = 1.1;

/// All in CSS pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measure {
    pub width: f64,
    pub gap: f64,
    /// Of a day's heading.
    pub heading: f64,
    /// Between the last row of a day and the next heading.
    pub day_gap: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// A block that was read; from its own top.
#[derive(Debug, Default, PartialEq)]
pub struct Laid {
    pub height: f64,
    /// One for each spot.
    pub rects: Vec<Rect>,
    /// Top and day.
    pub headings: Vec<(f64, i64)>,
}

/// The day that goes on from the block before, and whether the last day goes on in the block after.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Edges {
    pub before: Option<i64>,
    pub after: Option<i64>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Layout {
    pub tops: Vec<f64>,
    pub heights: Vec<f64>,
    /// `None` where nothing was read.
    pub laid: Vec<Option<Arc<Laid>>>,
    pub height: f64,
}

/// What was laid out before and is still true, by block.
pub type Known = HashMap<u32, (u32, Measure, Edges, Arc<Laid>)>;

impl Layout {
    pub fn of(blocks: &[Block], measure: Measure, known: &mut Known) -> Self {
        let days: Vec<(i64, i64)> = blocks.iter().map(days_of).collect();
        let edges = |index: usize| Edges {
            before: index.checked_sub(1).and_then(|before| days.get(before)).map(|(_, last)| *last),
            after: days.get(index + 1).map(|(first, _)| *first),
        };
        if known.len() > blocks.len() * 2 + 100 {
            known.retain(|key, _| blocks.iter().any(|block| block.key == *key));
        }
        let laid = |(index, block): (usize, &Block)| {
            (!block.spots.is_empty()).then(|| {
                let stamp = (block.revision, measure, edges(index));
                match known.get(&block.key) {
                    Some((revision, of, at, laid)) if (*revision, *of, *at) == stamp => laid.clone(),
                    _ => {
                        let laid = Arc::new(lay(&block.spots, measure, stamp.2));
                        known.insert(block.key, (stamp.0, measure, stamp.2, laid.clone()));
                        laid
                    }
                }
            })
        };
        let laid: Vec<Option<Arc<Laid>>> = blocks.iter().enumerate().map(laid).collect();
        let each = height_of_one(&laid, measure);
        let mut layout = Self::default();
        for (index, (block, laid)) in blocks.iter().zip(laid).enumerate() {
            let height = match &laid {
                Some(laid) => laid.height,
                None => {
                    estimate(block.count, days.get(index).copied().unwrap_or_default(), edges(index), measure, each)
                }
            };
            layout.tops.push(layout.height);
            layout.heights.push(height);
            layout.laid.push(laid);
            layout.height += height;
        }
        layout
    }

    /// Where a spot of a block stands.
    pub fn rect(&self, block: usize, spot: usize) -> Option<Rect> {
        let rect = self.laid.get(block)?.as_ref()?.rects.get(spot)?;
        Some(Rect { y: rect.y + self.tops.get(block)?, ..*rect })
    }

    /// The blocks that touch this stretch.
    pub fn blocks_in(&self, from: f64, to: f64) -> std::ops::Range<usize> {
        let last_before = self.tops.partition_point(|top| *top <= from);
        let start = last_before.saturating_sub(1);
        start..self.tops.partition_point(|top| *top < to).max(start)
    }
}

/// Its first day and its last one.
fn days_of(block: &Block) -> (i64, i64) {
    match (block.spots.first(), block.spots.last()) {
        (Some(first), Some(last)) => (first.day, last.day),
        _ => block.days,
    }
}

pub fn lay(spots: &[Spot], measure: Measure, edges: Edges) -> Laid {
    let wanted = row_height(measure.width);
    let (mut laid, mut y) = (Laid::default(), 0.0);
    let mut parts = spots.chunk_by(|one, other| one.day == other.day).peekable();
    while let Some(part) = parts.next() {
        let day = part.first().map(|spot| spot.day).unwrap_or_default();
        if !(laid.rects.is_empty() && edges.before == Some(day)) {
            laid.headings.push((y, day));
            y += measure.heading;
        }
        let goes_on = parts.peek().is_none() && edges.after == Some(day);
        let ratios: Vec<f64> = part.iter().map(|spot| spot.ratio).collect();
        let mut rest = ratios.as_slice();
        for row in rows(&ratios, measure.width, wanted, measure.gap, goes_on) {
            let (own, after) = rest.split_at(row.count.min(rest.len()));
            let (height, mut x) = (row.height.round(), 0.0_f64);
            for ratio in own {
                let end = x + ratio * row.height;
                laid.rects.push(Rect { x: x.round(), y, width: end.round() - x.round(), height });
                x = end + measure.gap;
            }
            y += height + measure.gap;
            rest = after;
        }
        if !goes_on {
            y += measure.day_gap - measure.gap;
        }
    }
    laid.height = y;
    laid
}

/// Average height that one picture adds.
fn height_of_one(laid: &[Option<Arc<Laid>>], measure: Measure) -> f64 {
    let read = laid.iter().flatten();
    let (count, height) = read.fold((0, 0.0), |(count, height), it| {
        let headings = it.headings.len() as f64 * (measure.heading + measure.day_gap);
        (count + it.rects.len(), height + it.height - headings)
    });
    let wanted = row_height(measure.width);
    let usual = (wanted + measure.gap) * wanted * USUAL_RATIO / measure.width.max(1.0);
    if count > 20 && height > 0.0 { height / count as f64 } else { usual }
}

fn estimate(count: usize, (first, last): (i64, i64), edges: Edges, measure: Measure, each: f64) -> f64 {
    let days = (first - last + 1).clamp(1, count.max(1) as i64) - i64::from(edges.before == Some(first));
    (each * count as f64 + days as f64 * (measure.heading + measure.day_gap)).round()
}

/// What a person looks at, so that it can stay where it is while things around it change.
#[derive(Clone, Debug, PartialEq)]
pub enum Anchor {
    /// How far below the view's top a picture begins; negative when it begins above.
    Picture { id: Uuid, below: f64 },
    /// How much of a block that was not read is above the view.
    Part { newest_at: DateTime<Utc>, share: f64 },
}

impl Anchor {
    /// Of a view that begins `from` pixels below the wall's top.
    pub fn at(blocks: &[Block], layout: &Layout, from: f64) -> Option<Self> {
        for index in layout.blocks_in(from, f64::INFINITY) {
            let (block, top, height) = (blocks.get(index)?, layout.tops.get(index)?, layout.heights.get(index)?);
            if top + height <= from {
                continue;
            }
            let Some(laid) = layout.laid.get(index)? else {
                let share = ((from - top) / height.max(1.0)).max(0.0);
                return Some(Self::Part { newest_at: block.newest_at, share });
            };
            let at = laid.rects.partition_point(|rect| top + rect.y + rect.height <= from);
            if let (Some(spot), Some(rect)) = (block.spots.get(at), laid.rects.get(at)) {
                return Some(Self::Picture { id: spot.id, below: top + rect.y - from });
            }
        }
        None
    }

    /// After the view has gone further down by so much.
    pub fn moved(self, by: f64) -> Self {
        match self {
            Self::Picture { id, below } => Self::Picture { id, below: below - by },
            part => part,
        }
    }

    /// Where the view begins for it; `None` when it has left the wall.
    pub fn from(&self, blocks: &[Block], layout: &Layout) -> Option<f64> {
        match self {
            Self::Picture { id, below } => {
                let find = |block: &Block| block.spots.iter().position(|spot| spot.id == *id);
                let (block, spot) = blocks.iter().enumerate().find_map(|(index, it)| Some((index, find(it)?)))?;
                Some(layout.rect(block, spot)?.y - below)
            }
            Self::Part { newest_at, share } => {
                let index = blocks.iter().position(|block| block.oldest_at <= *newest_at)?;
                Some(layout.tops.get(index)? + layout.heights.get(index)? * share)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEASURE: Measure = Measure { width: 1000.0, gap: 4.0, heading: 40.0, day_gap: 24.0 };

    fn spot(id: u128, day: i64, ratio: f64) -> Spot {
        let at = DateTime::from_timestamp(day * 86_400 + 60, 0).unwrap_or_default();
        Spot { id: Uuid::from_u128(id), at, ratio, day }
    }

    fn block(key: u32, spots: Vec<Spot>, count: usize, days: (i64, i64)) -> Block {
        let at = |day: i64| DateTime::from_timestamp(day * 86_400 + 60, 0).unwrap_or_default();
        let (newest_at, oldest_at) = (at(days.0), at(days.1));
        Block {
            key,
            cursor: None,
            newest_at,
            oldest_at,
            days,
            count,
            spots,
            entries: Vec::new(),
            is_fresh: true,
            revision: 0,
        }
    }

    fn spots(from: u128, count: u128, day: i64) -> Vec<Spot> {
        (from..from + count).map(|id| spot(id, day, 1.0)).collect()
    }

    #[test]
    fn a_day_has_one_heading_even_where_a_block_ends_in_it() {
        let blocks = [block(1, spots(1, 9, 7), 9, (7, 7)), block(2, spots(10, 9, 7), 9, (7, 7))];
        let layout = Layout::of(&blocks, MEASURE, &mut Known::new());
        let headings: usize = layout.laid.iter().flatten().map(|laid| laid.headings.len()).sum();
        assert_eq!(headings, 1);
        let (last, next) = (layout.rect(0, 8).unwrap(), layout.rect(1, 0).unwrap());
        assert_eq!(last.x + last.width, 1000.0, "the last row before the seam is full");
        assert_eq!(next.y, last.y + last.height + 4.0);
    }

    #[test]
    fn rows_stand_under_each_other_without_touching() {
        let laid = lay(&[spots(1, 11, 7), spots(20, 3, 6)].concat(), MEASURE, Edges::default());
        assert_eq!(laid.headings.iter().map(|(_, day)| *day).collect::<Vec<_>>(), [7, 6]);
        for pair in laid.rects.windows(2) {
            let same_row = pair[0].y == pair[1].y;
            let gap = if same_row { pair[1].x - pair[0].x - pair[0].width } else { pair[1].y - pair[0].y };
            assert!(if same_row { gap == 4.0 } else { gap >= pair[0].height }, "{pair:?}");
        }
        assert!(laid.rects.iter().all(|rect| rect.x + rect.width <= 1000.0));
    }

    #[test]
    fn what_was_not_read_is_as_high_as_what_was_on_average() {
        let read = block(1, spots(1, 100, 7), 100, (7, 7));
        let blocks = [read, block(2, Vec::new(), 100, (7, 7))];
        let layout = Layout::of(&blocks, MEASURE, &mut Known::new());
        assert!((layout.heights[1] - layout.heights[0]).abs() < 80.0, "{:?}", layout.heights);
        assert_eq!(layout.height, layout.heights.iter().sum::<f64>());
    }

    #[test]
    fn what_is_looked_at_stays_when_something_above_it_changes() {
        let mut blocks = vec![block(1, Vec::new(), 100, (8, 8)), block(2, spots(200, 50, 7), 50, (7, 7))];
        let before = Layout::of(&blocks, MEASURE, &mut Known::new());
        let from = before.tops[1] + 700.0;
        let anchor = Anchor::at(&blocks, &before, from).unwrap();
        blocks[0] = block(1, (1..101).map(|id| spot(id, 8, 0.5)).collect(), 100, (8, 8));
        let after = Layout::of(&blocks, MEASURE, &mut Known::new());
        assert_ne!(before.heights[0], after.heights[0]);
        assert_eq!(anchor.from(&blocks, &after), Some(after.tops[1] + 700.0));
    }

    #[test]
    fn the_blocks_of_a_stretch_are_found() {
        let blocks: Vec<Block> =
            (0..5).map(|key| block(key, Vec::new(), 100, (9 - i64::from(key), 9 - i64::from(key)))).collect();
        let layout = Layout::of(&blocks, MEASURE, &mut Known::new());
        let height = layout.heights[1];
        assert_eq!(layout.blocks_in(0.0, 10.0), 0..1);
        assert_eq!(layout.blocks_in(height * 1.5, height * 2.5), 1..3);
        assert_eq!(layout.blocks_in(height * 4.5, height * 50.0), 4..5);
    }
}
