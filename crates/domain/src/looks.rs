//! What a model can be asked beside size and quality: backgrounds, formats and images to make others from. Says what is
//! wrong with them in a catalogue; what a person may choose is said by `spec`.
use std::collections::HashSet;

use crate::catalogue::{Model, PRICE_MAX};
use crate::limits::REFERENCES_MAX;

/// The first thing that is wrong.
pub fn fault_of_looks(model: &Model) -> Option<&'static str> {
    let are_known = |names: &[String], known: &[&str]| {
        let distinct: HashSet<_> = names.iter().collect();
        distinct.len() == names.len() && names.iter().all(|name| known.contains(&name.as_str()))
    };
    if !are_known(&model.backgrounds, &["opaque", "transparent"]) {
        return Some("backgrounds are \"opaque\" and \"transparent\", each once");
    }
    if !are_known(&model.output_formats, &["png", "webp", "jpeg"]) {
        return Some("output_formats are \"png\", \"webp\" and \"jpeg\", each once");
    }
    let edits = model.edits?;
    if edits.references_max == 0 || edits.references_max > REFERENCES_MAX {
        return Some("edits need references_max from 1 to 16");
    }
    if !(1..=PRICE_MAX).contains(&edits.reference_gems) || edits.reference_cost_microusd < 0 {
        return Some("edits need reference_gems from 1 to 1,000,000, and a cost that is not below zero");
    }
    None
}
