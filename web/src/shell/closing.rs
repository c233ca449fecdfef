//! The line above every view while the account is about to be deleted: when, and the way back.
use crate::ui::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::http;
use crate::session::use_session;
use crate::ui::button::{Button, ButtonKind};
use crate::ui::dynamic::changing;
use crate::ui::icon::{Glyph, Icon};
use crate::ui::time::Moment;
use crate::ui::toast;

#[component]
pub fn ClosingNote() -> AnyView {
    let session = use_session();
    let is_busy = RwSignal::new(false);
    let keep = Callback::new(move |()| {
        is_busy.set(true);
        spawn_local(async move {
            match http::delete("/v1/me/erasure").await {
                Ok(()) => {
                    session.read_me().await;
                    toast::show("Your account stays. Everything works again, your API keys too.", None);
                    crate::browser::focus("#main");
                }
                Err(failure) => toast::failure(&failure),
            }
            is_busy.set(false);
        });
    });
    let note = changing(move || {
        let at = session.me.with(|me| me.as_ref().and_then(|me| me.closing_at))?;
        Some(view! {
            <div class="note note--closing" tabindex="-1">
                <Icon glyph=Glyph::Warning />
                <p>
                    "Your account is deleted on " <Moment at=at />
                    ". Until then you can look at everything and take it along."
                </p>
                <Button kind=ButtonKind::Primary busy=is_busy on_press=keep>"Keep my account"</Button>
            </div>
        })
    });
    view! { <div role="status">{note}</div> }.into_any()
}
