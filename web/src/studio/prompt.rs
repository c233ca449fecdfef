//! The prompt's field, which grows with its text, and the chosen attributes under it.
use crate::ui::prelude::*;
use lapidary_domain::Attribute;
use lapidary_domain::limits::PROMPT_MAX;

use super::state::Studio;
use crate::browser;
use crate::ui::dynamic::{list, memo};
use crate::ui::{Glyph, Icon, format_number};

const PLACEHOLDER: &str = "A fox crossing a frozen river at first light";
/// Characters before the limit at which the count begins to show.
const NEAR: usize = 500;

#[component]
pub fn PromptField() -> AnyView {
    let studio = expect_context::<Studio>();
    let prompt = memo(move |_| studio.draft.with(|draft| draft.prompt.clone()));
    let write = move |event| {
        let text = event_target_value(&event);
        studio.draft.update(|draft| draft.prompt = text);
    };
    let shown = move || prompt.with(|prompt| if prompt.is_empty() { PLACEHOLDER.to_owned() } else { prompt.clone() });
    let error = memo(move |_| field_error(studio, "/prompt"));
    view! {
        <div class="prompt">
            <label class="prompt__label" for="prompt">
                "What do you want to see?"
            </label>
            // The copy of the text in the attribute makes the field as high as its words.
            <div class="prompt__grow" data-text=shown>
                <textarea
                    node_ref=studio.prompt_field
                    id="prompt"
                    class="prompt__field"
                    placeholder=PLACEHOLDER
                    rows="1"
                    dir="auto"
                    autocomplete="off"
                    aria-describedby="prompt-note"
                    aria-invalid=move || error.with(|error| error.is_some().then_some("true"))
                    prop:value=prompt
                    on:input=write
                ></textarea>
            </div>
            <p class="prompt__note" id="prompt-note">
                {move || error.get()}
                <span class="prompt__count">{move || prompt.with(|prompt| count(prompt))}</span>
            </p>
        </div>
    }
    .into_any()
}

fn count(prompt: &str) -> Option<String> {
    let length = prompt.chars().count();
    let of = || format!("{} of {}", format_number(length as i64), format_number(PROMPT_MAX as i64));
    (length + NEAR > PROMPT_MAX).then(of)
}

/// What the server said about one member of the request.
pub fn field_error(studio: Studio, pointer: &str) -> Option<String> {
    studio.failure.with(|failure| failure.as_ref()?.at(pointer))
}

/// The chosen attributes; a press takes one away.
#[component]
pub fn ChosenAttributes() -> AnyView {
    let studio = expect_context::<Studio>();
    let chosen = memo(move |_| studio.draft.with(|draft| draft.attributes.clone()));
    let list = move || {
        view! {
            <ul class="chosen" id="chosen" tabindex="-1" aria-label="Chosen attributes">
                {list(move || chosen.get(), |it| format!("{}\n{}", it.section, it.value), move |it| chip(studio, it))}
            </ul>
        }
    };
    let is_empty = memo(move |_| chosen.with(Vec::is_empty));
    view! { {move || (!is_empty.get()).then(list)} }.into_any()
}

fn chip(studio: Studio, attribute: Attribute) -> AnyView {
    let label = format!("Remove {}: {}", attribute.section, attribute.value);
    let (section, value) = (attribute.section.clone(), attribute.value.clone());
    let remove = move |_| {
        studio.toggle(attribute.clone());
        // The pressed chip is gone; focus stays where it was rather than at the top of the page.
        request_animation_frame(|| {
            if !browser::focus("#chosen") {
                browser::focus("#attribute-search");
            }
        });
    };
    view! {
        <li>
            <button type="button" class="chip chip--chosen" aria-label=label title=section on:click=remove>
                <span>{value}</span>
                <Icon glyph=Glyph::Close />
            </button>
        </li>
    }
    .into_any()
}
