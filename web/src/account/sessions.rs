//! Where this person is signed in, and a way to end each of it.
use futures_util::FutureExt;
use lapidary_contract::{List, Session};
use crate::ui::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::asked::Asked;
use crate::http;
use crate::ui::button::Button;
use crate::ui::dynamic::changing;
use crate::ui::failure::FailureNote;
use crate::ui::skeleton::Skeleton;
use crate::ui::time::Moment;
use crate::ui::toast;

#[component]
pub fn Sessions() -> AnyView {
    let sessions = Asked::<List<Session>>::new(|| http::get("/v1/me/sessions").boxed_local());
    let end = Callback::new(move |id: uuid::Uuid| {
        spawn_local(async move {
            match http::delete(&format!("/v1/me/sessions/{id}")).await {
                Ok(()) => toast::show("Session ended", None),
                Err(failure) => toast::failure(&failure),
            }
            sessions.again();
        });
    });
    let list = changing(move || match sessions.get() {
        None => view! { <Skeleton class="sessions__place" /> }.into_any(),
        Some(Err(failure)) => {
            let retry = Callback::new(move |()| sessions.again());
            view! { <FailureNote failure on_retry=retry /> }.into_any()
        }
        Some(Ok(list)) => {
            let rows = list.data.into_iter().map(|session| row(session, end)).collect_view();
            view! { <ul class="sessions">{rows}</ul> }.into_any()
        }
    });
    view! {
        <section aria-labelledby="sessions-title">
            <h2 id="sessions-title">"Sessions"</h2>
            <p class="quiet">"Where you are signed in. End what you do not know; it stops working within a second."</p>
            {list}
        </section>
    }
    .into_any()
}

fn row(session: Session, end: Callback<uuid::Uuid>) -> AnyView {
    let id = session.id;
    let press = Callback::new(move |()| end.run(id));
    let label = format!("End the session on {}", session.device);
    let last = if session.is_current {
        view! { <span class="badge">"This session"</span> }.into_any()
    } else {
        view! { <Button on_press=press label>"End"</Button> }.into_any()
    };
    view! {
        <li class="session">
            <div>
                <p class="session__device">{session.device}</p>
                <p class="quiet">
                    "Signed in with " {provider_name(&session.provider)} ", last used " <Moment at=session.last_used_at />
                </p>
            </div>
            {last}
        </li>
    }
    .into_any()
}

fn provider_name(id: &str) -> String {
    match id {
        "github" => "GitHub".to_owned(),
        "google" => "Google".to_owned(),
        "oidc" => "OpenID Connect".to_owned(),
        other => other.to_owned(),
    }
}
