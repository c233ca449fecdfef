//! What of the wall is in sight or near it: the few things that have elements. Knows places, no browser.
use crate::ui::number::put_in_order;
use uuid::Uuid;

use super::blocks::Block;
use super::layout::{Layout, Rect};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Item {
    /// A day's heading.
    Day(i64),
    /// A picture that was read.
    Card(Uuid),
    /// The place of a picture whose row is not here now.
    Place(Uuid),
    /// A block that was not read.
    Unread(u32),
}

impl Item {
    pub fn key(&self) -> String {
        match self {
            Self::Day(day) => format!("day {day}"),
            Self::Card(id) => id.to_string(),
            Self::Place(id) => format!("place {id}"),
            Self::Unread(key) => format!("unread {key}"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed {
    pub item: Item,
    pub rect: Rect,
}

/// Everything that touches a stretch of the wall, in reading order; `heading` is the height of one.
pub fn between(blocks: &[Block], layout: &Layout, from: f64, to: f64, heading: f64) -> Vec<Placed> {
    let mut found = Vec::new();
    for index in layout.blocks_in(from, to) {
        let (Some(block), Some(top), Some(height)) =
            (blocks.get(index), layout.tops.get(index), layout.heights.get(index))
        else {
            continue;
        };
        match layout.laid.get(index) {
            Some(Some(laid)) => {
                let mut headings = laid.headings.iter().peekable();
                let start = laid.rects.partition_point(|rect| top + rect.y + rect.height < from);
                for (at, rect) in laid.rects.iter().enumerate().skip(start) {
                    if top + rect.y > to {
                        break;
                    }
                    // The headings above this row, those far above it are out of sight.
                    while let Some((y, day)) = headings.next_if(|(y, _)| *y < rect.y) {
                        if top + y + heading >= from {
                            let rect = Rect { x: 0.0, y: top + y, width: rect.width, height: heading };
                            found.push(Placed { item: Item::Day(*day), rect });
                        }
                    }
                    let Some(spot) = block.spots.get(at) else { break };
                    let item = if at < block.entries.len() { Item::Card(spot.id) } else { Item::Place(spot.id) };
                    found.push(Placed { item, rect: Rect { y: top + rect.y, ..*rect } });
                }
            }
            _ if block.count > 0 => {
                let rect = Rect { x: 0.0, y: *top, width: 0.0, height: *height };
                found.push(Placed { item: Item::Unread(block.key), rect });
            }
            _ => {}
        }
    }
    found
}

/// At most so many cards that were not there a moment ago, those nearest to the middle; the others are places until
/// the next moment: what is made at once must not hold up scrolling.
pub fn spread(items: &mut [Placed], before: &[Placed], middle: f64, most: usize) -> bool {
    let is_known = |id: &Uuid| before.iter().any(|known| known.item == Item::Card(*id));
    let mut fresh: Vec<(f64, usize)> = items
        .iter()
        .enumerate()
        .filter(|(_, placed)| matches!(&placed.item, Item::Card(id) if !is_known(id)))
        .map(|(index, placed)| ((placed.rect.y + placed.rect.height / 2.0 - middle).abs(), index))
        .collect();
    put_in_order(&mut fresh, |(one, _), (other, _)| one < other);
    for (_, index) in fresh.iter().skip(most) {
        if let Some(placed) = items.get_mut(*index)
            && let Item::Card(id) = placed.item
        {
            placed.item = Item::Place(id);
        }
    }
    fresh.len() > most
}

/// The day at the view's top, when its heading is above.
pub fn day_at(layout: &Layout, blocks: &[Block], from: f64) -> Option<i64> {
    let index = layout.tops.partition_point(|top| *top <= from).checked_sub(1)?;
    let top = layout.tops.get(index)?;
    let above =
        |laid: &super::layout::Laid| laid.headings.iter().rev().find(|(y, _)| top + y <= from).map(|(_, day)| *day);
    let here = layout.laid.get(index)?.as_ref().and_then(|laid| above(laid));
    here.or_else(|| blocks.get(index)?.spots.first().map(|spot| spot.day))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(id: u128, y: f64) -> Placed {
        Placed { item: Item::Card(Uuid::from_u128(id)), rect: Rect { x: 0.0, y, width: 10.0, height: 10.0 } }
    }

    #[test]
    fn what_is_made_at_once_is_nearest_to_the_middle() {
        let mut items: Vec<Placed> = (0..6).map(|at| card(at, at as f64 * 10.0)).collect();
        let has_more = spread(&mut items, &[card(0, 0.0)], 35.0, 2);
        let cards: Vec<usize> =
            items.iter().enumerate().filter(|(_, it)| matches!(it.item, Item::Card(_))).map(|(at, _)| at).collect();
        assert!(has_more);
        assert_eq!(cards, [0, 2, 3], "what was there stays");
    }
}
