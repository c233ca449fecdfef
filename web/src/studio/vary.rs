//! The dialog that changes one thing: of a picture that was made, or of the draft to see two side by side. What it costs
//! stands on its button before anything is asked for.
use std::sync::Arc;

use lapidary_contract::{CreateGeneration, Generation};

use super::choice::Choice;
use super::sending::wish_of;
use super::state::Studio;
use super::variation::{Change, Group, Varied, groups};
use crate::gallery::clock::today;
use crate::parts;
use crate::session::use_session;
use crate::ui::dialog::Dialog;
use crate::ui::dynamic::{changing, effect, memo};
use crate::ui::prelude::*;
use crate::ui::{Button, ButtonKind, Glyph, Icon, format_gems};

impl Studio {
    /// Opens the dialog on what a generation was made of.
    pub fn vary(&self, generation: &Generation) {
        self.varied.set(Some(Varied { base: wish_of(generation), is_pair: false }));
    }

    /// Opens the dialog on the draft.
    pub fn compare(&self) {
        let mut base = self.draft.get_untracked();
        if let Some(choice) = self.choice.get_untracked() {
            choice.fit(&mut base);
        }
        self.varied.set(Some(Varied { base, is_pair: true }));
    }
}

#[component]
pub fn VaryDialog() -> AnyView {
    let studio = expect_context::<Studio>();
    let open = RwSignal::new(false);
    effect(move |_| open.set(studio.varied.with(Option::is_some)));
    effect(move |_| {
        if !open.get() && studio.varied.with_untracked(Option::is_some) {
            studio.varied.set(None);
        }
    });
    parts::opened(open, move |it| (it.studio.vary)(studio, open))
}

pub fn dialog(studio: Studio, open: RwSignal<bool>) -> AnyView {
    let title = Signal::derive(move || {
        let is_pair = studio.varied.with(|varied| varied.as_ref().is_some_and(|varied| varied.is_pair));
        if is_pair { "Compare two".to_owned() } else { "Vary this picture".to_owned() }
    });
    let content: ChildrenFn = Arc::new(move || changing(move || studio.varied.get().map(|it| body(studio, it, open))));
    view! { <Dialog open title class="vary" children=content /> }.into_any()
}

/// What it comes to: both where both are made.
fn price(studio: Studio, varied: &Varied, change: &Change) -> Option<i64> {
    let known = studio.catalogue.get()?;
    let of = |body: &CreateGeneration| Choice::of(body, &known.domain, today())?.price();
    let changed = of(&change.apply(&varied.base, &known.domain, today()))?;
    Some(if varied.is_pair { changed + of(&varied.base)? } else { changed })
}

fn body(studio: Studio, varied: Varied, open: RwSignal<bool>) -> AnyView {
    let first = Change::Nothing;
    let chosen = RwSignal::new((!varied.is_pair).then_some(first));
    let known = {
        let base = varied.base.clone();
        memo(move |_| {
            let suggested = studio.refining.sections();
            studio.catalogue.with(|known| {
                known.as_ref().map(|known| groups(&base, &known.domain, &suggested, today())).unwrap_or_default()
            })
        })
    };
    let rows = changing(move || known.get().into_iter().map(|group| group_view(group, chosen)).collect_view());
    let same = (!varied.is_pair).then(|| {
        let group = Group { title: "Nothing".to_owned(), changes: vec![(Change::Nothing, "Same again".to_owned())] };
        group_view(group, chosen)
    });
    let lead = if varied.is_pair {
        "Your draft, and once more with one thing changed. They stand side by side."
    } else {
        "Everything stays as it was; choose the one thing that changes."
    };
    let cost = {
        let varied = varied.clone();
        memo(move |_| price(studio, &varied, chosen.get().as_ref()?))
    };
    let is_pair = varied.is_pair;
    let label = changing(move || {
        let what = if is_pair { "Generate both" } else { "Make it" };
        cost.get().map_or_else(|| what.to_owned(), |gems| format!("{what} · {}", format_gems(gems)))
    });
    let hindrance = memo(move |_| hindrance(chosen.with(Option::is_some), cost.get()));
    let is_blocked = Signal::derive(move || hindrance.with(Option::is_some));
    let words = Signal::derive(move || hindrance.get());
    let prompt = varied.base.prompt.clone();
    let send = Callback::new(move |()| {
        let (Some(known), Some(change)) = (studio.catalogue.get_untracked(), chosen.get_untracked()) else { return };
        let changed = change.apply(&varied.base, &known.domain, today());
        open.set(false);
        studio.is_open.set(false);
        if varied.is_pair {
            studio.ask_for_both([varied.base.clone(), changed]);
        } else {
            studio.ask(changed);
        }
    });
    view! {
        <p class="vary__prompt" dir="auto">{prompt}</p>
        <p class="vary__lead">{lead}</p>
        <div class="vary__groups">
            {same}
            {rows}
        </div>
        <p class="vary__note" role="status">{words}</p>
        <Button kind=ButtonKind::Primary on_press=send disabled=is_blocked busy=studio.is_sending>
            <Icon glyph=Glyph::Gem />
            {label}
        </Button>
    }
    .into_any()
}

fn hindrance(is_chosen: bool, cost: Option<i64>) -> Option<String> {
    if !is_chosen {
        return Some("Choose what is different in the second one.".to_owned());
    }
    let Some(cost) = cost else { return Some("There is no price for this.".to_owned()) };
    let gems = use_session().gems.get()?;
    if gems.debt > 0 {
        return Some(format!("You owe {}. The next purchase settles that first.", format_gems(gems.debt)));
    }
    let available = gems.available();
    (available < cost).then(|| format!("Not enough gems. You need {cost} and have {available}."))
}

fn group_view(group: Group, chosen: RwSignal<Option<Change>>) -> AnyView {
    let chip = |(change, words): (Change, String)| {
        let is_picked = {
            let change = change.clone();
            memo(move |_| chosen.with(|chosen| chosen.as_ref() == Some(&change)))
        };
        view! {
            <button
                type="button"
                class="chip"
                dir="auto"
                aria-pressed=move || is_picked.get().to_string()
                on:click=move |_| chosen.set(Some(change.clone()))
            >
                {words}
            </button>
        }
    };
    let title = group.title.clone();
    view! {
        <section class="vary__group" role="group" aria-label=title>
            <h3 dir="auto">{group.title}</h3>
            <div class="section__values">{group.changes.into_iter().map(chip).collect_view()}</div>
        </section>
    }
    .into_any()
}
