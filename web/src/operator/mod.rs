//! The operator's screens: people are found and looked after, flags closed, acts read. Only operators see them, and the
//! server asks again at each call.
mod person;

use crate::ui::prelude::*;
use lapidary_contract::{AuditEntry, Flag, OperatorAct, PersonState, PersonSummary};
use wasm_bindgen_futures::spawn_local;

use crate::account::keep_focus;
use crate::browser;
use crate::http;
use crate::page::{Page, person_path};
use crate::paged::Paged;
use crate::router::{self, Going};
use crate::session::use_session;
use crate::ui::dynamic::{changing, memo};
use crate::ui::field::Field;
use crate::ui::time::Ago;
use crate::ui::toast;
use crate::ui::{Button, Empty, format_gems, format_number};

#[component]
pub fn OperatorPage() -> AnyView {
    let me = use_session().me;
    // Each by itself: a search changes the address, and must not make the page anew.
    let is_operator = memo(move |_| me.with(|me| me.as_ref().is_some_and(|me| me.is_operator)));
    let person = memo(|_| router::query("person"));
    changing(move || match (is_operator.get(), person.get()) {
        (false, _) => {
            view! { <Empty title="Only for operators" text="Whoever runs this service can make you one." /> }.into_any()
        }
        (true, Some(id)) => person::view(id),
        (true, None) => overview(),
    })
}

fn overview() -> AnyView {
    let sought = RwSignal::new(untrack(|| router::query("q")).unwrap_or_default());
    let search = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let q = browser::encode(&sought.get_untracked());
        router::go(&format!("{}?q={q}", Page::Operator.path()), Going::Forth);
    };
    let people = changing(|| {
        let q = browser::encode(&router::query("q").unwrap_or_default());
        Paged::<PersonSummary>::at(format!("/v1/admin/people?limit=20&q={q}")).view("Nobody.", people)
    });
    let flags = Paged::<Flag>::at("/v1/admin/flags".into());
    view! {
        <div class="column">
            <h1>"Operator"</h1>
            <section>
                <h2>"People"</h2>
                <form class="line-form" on:submit=search>
                    <Field id="sought" label="Find" value=sought hint="E-mail address, id, provider's account, or request id." autocomplete="off" />
                    <Button submits=true>"Find"</Button>
                </form>
                {people}
            </section>
            <section>
                <h2 id="flags-title" tabindex="-1">"Flags"</h2>
                {flags.view("No open flags.", move |rows| list(rows.iter().map(|flag| flagged(flag, flags)).collect()))}
            </section>
            <section>
                <h2>"Audit log"</h2>
                {acts(String::new()).view("No acts yet.", acts_view)}
            </section>
        </div>
    }
    .into_any()
}

fn list(rows: Vec<AnyView>) -> AnyView {
    view! { <ul class="sessions">{rows}</ul> }.into_any()
}

fn people(rows: &[PersonSummary]) -> AnyView {
    let row = |person: &PersonSummary| {
        view! {
            <li class="session">
                <div>
                    <a class="session__device" href=person_path(&person.id)>{person.email.clone()}</a>
                    <p class="quiet">{summary(person)}</p>
                </div>
            </li>
        }
        .into_any()
    };
    list(rows.iter().map(row).collect())
}

fn summary(person: &PersonSummary) -> String {
    let state = match person.state {
        PersonState::Active => "Active",
        PersonState::Suspended => "Suspended",
        PersonState::AgeNotConfirmed => "Age not confirmed",
        PersonState::Closing => "To be erased",
    };
    let operator = if person.is_operator { ", operator" } else { "" };
    let debt = if person.debt > 0 { format!(", {} owed", format_number(person.debt)) } else { String::new() };
    let providers = person.providers.join(" and ");
    format!("{state}{operator}, by {providers}, {}{debt}", format_gems(person.remaining))
}

fn flagged(flag: &Flag, flags: Paged<Flag>) -> AnyView {
    let id = flag.id;
    let label = Signal::stored(format!("Close the flag of {}", flag.email));
    let close = Callback::new(move |()| {
        spawn_local(async move {
            match http::post_nothing(&format!("/v1/admin/flags/{id}/close")).await {
                Ok(()) => flags.again_then(|| keep_focus("#flags-title")),
                Err(failure) => toast::failure(&failure),
            }
        });
    });
    view! {
        <li class="session">
            <div>
                <a class="session__device" href=person_path(&flag.person_id)>{flag.email.clone()}</a>
                <p>{format!("{} {}: {}", format_number(flag.refusals.into()), flag.kind, flag.categories.join(", "))}</p>
                <p class="quiet"><Ago at=flag.updated_at /></p>
            </div>
            <Button on_press=close label>"Close"</Button>
        </li>
    }
    .into_any()
}

fn acts(query: String) -> Paged<AuditEntry> {
    Paged::at(format!("/v1/admin/audit-log{query}"))
}

fn acts_view(rows: &[AuditEntry]) -> AnyView {
    let row = |entry: &AuditEntry| {
        let who = entry.operator_email.clone().unwrap_or_else(|| match entry.operator_id {
            Some(id) => id.to_string(),
            None => "The command line".to_owned(),
        });
        let gems = entry.gems.map(|gems| format!(", {}", format_gems(gems)));
        let is_person = !matches!(
            entry.act,
            OperatorAct::CloseFlag
                | OperatorAct::CreateCode
                | OperatorAct::RevokeCode
                | OperatorAct::RotateKeys
                | OperatorAct::ForgetKey
        );
        let subject = entry.subject.map(|id| match is_person {
            true => view! { <a href=person_path(&id)>{id.to_string()}</a> }.into_any(),
            false => id.to_string().into_any(),
        });
        view! {
            <li class="session">
                <div>
                    <p>{who} ": " {words(entry.act)} {gems}</p>
                    {entry.reason.clone().map(|reason| view! { <p dir="auto">{reason}</p> })}
                    <p class="quiet">{subject} " " <Ago at=entry.created_at /></p>
                </div>
            </li>
        }
        .into_any()
    };
    list(rows.iter().map(row).collect())
}

fn words(act: OperatorAct) -> &'static str {
    match act {
        OperatorAct::MakeOperator => "made an operator",
        OperatorAct::RemoveOperator => "is no operator any more",
        OperatorAct::Suspend => "suspended",
        OperatorAct::Restore => "restored",
        OperatorAct::AdjustGems => "adjusted gems",
        OperatorAct::ReadRequests => "looked at requests",
        OperatorAct::CloseFlag => "closed a flag",
        OperatorAct::CreateCode => "made a code",
        OperatorAct::RevokeCode => "ended a code",
        OperatorAct::Erase => "had an account erased",
        OperatorAct::RotateKeys => "let another key sign",
        OperatorAct::ForgetKey => "gave up a key",
    }
}
