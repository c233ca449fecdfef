//! What the model will read: the composed text with the attributes' words marked, and a person's own wording of it.
use crate::ui::prelude::*;
use lapidary_domain::compose;
use leptos::html;

use super::choice::marked;
use super::fold::Fold;
use super::prompt::field_error;
use super::state::Studio;
use crate::browser;
use crate::parts;
use crate::ui::dynamic::{changing, memo};
use crate::ui::{Button, ButtonKind, Glyph, Icon};

#[component]
pub fn Reading() -> AnyView {
    let studio = expect_context::<Studio>();
    let own = memo(move |_| studio.draft.with(|draft| draft.composed_prompt.is_some()));
    let is_open = RwSignal::new(own.get_untracked());
    let hint = Signal::derive(move || if own.get() { "your own wording".to_owned() } else { String::new() });
    view! {
        <Fold title="What the model will read" hint id="reading" is_open>
            {parts::unfolded(is_open, move |it| (it.studio.reading)(studio))}
        </Fold>
    }
    .into_any()
}

pub fn content(studio: Studio) -> AnyView {
    let own = memo(move |_| studio.draft.with(|draft| draft.composed_prompt.is_some()));
    changing(move || if own.get() { own_text(studio) } else { composed_text(studio) })
}

fn composed_text(studio: Studio) -> AnyView {
    let pieces = changing(move || {
        studio.draft.with(|draft| {
            let words: Vec<&str> = draft.attributes.iter().map(|attribute| attribute.value.as_str()).collect();
            let pieces = marked(&compose(&draft.prompt, &draft.attributes), &words).into_iter();
            pieces
                .map(|(text, is_word)| if is_word { view! { <mark>{text}</mark> }.into_any() } else { text.into_any() })
                .collect_view()
        })
    });
    let is_empty = move || studio.draft.with(|draft| draft.prompt.trim().is_empty() && draft.attributes.is_empty());
    let edit = Callback::new(move |()| {
        studio.draft.update(|draft| draft.composed_prompt = Some(compose(&draft.prompt, &draft.attributes)));
        request_animation_frame(|| {
            browser::focus("#composed");
        });
    });
    view! {
        <p class="reading__text" dir="auto">
            {move || is_empty().then_some("Nothing yet. Write a prompt or pick attributes.")}
            {pieces}
        </p>
        <Button kind=ButtonKind::Bare on_press=edit disabled=Signal::derive(is_empty)>
            <Icon glyph=Glyph::Pencil />
            "Edit this text"
        </Button>
    }
    .into_any()
}

fn own_text(studio: Studio) -> AnyView {
    let field = NodeRef::<html::Textarea>::new();
    let text = memo(move |_| studio.draft.with(|draft| draft.composed_prompt.clone().unwrap_or_default()));
    let write = move |event| {
        let text = event_target_value(&event);
        studio.draft.update(|draft| draft.composed_prompt = Some(text));
    };
    let reset = Callback::new(move |()| studio.draft.update(|draft| draft.composed_prompt = None));
    let missing = changing(move || {
        studio.draft.with(|draft| {
            let text = draft.composed_prompt.as_deref().unwrap_or_default();
            let values = draft.attributes.iter().map(|attribute| attribute.value.as_str());
            let missing: Vec<&str> = values.filter(|value| !text.contains(value)).collect();
            (!missing.is_empty()).then(|| format!("Not in your text: {}.", missing.join(", ")))
        })
    });
    let error = memo(move |_| field_error(studio, "/composed_prompt"));
    view! {
        <label class="visually-hidden" for="composed">
            "The text the model will read"
        </label>
        <div class="prompt__grow" data-text=text>
            <textarea
                node_ref=field
                id="composed"
                class="prompt__field"
                rows="1"
                dir="auto"
                aria-describedby="composed-note"
                prop:value=text
                on:input=write
            ></textarea>
        </div>
        <p class="prompt__note" id="composed-note">
            "Sent exactly as written; the prompt above is kept beside the picture. " {missing} {move || error.get()}
        </p>
        <Button kind=ButtonKind::Bare on_press=reset>
            <Icon glyph=Glyph::Undo />
            "Back to the composed text"
        </Button>
    }
    .into_any()
}
