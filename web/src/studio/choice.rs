//! From a draft and the catalogue to what would be made: model, size, quality, count and their prices, and, when
//! nothing can be made, why. Pure: the same functions of `domain` that the server charges with.
use chrono::NaiveDate;
use lapidary_contract::{CreateGeneration, GemBalance};
use lapidary_domain::limits::{ATTRIBUTES_MAX, COMPOSED_PROMPT_MAX, COUNT_MAX, PROMPT_MAX};
use lapidary_domain::price::{Wanted, price_per_image};
use lapidary_domain::{Catalogue, GenerationSpec, Model, Size, Violation, ViolationCode, compose};

use crate::ui::format_number;

/// The settings in force: what is chosen, or the catalogue's default where nothing was.
#[derive(Clone, PartialEq)]
pub struct Choice {
    pub model: Model,
    pub size: Size,
    pub quality: String,
    pub count: u32,
    /// What the model will read; a long one costs more.
    pub composed_prompt: String,
    /// How many images it is made from; each costs something.
    pub references: usize,
}

impl Choice {
    pub fn of(draft: &CreateGeneration, catalogue: &Catalogue, today: NaiveDate) -> Option<Self> {
        let asked = draft.model.as_deref().unwrap_or(&catalogue.default_model);
        let model = catalogue.resolve(asked, today).or_else(|| catalogue.resolve(&catalogue.default_model, today))?;
        let size = draft.size.as_deref().and_then(|text| text.parse().ok()).filter(|size| model.allows_size(*size));
        let quality = draft.quality.clone().filter(|quality| model.qualities.contains(quality));
        Some(Self {
            size: size.unwrap_or(model.default_size),
            quality: quality.unwrap_or_else(|| model.default_quality.clone()),
            count: draft.count.clamp(1, count_max(model)),
            composed_prompt: match &draft.composed_prompt {
                Some(text) => text.clone(),
                None => lapidary_domain::compose(&draft.prompt, &draft.attributes),
            },
            references: draft.references.len(),
            model: model.clone(),
        })
    }

    /// Gems for everything.
    pub fn price(&self) -> Option<i64> {
        let Self { quality, size, count, references, .. } = self;
        let wanted = Wanted { quality, size: *size, count: *count, references: *references };
        lapidary_domain::price(&self.model, &wanted, &self.composed_prompt)
    }

    /// Gems for one image with this model, keeping the other settings where it can.
    pub fn price_with_model(&self, model: &Model) -> Option<i64> {
        let quality = if model.qualities.contains(&self.quality) { &self.quality } else { &model.default_quality };
        let size = if model.allows_size(self.size) { self.size } else { model.default_size };
        price_per_image(model, quality, size)
    }

    /// Writes into a draft only what this model can do, so that nothing impossible is sent.
    pub fn fit(&self, draft: &mut CreateGeneration) {
        draft.model = Some(self.model.id.clone());
        draft.size = Some(self.size.to_string());
        draft.quality = Some(self.quality.clone());
        draft.count = self.count;
        let is_known = |asked: &String, known: &[String]| known.contains(asked);
        draft.background = draft.background.take().filter(|it| is_known(it, &self.model.backgrounds));
        draft.output_format = draft.output_format.take().filter(|it| is_known(it, &self.model.output_formats));
        // What shines through has no place in a JPEG.
        if draft.background.as_deref() == Some("transparent") && draft.output_format.as_deref() == Some("jpeg") {
            draft.output_format = None;
        }
    }
}

pub fn count_max(model: &Model) -> u32 {
    model.count_max.clamp(1, COUNT_MAX)
}

/// Why nothing can be generated now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The catalogue is on its way.
    Loading,
    Empty,
    /// A sentence.
    Wrong(String),
    TooFewGems {
        required: i64,
        available: i64,
    },
    Debt(i64),
}

impl Obstacle {
    pub fn sentence(&self) -> String {
        match self {
            Self::Loading => "Reading models and prices.".to_owned(),
            Self::Empty => "Write what you want to see.".to_owned(),
            Self::Wrong(sentence) => sentence.clone(),
            Self::TooFewGems { required, available } => {
                format!("Not enough gems. You need {required} and have {available}.")
            }
            Self::Debt(gems) => format!("You owe {gems} gems. The next purchase settles that first."),
        }
    }

    /// Whether more gems would help.
    pub fn is_about_gems(&self) -> bool {
        matches!(self, Self::TooFewGems { .. } | Self::Debt(_))
    }
}

pub fn obstacle(
    draft: &CreateGeneration,
    catalogue: &Catalogue,
    gems: Option<GemBalance>,
    today: NaiveDate,
) -> Option<Obstacle> {
    let spec = match GenerationSpec::parse(&draft.input(), catalogue, today) {
        Ok(spec) => spec,
        Err(violations) => return violations.first().map(|first| explain(first, draft, catalogue, today)),
    };
    let (gems, required) = (gems?, spec.price_gems());
    if gems.debt > 0 {
        return Some(Obstacle::Debt(gems.debt));
    }
    (required > gems.available()).then(|| Obstacle::TooFewGems { required, available: gems.available() })
}

fn explain(violation: &Violation, draft: &CreateGeneration, catalogue: &Catalogue, today: NaiveDate) -> Obstacle {
    let read_max = Choice::of(draft, catalogue, today).map_or(COMPOSED_PROMPT_MAX, |choice| choice.model.prompt_max);
    let too_long = |what: &str, text: &str, max: usize| {
        let (is, most) = (format_number(text.chars().count() as i64), format_number(max as i64));
        Obstacle::Wrong(format!("{what} is too long: {is} of {most} characters."))
    };
    match (violation.pointer.as_str(), violation.code) {
        ("/prompt", ViolationCode::Required) => Obstacle::Empty,
        ("/prompt", ViolationCode::TooLong) if draft.prompt.trim().chars().count() > PROMPT_MAX => {
            too_long("The prompt", draft.prompt.trim(), PROMPT_MAX)
        }
        ("/prompt", ViolationCode::TooLong) => {
            too_long("What the model reads", &compose(&draft.prompt, &draft.attributes), read_max)
        }
        ("/composed_prompt", ViolationCode::TooLong) => {
            let text = draft.composed_prompt.as_deref().unwrap_or_default();
            too_long("What the model reads", text, read_max.min(COMPOSED_PROMPT_MAX))
        }
        ("/composed_prompt", ViolationCode::Required) => Obstacle::Wrong("The model would read nothing.".to_owned()),
        ("/references", ViolationCode::NotAvailable) => {
            Obstacle::Wrong("This model starts from words alone. Remove the pictures or choose another one.".to_owned())
        }
        ("/references", ViolationCode::TooMany) => {
            Obstacle::Wrong("These are more pictures than this model starts from. Remove some.".to_owned())
        }
        ("/attributes", ViolationCode::TooMany) => {
            Obstacle::Wrong(format!("These are more than {ATTRIBUTES_MAX} attributes. Remove some."))
        }
        (_, code) => Obstacle::Wrong(code.sentence().to_owned()),
    }
}

/// `1:1`, `2:3`.
pub fn shape(size: Size) -> String {
    let divisor = gcd(size.width.max(1), size.height.max(1));
    format!("{}:{}", size.width / divisor, size.height / divisor)
}

/// The sizes on offer by shape, in the catalogue's order, each shape's smallest first. One that came with *Use again*
/// and is not on the list stands at the end.
pub fn shapes(choice: &Choice) -> Vec<Vec<Size>> {
    let mut shapes: Vec<Vec<Size>> = Vec::new();
    let own = Some(choice.size).filter(|size| !choice.model.sizes.contains(size));
    for size in choice.model.sizes.iter().copied().chain(own) {
        match shapes.iter_mut().find(|sizes| sizes.first().is_some_and(|first| shape(*first) == shape(size))) {
            Some(sizes) => sizes.insert(sizes.partition_point(|known| known.pixels() <= size.pixels()), size),
            None => shapes.push(vec![size]),
        }
    }
    shapes
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Cuts a text into pieces that are, or are not, words of a chosen attribute.
pub fn marked(text: &str, words: &[&str]) -> Vec<(String, bool)> {
    let mut pieces: Vec<(String, bool)> = Vec::new();
    let mut rest = text;
    let mut plain = String::new();
    while let Some(first) = rest.chars().next() {
        let found =
            words.iter().filter(|word| !word.is_empty() && rest.starts_with(**word)).max_by_key(|word| word.len());
        let taken = match found {
            Some(word) => {
                if !plain.is_empty() {
                    pieces.push((std::mem::take(&mut plain), false));
                }
                pieces.push(((*word).to_owned(), true));
                word.len()
            }
            None => {
                plain.push(first);
                first.len_utf8()
            }
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    if !plain.is_empty() {
        pieces.push((plain, false));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_attributes_are_marked_the_longest_first() {
        let pieces = marked("A 狐\n\nLight: soft light, soft", &["soft", "soft light"]);
        let expected = [("A 狐\n\nLight: ", false), ("soft light", true), (", ", false), ("soft", true)]
            .map(|(t, m)| (t.to_owned(), m));
        assert_eq!(pieces, expected);
    }

    #[test]
    fn shapes_are_called_by_their_smallest_numbers() {
        let shape = |width, height| shape(Size { width, height });
        assert_eq!(shape(1024, 1024), "1:1");
        assert_eq!(shape(1024, 1536), "2:3");
        assert_eq!(shape(3840, 2160), "16:9");
    }
}
