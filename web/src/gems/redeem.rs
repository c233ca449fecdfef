//! A code that brings gems.
use crate::ui::prelude::*;
use lapidary_contract::{RedeemCode, Redemption};
use wasm_bindgen_futures::spawn_local;

use crate::http;
use crate::session::use_session;
use crate::ui::button::Button;
use crate::ui::dynamic::changing;
use crate::ui::failure::{Failure, FailureNote};
use crate::ui::field::Field;
use crate::ui::time::format_gems;
use crate::ui::toast;

/// Longer than any code, with room for how people write it.
const CODE_MAX: usize = 64;

#[component]
pub fn Redeem() -> AnyView {
    let session = use_session();
    let (code, is_busy) = (RwSignal::new(String::new()), RwSignal::new(false));
    let failure = RwSignal::new(None::<Failure>);
    let is_empty = Signal::derive(move || code.with(|code| code.trim().is_empty()));
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if is_busy.get_untracked() || is_empty.get_untracked() {
            return;
        }
        is_busy.set(true);
        failure.set(None);
        let body = RedeemCode { code: code.get_untracked() };
        spawn_local(async move {
            match http::post::<_, Redemption>("/v1/gems/redemptions", &body).await {
                Ok(redemption) => {
                    session.gems.set(Some(redemption.balance));
                    code.set(String::new());
                    toast::show(format!("The code brought {}", format_gems(redemption.gems)), None);
                }
                Err(problem) => failure.set(Some(problem)),
            }
            is_busy.set(false);
        });
    };
    let wrong = Signal::derive(move || failure.with(|failure| failure.as_ref()?.at("/code")));
    let note = changing(move || {
        let failure = failure.get().filter(|failure| failure.at("/code").is_none())?;
        Some(view! { <FailureNote failure /> })
    });
    view! {
        <section aria-labelledby="redeem-title">
            <h2 id="redeem-title">"Redeem a code"</h2>
            <form class="line-form" on:submit=send>
                <Field
                    id="code"
                    label="Code"
                    value=code
                    hint="Capital letters, spaces and hyphens do not matter."
                    error=wrong
                    autocomplete="off"
                    max_length=CODE_MAX
                />
                <Button submits=true busy=is_busy disabled=is_empty>"Redeem"</Button>
            </form>
            {note}
        </section>
    }
    .into_any()
}
