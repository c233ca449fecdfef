//! The frame around every view: brand, navigation, bell, gem pill, messages, offline note and keyboard. Holds no feature.
mod bell;
mod closing;
mod gem_pill;
mod keyboard;
mod legal;
mod navigation;
mod offline;

use crate::ui::prelude::*;

use crate::browser;
use crate::page::Page;
use crate::parts::{self, later};
use crate::router;
use crate::session::{Standing, use_session};
use crate::ui::button::{ButtonKind, LinkButton};
use crate::ui::dynamic::{changing, effect, memo};
use crate::ui::icon::Mark;
use crate::ui::toast::ToastRegion;

pub use legal::LegalLinks;

#[component]
pub fn Shell(children: Children) -> AnyView {
    let session = use_session();
    let page = router::page();
    // A page of the signed-in part has its frame before the server answers, so that nothing jumps.
    let is_inside = memo(move |_| match page.get() {
        Page::SignIn | Page::Landing => false,
        page => page.section().is_some() || session.is_signed_in(),
    });
    let is_waiting_for_age = memo(move |_| session.me.with(|me| me.as_ref().is_some_and(|me| !me.age_confirmed)));
    // The age question has no address of its own, and its answer opens another view.
    effect(move |before: Option<(Page, bool)>| {
        let now = (page.get(), is_waiting_for_age.get());
        if before.is_some_and(|before| before != now) {
            request_animation_frame(browser::keep_focus);
        }
        now
    });
    let skip = |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        browser::focus("#main");
    };
    let bar = changing(
        move || {
            if is_inside.get() && !is_waiting_for_age.get() { inside_bar(page) } else { outside_bar(page) }
        },
    );
    // Nearly nobody has something to read: what says so is loaded with it.
    let has_news =
        memo(move |_| session.me.with(|me| me.as_ref().is_some_and(|me| !me.policies_to_acknowledge.is_empty())));
    let policies = changing(move || {
        (has_news.get() && !is_waiting_for_age.get()).then(|| parts::unhurried(later::PART, |it| (it.policy_banner)()))
    });
    view! {
        <a class="skip" href="#main" on:click=skip>"Skip to content"</a>
        <div class="shell" class:shell--inside=move || is_inside.get() && !is_waiting_for_age.get()>
            {bar}
            <div class="shell__view">
                <offline::OfflineNote />
                <closing::ClosingNote />
                {policies}
                <main id="main" class="main" tabindex="-1">{children()}</main>
                {move || (!is_inside.get()).then(|| view! { <LegalLinks /> })}
            </div>
        </div>
        <ToastRegion />
        <keyboard::Keyboard />
        <p class="heard" aria-live="polite">{move || page.get().title()}</p>
    }
    .into_any()
}

fn brand(href: &'static str) -> AnyView {
    view! {
        <a class="brand" href=href aria-label="Lapidary">
            <Mark />
            <span class="brand__word">"Lapidary"</span>
        </a>
    }
    .into_any()
}

fn inside_bar(page: Memo<Page>) -> AnyView {
    view! {
        <header class="bar">
            {brand(Page::Studio.path())}
            <navigation::Navigation page />
            <div class="bar__end">
                <bell::Bell page />
                <gem_pill::GemPill />
            </div>
        </header>
    }
    .into_any()
}

fn outside_bar(page: Memo<Page>) -> AnyView {
    let session = use_session();
    let sign_in = changing(move || {
        let offers = page.get() != Page::SignIn && session.standing.with(|it| *it == Standing::SignedOut);
        offers.then(|| view! { <LinkButton kind=ButtonKind::Quiet href=Page::SignIn.path()>"Sign in"</LinkButton> })
    });
    view! { <header class="bar bar--outside">{brand(Page::Landing.path())} {sign_in}</header> }.into_any()
}
