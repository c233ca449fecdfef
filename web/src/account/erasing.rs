//! The last word before something is deleted, and where it leads: to the line that says when, or to the receipt.
use lapidary_contract::{Erasure, ErasureKind, ErasureOutlook};
use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::http;
use crate::session::{Session, use_session};
use crate::ui::button::{Button, ButtonKind};
use crate::ui::dynamic::changing;
use crate::ui::failure::{Failure, FailureNote};
use crate::ui::field::Field;
use crate::ui::prelude::*;
use crate::ui::time::Moment;
use crate::ui::toast;

/// What has to be written before something goes at once.
const WORD: &str = "DELETE";

/// What may be chosen.
#[derive(Clone)]
pub struct Choice {
    pub kind: ErasureKind,
    pub outlook: ErasureOutlook,
    pub is_open: RwSignal<bool>,
}

#[derive(Clone, Copy)]
struct State {
    session: Session,
    is_busy: RwSignal<bool>,
    failure: RwSignal<Option<Failure>>,
    done: RwSignal<Option<Erasure>>,
}

impl Choice {
    pub fn shown(self) -> AnyView {
        let session = use_session();
        let state =
            State { session, is_busy: RwSignal::new(false), failure: RwSignal::new(None), done: RwSignal::new(None) };
        let is_open = self.is_open;
        let choices = StoredValue::new(self);
        let body = changing(move || match state.done.get() {
            Some(erasure) => done(erasure, is_open),
            None => choices.with_value(|choice| choice.offered(state)),
        });
        view! {
            {body}
            {move || state.failure.get().map(|failure| view! { <FailureNote failure /> })}
        }
        .into_any()
    }

    fn offered(&self, state: State) -> AnyView {
        let can_wait =
            self.kind == ErasureKind::Account && self.outlook.undo_days > 0 && self.outlook.pending.is_none();
        let later = can_wait.then(|| later(self.outlook.undo_days, state));
        view! { {later} {at_once(self.kind, state)} }.into_any()
    }
}

fn later(days: u32, state: State) -> AnyView {
    let press = Callback::new(move |()| ask("/v1/me".to_owned(), ErasureKind::Account, false, state));
    let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
    let text = format!(
        "You have {days} to change your mind. Until then you can look at everything; work, API keys, share links and webhooks stop now."
    );
    view! {
        <p>{text}</p>
        <div class="dialog__actions">
            <Button kind=ButtonKind::Primary busy=state.is_busy on_press=press>{format!("Delete in {days}")}</Button>
        </div>
    }
    .into_any()
}

fn at_once(kind: ErasureKind, state: State) -> AnyView {
    let written = RwSignal::new(String::new());
    let is_unsure = Signal::derive(move || written.with(|text| text.trim() != WORD));
    let (path, words) = match kind {
        ErasureKind::Account => ("/v1/me?at_once=true", "Delete account now"),
        ErasureKind::Images => ("/v1/images", "Delete all pictures now"),
    };
    let press = Callback::new(move |()| ask(path.to_owned(), kind, true, state));
    view! {
        <Field
            id="erasure-word"
            label=format!("To delete at once, write {WORD}")
            value=written
            hint="There is no way back from that."
            autocomplete="off"
            max_length=WORD.len()
        />
        <div class="dialog__actions">
            <Button kind=ButtonKind::Danger busy=state.is_busy disabled=is_unsure on_press=press>{words}</Button>
        </div>
    }
    .into_any()
}

fn ask(path: String, kind: ErasureKind, is_at_once: bool, state: State) {
    let session = state.session;
    state.is_busy.set(true);
    state.failure.set(None);
    spawn_local(async move {
        match http::delete_for::<Erasure>(&path).await {
            // Nothing of the person may stay in this browser's memory.
            Ok(erasure) if is_at_once && kind == ErasureKind::Account => {
                http::forget();
                browser::leave_for(erasure.receipt_url.as_deref().unwrap_or("/"));
            }
            Ok(erasure) => {
                // The session is another one now, and the person's state, too.
                session.read_me().await;
                session.read_gems();
                drop(state.done.try_set(Some(erasure)));
            }
            Err(failure) => drop(state.failure.try_set(Some(failure))),
        }
        let _ = state.is_busy.try_set(false);
    });
}

/// The address of the receipt is told this once.
fn done(erasure: Erasure, is_open: RwSignal<bool>) -> AnyView {
    let sentence = match erasure.kind {
        ErasureKind::Account => view! { <p>"Your account is deleted on " <Moment at=erasure.at /> "."</p> }.into_any(),
        ErasureKind::Images => view! { <p>"Your pictures are being deleted."</p> }.into_any(),
    };
    let receipt = erasure.receipt_url.map(|url| {
        let copied = url.clone();
        let copy = Callback::new(move |()| {
            let url = copied.clone();
            spawn_local(async move {
                let is_copied = browser::copy(&url).await;
                toast::show(if is_copied { "Address copied" } else { "Select the address to copy it" }, None);
            });
        });
        view! {
            <div class="shown-once">
                <p>"Keep this address: it shows how far it is, and then the receipt. It is shown only now."</p>
                <code>{url}</code>
                <Button on_press=copy>"Copy the address"</Button>
            </div>
        }
    });
    let close = Callback::new(move |()| is_open.set(false));
    view! {
        <div role="status">{sentence}</div>
        {receipt}
        <div class="dialog__actions"><Button on_press=close>"Close"</Button></div>
    }
    .into_any()
}
