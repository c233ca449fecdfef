//! Unfinished work: how it goes in a line, in words and for who hears it, and the way to stop it.
use lapidary_contract::{Generation, ProblemType};
use wasm_bindgen_futures::spawn_local;

use super::state::{PATH, Studio};
use super::words::{self, Going};
use crate::browser;
use crate::gallery::clock::now;
use crate::http;
use crate::ui::dynamic::{changing, memo};
use crate::ui::prelude::*;
use crate::ui::{Button, ButtonKind, toast};

pub fn progress(studio: Studio, row: RwSignal<Generation>, is_cancelling: RwSignal<bool>) -> AnyView {
    // Every news of the generation counts from the moment it came.
    let ends_at = memo(move |_| {
        row.with(|row| row.estimated_seconds.map(|seconds| now().timestamp().saturating_add(i64::from(seconds))))
    });
    // While its provider does not deliver nobody knows when it ends.
    let is_paused = memo(move |_| studio.is_paused(&row.with(|row| row.model.clone())));
    let going = memo(move |_| {
        let ends_at = ends_at.get().filter(|_| !is_paused.get());
        row.with(|row| Going::of(row, ends_at, studio.clock.get()))
    });
    // What was seen to be done stays done, whatever is said about the rest.
    let percent = memo(move |before: Option<&Option<i64>>| {
        let now = going.get().percent()?;
        Some(before.copied().flatten().map_or(now, |before| before.max(now)))
    });
    let state = changing(move || {
        if is_cancelling.get() {
            return "Cancelling…".to_owned();
        }
        let said = row.with(|row| words::waiting(row, going.get()));
        if is_paused.get() { format!("{said} · waits for the model") } else { said }
    });
    let heard = memo(move |_| row.with(|row| words::heard(row, going.get())));
    let about = row.with_untracked(words::about);
    let done = move || format!("scaleX({})", percent.get().map_or("0".to_owned(), |it| format!("0.{it:02}")));
    let cancel = Callback::new(move |()| cancel(studio, row, is_cancelling));
    view! {
        <div class="generation__note">
            <div
                class="generation__line"
                class:is-unknown=move || percent.get().is_none()
                role="progressbar"
                aria-label=format!("Progress of “{about}”")
                aria-valuemin="0"
                aria-valuemax="100"
                aria-valuenow=move || percent.get().map(|percent| percent.to_string())
                aria-valuetext=heard
            >
                <span style=("transform", done)></span>
            </div>
            <span class="generation__state">{state}</span>
            <Button kind=ButtonKind::Bare on_press=cancel busy=is_cancelling label=format!("Cancel “{about}”")>
                "Cancel"
            </Button>
        </div>
    }
    .into_any()
}

/// Said at once; what became of it is what the server says, also when it was finished meanwhile.
fn cancel(studio: Studio, row: RwSignal<Generation>, is_cancelling: RwSignal<bool>) {
    let id = row.with_untracked(|row| row.id);
    is_cancelling.set(true);
    spawn_local(async move {
        let answer = match http::post_empty::<Generation>(&format!("{PATH}/{id}/cancel")).await {
            Err(failure) if failure.is(ProblemType::IllegalTransition) => http::get(&format!("{PATH}/{id}")).await,
            answer => answer,
        };
        match answer {
            // Still unfinished: the word stays until the end is told.
            Ok(generation) => studio.put(generation),
            Err(failure) => {
                let _ = is_cancelling.try_set(false);
                toast::failure(&failure);
            }
        }
    });
}

/// Before a part of an entry goes: who has the focus in it gets what can be done next instead.
pub fn hand_on_focus(id: uuid::Uuid) {
    let held = document().query_selector(&format!("#generation-{id} .generation__note :focus")).ok().flatten();
    if held.is_some() {
        request_animation_frame(move || {
            let next = format!("#generation-{id} .generation__next button, #generation-{id} a.tile");
            if !browser::focus(&next) {
                browser::focus(&format!("#generation-{id} button"));
            }
        });
    }
}
