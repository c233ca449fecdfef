//! The landing page: one sentence, one button. A signed-in person is taken to the studio.
use crate::ui::prelude::*;

use futures_util::FutureExt;
use lapidary_contract::GemPacks;

use crate::asked::Asked;
use crate::auth::age::GOODBYE;
use crate::browser::kept;
use crate::http;
use crate::page::Page;
use crate::router::{self, Going};
use crate::session::{Standing, use_session};
use crate::ui::button::{ButtonKind, LinkButton};
use crate::ui::dynamic::changing;
use crate::ui::time::{format_gems, format_money};

const STEPS: [(&str, &str); 3] = [
    ("Say it", "Write what you want to see, in any language."),
    (
        "Cut it",
        "Pick light, lens, mood and palette. You see what the model will read and what it costs before you pay.",
    ),
    (
        "Keep it",
        "Your picture is stored privately, unaltered, for as long as you like. If none arrives, nothing is charged.",
    ),
];

#[component]
pub fn LandingPage() -> AnyView {
    let session = use_session();
    let goodbye = kept::recall(GOODBYE).is_some();
    kept::forget(GOODBYE);
    changing(move || match session.standing.get() {
        Standing::Unknown => ().into_any(),
        Standing::SignedIn => {
            router::go(Page::Studio.path(), Going::Instead);
            ().into_any()
        }
        Standing::SignedOut | Standing::Ended | Standing::Unreachable(_) => landing(goodbye),
    })
}

fn landing(goodbye: bool) -> AnyView {
    let steps = STEPS.map(|(title, text)| view! { <li><h2>{title}</h2><p>{text}</p></li> });
    view! {
        <section class="landing">
            {goodbye.then(|| view! { <p class="note" role="status">"Everything about you was erased. Come back when you are 13."</p> })}
            <div class="landing__words">
                <h1>"An idea, cut into a picture"</h1>
                <p class="landing__lead">
                    "Lapidary takes your words, helps you sharpen them, and gives you a picture that is yours. Quietly, privately, and with the price on the button."
                </p>
                <LinkButton kind=ButtonKind::Primary href=Page::SignIn.path()>"Make your first picture"</LinkButton>
                <p class="landing__price">{price()}</p>
            </div>
            <Stone />
            <ol class="landing__steps">{steps.into_iter().collect_view()}</ol>
        </section>
    }
    .into_any()
}

/// What the smallest pack costs, where gems are sold.
fn price() -> AnyView {
    let packs = Asked::<GemPacks>::new(|| http::get_public("/v1/gem-packs").boxed_local());
    changing(move || {
        let packs = packs.get()?.ok()?;
        let least = packs.data.iter().min_by_key(|pack| pack.amount)?;
        let (gems, price) = (format_gems(least.gems), format_money(least.amount, &least.currency));
        Some(format!("{gems} for {price}, when the welcome gems are used."))
    })
}

/// The mark, large: a cut stone whose facets carry the light.
#[component]
fn Stone() -> AnyView {
    const FACETS: [(&str, &str); 13] = [
        ("200,20 356,110 268,150 200,112", "1"),
        ("200,20 44,110 132,150 200,112", "2"),
        ("356,110 356,290 268,250 268,150", "3"),
        ("44,110 44,290 132,250 132,150", "4"),
        ("200,380 356,290 268,250 200,288", "5"),
        ("200,380 44,290 132,250 200,288", "6"),
        ("200,112 268,150 200,200", "7"),
        ("268,150 268,250 200,200", "8"),
        ("268,250 200,288 200,200", "9"),
        ("200,288 132,250 200,200", "10"),
        ("132,250 132,150 200,200", "11"),
        ("132,150 200,112 200,200", "12"),
        ("200,20 356,110 356,290 200,380 44,290 44,110", "edge"),
    ];
    let facets = FACETS.map(|(points, name)| view! { <polygon class=format!("facet facet--{name}") points=points /> });
    view! {
        <svg class="stone" viewBox="0 0 400 400" aria-hidden="true" focusable="false">{facets.into_iter().collect_view()}</svg>
    }
    .into_any()
}
