//! Toasts: a sentence at the edge that says what happened and offers one next step. Never the only place of an error.
use crate::ui::prelude::*;
use gloo_timers::future::TimeoutFuture;
use wasm_bindgen_futures::spawn_local;

use crate::ui::button::{Button, ButtonKind};
use crate::ui::dynamic::list;
use crate::ui::failure::Failure;
use crate::ui::icon::{Glyph, Icon};

/// Long enough to read a line and to reach the button.
const PLAIN_MS: u32 = 5_000;
const WITH_ACTION_MS: u32 = 10_000;
const SHOWN_MAX: usize = 3;

#[derive(Clone)]
struct Toast {
    id: u32,
    text: String,
    action: Option<(String, Callback<()>)>,
}

thread_local! {
    static TOASTS: ArcRwSignal<Vec<Toast>> = ArcRwSignal::new(Vec::new());
    static NEXT: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// Shows a toast; `action` is the label and what a press does, for example `("Undo", …)`.
pub fn show(text: impl Into<String>, action: Option<(&str, Callback<()>)>) {
    let id = NEXT.replace(NEXT.get() + 1);
    let life = if action.is_some() { WITH_ACTION_MS } else { PLAIN_MS };
    let action = action.map(|(label, press)| (label.to_owned(), press));
    let toast = Toast { id, text: text.into(), action };
    TOASTS.with(|toasts| {
        toasts.update(|toasts| {
            // The same thing said again is one message, the later one.
            toasts.retain(|known| known.text != toast.text || known.action.is_some());
            if toasts.len() >= SHOWN_MAX {
                toasts.remove(0);
            }
            toasts.push(toast);
        });
    });
    spawn_local(async move {
        TimeoutFuture::new(life).await;
        while TOUCHED.with(|touched| touched.get_untracked()) {
            TimeoutFuture::new(PLAIN_MS).await;
        }
        dismiss(id);
    });
}

thread_local! {
    /// Nobody takes a toast away under a pointer or the keyboard's focus.
    static TOUCHED: ArcRwSignal<bool> = ArcRwSignal::new(false);
}

/// A failure in passing, for actions whose place is already gone.
pub fn failure(failure: &Failure) {
    show(failure.sentence(), None);
}

fn dismiss(id: u32) {
    TOASTS.with(|toasts| toasts.update(|toasts| toasts.retain(|toast| toast.id != id)));
}

/// The region the toasts live in; once per page.
#[component]
pub fn ToastRegion() -> AnyView {
    let toasts = TOASTS.with(Clone::clone);
    let touched = TOUCHED.with(Clone::clone);
    let touch = move |is_touched: bool| {
        let touched = touched.clone();
        move || touched.set(is_touched)
    };
    let (enter, leave, focus, blur) = (touch(true), touch(false), touch(true), touch(false));
    view! {
        <section
            class="toasts"
            aria-label="Messages"
            aria-live="polite"
            on:mouseenter=move |_| enter()
            on:mouseleave=move |_| leave()
            on:focusin=move |_| focus()
            on:focusout=move |_| blur()
        >
            {list(move || toasts.get(), |toast| toast.id.to_string(), one)}
        </section>
    }
    .into_any()
}

fn one(toast: Toast) -> AnyView {
    let id = toast.id;
    let action = toast.action.map(|(label, press)| {
        let press = Callback::new(move |()| {
            dismiss(id);
            press.run(());
        });
        view! { <Button kind=ButtonKind::Bare class="toast__action" on_press=press>{label}</Button> }
    });
    let close = Callback::new(move |()| dismiss(id));
    view! {
        <div class="toast">
            <p>{toast.text}</p>
            {action}
            <Button kind=ButtonKind::Bare on_press=close label="Dismiss">
                <Icon glyph=Glyph::Close />
            </Button>
        </div>
    }
    .into_any()
}
