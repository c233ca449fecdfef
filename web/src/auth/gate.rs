//! The gate: a signed-in view is built only for somebody signed in whose age is confirmed. Says what it waits for.
use crate::ui::prelude::*;

use lapidary_contract::ProblemType;

use crate::auth::age::AgePage;
use crate::browser;
use crate::page::Page;
use crate::parts::waiting;
use crate::router::{self, Going};
use crate::session::{Standing, use_session};
use crate::ui::dynamic::{changing, memo};
use crate::ui::failure::{Failure, FailureNote};

#[derive(Clone, PartialEq)]
enum Gate {
    Waiting,
    Open,
    Age,
    SignIn { is_ended: bool },
    Unreachable(Failure),
}

#[component]
pub fn Guarded(view: fn() -> AnyView) -> AnyView {
    let session = use_session();
    let gate = memo(move |_| match session.standing.get() {
        Standing::Unknown => Gate::Waiting,
        Standing::SignedOut => Gate::SignIn { is_ended: false },
        Standing::Ended => Gate::SignIn { is_ended: true },
        Standing::Unreachable(failure) => Gate::Unreachable(failure),
        Standing::SignedIn => match session.me.with(|me| me.as_ref().is_some_and(|me| me.age_confirmed)) {
            true => Gate::Open,
            false => Gate::Age,
        },
    });
    changing(move || match gate.get() {
        Gate::Open => view(),
        Gate::Age => view! { <AgePage /> }.into_any(),
        Gate::Waiting => waiting(),
        Gate::SignIn { is_ended } => to_sign_in(is_ended),
        Gate::Unreachable(failure) if failure.is(ProblemType::Suspended) => {
            router::go(&format!("{}?failure=suspended", Page::SignIn.path()), Going::Instead);
            waiting()
        }
        Gate::Unreachable(failure) => {
            let retry = Callback::new(move |()| session.boot());
            view! { <section class="quiet-page"><FailureNote failure on_retry=retry /></section> }.into_any()
        }
    })
}

fn to_sign_in(is_ended: bool) -> AnyView {
    let ended = if is_ended { "&ended=1" } else { "" };
    let path = format!("{}?return_to={}{ended}", Page::SignIn.path(), browser::encode(&browser::here()));
    router::go(&path, Going::Instead);
    waiting()
}
