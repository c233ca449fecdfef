//! What stands in the pictures that are asked for, as chips with counts; and what is asked for, as chips that a press
//! takes away. Every chip is an address.
use crate::ui::prelude::*;
use lapidary_contract::{FacetCount, ImageFacets};
use lapidary_domain::Attribute;
use leptos::ev::MouseEvent;
use leptos::html;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::Element;

use super::wanted::{Part, Wanted, day_of_month};
use crate::browser;
use crate::http;
use crate::page::Page;
use crate::session::use_session;
use crate::ui::dynamic::{changing, effect, memo};
use crate::ui::number::put_in_order;
use crate::ui::time::{format_month, format_number};
use crate::ui::{Button, ButtonKind, Glyph, Icon, after_a_while};

/// Values that a search through them shows at most.
const SHOWN_MAX: usize = 120;
/// What changed is counted when nothing more has changed for so long.
const SETTLED_MS: u32 = 600;

/// The gallery's address for a question.
pub fn address(wanted: &Wanted) -> String {
    let query = wanted.query(browser::encode);
    if query.is_empty() { Page::Gallery.path().to_owned() } else { format!("{}?{query}", Page::Gallery.path()) }
}

/// A model's name as the catalogue has it.
pub fn model_name(id: &str) -> String {
    let catalogue = use_session().catalogue;
    let name = catalogue.with_untracked(|known| Some(known.as_ref()?.domain.model(id)?.name.clone()));
    name.unwrap_or_else(|| id.to_owned())
}

fn month_name(month: &str) -> String {
    day_of_month(month).map_or_else(|| month.to_owned(), format_month)
}

/// What a part of a question is called; `collection` is the name of the collection in sight.
pub fn part_name(wanted: &Wanted, part: &Part, collection: &str) -> String {
    match part {
        Part::Words => format!("“{}”", wanted.words),
        Part::Attribute(attribute) => format!("{}: {}", attribute.section, attribute.value),
        Part::Model => model_name(wanted.model.as_deref().unwrap_or_default()),
        Part::Month => month_name(wanted.month.as_deref().unwrap_or_default()),
        Part::Collection => collection.to_owned(),
        Part::Favourite => "Favourites".to_owned(),
    }
}

/// One value that can be asked for.
struct Choice {
    name: String,
    count: i64,
    href: String,
    is_chosen: bool,
}

struct Group {
    name: String,
    choices: Vec<Choice>,
}

/// `changes` moves when pictures come, change or go.
#[component]
pub fn Facets(wanted: Memo<Wanted>, #[prop(into)] collection: Signal<String>, changes: ArcRwSignal<u32>) -> AnyView {
    let facets = RwSignal::new(None::<ImageFacets>);
    effect(move |_| {
        wanted.track();
        count_again(wanted, facets);
    });
    let newest = changes.clone();
    effect(move |before: Option<u32>| {
        let change = changes.get();
        let newest = newest.clone();
        if before.is_some() {
            after_a_while(SETTLED_MS, move || {
                if newest.get_untracked() == change {
                    count_again(wanted, facets);
                }
            });
        }
        change
    });
    let active = changing(move || {
        let wanted = wanted.get();
        let chips = wanted.parts().into_iter().filter(|part| *part != Part::Collection && *part != Part::Favourite);
        chips.map(|part| active_chip(&wanted, &part, &collection.get())).collect_view()
    });
    let favourites = changing(move || favourites_chip(&wanted.get(), facets.get()?.favourites));
    let count = move |count: fn(&ImageFacets) -> usize| {
        memo(move |_| facets.with(|facets| facets.as_ref().map(count).unwrap_or_default()))
    };
    let (models, attributes, months) =
        (count(|it| it.models.len()), count(|it| it.attributes.len()), count(|it| it.months.len()));
    let model = chooser("Model", models, 2, Box::new(move || models_of(&wanted.get(), &facets.get()?)));
    let attribute =
        chooser("Attributes", attributes, 1, Box::new(move || attributes_of(&wanted.get(), &facets.get()?)));
    let month = chooser("Month", months, 2, Box::new(move || months_of(&wanted.get(), &facets.get()?)));
    view! {
        <div class="facets" role="group" aria-label="Filters">
            {favourites}
            {attribute}
            {model}
            {month}
            {active}
        </div>
    }
    .into_any()
}

fn count_again(wanted: Memo<Wanted>, facets: RwSignal<Option<ImageFacets>>) {
    let Some(asked) = wanted.try_get_untracked() else { return };
    spawn_local(async move {
        let path = asked.api("/v1/images/facets", "", browser::encode);
        if let Ok(answer) = http::get::<ImageFacets>(&path).await
            && wanted.try_get_untracked() == Some(asked)
        {
            facets.set(Some(answer));
        }
    });
}

fn active_chip(wanted: &Wanted, part: &Part, collection: &str) -> AnyView {
    let name = part_name(wanted, part, collection);
    view! {
        <a class="chip chip--chosen" href=address(&wanted.without(part)) aria-label=format!("Remove {name}")>
            {name.clone()}
            <Icon glyph=Glyph::Close />
        </a>
    }
    .into_any()
}

fn favourites_chip(wanted: &Wanted, count: i64) -> Option<AnyView> {
    let is_on = wanted.is_favourite;
    if count == 0 && !is_on {
        return None;
    }
    let href = address(&Wanted { is_favourite: !is_on, ..wanted.clone() });
    let glyph = if is_on { Glyph::HeartFilled } else { Glyph::Heart };
    let chip = view! {
        <a class="chip" href=href aria-current=is_on.then_some("true")>
            <Icon glyph />
            "Favourites "
            <span class="facet__count">{format_number(count)}</span>
        </a>
    };
    Some(chip.into_any())
}

fn models_of(wanted: &Wanted, facets: &ImageFacets) -> Option<Vec<Group>> {
    let choice = |it: &FacetCount| {
        let is_chosen = wanted.model.as_ref() == Some(&it.value);
        let model = (!is_chosen).then(|| it.value.clone());
        let href = address(&Wanted { model, ..wanted.clone() });
        Choice { name: model_name(&it.value), count: it.count, href, is_chosen }
    };
    Some(vec![Group { name: String::new(), choices: facets.models.iter().map(choice).collect() }])
}

fn months_of(wanted: &Wanted, facets: &ImageFacets) -> Option<Vec<Group>> {
    let choice = |it: &FacetCount| {
        let is_chosen = wanted.month.as_ref() == Some(&it.value);
        let month = (!is_chosen).then(|| it.value.clone());
        let href = address(&Wanted { month, ..wanted.clone() });
        Choice { name: month_name(&it.value), count: it.count, href, is_chosen }
    };
    Some(vec![Group { name: String::new(), choices: facets.months.iter().map(choice).collect() }])
}

fn attributes_of(wanted: &Wanted, facets: &ImageFacets) -> Option<Vec<Group>> {
    let choice = |section: &str, it: &FacetCount| {
        let attribute = Attribute::new(section, it.value.clone());
        let is_chosen = wanted.attributes.contains(&attribute);
        Choice { name: it.value.clone(), count: it.count, href: address(&wanted.turned(&attribute)), is_chosen }
    };
    let groups = facets.attributes.iter().map(|facet| {
        let choices = facet.values.iter().map(|it| choice(&facet.section, it)).collect();
        Group { name: facet.section.clone(), choices }
    });
    let mut groups: Vec<Group> = groups.collect();
    // What is chosen comes first: it is what one takes back.
    let has_chosen = |group: &Group| group.choices.iter().any(|it| it.is_chosen);
    for group in &mut groups {
        put_in_order(&mut group.choices, |one, other| one.is_chosen && !other.is_chosen);
    }
    put_in_order(&mut groups, |one, other| has_chosen(one) && !has_chosen(other));
    Some(groups)
}

type Groups = Box<dyn Fn() -> Option<Vec<Group>> + Send + Sync>;

/// A chip that opens the values of one kind; hidden where there are fewer than make a choice.
fn chooser(name: &'static str, count: Memo<usize>, least: usize, groups: Groups) -> AnyView {
    let popover = NodeRef::<html::Div>::new();
    let id = format!("facet-{}", browser::lowercase(name));
    let (query, is_open) = (RwSignal::new(String::new()), RwSignal::new(false));
    let groups = StoredValue::new(groups);
    let target = id.clone();
    // Before the browser opens it: below the chip.
    let place = move |event: MouseEvent| {
        let button = event.target().and_then(|it| it.dyn_into::<Element>().ok());
        let button = button.and_then(|it| it.closest("button").ok().flatten());
        if let (Some(button), Some(popover)) = (button, popover.get_untracked()) {
            let rect = button.get_bounding_client_rect();
            let style = popover.style();
            let _ = style.set_property("--left", &super::pieces::pixels(rect.left()));
            let _ = style.set_property("--top", &super::pieces::pixels(rect.bottom()));
        }
        is_open.set(true);
    };
    let body = changing(move || {
        let groups = if is_open.get() { groups.with_value(|groups| groups()) } else { None };
        groups.map(|groups| values(groups, &query.get()))
    });
    // What was chosen is in the address now; the focus goes back to the chip.
    let chosen = move |event: MouseEvent| {
        let link = event.target().and_then(|it| it.dyn_into::<Element>().ok()).and_then(|it| it.closest("a").ok()?);
        if let (Some(_), Some(popover)) = (link, popover.get_untracked()) {
            let _ = popover.hide_popover();
            is_open.set(false);
        }
    };
    let close = Callback::new(move |()| {
        if let Some(popover) = popover.get_untracked() {
            let _ = popover.hide_popover();
        }
        is_open.set(false);
    });
    let search = (name == "Attributes").then(|| search_field(query));
    let is_hidden = move || count.get() < least;
    view! {
        <button type="button" class="chip" popovertarget=target on:click=place hidden=is_hidden>
            {name}
            <Icon glyph=Glyph::ChevronDown />
        </button>
        <div node_ref=popover id=id class="facet" popover="auto" role="dialog" aria-label=name>
            <div class="facet__head">
                <strong>{name}</strong>
                <Button kind=ButtonKind::Bare on_press=close label="Close">
                    <Icon glyph=Glyph::Close />
                </Button>
            </div>
            {search}
            <div class="facet__values" on:click=chosen>{body}</div>
        </div>
    }
    .into_any()
}

fn search_field(query: RwSignal<String>) -> AnyView {
    view! {
        <label class="search">
            <Icon glyph=Glyph::Search />
            <span class="visually-hidden">"Search attributes"</span>
            <input
                class="search__field"
                type="search"
                autocomplete="off"
                placeholder="Search attributes"
                prop:value=query
                on:input=move |event| query.set(event_target_value(&event))
            />
        </label>
    }
    .into_any()
}

fn values(groups: Vec<Group>, query: &str) -> AnyView {
    let query = browser::lowercase(query.trim());
    let mut room = SHOWN_MAX;
    let mut shown = Vec::new();
    for group in groups {
        let is_named = browser::lowercase(&group.name).contains(&query);
        let fits = |choice: &Choice| is_named || browser::lowercase(&choice.name).contains(&query);
        let choices: Vec<Choice> = group.choices.into_iter().filter(fits).take(room).collect();
        room -= choices.len();
        if !choices.is_empty() {
            shown.push(group_view(group.name, choices));
        }
    }
    if shown.is_empty() {
        return view! { <p class="quiet" role="status">"No attribute is called that."</p> }.into_any();
    }
    shown.into_iter().collect_view().into_any()
}

fn group_view(name: String, choices: Vec<Choice>) -> AnyView {
    let one = |choice: Choice| {
        view! {
            <li>
                <a class="chip" href=choice.href aria-current=choice.is_chosen.then_some("true")>
                    <span dir="auto">{choice.name}</span>
                    " "
                    <span class="facet__count">{format_number(choice.count)}</span>
                </a>
            </li>
        }
    };
    let heading = (!name.is_empty()).then(|| view! { <h3 dir="auto">{name}</h3> });
    view! {
        {heading}
        <ul class="facet__list">{choices.into_iter().map(one).collect_view()}</ul>
    }
    .into_any()
}
