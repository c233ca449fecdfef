//! A person's own requests of the last 30 days, and what came of one of them: whether it was charged, and where it failed.
use crate::ui::prelude::*;
use futures_util::FutureExt;
use lapidary_contract::{ApiKey, List, LoggedRequest, RequestDetails, RequestStage};
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use crate::asked::{Asked, shown};
use crate::browser;
use crate::http;
use crate::page::{Page, request_path};
use crate::paged::Paged;
use crate::router::{self, Going};
use crate::ui::dynamic::changing;
use crate::ui::field::Field;
use crate::ui::time::{day_number, format_day_number, format_time};
use crate::ui::{Button, LinkButton, Moment, Skeleton, format_gems, format_number};

const PATH: &str = "/v1/me/requests";

#[component]
pub fn RequestsPage() -> AnyView {
    let id = RwSignal::new(String::new());
    let search = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let wanted = id.with_untracked(|id| id.trim().to_owned());
        if !wanted.is_empty() {
            router::go(&request_path(&wanted), Going::Forth);
        }
    };
    let body = changing(|| match router::query("id") {
        Some(_) => one(),
        None => all(router::query("failed").is_some(), router::query("key").and_then(|key| key.parse().ok())),
    });
    view! {
        <div class="column">
            <h1>"Requests"</h1>
            <section>
                <p class="quiet">"What your browsers and API keys asked in the last 30 days: never what was in it. Whether a request was charged is known for as long as what it made."</p>
                <form class="line-form" on:submit=search>
                    <Field id="request-id" label="Request id" value=id hint="From a failure, or the X-Request-Id of an answer." autocomplete="off" />
                    <Button submits=true>"Look it up"</Button>
                </form>
            </section>
            {body}
        </div>
    }
    .into_any()
}

fn all(only_failed: bool, key: Option<Uuid>) -> AnyView {
    let of_key = key.map(|key| format!("key={key}"));
    let query = |failed: Option<&str>| {
        let parts: Vec<&str> = failed.into_iter().chain(of_key.as_deref()).collect();
        if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
    };
    let (asked, words, to) = match only_failed {
        true => (query(Some("failed=true")), "Show all", query(None)),
        false => (query(None), "Only failed", query(Some("failed=1"))),
    };
    let requests = Paged::<LoggedRequest>::at(format!("{PATH}{asked}"));
    let keys = RwSignal::new(Vec::<ApiKey>::new());
    spawn_local(async move {
        // Without the names it is said that it was a key.
        if let Ok(list) = http::get::<List<ApiKey>>("/v1/me/api-keys?limit=100").await {
            let _ = keys.try_set(list.data);
        }
    });
    let whose = key.map(|key| {
        let everybody = Page::Requests.path();
        let name = changing(move || keys.with(|keys| by_key(keys, key)));
        view! { <p>{name} ". " <a href=everybody>"Those of everything"</a></p> }
    });
    view! {
        <section>
            {whose}
            <div class="actions"><LinkButton href=format!("{}{to}", Page::Requests.path())>{words}</LinkButton></div>
            {requests.view("No requests.", move |rows| table(rows, Some(keys)))}
        </section>
    }
    .into_any()
}

/// One that was revoked has no name any more.
fn by_key(keys: &[ApiKey], id: Uuid) -> String {
    match keys.iter().find(|key| key.id == id) {
        Some(key) => format!("By the API key {}", key.name),
        None => "By an API key".to_owned(),
    }
}

/// By day; each leads to what came of it where it is one's own, and those are the own keys.
pub fn table(rows: &[LoggedRequest], own: Option<RwSignal<Vec<ApiKey>>>) -> AnyView {
    let mut views = Vec::new();
    let mut last = None;
    for request in rows {
        let day = day_number(&request.created_at);
        if last.replace(day) != Some(day) {
            views.push(view! { <tr><th scope="rowgroup">{format_day_number(day)}</th></tr> }.into_any());
        }
        views.push(row(request, own));
    }
    view! {
        <table class="ledger">
            <thead>
                <tr>
                    <th scope="col">"Request"</th>
                    <th scope="col" class="ledger__number">"Gems held"</th>
                    <th scope="col" class="ledger__number">"Took"</th>
                </tr>
            </thead>
            <tbody>{views}</tbody>
        </table>
    }
    .into_any()
}

fn row(request: &LoggedRequest, own: Option<RwSignal<Vec<ApiKey>>>) -> AnyView {
    let what = format!("{} {}", request.method, request.route);
    let by = request.api_key_id.map(|id| match own {
        Some(keys) => changing(move || keys.with(|keys| format!(". {}", by_key(keys, id)))),
        None => ". By an API key".into_any(),
    });
    let what = match own.is_some() {
        true => view! { <a class="ledger__what" href=request_path(&request.id.to_string())>{what}</a> }.into_any(),
        false => view! { <span class="ledger__what">{what}</span> }.into_any(),
    };
    view! {
        <tr>
            <td>
                {what}
                <span class="ledger__why">{outcome(request)}</span>
                <span class="ledger__when">{format_time(&request.created_at)} {by}</span>
            </td>
            <td class="ledger__number">{request.gems.map(format_number)}</td>
            <td class="ledger__number">{took(request)}</td>
        </tr>
    }
    .into_any()
}

fn outcome(request: &LoggedRequest) -> String {
    let problem = request.problem.as_deref().unwrap_or_default();
    format!("{} {}", request.status, problem.replace('-', " "))
}

fn took(request: &LoggedRequest) -> String {
    format!("{} ms", format_number((request.latency_micros + 999) / 1_000))
}

fn one() -> AnyView {
    let asked = Asked::<RequestDetails>::new(|| {
        async {
            let id = untrack(|| router::query("id")).unwrap_or_default();
            http::get(&format!("{PATH}/{}", browser::encode(&id))).await
        }
        .boxed_local()
    });
    let found = shown(asked, || view! { <Skeleton class="sessions__place" /> }.into_any(), details);
    view! {
        <section>
            {found}
            <div class="actions"><LinkButton href=Page::Requests.path()>"All requests"</LinkButton></div>
        </section>
    }
    .into_any()
}

fn details(found: RequestDetails) -> AnyView {
    let bill = match (found.charged_gems, found.held_gems, found.released_gems) {
        (0, 0, 0) => "You were not charged.".to_owned(),
        (0, 0, back) => format!("You were not charged: {} came back.", format_gems(back)),
        (0, held, _) => format!("{} held until it is finished. Nothing is charged yet.", format_gems(held)),
        (charged, _, 0) => format!("{} charged.", format_gems(charged)),
        (charged, _, back) => format!("{} charged, {} came back.", format_gems(charged), format_number(back)),
    };
    let retried = found.generation.as_ref().filter(|it| it.request_id != found.id.to_string());
    let retried = retried.map(|it| {
        let href = request_path(&it.request_id);
        view! { <p>"It was sent again: " <a href=href>"the first request"</a> " has the bill."</p> }
    });
    let of_generation = found.generation.as_ref().and_then(|it| it.failure.as_ref()).map(|it| it.message.clone());
    let of_refinement = found.refinement.as_ref().and_then(|it| it.failure.as_ref()).map(|it| it.message.clone());
    let why = of_generation.or(of_refinement);
    let request = found.logged.as_ref().map(|request| {
        view! {
            <p>{format!("{} {}", request.method, request.route)}</p>
            <p class="quiet">{outcome(request)} ", " {took(request)} ", " <Moment at=request.created_at /></p>
        }
        .into_any()
    });
    let gone = found.logged.is_none().then(|| view! { <p class="quiet">"It is not in the log: that forgets after 30 days, and keeps few of what was refused as too often."</p> });
    view! {
        <h2>"What came of it"</h2>
        <p><strong>{bill}</strong></p>
        {found.failed_stage.map(|stage| view! { <p>{sentence(stage)}</p> })}
        {why.map(|why| view! { <p>{why}</p> })}
        {retried}
        {request}
        {gone}
        <p class="quiet"><code>{found.id.to_string()}</code></p>
    }
    .into_any()
}

fn sentence(stage: RequestStage) -> &'static str {
    match stage {
        RequestStage::Request => "It was refused before anything was held.",
        RequestStage::References => "It failed at what it should be made from.",
        RequestStage::Model => "It failed at the model.",
        RequestStage::Storage => "It failed at the storage.",
        RequestStage::Internal => "It failed on our side.",
    }
}
