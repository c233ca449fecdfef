//! Webhooks: where this person's programs hear of what happens; made, tried, switched and looked into here. A secret is
//! shown once, and kept nowhere in the page.
use futures_util::FutureExt;
use lapidary_contract::{
    CreateWebhookEndpoint, List, UpdateWebhookEndpoint, WebhookDelivery, WebhookDisabledReason, WebhookEndpoint,
    WebhookEventType, WebhookStatus,
};
use wasm_bindgen_futures::spawn_local;

use crate::account::api_keys::shown_once;
use crate::account::{keep_focus, webhook_log};
use crate::asked::{Asked, shown};
use crate::browser;
use crate::http;
use crate::ui::button::{Button, ButtonKind};
use crate::ui::dynamic::changing;
use crate::ui::failure::{Failure, FailureNote};
use crate::ui::field::Field;
use crate::ui::prelude::*;
use crate::ui::skeleton::Skeleton;
use crate::ui::time::Ago;
use crate::ui::toast;

const ALL: &str = "/v1/webhook-endpoints";

#[derive(Clone, Copy)]
struct Hooks {
    list: Asked<List<WebhookEndpoint>>,
    /// Until the view is left, or another one is shown.
    secret: RwSignal<Option<String>>,
}

#[component]
pub fn Webhooks() -> AnyView {
    let list = Asked::<List<WebhookEndpoint>>::new(|| http::get(ALL).boxed_local());
    let hooks = Hooks { list, secret: RwSignal::new(None) };
    let waiting = || view! { <Skeleton class="sessions__place" /> }.into_any();
    let rows = shown(list, waiting, move |list| {
        let rows = list.data.into_iter().map(|hook| row(hook, hooks)).collect_view();
        view! { <ul class="sessions">{rows}</ul> }.into_any()
    });
    view! {
        <section aria-labelledby="webhooks-title">
            <h2 id="webhooks-title" tabindex="-1">"Webhooks"</h2>
            <p class="quiet">
                "Your program hears of finished images, low gems and purchases without asking. Messages are signed; what fails is sent again for three days."
            </p>
            {changing(move || hooks.secret.get().map(secret_once))}
            {rows}
            {new_hook(hooks)}
        </section>
    }
    .into_any()
}

fn secret_once(secret: String) -> AnyView {
    request_animation_frame(|| {
        browser::focus("#webhook-secret");
    });
    shown_once("webhook-secret", "The signing secret. Keep it now: it is not shown again.", secret, "Copy secret")
}

fn new_hook(hooks: Hooks) -> AnyView {
    let (url, chosen) = (RwSignal::new(String::new()), RwSignal::new(Vec::<WebhookEventType>::new()));
    let (is_busy, failure) = (RwSignal::new(false), RwSignal::new(None::<Failure>));
    let error = Signal::derive(move || failure.with(|failure| failure.as_ref().and_then(|it| it.at("/url"))));
    let add = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if is_busy.get_untracked() {
            return;
        }
        is_busy.set(true);
        failure.set(None);
        let body = CreateWebhookEndpoint {
            url: url.get_untracked(),
            event_types: chosen.get_untracked(),
            ..CreateWebhookEndpoint::default()
        };
        spawn_local(async move {
            match http::post::<_, WebhookEndpoint>(ALL, &body).await {
                Ok(made) => {
                    url.set(String::new());
                    hooks.secret.set(made.secret);
                    hooks.list.again();
                }
                Err(problem) => failure.set(Some(problem)),
            }
            is_busy.set(false);
        });
    };
    // A test is asked for by itself.
    let ticks = WebhookEventType::ALL.into_iter().filter(|kind| *kind != WebhookEventType::Test).map(|kind| {
        let turn = move |_| {
            chosen.update(|chosen| match chosen.iter().position(|it| *it == kind) {
                Some(place) => drop(chosen.remove(place)),
                None => chosen.push(kind),
            });
        };
        view! {
            <label class="tick">
                <input class="tick__box" type="checkbox" prop:checked=move || chosen.with(|it| it.contains(&kind)) on:change=turn />
                {kind.name()}
            </label>
        }
    });
    view! {
        <form class="profile__form" on:submit=add>
            <Field id="webhook-url" label="Address" value=url error hint="https, and reachable from the internet." />
            <fieldset class="webhook__types">
                <legend>"Tell of these, or of all if none is chosen"</legend>
                {ticks.collect_view()}
            </fieldset>
            {changing(move || failure.get().filter(|it| it.at("/url").is_none()).map(|failure| view! { <FailureNote failure /> }))}
            <Button submits=true busy=is_busy>"Add webhook"</Button>
        </form>
    }
    .into_any()
}

fn row(hook: WebhookEndpoint, hooks: Hooks) -> AnyView {
    let path = format!("{ALL}/{}", hook.id);
    let is_on = hook.status == WebhookStatus::Enabled;
    let state = match (hook.disabled_reason, hook.failing_since) {
        (Some(WebhookDisabledReason::ByPerson), _) => view! { "Switched off" }.into_any(),
        (Some(WebhookDisabledReason::Gone), _) => {
            view! { "Switched off: it answered that it wants nothing more" }.into_any()
        }
        (Some(WebhookDisabledReason::Failing), _) => {
            view! { "Switched off: nothing arrived for three days" }.into_any()
        }
        (None, Some(at)) => view! { "Failing, since " <Ago at /> }.into_any(),
        (None, None) => view! { "On" }.into_any(),
    };
    let types = match hook.event_types.as_slice() {
        [] => "everything".to_owned(),
        some => some.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", "),
    };
    let log = RwSignal::new(false);
    let act = |act: fn(String, Hooks)| {
        let path = path.clone();
        Callback::new(move |()| act(path.clone(), hooks))
    };
    let test = {
        let path = path.clone();
        Callback::new(move |()| {
            let path = format!("{path}/test");
            spawn_local(async move {
                match http::post_empty::<WebhookDelivery>(&path).await {
                    Ok(_) => {
                        toast::show("A test is on its way. The log says what came of it.", None);
                        log.set(true);
                    }
                    Err(failure) => toast::failure(&failure),
                }
            });
        })
    };
    let is_removing = RwSignal::new(false);
    let remove = Callback::new(move |()| is_removing.set(true));
    let really = act(delete);
    let confirm = changing(move || {
        is_removing.get().then(|| {
            view! { <Button kind=ButtonKind::Danger on_press=really>"Delete it and its log"</Button> }
        })
    });
    let look = Callback::new(move |()| log.update(|open| *open = !*open));
    let (turn, turn_words) = if is_on { (act(switch_off), "Switch off") } else { (act(switch_on), "Switch on") };
    let log_path = path.clone();
    view! {
        <li class="webhook">
            <p class="session__device">{hook.url}</p>
            <p class="quiet">{state} ", hears of " {types}</p>
            <div class="actions">
                {is_on.then(|| view! { <Button on_press=test>"Send a test"</Button> })}
                <Button on_press=look pressed=log>"Log"</Button>
                {renewing(path.clone(), hooks)}
                <Button on_press=turn>{turn_words}</Button>
                <Button on_press=remove>"Delete"</Button>
                {confirm}
            </div>
            {changing(move || log.get().then(|| webhook_log::log(log_path.clone())))}
        </li>
    }
    .into_any()
}

/// Asks first: the second new secret within a day ends the one that a receiver may still have.
fn renewing(path: String, hooks: Hooks) -> AnyView {
    let (is_asking, is_busy) = (RwSignal::new(false), RwSignal::new(false));
    let ask = Callback::new(move |()| is_asking.set(true));
    let really = Callback::new(move |()| {
        let path = format!("{path}/secret");
        is_busy.set(true);
        spawn_local(async move {
            match http::post_empty::<WebhookEndpoint>(&path).await {
                Ok(hook) => {
                    is_asking.set(false);
                    hooks.secret.set(hook.secret);
                    toast::show("For 24 hours the old secret signs too", None);
                }
                Err(failure) => toast::failure(&failure),
            }
            is_busy.set(false);
        });
    });
    let confirm = changing(move || {
        is_asking.get().then(|| {
            view! { <Button kind=ButtonKind::Danger on_press=really busy=is_busy>"Replace the secret"</Button> }
        })
    });
    view! {
        <Button on_press=ask>"New secret"</Button>
        {confirm}
    }
    .into_any()
}

fn switch_on(path: String, hooks: Hooks) {
    switch(path, WebhookStatus::Enabled, hooks);
}

fn switch_off(path: String, hooks: Hooks) {
    switch(path, WebhookStatus::Disabled, hooks);
}

fn switch(path: String, status: WebhookStatus, hooks: Hooks) {
    spawn_local(async move {
        let change = UpdateWebhookEndpoint { status: Some(status), ..UpdateWebhookEndpoint::default() };
        if let Err(failure) = http::patch::<_, WebhookEndpoint>(&path, &change).await {
            toast::failure(&failure);
        }
        hooks.list.again_then(|| keep_focus("#webhooks-title"));
    });
}

fn delete(path: String, hooks: Hooks) {
    spawn_local(async move {
        match http::delete(&path).await {
            Ok(()) => {
                toast::show("Webhook deleted", None);
                hooks.secret.set(None);
            }
            Err(failure) => toast::failure(&failure),
        }
        hooks.list.again_then(|| keep_focus("#webhooks-title"));
    });
}
