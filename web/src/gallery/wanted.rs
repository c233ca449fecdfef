//! What is asked for of the gallery: words, facets, a month, a collection. The page's address has it, and the API is
//! asked with it. Reads nothing itself.
use chrono::NaiveDate;
use lapidary_contract::Image;
use lapidary_domain::Attribute;
use uuid::Uuid;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    pub words: String,
    pub attributes: Vec<Attribute>,
    /// A catalogue id.
    pub model: Option<String>,
    /// `2026-11`
    pub month: Option<String>,
    pub collection: Option<Uuid>,
    pub is_favourite: bool,
}

/// One thing of several that were asked for, so that it can be taken away again.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Words,
    Attribute(Attribute),
    Model,
    Month,
    Collection,
    Favourite,
}

impl Wanted {
    /// From the parts of an address: names and values, decoded.
    pub fn of(pairs: &[(String, String)]) -> Self {
        let mut wanted = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "q" => wanted.words = value.trim().to_owned(),
                "attribute" => wanted.attributes.extend(attribute_of(value)),
                "model" => wanted.model = Some(value.clone()),
                "month" => wanted.month = first_day(value).map(|_| value.clone()),
                "collection" => wanted.collection = value.parse().ok(),
                "favourite" => wanted.is_favourite = value == "true",
                _ => {}
            }
        }
        wanted
    }

    /// As the page's address has it; without the question mark. `encode` makes a value fit for an address.
    pub fn query(&self, encode: fn(&str) -> String) -> String {
        let month = self.month.iter().map(|month| ("month", month.clone()));
        pairs(self.shared().into_iter().chain(month), encode)
    }

    /// As the API is asked, with something more: `/v1/images?limit=100&favourite=true`.
    pub fn api(&self, path: &str, more: &str, encode: fn(&str) -> String) -> String {
        let query = pairs(self.shared().into_iter().chain(self.span()), encode);
        match (query.is_empty(), more.is_empty()) {
            (true, true) => path.to_owned(),
            (false, false) => format!("{path}?{more}&{query}"),
            _ => format!("{path}?{more}{query}"),
        }
    }

    fn shared(&self) -> Vec<(&'static str, String)> {
        let mut shared = Vec::new();
        if !self.words.is_empty() {
            shared.push(("q", self.words.clone()));
        }
        let attribute = |it: &Attribute| ("attribute", format!("{}:{}", it.section, it.value));
        shared.extend(self.attributes.iter().map(attribute));
        shared.extend(self.model.iter().map(|model| ("model", model.clone())));
        shared.extend(self.collection.iter().map(|id| ("collection", id.to_string())));
        if self.is_favourite {
            shared.push(("favourite", "true".to_owned()));
        }
        shared
    }

    /// First and last day of the month, UTC.
    fn span(&self) -> Vec<(&'static str, String)> {
        let Some(first) = self.month.as_deref().and_then(first_day) else { return Vec::new() };
        let last = first.checked_add_months(chrono::Months::new(1)).and_then(|next| next.pred_opt()).unwrap_or(first);
        vec![("from", first.to_string()), ("to", last.to_string())]
    }

    pub fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        if !self.words.is_empty() {
            parts.push(Part::Words);
        }
        parts.extend(self.model.iter().map(|_| Part::Model));
        parts.extend(self.attributes.iter().cloned().map(Part::Attribute));
        parts.extend(self.month.iter().map(|_| Part::Month));
        if self.is_favourite {
            parts.push(Part::Favourite);
        }
        parts.extend(self.collection.iter().map(|_| Part::Collection));
        parts
    }

    pub fn without(&self, part: &Part) -> Self {
        let mut rest = self.clone();
        match part {
            Part::Words => rest.words.clear(),
            Part::Attribute(attribute) => rest.attributes.retain(|known| known != attribute),
            Part::Model => rest.model = None,
            Part::Month => rest.month = None,
            Part::Collection => rest.collection = None,
            Part::Favourite => rest.is_favourite = false,
        }
        rest
    }

    /// With an attribute, or without it when it was asked for.
    pub fn turned(&self, attribute: &Attribute) -> Self {
        let mut rest = self.without(&Part::Attribute(attribute.clone()));
        if rest == *self {
            rest.attributes.push(attribute.clone());
        }
        rest
    }

    /// Whether only the server knows what is among it.
    pub fn takes_only_by_asking(&self) -> bool {
        !self.words.is_empty() || self.collection.is_some()
    }

    /// Whether an image is among what is asked for; only the server knows what words and collections find.
    pub fn takes(&self, image: &Image) -> Option<bool> {
        let is_it = image.deleted_at.is_none()
            && (!self.is_favourite || image.is_favourite)
            && self.model.as_ref().is_none_or(|model| *model == image.model)
            && self.attributes.iter().all(|wanted| image.attributes.contains(wanted))
            && self.month.as_ref().is_none_or(|month| image.created_at.to_rfc3339().starts_with(month.as_str()));
        (!is_it || !self.takes_only_by_asking()).then_some(is_it)
    }
}

fn pairs(pairs: impl Iterator<Item = (&'static str, String)>, encode: fn(&str) -> String) -> String {
    let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}={}", encode(&value))).collect();
    pairs.join("&")
}

/// `Light:Golden hour`
fn attribute_of(text: &str) -> Option<Attribute> {
    let (section, value) = text.split_once(':')?;
    Some(Attribute { section: section.to_owned(), value: value.to_owned() })
}

fn first_day(month: &str) -> Option<NaiveDate> {
    let (year, number) = month.split_once('-')?;
    NaiveDate::from_ymd_opt(year.parse().ok()?, number.parse().ok()?, 1)
}

/// The first day of a month that an address or a facet names.
pub fn day_of_month(month: &str) -> Option<NaiveDate> {
    first_day(month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(value: &str) -> String {
        value.replace(' ', "%20")
    }

    fn wanted() -> Wanted {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Wanted::of(&[
            pair("q", " fox "),
            pair("attribute", "Light:Golden hour"),
            pair("attribute", "Ratio:1:2"),
            pair("month", "2026-02"),
            pair("favourite", "true"),
        ])
    }

    #[test]
    fn what_an_address_says_is_what_it_is_made_of() {
        let query = "q=fox&attribute=Light:Golden%20hour&attribute=Ratio:1:2&favourite=true&month=2026-02";
        assert_eq!(wanted().query(plain), query);
        assert_eq!(wanted().attributes[1], Attribute { section: "Ratio".into(), value: "1:2".into() });
    }

    #[test]
    fn the_api_is_asked_for_the_days_of_a_month() {
        let asked = wanted().without(&Part::Attribute(wanted().attributes[1].clone())).without(&Part::Words);
        let path = "/v1/images?limit=100&attribute=Light:Golden%20hour&favourite=true&from=2026-02-01&to=2026-02-28";
        assert_eq!(asked.api("/v1/images", "limit=100", plain), path);
        assert_eq!(Wanted::default().api("/v1/images/facets", "", plain), "/v1/images/facets");
    }

    #[test]
    fn everything_that_is_asked_for_can_be_taken_away() {
        let all = wanted();
        assert_eq!(all.parts().len(), 5);
        assert!(all.parts().iter().fold(all, |rest, part| rest.without(part)) == Wanted::default());
    }

    #[test]
    fn an_attribute_is_turned_on_and_off() {
        let light = Attribute { section: "Light".into(), value: "Golden hour".into() };
        let on = Wanted::default().turned(&light);
        assert_eq!(on.attributes, [light.clone()]);
        assert_eq!(on.turned(&light), Wanted::default());
    }

    #[test]
    fn a_month_that_is_none_is_not_asked_for() {
        let of = |month: &str| Wanted::of(&[("month".into(), month.into())]).month;
        assert_eq!((of("2026-13"), of("soon"), of("2026-12")), (None, None, Some("2026-12".into())));
    }
}
