//! The age question, asked once. "Under 13" erases everything, so it is asked twice and says so.
use crate::ui::prelude::*;
use lapidary_contract::{Me, UpdateMe};
use wasm_bindgen_futures::spawn_local;

use crate::browser::{self, kept};
use crate::http;
use crate::page::{self, Page};
use crate::session::use_session;
use crate::ui::button::{Button, ButtonKind};
use crate::ui::dialog::Dialog;
use crate::ui::failure::{Failure, FailureNote};
use crate::ui::icon::Mark;

/// Where the landing page finds a last word for somebody whose account is gone.
pub const GOODBYE: &str = "lapidary-goodbye";

#[component]
pub fn AgePage() -> AnyView {
    page::set_title("One question first");
    let session = use_session();
    let (is_busy, failure, is_asking) = (RwSignal::new(false), RwSignal::new(None::<Failure>), RwSignal::new(false));
    let old_enough = Callback::new(move |()| {
        is_busy.set(true);
        failure.set(None);
        spawn_local(async move {
            let answer = UpdateMe { age_confirmed: Some(true), ..UpdateMe::default() };
            match http::patch::<_, Me>("/v1/me", &answer).await {
                Ok(me) => {
                    page::set_title(Page::at(&window().location().pathname().unwrap_or_default()).title());
                    session.welcome(me);
                }
                Err(problem) => failure.set(Some(problem)),
            }
            is_busy.set(false);
        });
    });
    let too_young = Callback::new(move |()| {
        is_busy.set(true);
        failure.set(None);
        spawn_local(async move {
            let answer = UpdateMe { age_confirmed: Some(false), ..UpdateMe::default() };
            match http::send_empty(http::Method::PATCH, "/v1/me", &answer).await {
                Ok(()) => {
                    kept::keep(GOODBYE, "1");
                    browser::leave_for(Page::Landing.path());
                }
                Err(problem) => {
                    is_asking.set(false);
                    failure.set(Some(problem));
                }
            }
            is_busy.set(false);
        });
    });
    let ask = Callback::new(move |()| is_asking.set(true));
    let back = Callback::new(move |()| is_asking.set(false));
    view! {
        <section class="age">
            <Mark />
            <h1>"How old are you?"</h1>
            <p>"Lapidary is not for children under 13. We ask once and keep only the answer."</p>
            <div class="age__answers">
                <Button kind=ButtonKind::Primary busy=is_busy on_press=old_enough>"I am 13 or older"</Button>
                <Button busy=is_busy on_press=ask>"I am younger than 13"</Button>
            </div>
            {move || failure.get().map(|failure| view! { <FailureNote failure /> })}
        </section>
        <Dialog open=is_asking title="Erase everything now?">
            <p>"If you are younger than 13 we may not keep anything about you. Your account is erased at once, and this cannot be undone."</p>
            <div class="dialog__actions">
                <Button on_press=back>"Go back"</Button>
                <Button kind=ButtonKind::Danger busy=is_busy on_press=too_young>"I am younger than 13: erase it"</Button>
            </div>
        </Dialog>
    }
    .into_any()
}
