//! One of a few, all in sight: radio buttons that look like segments, so arrows, labels and forms work by themselves.
use crate::ui::prelude::*;

use crate::ui::dynamic::changing;
use crate::ui::fresh_id;

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Choice {
    pub value: String,
    pub label: String,
    /// A second, quieter line: what it costs.
    pub note: Option<String>,
    /// Width and height of a little frame that shows the shape.
    pub frame: Option<(u32, u32)>,
    pub is_disabled: bool,
}

#[component]
pub fn Segmented(
    #[prop(into)] legend: String,
    #[prop(into)] choices: Signal<Vec<Choice>>,
    #[prop(into)] chosen: Signal<String>,
    #[prop(into)] on_choose: Callback<String>,
    #[prop(optional, into)] class: String,
) -> AnyView {
    // Radio buttons belong together by their name, which must be unique in the document.
    let group = fresh_id("choice");
    let segments = changing(move || {
        let one = |choice| segment(choice, &group, chosen, on_choose);
        choices.get().into_iter().map(one).collect_view()
    });
    view! {
        <fieldset class=format!("segmented {class}")>
            <legend>{legend}</legend>
            <div class="segmented__row">{segments}</div>
        </fieldset>
    }
    .into_any()
}

fn segment(choice: Choice, group: &str, chosen: Signal<String>, on_choose: Callback<String>) -> AnyView {
    let value = choice.value.clone();
    let checked = move || chosen.with(|chosen| *chosen == value);
    let value = choice.value.clone();
    let frame = choice.frame.map(|(width, height)| {
        let ratio = format!("{width} / {height}");
        let shape = if width >= height { "frame frame--wide" } else { "frame frame--tall" };
        view! { <span class=shape aria-hidden="true" style:aspect-ratio=ratio></span> }
    });
    view! {
        <label class="segment">
            <input
                class="segment__input"
                type="radio"
                name=group.to_owned()
                value=choice.value
                prop:checked=checked
                disabled=choice.is_disabled
                on:change=move |_| on_choose.run(value.clone())
            />
            {frame}
            <span class="segment__label">{choice.label}</span>
            {choice.note.map(|note| view! { <span class="segment__note">{note}</span> })}
        </label>
    }
    .into_any()
}
