//! Refinement: what may be asked for, and what of a language model's answer is good enough to be delivered. The answer is
//! a stranger's text: it is folded, cut and compared here, and nothing of it is taken that a person could not pick.
use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::attribute::{self, Attribute};
use crate::limits::{
    PROMPT_MAX, REFINED_VALUE_MAX, REFINEMENT_SECTIONS, REFINEMENT_VALUES, SECTION_MAX, SEEN_SECTIONS_MAX,
};
use crate::spec::check_text;
use crate::violation::{Violation, ViolationCode};

/// A section of suggested attributes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefinedSection {
    pub name: String,
    pub values: Vec<String>,
}

/// What is refined, and what must not come again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefinementSpec {
    pub prompt: String,
    pub attributes: Vec<Attribute>,
    pub seen_sections: Vec<String>,
}

impl RefinementSpec {
    /// Says everything that is wrong at once.
    pub fn parse(prompt: &str, attributes: &[Attribute], seen_sections: &[String]) -> Result<Self, Vec<Violation>> {
        let mut violations = Vec::new();
        let prompt = prompt.trim();
        check_text(prompt, PROMPT_MAX, "/prompt", &mut violations);
        let attributes = attribute::parse(attributes, &mut violations);
        if seen_sections.len() > SEEN_SECTIONS_MAX {
            violations.push(Violation::new("/seen_sections", ViolationCode::TooMany));
        } else {
            for (index, name) in seen_sections.iter().enumerate() {
                attribute::check(name.trim(), SECTION_MAX, format!("/seen_sections/{index}"), &mut violations);
            }
        }
        if !violations.is_empty() {
            return Err(violations);
        }
        let seen_sections = seen_sections.iter().map(|name| name.trim().to_owned()).collect();
        Ok(Self { prompt: prompt.to_owned(), attributes, seen_sections })
    }

    /// What of an answer is delivered: exactly three new sections of ten new values each, the first ones that are good.
    /// `None`: it is junk. `known_sections` are the catalogue's.
    pub fn accept<'a>(
        &self,
        answer: Vec<RefinedSection>,
        known_sections: impl IntoIterator<Item = &'a str>,
    ) -> Option<Vec<RefinedSection>> {
        let mut sections: HashSet<String> = known_sections.into_iter().map(same).collect();
        sections.extend(self.seen_sections.iter().map(|name| same(name)));
        sections.extend(self.attributes.iter().map(|attribute| same(&attribute.section)));
        let picked: HashSet<String> = self.attributes.iter().map(|attribute| same(&attribute.value)).collect();
        let mut delivered = Vec::with_capacity(REFINEMENT_SECTIONS);
        for section in answer {
            let Some(name) = clean(&section.name, SECTION_MAX) else { continue };
            let mut values_known = picked.clone();
            let values: Vec<String> = section
                .values
                .iter()
                .filter_map(|value| clean(value, REFINED_VALUE_MAX))
                .filter(|value| values_known.insert(same(value)))
                .take(REFINEMENT_VALUES)
                .collect();
            // A section that is not whole takes its name from nobody.
            if values.len() == REFINEMENT_VALUES && sections.insert(same(&name)) {
                delivered.push(RefinedSection { name, values });
            }
            if delivered.len() == REFINEMENT_SECTIONS {
                return Some(delivered);
            }
        }
        None
    }
}

/// Trimmed, white space folded to single spaces; `None` for what is empty, too long, or holds a control character.
fn clean(text: &str, max: usize) -> Option<String> {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_fine = !folded.is_empty() && folded.chars().count() <= max && !folded.chars().any(is_unfit);
    is_fine.then_some(folded)
}

/// Controls, and what turns or hides text: a chip must show what it sends.
fn is_unfit(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{200b}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Under which two texts are one.
fn same(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spec() -> RefinementSpec {
        RefinementSpec::parse("A fox", &[Attribute::new("Fur", "Wet")], &["Ground".to_owned()]).expect("a spec")
    }

    fn section(name: &str, values: usize) -> RefinedSection {
        RefinedSection { name: name.to_owned(), values: (0..values).map(|at| format!("{name} {at}")).collect() }
    }

    fn accept(answer: Vec<RefinedSection>) -> Option<Vec<String>> {
        let delivered = spec().accept(answer, ["Light"])?;
        assert!(delivered.iter().all(|section| section.values.len() == REFINEMENT_VALUES));
        Some(delivered.into_iter().map(|section| section.name).collect())
    }

    #[test]
    fn three_whole_sections_are_taken_and_the_rest_is_cut_down() {
        let answer = ["A", "B", "C", "D"].map(|name| section(name, 14)).to_vec();
        assert_eq!(accept(answer), Some(["A", "B", "C"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn fewer_sections_or_values_are_junk() {
        assert_eq!(accept(vec![section("A", 10), section("B", 10)]), None);
        assert_eq!(accept(vec![section("A", 10), section("B", 9), section("C", 10)]), None);
        assert_eq!(accept(Vec::new()), None);
    }

    #[test]
    fn what_was_seen_chosen_or_is_in_the_catalogue_does_not_come_again() {
        let taken = ["LIGHT", " ground ", "fur", "A", "a", "B"].map(|name| section(name, 10)).to_vec();
        assert_eq!(accept(taken.clone()), None);
        let more = [taken, vec![section("ÄTHER", 10), section("äther", 10), section("C", 10)]].concat();
        assert_eq!(accept(more), Some(["A", "B", "ÄTHER"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn values_are_folded_and_compared_without_case() {
        let mut odd = section("A", 10);
        odd.values.splice(0..0, ["  wet ", "Soft\t Moss", "soft moss", "", "a\u{0}b", "\u{202e}x"].map(str::to_owned));
        odd.values.insert(0, "x".repeat(61));
        let delivered = spec().accept(vec![odd, section("B", 10), section("C", 10)], []).expect("sections");
        assert_eq!(delivered[0].values[..2], ["Soft Moss", "A 0"]);
    }

    #[test]
    fn everything_that_is_wrong_with_a_request_is_said_at_once() {
        let seen = vec![String::new(), "x".repeat(61)];
        let violations = RefinementSpec::parse(" ", &[Attribute::new("", "x")], &seen).expect_err("wrong");
        let pointers: Vec<&str> = violations.iter().map(|violation| violation.pointer.as_str()).collect();
        assert_eq!(pointers, ["/prompt", "/attributes/0/section", "/seen_sections/0", "/seen_sections/1"]);
        let many = vec!["x".to_owned(); SEEN_SECTIONS_MAX + 1];
        assert!(RefinementSpec::parse("x", &[], &many).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_delivered_can_be_picked(answer in prop::collection::vec(
            ("\\PC{0,70}|Light|FUR", prop::collection::vec("\\PC{0,70}|wet|[a-d]{1,2}", 0..25)), 0..9))
        {
            let answer = answer.into_iter().map(|(name, values)| RefinedSection { name, values }).collect();
            let Some(delivered) = spec().accept(answer, ["Light"]) else { return Ok(()) };
            prop_assert_eq!(delivered.len(), REFINEMENT_SECTIONS);
            for section in delivered {
                let picked: Vec<Attribute> =
                    section.values.iter().map(|value| Attribute::new(section.name.clone(), value.clone())).collect();
                prop_assert!(!["light", "fur", "ground"].contains(&same(&section.name).as_str()));
                prop_assert!(RefinementSpec::parse("x", &picked, &[]).is_ok());
                let different: HashSet<String> = section.values.iter().map(|value| same(value)).collect();
                prop_assert_eq!(different.len(), REFINEMENT_VALUES);
                prop_assert!(!different.contains("wet"));
            }
        }
    }
}
