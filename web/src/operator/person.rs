//! One person, as an operator looks after them. Whatever changes something asks for a reason first, and is written down.
use crate::ui::prelude::*;
use futures_util::FutureExt;
use lapidary_contract::domain::limits::REASON_MAX;
use lapidary_contract::{
    AdjustGems, AuditEntry, GemAdjustment, LoggedRequest, OperatorReason, PersonDetails, PersonState,
};
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use super::{acts, acts_view, summary};
use crate::account;
use crate::asked::{Asked, shown};
use crate::http;
use crate::page::Page;
use crate::paged::Paged;
use crate::router;
use crate::ui::dialog::Dialog;
use crate::ui::dynamic::changing;
use crate::ui::field::Field;
use crate::ui::time::format_time;
use crate::ui::toast;
use crate::ui::{Button, ButtonKind, Failure, FailureNote, LinkButton, Skeleton, format_gems, format_number};

fn path() -> String {
    format!("/v1/admin/people/{}", untrack(|| router::query("person")).unwrap_or_default())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Suspend,
    Restore,
    Adjust,
}

impl Act {
    fn title(self) -> &'static str {
        match self {
            Self::Suspend => "Suspend",
            Self::Restore => "Restore",
            Self::Adjust => "Adjust gems",
        }
    }
}

/// What is being asked for, and of whom what is shown then.
#[derive(Clone, Copy)]
struct Asking {
    act: RwSignal<Act>,
    is_open: RwSignal<bool>,
    reason: RwSignal<String>,
    gems: RwSignal<String>,
    /// The same until it is answered: what is sent again moves nothing twice.
    key: StoredValue<String>,
    is_busy: RwSignal<bool>,
    is_no_number: RwSignal<bool>,
    failure: RwSignal<Option<Failure>>,
    person: Asked<PersonDetails>,
    acts: Paged<AuditEntry>,
}

pub fn view(id: String) -> AnyView {
    let person = Asked::<PersonDetails>::new(|| async { http::get(&path()).await }.boxed_local());
    let asking = Asking {
        act: RwSignal::new(Act::Adjust),
        is_open: RwSignal::new(false),
        reason: RwSignal::new(String::new()),
        gems: RwSignal::new(String::new()),
        key: StoredValue::new(String::new()),
        is_busy: RwSignal::new(false),
        is_no_number: RwSignal::new(false),
        failure: RwSignal::new(None),
        person,
        acts: acts(format!("?subject={id}")),
    };
    let details =
        shown(person, || view! { <Skeleton class="sessions__place" /> }.into_any(), move |it| known(it, asking));
    view! {
        <div class="column">
            <h1>"Person"</h1>
            <div class="actions"><LinkButton href=Page::Operator.path()>"All people"</LinkButton></div>
            {details}
            <section>
                <h2>"Requests"</h2>
                {requests()}
            </section>
            <section>
                <h2>"Acts"</h2>
                {asking.acts.view("No acts yet.", acts_view)}
            </section>
            {dialog(asking)}
        </div>
    }
    .into_any()
}

fn known(it: PersonDetails, asking: Asking) -> AnyView {
    let change = match it.person.state {
        PersonState::Suspended => Act::Restore,
        PersonState::Active | PersonState::AgeNotConfirmed | PersonState::Closing => Act::Suspend,
    };
    let buttons = [change, Act::Adjust].map(|act| {
        let press = Callback::new(move |()| {
            asking.act.set(act);
            asking.reason.set(String::new());
            asking.gems.set(String::new());
            asking.key.set_value(Uuid::now_v7().to_string());
            asking.failure.set(None);
            asking.is_no_number.set(false);
            asking.is_open.set(true);
        });
        view! { <Button on_press=press>{act.title()}</Button> }.into_any()
    });
    let ways = it.identities.iter().map(|one| {
        let (provider, subject, email) = (&one.provider, &one.subject, &one.email);
        view! { <li>{format!("{provider} {subject}, {email}, last used {}", format_time(&one.last_used_at))}</li> }
            .into_any()
    });
    let (gems, counts) = (it.gems, it.counts);
    let numbers = format!(
        "{} left ({} free, {} bought), {} held, {} used, {} purchased, {} owed",
        format_gems(gems.remaining),
        format_number(gems.free),
        format_number(gems.bought),
        format_number(gems.held),
        format_number(gems.used),
        format_number(gems.purchased),
        format_number(gems.debt)
    );
    let much = format!(
        "{} generations ({} unfinished), {} images, {} sessions, {} open flags",
        format_number(counts.generations),
        format_number(counts.unfinished),
        format_number(counts.images),
        format_number(counts.sessions),
        format_number(counts.open_flags)
    );
    let since = it.suspended_at.map(|at| view! { <p>"Suspended since " {format_time(&at)}</p> });
    view! {
        <section>
            <h2>{it.person.email.clone()}</h2>
            <p>{it.person.name.clone()} " " <code>{it.person.id.to_string()}</code></p>
            <p>{summary(&it.person)} ", since " {format_time(&it.person.created_at)}</p>
            {since}
            <p>{numbers}</p>
            <p>{much}</p>
            <ul>{ways.collect::<Vec<_>>()}</ul>
            <div class="actions">{buttons.into_iter().collect_view()}</div>
        </section>
    }
    .into_any()
}

/// Looking is an act: it takes a press.
fn requests() -> AnyView {
    let is_wanted = RwSignal::new(false);
    changing(move || match is_wanted.get() {
        true => Paged::<LoggedRequest>::at(format!("{}/requests", path()))
            .view("No requests.", |rows| account::request_table(rows, None)),
        false => {
            let press = Callback::new(move |()| is_wanted.set(true));
            view! { <p class="quiet">"That you looked is written down."</p><div class="actions"><Button on_press=press>"Look at requests"</Button></div> }
                .into_any()
        }
    })
}

fn dialog(asking: Asking) -> AnyView {
    let title = Signal::derive(move || format!("{}?", asking.act.get().title()));
    view! { <Dialog open=asking.is_open title=title>{form(asking)}</Dialog> }.into_any()
}

fn form(asking: Asking) -> AnyView {
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if !asking.is_busy.get_untracked() {
            act(asking);
        }
    };
    let no_number = Signal::derive(move || {
        asking.is_no_number.get().then(|| "A whole number, with a minus to take some.".to_owned())
    });
    let gems = changing(move || {
        let is_needed = asking.act.get() == Act::Adjust;
        is_needed.then(
            || view! { <Field id="gems" label="Gems" value=asking.gems error=no_number hint="20 gives 20 free gems, -20 takes 20." /> },
        )
    });
    let note = changing(move || asking.failure.get().map(|failure| view! { <FailureNote failure /> }));
    view! {
        <form class="profile__form" on:submit=send>
            {gems}
            <Field id="reason" label="Reason" value=asking.reason hint="For the audit log; they do not see it." max_length=REASON_MAX />
            {note}
            <Button submits=true kind=ButtonKind::Danger busy=asking.is_busy>{move || asking.act.get().title()}</Button>
        </form>
    }
    .into_any()
}

fn act(asking: Asking) {
    let (path, what, reason) = (path(), asking.act.get_untracked(), asking.reason.get_untracked());
    let gems = asking.gems.with_untracked(|text| text.trim().replace('−', "-").parse());
    let gems = match (what, gems) {
        (Act::Adjust, Err(_)) => return asking.is_no_number.set(true),
        (_, gems) => gems.unwrap_or(0),
    };
    asking.is_no_number.set(false);
    let key = asking.key.get_value();
    asking.is_busy.set(true);
    asking.failure.set(None);
    spawn_local(async move {
        let verb = if what == Act::Suspend { "suspend" } else { "restore" };
        let done = match what {
            Act::Adjust => {
                let body = AdjustGems { gems, reason };
                let path = format!("{path}/gem-adjustments");
                http::post_with_key::<_, GemAdjustment>(&path, &body, &key).await.map(drop)
            }
            Act::Suspend | Act::Restore => {
                http::post::<_, PersonDetails>(&format!("{path}/{verb}"), &OperatorReason { reason }).await.map(drop)
            }
        };
        asking.is_busy.set(false);
        match done {
            Ok(()) => {
                asking.is_open.set(false);
                toast::show("Done, and written down", None);
                asking.person.again();
                asking.acts.again();
            }
            Err(failure) => asking.failure.set(Some(failure)),
        }
    });
}
