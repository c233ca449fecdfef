//! All data that is kept and whoever gets some of it, as tables that a narrow screen can show.
use lapidary_contract::{DataCategory, DataMap, Processor};

use crate::ui::prelude::*;

pub fn map(map: DataMap) -> AnyView {
    let kept = map.categories.into_iter().map(category).collect_view();
    let others = map.processors.into_iter().map(processor).collect_view();
    view! {
        <section aria-labelledby="data">
            <h2 id="data">"What is kept"</h2>
            <table class="ledger data">
                <thead><tr><th scope="col">"What and why"</th><th scope="col">"How long"</th></tr></thead>
                <tbody>{kept}</tbody>
            </table>
        </section>
        <section aria-labelledby="processors">
            <h2 id="processors">"Who else gets something"</h2>
            <table class="ledger data">
                <thead><tr><th scope="col">"Who and for what"</th><th scope="col">"What they get"</th></tr></thead>
                <tbody>{others}</tbody>
            </table>
        </section>
    }
    .into_any()
}

fn category(it: DataCategory) -> AnyView {
    let given = (!it.given_to.is_empty())
        .then(|| view! { <span class="ledger__why">{format!("Given to: {}.", it.given_to.join("; "))}</span> });
    let of = format!(": {}", it.name);
    view! {
        <tr>
            <td>
                <strong class="ledger__what">{it.name}</strong>
                <span class="ledger__why">{it.what} "."</span>
                <span class="ledger__why">{it.why} "."</span>
                {given}
                <details>
                    <summary>"Where" <span class="visually-hidden">{of}</span></summary>
                    <span class="ledger__why">{it.places.join(", ")}</span>
                </details>
            </td>
            <td>{it.how_long} "."</td>
        </tr>
    }
    .into_any()
}

fn processor(it: Processor) -> AnyView {
    view! {
        <tr>
            <td>
                <strong class="ledger__what">{it.name}</strong>
                <span class="ledger__why">{it.role} "."</span>
                <span class="ledger__why">{it.place} "."</span>
            </td>
            <td>
                {it.receives.join("; ")} "."
                <span class="ledger__why">{it.when} "."</span>
            </td>
        </tr>
    }
    .into_any()
}
