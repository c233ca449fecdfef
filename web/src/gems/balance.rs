//! The balance as one big number with its parts, and what a debt means.
use crate::ui::prelude::*;
use lapidary_contract::GemBalance;

use crate::session::use_session;
use crate::ui::dynamic::changing;
use crate::ui::icon::{Glyph, Icon};
use crate::ui::skeleton::Skeleton;
use crate::ui::time::{format_gems, format_number};

#[component]
pub fn BalanceCard() -> AnyView {
    let gems = use_session().gems;
    let card = changing(move || match gems.get() {
        None => view! { <Skeleton class="balance__place" /> }.into_any(),
        Some(gems) => known(gems),
    });
    view! { <section class="balance" aria-label="Balance">{card}</section> }.into_any()
}

fn known(gems: GemBalance) -> AnyView {
    let debt = (gems.debt > 0).then(|| {
        let owed = format!(
            "You owe {}: they were spent, and then their money went back. Nothing can be made until that is settled. The next gems you buy settle it first.",
            format_gems(gems.debt)
        );
        view! { <p class="balance__debt" role="status"><Icon glyph=Glyph::Warning /> {owed}</p> }
    });
    let part = |name: &'static str, number: i64, hint: &'static str| {
        view! {
            <div class="part">
                <dt>{name}</dt>
                <dd>{format_number(number)}</dd>
                <dd class="part__hint">{hint}</dd>
            </div>
        }
        .into_any()
    };
    view! {
        <p class="balance__big">
            <Icon glyph=Glyph::Gem />
            <span class="balance__number">{format_number(gems.remaining)}</span>
            <span class="balance__word">{if gems.remaining == 1 { "gem left" } else { "gems left" }}</span>
        </p>
        {debt}
        <dl class="parts">
            {part("Free", gems.free, "Spent first")}
            {part("Bought", gems.bought, "Never expire")}
            {part("Held", gems.held, "For running work; what is not delivered comes back")}
            {part("Used", gems.used, "For what you got, in all")}
        </dl>
    }
    .into_any()
}
