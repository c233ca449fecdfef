//! The composer: a column beside the results on a wide page, a sheet under them on a phone. The prompt and the button
//! are always in reach; the rest unfolds.
use crate::ui::prelude::*;
use leptos::ev::KeyboardEvent;

use super::attributes::AttributePicker;
use super::choice::{Obstacle, shape};
use super::options::Options;
use super::presets::Presets;
use super::prompt::{ChosenAttributes, PromptField};
use super::reading::Reading;
use super::received::Received;
use super::references::ReferencesPane;
use super::refine::Refine;
use super::settings::Settings;
use super::state::Studio;
use crate::page::gems_path;
use crate::session::use_session;
use crate::ui::dynamic::changing;
use crate::ui::{Button, ButtonKind, Failure, FailureNote, Glyph, Icon, format_gems};

#[component]
pub fn ComposerPane() -> AnyView {
    let studio = expect_context::<Studio>();
    let is_open = studio.is_open;
    let press = move |event: KeyboardEvent| match event.key().as_str() {
        "Enter" if event.ctrl_key() || event.meta_key() => {
            event.prevent_default();
            studio.generate();
        }
        "Escape" if is_open.get_untracked() => is_open.set(false),
        _ => {}
    };
    view! {
        <button
            type="button"
            class="composer__veil"
            class:is-open=is_open
            tabindex="-1"
            aria-hidden="true"
            on:click=move |_| is_open.set(false)
        ></button>
        <section class="composer" class:is-open=is_open aria-label="Composer" on:keydown=press>
            <SheetToggle />
            <div class="composer__scroll">
                <Received />
                <PromptField />
                <ChosenAttributes />
                <div class="composer__more" id="composer-more">
                    <Refine />
                    <Presets />
                    <AttributePicker />
                    <ReferencesPane />
                    <Reading />
                    <Settings />
                    <Options />
                    <Compare />
                </div>
            </div>
            <GenerateBar />
        </section>
    }
    .into_any()
}

/// Only on a phone.
#[component]
fn SheetToggle() -> AnyView {
    let studio = expect_context::<Studio>();
    let is_open = studio.is_open;
    let summary = changing(move || {
        if is_open.get() {
            return "Fewer options".to_owned();
        }
        let settings = studio.choice.with(|choice| {
            let choice = choice.as_ref()?;
            Some(format!("{} · {} · {}", shape(choice.size), choice.quality, choice.model.name))
        });
        settings.map_or_else(|| "Options".to_owned(), |settings| format!("Options · {settings}"))
    });
    view! {
        <button
            type="button"
            class="composer__toggle"
            aria-expanded=move || is_open.get().to_string()
            aria-controls="composer-more"
            on:click=move |_| is_open.update(|open| *open = !*open)
        >
            <span>{summary}</span>
            <Icon glyph=Glyph::ChevronDown />
        </button>
    }
    .into_any()
}

/// Two pictures of one prompt, beside each other.
#[component]
fn Compare() -> AnyView {
    let studio = expect_context::<Studio>();
    let compare = Callback::new(move |()| studio.compare());
    let is_blocked = Signal::derive(move || studio.obstacle.with(Option::is_some));
    view! {
        <Button class="composer__compare" on_press=compare disabled=is_blocked>
            <Icon glyph=Glyph::Gallery />
            "Compare two: another value or model"
        </Button>
    }
    .into_any()
}

#[component]
fn GenerateBar() -> AnyView {
    let studio = expect_context::<Studio>();
    let label =
        changing(move || match studio.choice.with(|choice| choice.as_ref().and_then(|choice| choice.price())) {
            Some(gems) => format!("Generate · {}", format_gems(gems)),
            None => "Generate".to_owned(),
        });
    let retry = Callback::new(move |()| studio.retry());
    let failure = changing(move || studio.failure.get().map(|failure| failure_note(failure, retry)));
    let note = changing(move || match studio.obstacle.get() {
        Some(obstacle) => obstacle_note(obstacle),
        None => what_is_left(studio).into_any(),
    });
    let generate = Callback::new(move |()| studio.generate());
    let is_blocked = Signal::derive(move || studio.obstacle.with(Option::is_some));
    view! {
        <div class="composer__foot">
            {failure}
            <div class="composer__note" role="status">{note}</div>
            <Button
                kind=ButtonKind::Primary
                class="composer__generate"
                on_press=generate
                disabled=is_blocked
                busy=studio.is_sending
            >
                <Icon glyph=Glyph::Gem />
                {label}
            </Button>
        </div>
    }
    .into_any()
}

/// What is said at its field needs no second place, but the person must see that the press came to nothing.
fn failure_note(failure: Failure, retry: Callback<()>) -> AnyView {
    view! { <FailureNote failure on_retry=retry /> }.into_any()
}

/// What the gems come to when this is made.
fn what_is_left(studio: Studio) -> Option<String> {
    let price = studio.choice.with(|choice| choice.as_ref().and_then(|choice| choice.price()))?;
    let gems = use_session().gems.get()?;
    Some(format!("{} will be left.", format_gems(gems.available() - price)))
}

fn obstacle_note(obstacle: Obstacle) -> AnyView {
    let gems = obstacle.is_about_gems().then(|| {
        view! {
            " "
            <a href=gems_path("packs")>"Get gems"</a>
        }
    });
    view! {
        <p>
            {obstacle.sentence()}
            {gems}
        </p>
    }
    .into_any()
}
