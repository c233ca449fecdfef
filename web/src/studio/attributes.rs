//! The attributes to pick from, suggested and built in: sections that fold, and one search across all of them.
use crate::ui::prelude::*;
use lapidary_domain::catalogue::Section;
use leptos::ev::KeyboardEvent;

use super::prompt::field_error;
use super::refine::{is_found, suggested, suggestions};
use super::sections::{Place, matches, section_row};
use super::state::Studio;
use crate::session::use_session;
use crate::ui::dynamic::{changing, memo};
use crate::ui::{Button, ButtonKind, FailureNote, Glyph, Icon, Skeleton};

#[component]
pub fn AttributePicker() -> AnyView {
    let studio = expect_context::<Studio>();
    let session = use_session();
    let query = RwSignal::new(String::new());
    let sections =
        memo(move |_| studio.catalogue.with(|known| known.as_ref().map(|known| known.domain.sections.clone())));
    let total = move || {
        let built_in: usize = sections.with(|it| it.iter().flatten().map(|section| section.values.len()).sum());
        built_in + suggested(studio)
    };
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
            {suggestions(studio, query)}
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
        memo(move |_| {
            query.with(|query| {
                sections.iter().any(|section| !matches(section, query).is_empty()) || is_found(studio, query)
            })
        })
    };
    let (shows_all, count) = (RwSignal::new(false), sections.len());
    let row = |(index, section)| {
        let is_asked = Signal::derive(move || index < FIRST || shows_all.get());
        section_row(studio, Place { id: format!("section-{index}"), is_open: false, is_asked }, section, query)
    };
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
