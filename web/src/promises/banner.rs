//! A quiet note, there until it is answered: a policy has a new version. It says what is new and where to read it, and locks
//! nothing.
use futures_util::FutureExt;
use lapidary_contract::{List, Me, Policy, PolicyKind};
use wasm_bindgen_futures::spawn_local;

use super::POLICIES;
use crate::asked::Asked;
use crate::browser;
use crate::http;
use crate::page::Page;
use crate::session::use_session;
use crate::ui::dynamic::changing;
use crate::ui::prelude::*;
use crate::ui::toast;
use crate::ui::{Button, LinkButton};

#[component]
pub fn PolicyBanner() -> AnyView {
    let session = use_session();
    let policies = Asked::<List<Policy>>::new(|| http::get_public(POLICIES).boxed_local());
    changing(move || {
        let wanted = session.me.with(|me| me.as_ref().map(|me| me.policies_to_acknowledge.clone()))?;
        // Until the words are here there is nothing to answer; a failure comes again with the next page.
        let Some(Ok(list)) = policies.get() else { return None };
        let new = list.data.into_iter().filter(|policy| wanted.contains(&policy.id));
        Some(new.map(note).collect_view())
    })
}

fn note(policy: Policy) -> AnyView {
    let session = use_session();
    let is_busy = RwSignal::new(false);
    let (title, page) = match policy.kind {
        PolicyKind::Privacy => ("The privacy policy has changed", Page::Promises),
        PolicyKind::Terms => ("The terms have changed", Page::Terms),
    };
    let path = format!("/v1/me/policies/{}/acknowledge", policy.id);
    let press = Callback::new(move |()| {
        is_busy.set(true);
        let path = path.clone();
        spawn_local(async move {
            let done = async {
                http::post_nothing(&path).await?;
                http::get::<Me>("/v1/me").await
            };
            match done.await {
                Ok(me) => {
                    session.welcome(me);
                    request_animation_frame(browser::keep_focus);
                }
                Err(failure) => toast::failure(&failure),
            }
            let _ = is_busy.try_set(false);
        });
    });
    view! {
        <aside class="note note--policy" aria-label=title>
            <div class="note__body">
                <p class="note__title">{title}</p>
                <p>{policy.changes}</p>
                <div class="actions">
                    <LinkButton href=page.path()>"Read what changed"</LinkButton>
                    <Button busy=is_busy on_press=press>"I have read it"</Button>
                </div>
            </div>
        </aside>
    }
    .into_any()
}
