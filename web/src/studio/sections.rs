//! One section of attributes: a heading that unfolds a row of chips, built in or suggested.
use lapidary_domain::Attribute;
use lapidary_domain::catalogue::Section;

use super::state::Studio;
use crate::browser;
use crate::ui::dynamic::{list, memo};
use crate::ui::prelude::*;
use crate::ui::{Glyph, Icon};

/// How a section stands in the picker.
pub struct Place {
    /// Of its panel; unique in the document.
    pub id: String,
    pub is_open: bool,
    /// Whether it is shown without a search and without anything chosen from it.
    pub is_asked: Signal<bool>,
}

/// The values to show: all without a query or when the section's name matches it.
pub fn matches(section: &Section, query: &str) -> Vec<String> {
    let query = browser::lowercase(query.trim());
    if query.is_empty() || browser::lowercase(&section.name).contains(&query) {
        return section.values.clone();
    }
    section.values.iter().filter(|value| browser::lowercase(value).contains(&query)).cloned().collect()
}

pub fn section_row(studio: Studio, place: Place, section: Section, query: RwSignal<String>) -> AnyView {
    let is_open = RwSignal::new(place.is_open);
    let is_searching = memo(move |_| query.with(|query| !query.trim().is_empty()));
    let is_shown = move || is_open.get() || is_searching.get();
    let panel_id = place.id;
    let (name, hint, panel_label) = (section.name.clone(), section.hint.clone(), section.name.clone());
    let picked = {
        let name = section.name.clone();
        memo(move |_| studio.draft.with(|draft| draft.attributes.iter().filter(|it| it.section == name).count()))
    };
    let shown = memo(move |_| query.with(|query| matches(&section, query)));
    // Beyond the first few only what is asked for, searched for or chosen from.
    let is_hidden = move || {
        let is_asked = place.is_asked.get() || is_searching.get() || picked.get() > 0;
        !is_asked || shown.with(Vec::is_empty)
    };
    let chip_section = name.clone();
    let panel = {
        let panel_id = panel_id.clone();
        move || {
            let section = chip_section.clone();
            view! {
                <div class="section__values" id=panel_id.clone() role="group" aria-label=panel_label.clone()>
                    {list(
                        move || shown.get(),
                        Clone::clone,
                        move |value| value_chip(studio, Attribute::new(section.clone(), value)),
                    )}
                </div>
            }
        }
    };
    view! {
        <div class="section" class:is-hidden=is_hidden>
            <button
                type="button"
                class="section__head"
                aria-expanded=move || is_shown().to_string()
                aria-controls=panel_id
                on:click=move |_| is_open.update(|open| *open = !*open)
            >
                <span class="section__name" dir="auto">{name}</span>
                <span class="section__hint">{hint}</span>
                <span class="section__picked">{move || Some(picked.get()).filter(|count| *count > 0)}</span>
                <Icon glyph=Glyph::ChevronDown />
            </button>
            {move || is_shown().then(&panel)}
        </div>
    }
    .into_any()
}

fn value_chip(studio: Studio, attribute: Attribute) -> AnyView {
    let value = attribute.value.clone();
    let is_picked = {
        let attribute = attribute.clone();
        memo(move |_| studio.draft.with(|draft| draft.attributes.contains(&attribute)))
    };
    view! {
        <button
            type="button"
            class="chip"
            dir="auto"
            aria-pressed=move || is_picked.get().to_string()
            on:click=move |_| studio.toggle(attribute.clone())
        >
            {value}
        </button>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_finds_values_and_whole_sections() {
        let section = Section {
            name: "Light".to_owned(),
            hint: String::new(),
            values: vec!["golden hour".to_owned(), "rim light".to_owned()],
        };
        assert_eq!(matches(&section, "GOLD"), ["golden hour"]);
        assert_eq!(matches(&section, "lig"), ["golden hour", "rim light"]);
        assert!(matches(&section, "fog").is_empty());
    }
}
