//! What each delivered image cost at its provider: from the usage of the call that made it, split among what that call
//! delivered; otherwise what the catalogue says at most. Moves no gems.
use lapidary_domain::cost::{self, Tokens};
use lapidary_domain::{Model, Size};
use serde_json::Value;

use super::settle::StoredImage;
use crate::work::queue::Claimed;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Millionths of a US dollar.
    pub microusd: i64,
    pub source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Usage,
    Catalogue,
}

impl Source {
    /// As the table has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Catalogue => "catalogue",
        }
    }
}

/// In the order of the images. `None`: neither the provider nor the catalogue says; a model may have left it meanwhile.
pub fn of_images(model: Option<&Model>, job: &Claimed, images: &[StoredImage]) -> Vec<Option<Cost>> {
    let costs = images.iter().map(|image| {
        let model = model?;
        let of_call = || images.iter().filter(|other| other.call == image.call);
        let before = of_call().filter(|other| other.position < image.position).count();
        let whole = image.usage.as_ref().and_then(tokens).zip(model.token_prices.as_ref());
        match whole.and_then(|(tokens, prices)| cost::of_tokens(prices, tokens)) {
            Some(whole) => {
                Some(Cost { microusd: cost::share(whole, before, of_call().count()), source: Source::Usage })
            }
            None => catalogues(model, job),
        }
    });
    costs.collect()
}

fn catalogues(model: &Model, job: &Claimed) -> Option<Cost> {
    let size = Size { width: u32::try_from(job.width).ok()?, height: u32::try_from(job.height).ok()? };
    let microusd = cost::of_catalogue(model, &job.quality, size, job.references())?;
    Some(Cost { microusd, source: Source::Catalogue })
}

/// As OpenAI reports it (wire §4). What is in neither detail is reckoned with the dearer kind.
fn tokens(usage: &Value) -> Option<Tokens> {
    let number = |of: Option<&Value>, name: &str| of?.get(name)?.as_i64();
    let details = usage.get("input_tokens_details");
    let input = number(Some(usage), "input_tokens").unwrap_or(0);
    let image_in = number(details, "image_tokens");
    let text_in = match (number(details, "text_tokens"), image_in) {
        (Some(text), _) => text,
        (None, Some(images)) => input.checked_sub(images)?,
        (None, None) => input,
    };
    let told = text_in.checked_add(image_in.unwrap_or(0))?;
    let untold = input.checked_sub(told)?.max(0);
    let image_out = number(Some(usage), "output_tokens")?;
    Some(Tokens { text_in, image_in: image_in.unwrap_or(0).checked_add(untold)?, image_out })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn usage_is_read_with_and_without_its_details() {
        let whole = json!({"input_tokens": 60, "output_tokens": 400, "total_tokens": 460,
            "input_tokens_details": {"text_tokens": 10, "image_tokens": 50}});
        assert_eq!(tokens(&whole), Some(Tokens { text_in: 10, image_in: 50, image_out: 400 }));
        let bare = json!({"input_tokens": 60, "output_tokens": 400});
        assert_eq!(tokens(&bare), Some(Tokens { text_in: 60, image_in: 0, image_out: 400 }));
        let half = json!({"input_tokens": 60, "output_tokens": 400, "input_tokens_details": {"text_tokens": 10}});
        assert_eq!(tokens(&half), Some(Tokens { text_in: 10, image_in: 50, image_out: 400 }), "the dearer kind");
    }

    #[test]
    fn junk_is_no_usage() {
        for usage in [json!(null), json!(7), json!({}), json!({"output_tokens": "many"}), json!({"seconds": 3.5})] {
            assert_eq!(tokens(&usage), None, "{usage}");
        }
        let absurd = json!({"input_tokens": i64::MIN, "output_tokens": 1, "input_tokens_details": {"text_tokens": 9}});
        assert_eq!(tokens(&absurd), None);
    }
}
