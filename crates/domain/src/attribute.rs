//! An attribute: a chosen property of a picture, `{section, value}`.
use serde::{Deserialize, Serialize};

use crate::limits::{ATTRIBUTES_MAX, SECTION_MAX, VALUE_MAX};
use crate::violation::{Violation, ViolationCode};

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    pub section: String,
    pub value: String,
}

impl Attribute {
    pub fn new(section: impl Into<String>, value: impl Into<String>) -> Self {
        Self { section: section.into(), value: value.into() }
    }
}

/// Trims, and says all that is wrong. The order of a person's choice is kept.
pub fn parse(attributes: &[Attribute], violations: &mut Vec<Violation>) -> Vec<Attribute> {
    if attributes.len() > ATTRIBUTES_MAX {
        violations.push(Violation::new("/attributes", ViolationCode::TooMany));
        return Vec::new();
    }
    let mut parsed: Vec<Attribute> = Vec::with_capacity(attributes.len());
    for (index, attribute) in attributes.iter().enumerate() {
        let trimmed = Attribute::new(attribute.section.trim(), attribute.value.trim());
        check(&trimmed.section, SECTION_MAX, format!("/attributes/{index}/section"), violations);
        check(&trimmed.value, VALUE_MAX, format!("/attributes/{index}/value"), violations);
        if parsed.contains(&trimmed) {
            violations.push(Violation::new(format!("/attributes/{index}"), ViolationCode::Duplicate));
        }
        parsed.push(trimmed);
    }
    parsed
}

/// Adds what is wrong with a short text that must be there, of up to `max` characters.
pub fn check(text: &str, max: usize, pointer: String, violations: &mut Vec<Violation>) {
    if text.is_empty() {
        violations.push(Violation::new(pointer, ViolationCode::Required));
    } else if text.contains('\0') {
        violations.push(Violation::new(pointer, ViolationCode::ContainsNul));
    } else if text.chars().count() > max {
        violations.push(Violation::new(pointer, ViolationCode::TooLong));
    }
}
