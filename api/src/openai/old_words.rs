//! What scripts from DALL·E's days say, in the words of the models that answer them today. What has no such word stays, and
//! is refused like anything else that a model does not know.
use chrono::NaiveDate;
use lapidary_contract::domain::{Catalogue, Dialect, Model, Size};

/// Scripts from DALL·E's days say `standard` and `hd`, and a model of today answers them.
pub fn quality_of(asked: String, model: Option<&str>, catalogue: &Catalogue, today: NaiveDate) -> Option<String> {
    let name = model.filter(|name| *name != "auto").unwrap_or(&catalogue.default_model);
    let knows = |model: &Model, quality: &str| model.qualities.iter().any(|known| known == quality);
    match (asked.as_str(), catalogue.resolve(name, today)) {
        ("standard", Some(model)) if !knows(model, "standard") => None,
        ("hd", Some(model)) if !knows(model, "hd") && knows(model, "high") => Some("high".into()),
        _ => Some(asked),
    }
}

pub fn is_dall_e(name: &str, catalogue: &Catalogue) -> bool {
    catalogue.model(name).is_some_and(|model| model.dialect == Dialect::DallE)
}

/// A size that the model named could draw and the one that answers for it cannot: the smallest of the nearest shape. The
/// answer says what it is.
pub fn size_of(asked: String, model: Option<&str>, catalogue: &Catalogue, today: NaiveDate) -> String {
    let named = model.and_then(|name| Some((catalogue.model(name)?, catalogue.resolve(name, today)?)));
    let (Ok(size), Some((named, answers))) = (asked.parse::<Size>(), named) else { return asked };
    if !named.allows_size(size) || answers.allows_size(size) {
        return asked;
    }
    // How far apart two shapes are, as whole numbers.
    let apart = |other: &Size| {
        let (one, other) =
            (u64::from(size.width) * u64::from(other.height), u64::from(other.width) * u64::from(size.height));
        one.max(other) * 1_000 / one.min(other).max(1)
    };
    let nearest = answers.sizes.iter().min_by_key(|other| (apart(other), other.pixels()));
    nearest.map_or(asked, Size::to_string)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::order::Order;

    fn read(fields: Value) -> Order {
        let today = "2026-11-23".parse().expect("a date");
        let catalogue = crate::catalogue::load(None, today).expect("the catalogue");
        Order::read(fields.as_object().expect("an object"), None, &catalogue, today).expect("an order")
    }

    #[test]
    fn a_script_from_dall_es_days_is_answered_by_a_model_of_today() {
        let quality = |asked: &str, model: Option<&str>| {
            read(json!({"prompt": "a", "quality": asked, "model": model})).request.quality
        };
        assert_eq!(quality("hd", Some("dall-e-3")).as_deref(), Some("high"));
        assert_eq!(quality("standard", None), None);
        assert_eq!(quality("max", None).as_deref(), Some("max"));
        let size = |asked: &str, model: &str| read(json!({"prompt": "a", "size": asked, "model": model})).request.size;
        for (asked, model, drawn) in [
            ("1792x1024", "dall-e-3", "1792x1024"),
            ("1024x1792", "dall-e-3", "1024x1792"),
            ("512x512", "dall-e-2", "1024x1024"),
            ("256x256", "dall-e-2", "1024x1024"),
            // What it never drew, and what somebody else is asked for, is for `submit` to refuse.
            ("512x512", "dall-e-3", "512x512"),
            ("512x512", "gpt-image-2.5-flare", "512x512"),
            ("auto", "dall-e-2", "auto"),
        ] {
            assert_eq!(size(asked, model).as_deref(), Some(drawn), "{asked} of {model}");
        }
        let wants_url = |more: Value| {
            let mut fields = json!({"prompt": "a", "model": "dall-e-3"});
            fields.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            read(fields).wants_url
        };
        assert!(wants_url(json!({})) && wants_url(json!({"response_format": "url"})));
        for bytes in [
            json!({"response_format": "b64_json"}),
            json!({"stream": true}),
            json!({"model": "gpt-image-2"}),
            json!({"model": null}),
        ] {
            assert!(!wants_url(bytes.clone()), "{bytes}");
        }
    }
}
