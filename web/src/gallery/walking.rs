//! Walking over the wall by keys: which picture is next, which are between two, and the focus that goes along.
use crate::ui::prelude::*;
use uuid::Uuid;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::blocks::Blocks;
use super::layout::{Layout, Rect};
use super::sight::{Item, between};
use super::wall::Wall;

impl Wall {
    /// The ids from one picture to another, as far as read, both included.
    pub fn span(self, from: Uuid, to: Uuid) -> Vec<Uuid> {
        let ids: Vec<Uuid> = self.all_ids();
        let at = |id: Uuid| ids.iter().position(|known| *known == id);
        let (Some(one), Some(other)) = (at(from), at(to)) else { return vec![to] };
        ids.get(one.min(other)..=one.max(other)).map(<[Uuid]>::to_vec).unwrap_or_default()
    }

    pub fn all_ids(self) -> Vec<Uuid> {
        self.reel.with_value(|reel| reel.blocks.with_untracked(|blocks| blocks.ids().collect()))
    }

    /// Moves the focus from a card: by one along the list, or to the row above or below.
    pub fn step(self, id: Uuid, key: &str) -> Option<Uuid> {
        let layout = self.layout.get_untracked();
        let to = self.reel.with_value(|reel| {
            reel.blocks.with_untracked(|blocks| {
                let (newer, older) = blocks.neighbours(id).unwrap_or_default();
                match key {
                    "ArrowLeft" => newer,
                    "ArrowRight" => older,
                    _ => {
                        let (block, spot) = blocks.position(id)?;
                        let from = layout.rect(block, spot)?;
                        beside(blocks, &layout, from, key == "ArrowDown")
                    }
                }
            })
        })?;
        self.focus(to);
        Some(to)
    }

    /// Brings a picture in sight and gives it the focus.
    fn focus(self, id: Uuid) {
        let position = self.reel.with_value(|reel| reel.blocks.with_untracked(|blocks| blocks.position(id)));
        let place = position.and_then(|(block, spot)| self.layout.with_untracked(|layout| layout.rect(block, spot)));
        let (Some(rect), Some(node)) = (place, self.node.get_untracked()) else { return };
        let view = self.view.get_value();
        let margin = self.measure.get_value().heading * 2.0;
        let off = (rect.y - margin - view.from).min(0.0) + (rect.y + rect.height + margin - view.to()).max(0.0);
        if off != 0.0 {
            window().scroll_by_with_x_and_y(0.0, off);
            self.look(true);
        }
        let card = node.query_selector(&format!("[data-id='{id}'] a")).ok().flatten();
        if let Some(link) = card.and_then(|it| it.dyn_into::<HtmlElement>().ok()) {
            let _ = link.focus();
        }
    }
}

/// The picture of the next row up or down that stands nearest.
fn beside(blocks: &Blocks, layout: &Layout, from: Rect, is_down: bool) -> Option<Uuid> {
    let middle = from.x + from.width / 2.0;
    let reach = from.height * 3.0;
    let (top, end) = if is_down { (from.y + from.height, from.y + reach) } else { (from.y - reach, from.y - 1.0) };
    let cards = between(&blocks.all, layout, top, end, 0.0).into_iter().filter_map(|placed| match placed.item {
        Item::Card(id) if (placed.rect.y > from.y) == is_down && placed.rect.y != from.y => Some((id, placed.rect)),
        _ => None,
    });
    let far = |rect: &Rect| (rect.y - from.y).abs() * 100.0 + (rect.x + rect.width / 2.0 - middle).abs();
    cards.min_by(|(_, one), (_, other)| far(one).total_cmp(&far(other))).map(|(id, _)| id)
}
