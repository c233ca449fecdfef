//! The button that refines, what is in its way, what came of it, and the suggested sections above the built-in ones.
use lapidary_contract::CreateRefinement;
use lapidary_domain::catalogue::Section;
use lapidary_domain::limits::PROMPT_MAX;

use super::refining::Trouble;
use super::sections::{Place, matches, section_row};
use super::state::Studio;
use crate::page::gems_path;
use crate::session::use_session;
use crate::ui::dynamic::{changing, effect, list, memo};
use crate::ui::failure::RequestId;
use crate::ui::prelude::*;
use crate::ui::{Button, ButtonKind, FailureNote, Glyph, Icon, Skeleton, format_gems};

/// Why nothing can be refined now.
#[derive(Clone, PartialEq)]
struct Hindrance {
    sentence: String,
    is_about_gems: bool,
}

fn hindrance(studio: Studio, price: Option<i64>) -> Option<Hindrance> {
    let about = |is_about_gems, sentence: &str| Some(Hindrance { sentence: sentence.to_owned(), is_about_gems });
    let Some(price) = price else { return about(false, "Reading models and prices.") };
    let (is_empty, length) = studio.draft.with(|draft| {
        let prompt = draft.prompt.trim();
        (prompt.is_empty(), prompt.chars().count())
    });
    if is_empty {
        return about(false, "Write a prompt first: it is what the suggestions are for.");
    }
    if length > PROMPT_MAX {
        return about(false, "The prompt is too long.");
    }
    let gems = use_session().gems.get()?;
    if gems.debt > 0 {
        return about(true, &format!("You owe {}. The next purchase settles that first.", format_gems(gems.debt)));
    }
    let available = gems.available();
    (available < price).then(|| Hindrance {
        sentence: format!("Not enough gems. You need {price} and have {available}."),
        is_about_gems: true,
    })
}

#[component]
pub fn Refine() -> AnyView {
    let studio = expect_context::<Studio>();
    let refining = studio.refining;
    let price = memo(move |_| studio.catalogue.with(|known| known.as_ref().map(|known| known.domain.refinement_gems)));
    let hindrance = memo(move |_| hindrance(studio, price.get()));
    let label = changing(move || match price.get() {
        Some(price) => format!("Refine · {}", format_gems(price)),
        None => "Refine".to_owned(),
    });
    let ask = Callback::new(move |()| ask(studio));
    let is_blocked = Signal::derive(move || hindrance.with(Option::is_some));
    let note = changing(move || match (refining.is_busy.get(), hindrance.get()) {
        (true, _) => "A language model thinks about your prompt. This takes a few seconds.".into_any(),
        (false, Some(hindrance)) => hindrance_note(hindrance),
        (false, None) => "Suggests three new sections that fit this prompt.".into_any(),
    });
    let trouble = changing(move || refining.trouble.get().map(|trouble| trouble_note(trouble, ask)));
    announce(studio);
    view! {
        <div class="refine">
            <Button class="refine__button" on_press=ask disabled=is_blocked busy=refining.is_busy>
                <Icon glyph=Glyph::Studio />
                {label}
            </Button>
            <p class="refine__note">{note}</p>
            {trouble}
        </div>
    }
    .into_any()
}

fn ask(studio: Studio) {
    let body = studio.draft.with_untracked(|draft| CreateRefinement {
        prompt: draft.prompt.trim().to_owned(),
        attributes: draft.attributes.clone(),
        seen_sections: Vec::new(),
    });
    studio.refining.ask(body);
}

/// For a screen reader: that it was asked, and what came.
fn announce(studio: Studio) {
    let refining = studio.refining;
    effect(move |was_busy: Option<bool>| {
        let is_busy = refining.is_busy.get();
        let words = match (was_busy.unwrap_or(false), is_busy) {
            (false, true) => Some("Asking for suggestions.".to_owned()),
            (true, false) => match refining.trouble.get_untracked() {
                None => {
                    let names = refining.sections_untracked().into_iter().take(refining.fresh.get_untracked());
                    let names = names.map(|section| section.name).collect::<Vec<_>>().join(", ");
                    Some(format!("New sections: {names}."))
                }
                Some(Trouble::Told(words, _)) => Some(words),
                Some(Trouble::Failed(failure)) => Some(failure.sentence()),
            },
            _ => None,
        };
        if let Some(words) = words {
            studio.said.set(words);
        }
        is_busy
    });
}

fn hindrance_note(hindrance: Hindrance) -> AnyView {
    let gems = hindrance.is_about_gems.then(|| view! { " " <a href=gems_path("packs")>"Get gems"</a> });
    view! { {hindrance.sentence} {gems} }.into_any()
}

fn trouble_note(trouble: Trouble, again: Callback<()>) -> AnyView {
    match trouble {
        Trouble::Failed(failure) => view! { <FailureNote failure on_retry=again /> }.into_any(),
        Trouble::Told(words, id) => view! {
            <div class="note note--refine">
                <Icon glyph=Glyph::Warning />
                <div class="note__body">
                    <p>{words}</p>
                    <div class="generation__next">
                        <Button on_press=again>"Try again"</Button>
                        <RequestId id />
                    </div>
                </div>
            </div>
        }
        .into_any(),
    }
}

/// How many values are suggested.
pub fn suggested(studio: Studio) -> usize {
    studio.refining.sections().iter().map(|section| section.values.len()).sum()
}

/// Whether a search finds any of them.
pub fn is_found(studio: Studio, query: &str) -> bool {
    studio.refining.sections().into_iter().any(|refined| !matches(&section(refined), query).is_empty())
}

fn section(refined: lapidary_domain::RefinedSection) -> Section {
    Section { name: refined.name, hint: String::new(), values: refined.values }
}

/// The suggested sections, and places for those that are being asked for.
pub fn suggestions(studio: Studio, query: RwSignal<String>) -> AnyView {
    let refining = studio.refining;
    let sections = memo(move |_| refining.sections());
    let is_empty = memo(move |_| sections.with(Vec::is_empty) && !refining.is_busy.get());
    let rows = move || sections.get().into_iter().enumerate().collect::<Vec<_>>();
    let waiting = changing(move || {
        let places = || (0..3).map(|_| view! { <Skeleton class="picker__skeleton" /> }).collect_view();
        refining.is_busy.get().then(places)
    });
    let put_away = Callback::new(move |()| {
        refining.put_away();
        crate::browser::focus("#attribute-search");
    });
    let head = changing(move || {
        (!is_empty.get()).then(|| {
            view! {
                <div class="suggested__head">
                    <h3>"Suggested"</h3>
                    <Button kind=ButtonKind::Bare on_press=put_away disabled=refining.is_busy>
                        "Put away"
                    </Button>
                </div>
            }
        })
    });
    let row = move |(index, refined): (usize, lapidary_domain::RefinedSection)| {
        let is_fresh = index < refining.fresh.get_untracked();
        let place = Place { id: crate::ui::fresh_id("suggested"), is_open: is_fresh, is_asked: Signal::stored(true) };
        section_row(studio, place, section(refined), query)
    };
    view! {
        <div class="suggested" class:is-empty=is_empty aria-busy=move || refining.is_busy.get().to_string()>
            {head}
            {waiting}
            {list(rows, |(_, section)| section.name.clone(), row)}
        </div>
    }
    .into_any()
}
