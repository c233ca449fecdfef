//! Where this person is signed in, and a way to end each of it, all others, or all.
use futures_util::FutureExt;
use lapidary_contract::{List, ProblemType, Session};
use leptos::ev;
use wasm_bindgen_futures::spawn_local;

use crate::account::keep_focus;
use crate::asked::Asked;
use crate::browser;
use crate::http;
use crate::page::Page;
use crate::ui::button::Button;
use crate::ui::dialog::Dialog;
use crate::ui::dynamic::changing;
use crate::ui::failure::FailureNote;
use crate::ui::prelude::*;
use crate::ui::skeleton::Skeleton;
use crate::ui::time::{Ago, Moment};
use crate::ui::toast;

const ALL: &str = "/v1/me/sessions";

#[component]
pub fn Sessions() -> AnyView {
    let sessions = Asked::<List<Session>>::new(|| http::get(ALL).boxed_local());
    // Another tab or device may have ended some meanwhile.
    let back = window_event_listener(ev::focus, move |_| sessions.again());
    on_cleanup(move || back.remove());
    let list = changing(move || match sessions.get() {
        None => view! { <Skeleton class="sessions__place" /> }.into_any(),
        Some(Err(failure)) => {
            let retry = Callback::new(move |()| sessions.again());
            view! { <FailureNote failure on_retry=retry /> }.into_any()
        }
        Some(Ok(list)) => {
            let rows = list.data.into_iter().map(|session| row(session, sessions)).collect_view();
            view! { <ul class="sessions">{rows}</ul> }.into_any()
        }
    });
    view! {
        <section aria-labelledby="sessions-title">
            <h2 id="sessions-title" tabindex="-1">"Sessions"</h2>
            <p class="quiet">"Where you are signed in. End what you do not know; it stops working within a second."</p>
            {list}
            {everywhere(sessions)}
        </section>
    }
    .into_any()
}

/// One button, and the choice behind it: signing out a person's every device is not done in passing.
fn everywhere(sessions: Asked<List<Session>>) -> AnyView {
    let is_asking = RwSignal::new(false);
    let ask = Callback::new(move |()| is_asking.set(true));
    let others = Callback::new(move |()| {
        is_asking.set(false);
        end(format!("{ALL}?keep_current=true"), false, "You are signed out everywhere else", sessions);
    });
    let all = Callback::new(move |()| end(ALL.to_owned(), true, "", sessions));
    view! {
        <div class="actions"><Button on_press=ask>"Sign out everywhere"</Button></div>
        <Dialog open=is_asking title="Sign out everywhere?">
            <p>"Every session ends within a second. Your pictures and gems stay, and so do your sign-in methods."</p>
            <div class="dialog__actions">
                <Button on_press=all>"Sign out here too"</Button>
                <Button on_press=others>"Stay signed in here"</Button>
            </div>
        </Dialog>
    }
    .into_any()
}

/// Ends one or many. When this one is among them nothing of the person may stay in this browser's memory.
fn end(path: String, is_own: bool, done: &'static str, sessions: Asked<List<Session>>) {
    spawn_local(async move {
        match http::delete(&path).await {
            Ok(()) if is_own => {
                http::forget();
                browser::leave_for(Page::Landing.path());
                return;
            }
            Ok(()) => toast::show(done, None),
            Err(failure) if failure.is(ProblemType::NotFound) => toast::show("That session had ended already", None),
            Err(failure) => toast::failure(&failure),
        }
        sessions.again_then(|| keep_focus("#sessions-title"));
    });
}

fn row(session: Session, sessions: Asked<List<Session>>) -> AnyView {
    let (id, is_own) = (session.id, session.is_current);
    let press = Callback::new(move |()| end(format!("{ALL}/{id}"), is_own, "Session ended", sessions));
    let label = format!("End the session on {}", session.device);
    let badge = is_own.then(|| view! { <span class="badge">"This device"</span> });
    view! {
        <li class="session">
            <div>
                <p class="session__device">{session.device} " " {badge}</p>
                <p class="quiet">"Signed in with " {session.provider_name} ", " <Moment at=session.created_at /></p>
                <p class="quiet">"Last used " <Ago at=session.last_used_at /></p>
            </div>
            <Button on_press=press label>"End"</Button>
        </li>
    }
    .into_any()
}
