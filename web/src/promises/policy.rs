//! A policy with its versions: the one in force, what is new in it, and earlier ones behind a fold.
use lapidary_contract::{List, Policy, PolicyKind};

use crate::ui::prelude::*;
use crate::ui::time::format_whole_date;

pub fn of_kind(list: List<Policy>, kind: PolicyKind) -> AnyView {
    let (current, others): (Vec<Policy>, Vec<Policy>) =
        list.data.into_iter().filter(|policy| policy.kind == kind).partition(|policy| policy.is_current);
    let others = others.into_iter().map(folded).collect_view();
    let current = current.into_iter().map(|policy| {
        let title = match kind {
            PolicyKind::Privacy => Some(view! { <h2 id="policy">"Privacy policy"</h2> }),
            PolicyKind::Terms => None,
        };
        view! {
            <section>
                {title}
                <p class="prose__quiet">"Version " {policy.version.clone()} ", in force since " {day(&policy)} "."</p>
                <details id="changes">
                    <summary>"What is new in it"</summary>
                    <p>{policy.changes}</p>
                </details>
                {text(&policy.text, kind)}
            </section>
        }
    });
    view! { {current.collect_view()} {others} }.into_any()
}

fn day(policy: &Policy) -> String {
    format_whole_date(policy.effective_at.date_naive())
}

fn folded(policy: Policy) -> AnyView {
    let title = format!("Version {}, from {}", policy.version, day(&policy));
    view! { <details><summary>{title}</summary>{text(&policy.text, policy.kind)}</details> }.into_any()
}

/// Headings, paragraphs and lists: a policy has nothing else, which a test of the server holds.
fn text(text: &str, kind: PolicyKind) -> AnyView {
    text.trim_end().split("\n\n").map(|block| self::block(block.trim(), kind)).collect_view().into_any()
}

fn block(block: &str, kind: PolicyKind) -> AnyView {
    if let Some(title) = block.strip_prefix("## ") {
        let title = title.to_owned();
        return match kind {
            PolicyKind::Privacy => view! { <h3>{title}</h3> }.into_any(),
            PolicyKind::Terms => view! { <h2>{title}</h2> }.into_any(),
        };
    }
    if block.starts_with("- ") {
        let items = block.lines().map(|line| view! { <li>{line.trim_start_matches("- ").to_owned()}</li> });
        return view! { <ul>{items.collect_view()}</ul> }.into_any();
    }
    view! { <p>{block.to_owned()}</p> }.into_any()
}
