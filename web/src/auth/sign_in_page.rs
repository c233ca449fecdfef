//! Sign in: the providers, why the last attempt failed, and the choice when the e-mail address is already known.
use crate::ui::prelude::*;
use lapidary_contract::SignInFailure;
use wasm_bindgen_futures::spawn_local;

use crate::auth::failure_texts::text_of;
use crate::auth::provider_buttons::{ProviderButtons, safe_return};
use crate::browser;
use crate::http;
use crate::page::Page;
use crate::router::{self, Going};
use crate::session::use_session;
use crate::ui::button::Button;
use crate::ui::dynamic::effect;
use crate::ui::failure::{Failure, FailureNote, RequestId, contact_link};
use crate::ui::icon::{Glyph, Icon, Mark};

#[component]
pub fn SignInPage() -> AnyView {
    let session = use_session();
    let query = |name| untrack(|| router::query(name));
    let return_to = safe_return(query("return_to"));
    if let Some(code) = query("failure") {
        return failed(&code, query("request_id"), query("provider"), return_to);
    }
    let is_ended = query("ended").is_some();
    let lead = if is_ended {
        "Your session has ended. Sign in again; what you typed is kept."
    } else {
        "No password, no form. We keep your e-mail address, your name and picture if you have them, and the provider's id for you."
    };
    let target = return_to.clone();
    effect(move |_| {
        if session.is_signed_in() {
            router::go(&target, Going::Instead);
        }
    });
    view! {
        <section class="sign-in">
            <Mark />
            <h1>"Sign in to Lapidary"</h1>
            <p class="sign-in__lead">{lead}</p>
            <ProviderButtons return_to />
            <p class="sign-in__small">
                "By going on you accept the " <a href=Page::Terms.path()>"terms"</a> ". What we keep and for how long: "
                <a href=Page::Promises.path()>"our promises"</a> "."
            </p>
        </section>
    }
    .into_any()
}

fn failed(code: &str, request_id: Option<String>, first_provider: Option<String>, return_to: String) -> AnyView {
    let known = SignInFailure::from_name(code);
    // An unknown code comes from a newer server; the sign-in has failed all the same.
    let failure = known.unwrap_or(SignInFailure::CodeRefused);
    let text = text_of(failure);
    crate::page::set_title(text.title);
    let choices = match failure {
        SignInFailure::EmailInUse => email_in_use(first_provider, return_to),
        SignInFailure::Suspended => ().into_any(),
        _ => view! { <ProviderButtons return_to /> }.into_any(),
    };
    let request_id = request_id.filter(|id| !id.is_empty()).map(|id| view! { <RequestId id /> });
    view! {
        <section class="sign-in sign-in--failed">
            <Icon glyph=Glyph::Warning />
            <h1>{text.title}</h1>
            <p class="sign-in__lead">{text.what}" "{text.next}</p>
            {choices}
            <footer class="sign-in__help">
                {request_id}
                {support().map(|address| view! { <p>"Help: " {contact_link(&address)}</p> })}
            </footer>
        </section>
    }
    .into_any()
}

/// The operator's address; the server writes it into the document, since nobody is signed in here.
fn support() -> Option<String> {
    let meta = document().query_selector("meta[name=support-contact]").ok()??;
    meta.get_attribute("content").filter(|address| !address.is_empty())
}

fn email_in_use(first_provider: Option<String>, return_to: String) -> AnyView {
    let (is_busy, failure) = (RwSignal::new(false), RwSignal::new(None::<Failure>));
    let target = return_to.clone();
    let open = Callback::new(move |()| {
        let target = target.clone();
        is_busy.set(true);
        failure.set(None);
        spawn_local(async move {
            match http::open_separate_account().await {
                Ok(()) => browser::leave_for(&target),
                Err(problem) => {
                    is_busy.set(false);
                    failure.set(Some(problem));
                }
            }
        });
    });
    view! {
        <div class="choices">
            <section class="choice">
                <h2>"Use the account you have"</h2>
                <p>"Sign in the way you did first. Your pictures and gems are there, and from then on both ways lead to them."</p>
                <ProviderButtons return_to only=first_provider links=true />
            </section>
            <section class="choice">
                <h2>"Open a separate account"</h2>
                <p>"It starts empty and without welcome gems: those are given once per person."</p>
                <Button busy=is_busy on_press=open>"Open a separate account"</Button>
                {move || failure.get().map(|failure| view! { <FailureNote failure /> })}
            </section>
        </div>
    }
    .into_any()
}
