//! Name, e-mail address and picture. Only the name can be changed here.
use crate::ui::prelude::*;
use lapidary_contract::domain::limits::NAME_MAX;
use lapidary_contract::{Me, UpdateMe};
use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::http;
use crate::session::use_session;
use crate::ui::button::Button;
use crate::ui::dynamic::changing;
use crate::ui::failure::{Failure, FailureNote};
use crate::ui::field::Field;
use crate::ui::toast;

#[component]
pub fn Profile() -> AnyView {
    let session = use_session();
    let known = session.me.get_untracked();
    let name = RwSignal::new(known.and_then(|me| me.name).unwrap_or_default());
    let (is_busy, failure) = (RwSignal::new(false), RwSignal::new(None::<Failure>));
    let is_unchanged = Signal::derive(move || {
        session.me.with(|me| me.as_ref().and_then(|me| me.name.clone()).unwrap_or_default()) == name.get().trim()
    });
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if is_busy.get_untracked() || is_unchanged.get_untracked() {
            return;
        }
        is_busy.set(true);
        failure.set(None);
        let change = UpdateMe { name: Some(name.get_untracked().trim().to_owned()), ..UpdateMe::default() };
        spawn_local(async move {
            match http::patch::<_, Me>("/v1/me", &change).await {
                Ok(me) => {
                    session.welcome(me);
                    toast::show("Name saved", None);
                }
                Err(problem) => failure.set(Some(problem)),
            }
            is_busy.set(false);
        });
    };
    let email = changing(move || session.me.with(|me| me.as_ref().map(|me| me.email.clone())));
    view! {
        <section class="profile" aria-labelledby="profile-title">
            <h2 id="profile-title">"Profile"</h2>
            <div class="profile__who">
                <Portrait />
                <p class="profile__mail">{email}</p>
            </div>
            <form class="profile__form" on:submit=save>
                <Field
                    id="name"
                    label="Name"
                    value=name
                    hint="Only you see it. Leave it empty to have none."
                    autocomplete="name"
                    max_length=NAME_MAX
                />
                <Button submits=true busy=is_busy disabled=is_unchanged>"Save name"</Button>
            </form>
            {move || failure.get().map(|failure| view! { <FailureNote failure /> })}
        </section>
    }
    .into_any()
}

/// The picture, or initials where there is none or it does not load.
#[component]
fn Portrait() -> AnyView {
    let me = use_session().me;
    let is_broken = RwSignal::new(false);
    changing(move || {
        let me = me.get()?;
        let portrait = match me.picture_url.clone() {
            Some(url) if !is_broken.get() => {
                view! { <img class="portrait" src=url alt="" width="64" height="64" on:error=move |_| is_broken.set(true) /> }
                    .into_any()
            }
            Some(_) | None => view! { <span class="portrait portrait--initials" aria-hidden="true">{initials(&me)}</span> }.into_any(),
        };
        Some(portrait)
    })
}

fn initials(me: &Me) -> String {
    let name = me.name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(&me.email);
    let first_letters = name.split_whitespace().filter_map(|word| word.chars().next());
    browser::uppercase(&first_letters.take(2).collect::<String>())
}
