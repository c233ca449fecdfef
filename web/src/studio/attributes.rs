//! The built-in attributes: sections that fold, rows of chips, and one search across all of them.
use crate::ui::prelude::*;
use lapidary_domain::Attribute;
use lapidary_domain::catalogue::Section;
use leptos::ev::KeyboardEvent;

use super::prompt::field_error;
use super::state::Studio;
use crate::browser;
use crate::session::use_session;
use crate::ui::dynamic::{changing, list, memo};
use crate::ui::{Button, ButtonKind, FailureNote, Glyph, Icon, Skeleton};

#[component]
pub fn AttributePicker() -> AnyView {
    let studio = expect_context::<Studio>();
    let session = use_session();
    let query = RwSignal::new(String::new());
    let sections =
        memo(move |_| studio.catalogue.with(|known| known.as_ref().map(|known| known.domain.sections.clone())));
    let total = move || sections.with(|it| it.iter().flatten().map(|section| section.values.len()).sum::<usize>());
    let retry = Callback::new(move |()| session.read_catalogue());
    let body = changing(move || match (sections.get(), session.catalogue_failure.get()) {
        (Some(sections), _) => sections_view(studio, sections, query),
        (None, Some(failure)) => view! { <FailureNote failure on_retry=retry /> }.into_any(),
        (None, None) => (0..6).map(|_| view! { <Skeleton class="picker__skeleton" /> }).collect_view().into_any(),
    });
    view! {
        <section class="picker" aria-labelledby="picker-title">
            <div class="picker__head">
                <h2 id="picker-title">"Attributes"</h2>
                <SearchField query total=Signal::derive(total) />
            </div>
            <p class="field-error">{move || field_error(studio, "/attributes")}</p>
            {body}
        </section>
    }
    .into_any()
}

#[component]
fn SearchField(query: RwSignal<String>, total: Signal<usize>) -> AnyView {
    let placeholder = move || match total.get() {
        0 => "Search".to_owned(),
        total => format!("Search {total}"),
    };
    let clear = move |event: KeyboardEvent| {
        if event.key() == "Escape" && !query.with_untracked(String::is_empty) {
            event.stop_propagation();
            event.prevent_default();
            query.set(String::new());
        }
    };
    view! {
        <label class="search">
            <Icon glyph=Glyph::Search />
            <span class="visually-hidden">"Search attributes"</span>
            <input
                id="attribute-search"
                type="search"
                data-search
                autocomplete="off"
                placeholder=placeholder
                prop:value=query
                on:input=move |event| query.set(event_target_value(&event))
                on:keydown=clear
            />
        </label>
    }
    .into_any()
}

/// Sections in sight before all are asked for.
const FIRST: usize = 5;

fn sections_view(studio: Studio, sections: Vec<Section>, query: RwSignal<String>) -> AnyView {
    let found = {
        let sections = sections.clone();
        memo(move |_| query.with(|query| sections.iter().any(|section| !matches(section, query).is_empty())))
    };
    let (shows_all, count) = (RwSignal::new(false), sections.len());
    let row = |(index, section)| section_row(studio, index, section, query, shows_all);
    let rows = sections.into_iter().enumerate().map(row).collect_view();
    let toggle = Callback::new(move |()| shows_all.update(|all| *all = !*all));
    let toggle_words =
        move || if shows_all.get() { "Fewer sections".to_owned() } else { format!("All {count} sections") };
    let is_searching = memo(move |_| query.with(|query| !query.trim().is_empty()));
    let all = changing(move || {
        (count > FIRST && !is_searching.get())
            .then(|| view! { <Button kind=ButtonKind::Bare on_press=toggle>{move || toggle_words()}</Button> })
    });
    let nothing = changing(move || {
        (!found.get()).then(|| {
            view! {
                <p class="picker__nothing" role="status">
                    "No attribute is called that. You can write it in the prompt."
                </p>
            }
        })
    });
    view! {
        {rows}
        {nothing}
        {all}
    }
    .into_any()
}

/// The values to show: all without a query or when the section's name matches it.
fn matches(section: &Section, query: &str) -> Vec<String> {
    let query = browser::lowercase(query.trim());
    if query.is_empty() || browser::lowercase(&section.name).contains(&query) {
        return section.values.clone();
    }
    section.values.iter().filter(|value| browser::lowercase(value).contains(&query)).cloned().collect()
}

fn section_row(
    studio: Studio,
    index: usize,
    section: Section,
    query: RwSignal<String>,
    shows_all: RwSignal<bool>,
) -> AnyView {
    let is_open = RwSignal::new(false);
    let is_searching = memo(move |_| query.with(|query| !query.trim().is_empty()));
    let is_shown = move || is_open.get() || is_searching.get();
    let panel_id = format!("section-{index}");
    let (name, hint, panel_label) = (section.name.clone(), section.hint.clone(), section.name.clone());
    let picked = {
        let name = section.name.clone();
        memo(move |_| studio.draft.with(|draft| draft.attributes.iter().filter(|it| it.section == name).count()))
    };
    let shown = memo(move |_| query.with(|query| matches(&section, query)));
    // Beyond the first few only what is asked for, searched for or chosen from.
    let is_hidden = move || {
        let is_asked = index < FIRST || shows_all.get() || is_searching.get() || picked.get() > 0;
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
                <span class="section__name">{name}</span>
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
