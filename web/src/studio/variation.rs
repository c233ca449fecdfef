//! What a variation is: everything as it was, and one thing changed. Pure; prices come from `domain`.
use chrono::NaiveDate;
use lapidary_contract::CreateGeneration;
use lapidary_domain::{Catalogue, RefinedSection};

use super::choice::Choice;

/// What is being varied.
#[derive(Clone, PartialEq)]
pub struct Varied {
    pub base: CreateGeneration,
    /// Both are made, side by side; otherwise only the changed one.
    pub is_pair: bool,
}

/// The one thing that changes.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Nothing,
    /// The value of the chosen attribute at this place.
    Value(usize, String),
    Model(String),
    Quality(String),
}

/// Changes of one kind, each with its words.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub title: String,
    pub changes: Vec<(Change, String)>,
}

impl Change {
    pub fn apply(&self, base: &CreateGeneration, catalogue: &Catalogue, today: NaiveDate) -> CreateGeneration {
        let mut body = base.clone();
        match self {
            Self::Nothing => {}
            Self::Value(at, value) => {
                if let Some(attribute) = body.attributes.get_mut(*at) {
                    let before = std::mem::replace(&mut attribute.value, value.clone());
                    // A person's own wording says the new value where it said the old one.
                    body.composed_prompt = body.composed_prompt.map(|text| text.replace(&before, value));
                }
            }
            Self::Model(id) => body.model = Some(id.clone()),
            Self::Quality(quality) => body.quality = Some(quality.clone()),
        }
        if let Some(choice) = Choice::of(&body, catalogue, today) {
            choice.fit(&mut body);
        }
        body
    }
}

/// Everything that one can change, without what is so already.
pub fn groups(
    base: &CreateGeneration,
    catalogue: &Catalogue,
    suggested: &[RefinedSection],
    today: NaiveDate,
) -> Vec<Group> {
    let mut groups = Vec::new();
    for (at, attribute) in base.attributes.iter().enumerate() {
        let built_in = catalogue.sections.iter().find(|it| it.name == attribute.section).map(|it| &it.values);
        let refined = suggested.iter().find(|it| it.name == attribute.section).map(|it| &it.values);
        let values = built_in.or(refined).into_iter().flatten();
        let others = values.filter(|value| base.attributes.iter().all(|it| it.value != **value));
        let changes: Vec<_> = others.map(|value| (Change::Value(at, value.clone()), value.clone())).collect();
        if !changes.is_empty() {
            groups
                .push(Group { title: format!("{} instead of “{}”", attribute.section, attribute.value), changes });
        }
    }
    let Some(choice) = Choice::of(base, catalogue, today) else { return groups };
    let qualities = choice.model.qualities.iter().filter(|quality| **quality != choice.quality);
    let qualities = qualities.map(|it| (Change::Quality(it.clone()), super::settings::quality_name(it))).collect();
    let models = catalogue.models.iter().filter(|model| model.is_available(today) && model.id != choice.model.id);
    let models = models.map(|model| (Change::Model(model.id.clone()), model.name.clone())).collect();
    let others = [("Another quality", qualities), ("Another model", models)];
    groups.extend(others.into_iter().map(|(title, changes)| Group { title: title.to_owned(), changes }));
    groups.retain(|group| !group.changes.is_empty());
    groups
}

#[cfg(test)]
mod tests {
    use lapidary_domain::Attribute;

    use super::*;

    fn base() -> CreateGeneration {
        CreateGeneration {
            prompt: "A fox".to_owned(),
            attributes: vec![Attribute::new("Light", "Golden hour"), Attribute::new("Edges", "soft")],
            ..super::super::draft::blank()
        }
    }

    #[test]
    fn a_persons_own_wording_follows_the_changed_value() {
        let catalogue = Catalogue {
            version: "test".to_owned(),
            default_model: String::new(),
            welcome_gems: 0,
            refinement_gems: 3,
            packs: Vec::new(),
            models: Vec::new(),
            sections: Vec::new(),
        };
        let today = NaiveDate::from_ymd_opt(2026, 11, 29).expect("a day");
        let own = CreateGeneration { composed_prompt: Some("A fox at Golden hour, soft".to_owned()), ..base() };
        let changed = Change::Value(0, "Blue hour".to_owned()).apply(&own, &catalogue, today);
        assert_eq!(changed.attributes[0], Attribute::new("Light", "Blue hour"));
        assert_eq!(changed.composed_prompt.as_deref(), Some("A fox at Blue hour, soft"));
        let values = ["soft", "torn"].map(str::to_owned).to_vec();
        let suggested = [RefinedSection { name: "Edges".to_owned(), values }];
        let groups = groups(&own, &catalogue, &suggested, today);
        assert_eq!(groups.len(), 1, "only what can be changed: {groups:?}");
        assert_eq!(groups[0].changes, [(Change::Value(1, "torn".to_owned()), "torn".to_owned())]);
    }
}
