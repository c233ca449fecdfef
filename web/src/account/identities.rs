//! The ways to sign in to this account: each can be taken away but the last, and others linked by going to the provider.
use futures_util::FutureExt;
use lapidary_contract::{AuthProvider, Identity, LinkStarted, List, SignInFailure};
use wasm_bindgen_futures::spawn_local;

use crate::account::keep_focus;
use crate::asked::Asked;
use crate::auth::text_of;
use crate::browser;
use crate::http;
use crate::page::Page;
use crate::router::{self, Going};
use crate::ui::button::Button;
use crate::ui::dynamic::changing;
use crate::ui::failure::{FailureNote, RequestId};
use crate::ui::prelude::*;
use crate::ui::skeleton::Skeleton;
use crate::ui::time::{Ago, Moment};
use crate::ui::toast;

#[component]
pub fn Identities() -> AnyView {
    let identities = Asked::<List<Identity>>::new(|| http::get("/v1/me/identities").boxed_local());
    let providers = Asked::<List<AuthProvider>>::new(|| http::get_public("/v1/auth/providers").boxed_local());
    let came_back = came_back();
    let list = changing(move || match identities.get() {
        None => view! { <Skeleton class="sessions__place" /> }.into_any(),
        Some(Err(failure)) => {
            let retry = Callback::new(move |()| identities.again());
            view! { <FailureNote failure on_retry=retry /> }.into_any()
        }
        Some(Ok(list)) => {
            let rows = list.data.into_iter().map(|one| row(one, identities)).collect_view();
            view! { <ul class="sessions">{rows}</ul> }.into_any()
        }
    });
    // What is linked already is not offered again.
    let others = changing(move || {
        let (Some(Ok(linked)), Some(Ok(all))) = (identities.get(), providers.get()) else { return ().into_any() };
        let is_new = |one: &AuthProvider| !linked.data.iter().any(|it| it.provider == one.id);
        let buttons = all.data.into_iter().filter(is_new).map(link_button).collect_view();
        view! { <div class="actions">{buttons}</div> }.into_any()
    });
    view! {
        <section aria-labelledby="identities-title">
            <h2 id="identities-title" tabindex="-1">"Sign-in methods"</h2>
            <p class="quiet">"Each of these leads to this account. The last one cannot be taken away."</p>
            {came_back}
            {list}
            {others}
        </section>
    }
    .into_any()
}

/// What became of going to a provider; said once, and gone from the address.
fn came_back() -> Option<AnyView> {
    let query = |name| untrack(|| router::query(name));
    let (linked, failure, id) = (query("linked"), query("failure"), query("request_id"));
    if linked.is_none() && failure.is_none() {
        return None;
    }
    router::go(Page::Account.path(), Going::Unmoved);
    let Some(code) = failure else {
        toast::show("Linked. From now on it leads here too.", None);
        return None;
    };
    let text = text_of(SignInFailure::from_name(&code).unwrap_or(SignInFailure::CodeRefused));
    let note = view! {
        <div class="failure" role="alert">
            <div class="failure__body">
                <p>{format!("Nothing was linked. {}. {}", text.title, text.what)}</p>
                {id.map(|id| view! { <RequestId id /> })}
            </div>
        </div>
    };
    Some(note.into_any())
}

fn row(one: Identity, identities: Asked<List<Identity>>) -> AnyView {
    let (id, name) = (one.id, one.provider_name.clone());
    let label = format!("Unlink {name} {}", one.email);
    let press = Callback::new(move |()| {
        let name = name.clone();
        spawn_local(async move {
            match http::delete(&format!("/v1/me/identities/{id}")).await {
                Ok(()) => toast::show(format!("{name} is unlinked. Where you are signed in stays as it is."), None),
                Err(failure) => toast::failure(&failure),
            }
            identities.again_then(|| keep_focus("#identities-title"));
        });
    });
    let unlink = one.can_be_unlinked.then(|| view! { <Button on_press=press label>"Unlink"</Button> });
    view! {
        <li class="session">
            <div>
                <p class="session__device">{one.provider_name}</p>
                <p>{one.email}</p>
                <p class="quiet">"Linked " <Moment at=one.linked_at /> ", last used " <Ago at=one.last_used_at /></p>
            </div>
            {unlink}
        </li>
    }
    .into_any()
}

fn link_button(provider: AuthProvider) -> AnyView {
    let is_busy = RwSignal::new(false);
    let path = format!("/v1/me/identities/{}/link", provider.id);
    let press = Callback::new(move |()| {
        let path = path.clone();
        is_busy.set(true);
        spawn_local(async move {
            match http::post_empty::<LinkStarted>(&path).await {
                Ok(started) => browser::leave_for(&started.authorization_url),
                Err(failure) => {
                    is_busy.set(false);
                    toast::failure(&failure);
                }
            }
        });
    });
    view! { <Button busy=is_busy on_press=press>"Link " {provider.name}</Button> }.into_any()
}
