//! The remaining gems, always in view; a press shows the parts.
use crate::ui::prelude::*;
use lapidary_contract::GemBalance;
use leptos::html;

use crate::page::Page;
use crate::session::use_session;
use crate::ui::icon::{Glyph, Icon};
use crate::ui::time::{format_gems, format_number};

#[component]
pub fn GemPill() -> AnyView {
    let gems = use_session().gems;
    let popover = NodeRef::<html::Div>::new();
    let close = move |_| {
        if let Some(popover) = popover.get_untracked() {
            let _ = popover.hide_popover();
        }
    };
    // Nothing can be spent before a debt is settled, so that is the number that counts.
    let number = move || {
        gems.get().map(|gems| match gems.debt {
            0 => format_number(gems.remaining),
            debt => format!("−{}", format_number(debt)),
        })
    };
    view! {
        <button
            type="button"
            class="gem-pill"
            class:is-indebted=move || gems.get().is_some_and(|gems| gems.debt > 0)
            popovertarget="gem-parts"
            aria-label=move || summary(gems.get())
            title=move || summary(gems.get())
        >
            <Icon glyph=Glyph::Gem />
            <span class="gem-pill__number">{move || number().unwrap_or_else(|| "–".to_owned())}</span>
        </button>
        <div node_ref=popover id="gem-parts" class="gem-parts" popover="auto">
            {move || gems.get().map(parts)}
            <a href=Page::Gems.path() on:click=close>"Statement"</a>
        </div>
    }
    .into_any()
}

fn summary(gems: Option<GemBalance>) -> String {
    let Some(gems) = gems else { return "Gems are being counted".to_owned() };
    let mut summary = format!("{} left", format_gems(gems.remaining));
    if gems.held > 0 {
        summary.push_str(&format!(", {} held for running work", format_number(gems.held)));
    }
    if gems.debt > 0 {
        summary.push_str(&format!(", {} owed", format_number(gems.debt)));
    }
    summary
}

fn parts(gems: GemBalance) -> AnyView {
    let row = |name: &'static str, number: i64| {
        view! { <div><dt>{name}</dt><dd>{format_number(number)}</dd></div> }.into_any()
    };
    view! {
        <dl>
            {row("Left", gems.remaining)}
            {row("Held for running work", gems.held)}
            {(gems.debt > 0).then(|| row("Owed", gems.debt))}
        </dl>
    }
    .into_any()
}
