//! The account: profile, sign-in methods, sessions, the way to the API and out. Short sections, a line on what each does.
mod api_keys;
mod erased;
mod erasing;
mod erasure;
mod exports;
mod identities;
mod key_examples;
mod new_key;
mod profile;
mod requests;
mod sessions;
mod webhook_log;
mod webhooks;

use crate::ui::prelude::*;

use crate::browser;
use crate::page::Page;
use crate::session::use_session;
use crate::shell::LegalLinks;
use crate::ui::button::{Button, LinkButton};
use crate::ui::dynamic::changing;
use crate::ui::failure::contact_link;

pub use self::erased::ErasedPage;
pub use self::requests::{RequestsPage, table as request_table};

/// When the pressed button went with its row, the keyboard goes on at the section it stood in.
pub fn keep_focus(heading: &'static str) {
    request_animation_frame(move || {
        if document().active_element().is_none_or(|element| element.tag_name() == "BODY") {
            browser::focus(heading);
        }
    });
}

#[component]
pub fn AccountPage() -> AnyView {
    let session = use_session();
    let sign_out = Callback::new(move |()| session.sign_out());
    let support = move || session.me.with(|me| me.as_ref().and_then(|me| me.support_contact.clone()));
    let help = changing(move || support().map(|address| view! { <p>"Questions? " {contact_link(&address)}</p> }));
    let is_operator = move || session.me.with(|me| me.as_ref().is_some_and(|me| me.is_operator));
    let operator = changing(move || {
        let text = "People, flags, and what operators did.";
        is_operator().then(|| leads("Operator", text, Page::Operator.path(), "Open the operator's screens"))
    });
    view! {
        <div class="column">
            <h1>"Account"</h1>
            <profile::Profile />
            <identities::Identities />
            <sessions::Sessions />
            <api_keys::ApiKeys />
            {leads("Requests", "What was asked in your name in the last 30 days, how it went and what it cost.", Page::Requests.path(), "See your requests")}
            <webhooks::Webhooks />
            <exports::Exports />
            <section class="setting">
                <div class="setting__words">
                    <h2>"API"</h2>
                    <p>"Everything this page does, a program can do too. The documentation lets you try each call."</p>
                </div>
                <LinkButton href="/docs" leaves=true>"Open the API documentation"</LinkButton>
            </section>
            <section class="setting">
                <div class="setting__words">
                    <h2>"Sign out"</h2>
                    <p>"Ends this session in this browser. Your pictures stay."</p>
                </div>
                <Button on_press=sign_out>"Sign out"</Button>
            </section>
            <erasure::Erasure />
            {operator}
            {help}
            <LegalLinks />
        </div>
    }
    .into_any()
}

/// A part of the account that has a page of its own.
fn leads(title: &'static str, text: &'static str, href: &'static str, words: &'static str) -> AnyView {
    view! {
        <section class="setting">
            <div class="setting__words">
                <h2>{title}</h2>
                <p>{text}</p>
            </div>
            <LinkButton href>{words}</LinkButton>
        </section>
    }
    .into_any()
}
