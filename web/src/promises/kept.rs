//! The list of promises: each with its state in words, how it is kept, and what was seen.
use lapidary_contract::{Evidence, Promise, PromiseState, Promises};

use crate::ui::prelude::*;
use crate::ui::time::since;

pub fn all(seen: Promises) -> AnyView {
    let (troubled, count) = (seen.promises.iter().filter(|it| !it.state.is_fine()).count(), seen.promises.len());
    let sum = match troubled {
        0 => format!("All {count} were seen kept."),
        1 => "One is not seen kept right now. It says what is wrong.".to_owned(),
        some => format!("{some} are not seen kept right now. They say what is wrong."),
    };
    let contact =
        seen.support_contact.map(|contact| view! { <p>"Questions, and whatever is not right: " {contact}</p> });
    let rows = seen.promises.into_iter().map(row).collect_view();
    view! {
        <section aria-labelledby="kept">
            <h2 id="kept">"How they are kept"</h2>
            <p role="status">{sum} " Looked at " {since(&seen.looked_at)} "."</p>
            {contact}
            <ul class="promises__list">{rows}</ul>
        </section>
    }
    .into_any()
}

fn row(promise: Promise) -> AnyView {
    let last = match (promise.last_seen_at, promise.state) {
        (Some(at), PromiseState::Declared) => view! { "Last seen declared " {since(&at)} }.into_any(),
        (Some(at), _) => view! { "Last seen kept " {since(&at)} }.into_any(),
        (None, _) => "Not seen kept yet".into_any(),
    };
    let (mark, class) = words(promise.state);
    let evidence = promise.evidence.into_iter().map(seen).collect_view();
    view! {
        <li class="promise" id=promise.id>
            <h3>{promise.title} " " <span class=format!("badge {class}")>{mark}</span></h3>
            <p>{promise.text}</p>
            <p class="prose__quiet">{promise.how_kept}</p>
            <details>
                <summary>{last} <span class="visually-hidden">", what was seen"</span></summary>
                <dl class="evidence">{evidence}</dl>
            </details>
        </li>
    }
    .into_any()
}

fn seen(one: Evidence) -> AnyView {
    let (mark, class) = words(one.state);
    let mark = (one.state != PromiseState::Kept).then(|| view! { <span class=format!("badge {class}")>{mark}</span> });
    view! {
        <div>
            <dt>{one.what} " " {mark}</dt>
            <dd>{one.value} {one.at.map(|at| view! { ", " {since(&at)} })}</dd>
        </div>
    }
    .into_any()
}

fn words(state: PromiseState) -> (&'static str, &'static str) {
    match state {
        PromiseState::Kept => ("Kept", "is-kept"),
        PromiseState::Declared => ("Declared", "is-declared"),
        PromiseState::Stale => ("Not seen lately", "is-stale"),
        PromiseState::Broken => ("Broken", "is-broken"),
    }
}
