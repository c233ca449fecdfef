//! From what a person asks to what will be made: every choice resolved, every limit checked.
use chrono::NaiveDate;

use crate::attribute::{self, Attribute};
use crate::catalogue::{Catalogue, Model};
use crate::compose::compose;
use crate::gems::Gems;
use crate::limits::{COMPOSED_PROMPT_MAX, COUNT_MAX, PROMPT_MAX, REFERENCES_MAX};
use crate::price::{Wanted, price};
use crate::size::Size;
use crate::violation::{Violation, ViolationCode};

/// What a person asks for; `None` and `auto` leave the choice to the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationInput<'a> {
    pub prompt: &'a str,
    pub attributes: &'a [Attribute],
    pub composed_prompt: Option<&'a str>,
    pub model: Option<&'a str>,
    pub size: Option<&'a str>,
    pub quality: Option<&'a str>,
    pub count: u32,
    pub background: Option<&'a str>,
    pub output_format: Option<&'a str>,
    /// How many images it is made from.
    pub references: usize,
    pub has_mask: bool,
}

/// What will be made, and for how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationSpec {
    pub prompt: String,
    pub attributes: Vec<Attribute>,
    /// Exactly what the model reads.
    pub composed_prompt: String,
    /// Catalogue id of the model that answers.
    pub model: String,
    pub size: Size,
    pub quality: String,
    pub count: u32,
    /// `None`: the model is not asked.
    pub background: Option<String>,
    /// `None`: the model is not asked.
    pub output_format: Option<String>,
    pub references: usize,
    pub has_mask: bool,
    /// Gems per image.
    pub share_gems: Gems,
}

impl GenerationSpec {
    /// Gems for everything.
    pub fn price_gems(&self) -> Gems {
        self.share_gems * i64::from(self.count)
    }

    /// Says everything that is wrong at once.
    pub fn parse(input: &GenerationInput<'_>, catalogue: &Catalogue, today: NaiveDate) -> Result<Self, Vec<Violation>> {
        let mut violations = Vec::new();
        let prompt = input.prompt.trim();
        check_text(prompt, PROMPT_MAX, "/prompt", &mut violations);
        let attributes = attribute::parse(input.attributes, &mut violations);
        let asked = input.model.filter(|id| *id != "auto").unwrap_or(&catalogue.default_model);
        let Some(model) = catalogue.resolve(asked, today) else {
            violations.push(Violation::new("/model", ViolationCode::Unknown));
            return Err(violations);
        };
        let composed_prompt = match input.composed_prompt {
            Some(text) => {
                check_text(text, COMPOSED_PROMPT_MAX.min(model.prompt_max), "/composed_prompt", &mut violations);
                text.to_owned()
            }
            None => {
                let text = compose(prompt, &attributes);
                if text.chars().count() > model.prompt_max && prompt.chars().count() <= PROMPT_MAX {
                    violations.push(Violation::new("/prompt", ViolationCode::TooLong));
                }
                text
            }
        };
        let size = size_of(input.size, model, &mut violations);
        let quality = quality_of(input.quality, model, &mut violations);
        if input.count == 0 || input.count > COUNT_MAX.min(model.count_max) {
            violations.push(Violation::new("/count", ViolationCode::OutOfRange));
        }
        let share_gems = match (size, quality) {
            (Some(size), Some(quality)) => {
                price(model, &Wanted { quality, size, count: 1, references: input.references }, &composed_prompt)
            }
            _ => Some(0),
        };
        if share_gems.is_none() {
            violations.push(Violation::new("/size", ViolationCode::NoPrice));
        }
        let (background, output_format) = look_of(input, model, &mut violations);
        check_references(input, model, &mut violations);
        match (size, quality, share_gems) {
            (Some(size), Some(quality), Some(share_gems)) if violations.is_empty() => Ok(Self {
                prompt: prompt.to_owned(),
                attributes,
                composed_prompt,
                model: model.id.clone(),
                size,
                quality: quality.to_owned(),
                count: input.count,
                background,
                output_format,
                references: input.references,
                has_mask: input.has_mask,
                share_gems,
            }),
            _ => Err(violations),
        }
    }
}

pub(crate) fn check_text(text: &str, max: usize, pointer: &str, violations: &mut Vec<Violation>) {
    let code = if text.chars().all(is_invisible) {
        ViolationCode::Required
    } else if text.contains('\0') {
        ViolationCode::ContainsNul
    } else if text.chars().count() > max {
        ViolationCode::TooLong
    } else {
        return;
    };
    violations.push(Violation::new(pointer, code));
}

/// White space, controls, and the characters of no width: a prompt of nothing else asks for nothing.
fn is_invisible(letter: char) -> bool {
    let has_no_width = matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    has_no_width || letter.is_whitespace() || (letter.is_control() && letter != '\0')
}

fn size_of(asked: Option<&str>, model: &Model, violations: &mut Vec<Violation>) -> Option<Size> {
    let Some(text) = asked.filter(|text| *text != "auto") else {
        return Some(model.default_size);
    };
    let code = match text.parse::<Size>() {
        Ok(size) if model.allows_size(size) => return Some(size),
        Ok(_) => ViolationCode::NotAvailable,
        Err(_) => ViolationCode::Unknown,
    };
    violations.push(Violation::new("/size", code));
    None
}

fn quality_of<'a>(asked: Option<&'a str>, model: &'a Model, violations: &mut Vec<Violation>) -> Option<&'a str> {
    let Some(text) = asked.filter(|text| *text != "auto") else {
        return Some(&model.default_quality);
    };
    if model.qualities.iter().any(|quality| quality == text) {
        return Some(text);
    }
    violations.push(Violation::new("/quality", ViolationCode::NotAvailable));
    None
}

/// Background and format; what is transparent needs a format that can be.
fn look_of(
    input: &GenerationInput<'_>,
    model: &Model,
    violations: &mut Vec<Violation>,
) -> (Option<String>, Option<String>) {
    let mut chosen = |asked: Option<&str>, known: &[String], pointer: &str| {
        let text = asked.filter(|text| *text != "auto")?;
        if !known.iter().any(|one| one == text) {
            violations.push(Violation::new(pointer, ViolationCode::NotAvailable));
        }
        Some(text.to_owned())
    };
    let background = chosen(input.background, &model.backgrounds, "/background");
    let format = chosen(input.output_format, &model.output_formats, "/output_format");
    let format = format.or_else(|| model.output_formats.first().cloned());
    if background.as_deref() == Some("transparent") && format.as_deref() == Some("jpeg") {
        violations.push(Violation::new("/output_format", ViolationCode::NotAvailable));
    }
    (background, format)
}

fn check_references(input: &GenerationInput<'_>, model: &Model, violations: &mut Vec<Violation>) {
    let takes = model.edits.map_or(0, |edits| edits.references_max);
    if input.references > REFERENCES_MAX {
        violations.push(Violation::new("/references", ViolationCode::TooMany));
    } else if input.references > takes {
        let code = if takes == 0 { ViolationCode::NotAvailable } else { ViolationCode::TooMany };
        violations.push(Violation::new("/references", code));
    }
    if input.has_mask && input.references == 0 {
        violations.push(Violation::new("/references", ViolationCode::Required));
    } else if input.has_mask && !model.edits.is_some_and(|edits| edits.takes_mask) {
        violations.push(Violation::new("/mask_id", ViolationCode::NotAvailable));
    }
}
