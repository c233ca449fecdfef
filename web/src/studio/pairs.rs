//! Which generations were asked for side by side, remembered by this tab: they stay beside each other after a reload.
use uuid::Uuid;

use crate::browser::kept;
use crate::json;

/// Enough for what can be seen without searching.
const PAIRED_MAX: usize = 60;

pub fn recall(person: Uuid) -> Vec<Uuid> {
    kept::recall(&name(person)).and_then(|text| json::read(&text).ok()).unwrap_or_default()
}

pub fn keep(person: Uuid, pairs: &[Uuid]) {
    let newest = pairs.get(pairs.len().saturating_sub(PAIRED_MAX)..).unwrap_or_default();
    if let Ok(text) = serde_json::to_string(newest) {
        kept::keep(&name(person), &text);
    }
}

fn name(person: Uuid) -> String {
    format!("lapidary.pairs.{person}")
}
