//! API keys: listed, made in a dialog, shown once, revoked. What one is good for stands below as code to copy.
use futures_util::FutureExt;
use lapidary_contract::{ApiKey, List, Scope};
use wasm_bindgen_futures::spawn_local;

use super::key_examples::examples;
use super::new_key::new_key_dialog;
use crate::account::keep_focus;
use crate::asked::{Asked, shown};
use crate::browser;
use crate::gallery::clock::now;
use crate::http;
use crate::page::requests_of_key_path;
use crate::ui::dialog::Dialog;
use crate::ui::dynamic::changing;
use crate::ui::prelude::*;
use crate::ui::time::{Ago, format_day, format_gems};
use crate::ui::{Button, ButtonKind, Glyph, Icon, Skeleton, toast};

pub const PATH: &str = "/v1/me/api-keys";
/// Pages are not read here: it is more than work at a time.
const ALL: &str = "/v1/me/api-keys?limit=100";

#[component]
pub fn ApiKeys() -> AnyView {
    let keys = Asked::<List<ApiKey>>::new(|| http::get(ALL).boxed_local());
    let (is_making, made) = (RwSignal::new(false), RwSignal::new(None::<ApiKey>));
    let (is_asking, doomed) = (RwSignal::new(false), RwSignal::new(None::<ApiKey>));
    let ask = Callback::new(move |key| {
        doomed.set(Some(key));
        is_asking.set(true);
    });
    let list = shown(
        keys,
        || view! { <Skeleton class="sessions__place" /> }.into_any(),
        move |list: List<ApiKey>| {
            let rows = list.data.into_iter().map(|key| row(key, ask)).collect_view();
            view! { <ul class="sessions">{rows}</ul> }.into_any()
        },
    );
    let begin = Callback::new(move |()| is_making.set(true));
    let done = Callback::new(move |key| {
        made.set(Some(key));
        keys.again_then(|| {
            browser::focus("#new-key");
        });
    });
    view! {
        <section aria-labelledby="keys-title">
            <h2 id="keys-title" tabindex="-1">"API keys"</h2>
            <p class="quiet">"A program signs in with a key of its own, which does only what you let it. A revoked key stops working within a second."</p>
            {changing(move || made.get().and_then(|key| key.key).map(fresh))}
            {list}
            <div class="actions"><Button on_press=begin>"Create API key"</Button></div>
            {new_key_dialog(is_making, done)}
            {revoke_dialog(is_asking, doomed, made, keys)}
            {examples()}
        </section>
    }
    .into_any()
}

/// The whole key, this once.
fn fresh(key: String) -> AnyView {
    shown_once("new-key", "Your new key. Copy it now: it is not shown again.", key, "Copy key")
}

/// A secret that nobody can show again, with the focus for `id`.
pub fn shown_once(id: &'static str, words: &'static str, secret: String, act: &'static str) -> AnyView {
    let text = secret.clone();
    let press = Callback::new(move |()| copy(text.clone(), "Copied"));
    view! {
        <div class="shown-once" role="status">
            <p class="session__device">{words}</p>
            <code id=id tabindex="-1">{secret}</code>
            <Button kind=ButtonKind::Primary on_press=press>{act}</Button>
        </div>
    }
    .into_any()
}

pub fn copy(text: String, done: &'static str) {
    spawn_local(async move {
        let is_copied = browser::copy(&text).await;
        toast::show(if is_copied { done } else { "Select the text to copy it" }, None);
    });
}

fn row(key: ApiKey, ask: Callback<ApiKey>) -> AnyView {
    let scopes = key.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>();
    let scopes = if scopes.len() == Scope::ALL.len() { "everything".to_owned() } else { scopes.join(", ") };
    let mut limits = vec![match &key.expires_at {
        Some(at) if *at <= now() => format!("Expired {}", format_day(at)),
        Some(at) => format!("Expires {}", format_day(at)),
        None => "Does not expire".to_owned(),
    }];
    limits.extend(key.daily_gems.map(|gems| format!("{} a day", format_gems(gems))));
    limits.extend(key.free_gems_only.then(|| "free gems only".to_owned()));
    let used = match key.last_used_at {
        Some(at) => view! { "Last used " <Ago at /> }.into_any(),
        None => "Not used yet".into_any(),
    };
    let (name, start, key_id) = (key.name.clone(), key.start.clone(), key.id);
    let label = format!("Revoke the key {name}");
    let press = Callback::new(move |()| ask.run(key.clone()));
    view! {
        <li class="session">
            <div>
                <p class="session__device">{name} " " <code>{start} "…"</code></p>
                <p class="quiet">"May: " {scopes}</p>
                <p class="quiet">{limits.join(", ")} ". " {used}</p>
                <a href=requests_of_key_path(&key_id)>"Its requests"</a>
            </div>
            <Button on_press=press label>"Revoke"</Button>
        </li>
    }
    .into_any()
}

fn revoke_dialog(
    open: RwSignal<bool>,
    doomed: RwSignal<Option<ApiKey>>,
    made: RwSignal<Option<ApiKey>>,
    keys: Asked<List<ApiKey>>,
) -> AnyView {
    let name = move || doomed.with(|key| key.as_ref().map(|key| key.name.clone()).unwrap_or_default());
    let title = Signal::derive(move || format!("Revoke {}?", name()));
    let revoke = Callback::new(move |()| {
        open.set(false);
        let Some(key) = doomed.get_untracked() else { return };
        spawn_local(async move {
            match http::delete(&format!("{PATH}/{}", key.id)).await {
                Ok(()) => {
                    toast::show("Key revoked", None);
                    // Nobody should copy it now.
                    made.update(|made| drop(made.take_if(|one| one.id == key.id)));
                }
                Err(failure) => toast::failure(&failure),
            }
            keys.again_then(|| keep_focus("#keys-title"));
        });
    });
    let keep = Callback::new(move |()| open.set(false));
    view! {
        <Dialog open=open title=title>
            <p>"Whatever uses it stops working within a second. This cannot be undone; what it made stays, webhook endpoints too."</p>
            <div class="dialog__actions">
                <Button on_press=keep>"Keep it"</Button>
                <Button kind=ButtonKind::Danger on_press=revoke>"Revoke key"</Button>
            </div>
        </Dialog>
    }
    .into_any()
}

/// A block of code with the button that copies it.
pub fn code_block(code: String) -> AnyView {
    let text = code.clone();
    let press = Callback::new(move |()| copy(text.clone(), "Code copied"));
    view! {
        <div class="code-block">
            <pre tabindex="0"><code>{code}</code></pre>
            <Button kind=ButtonKind::Bare on_press=press label="Copy the code">
                <Icon glyph=Glyph::Copy />
            </Button>
        </div>
    }
    .into_any()
}
