//! A labelled line of text with its hint and its error, tied together for screen readers.
use crate::ui::prelude::*;

#[component]
pub fn Field(
    #[prop(into)] label: String,
    /// Unique in the document.
    #[prop(into)]
    id: String,
    value: RwSignal<String>,
    #[prop(optional, into)] hint: String,
    #[prop(optional, into)] error: Signal<Option<String>>,
    #[prop(optional, into)] autocomplete: Option<String>,
    /// A phone shows digits to write it with.
    #[prop(optional)]
    is_number: bool,
    /// Characters.
    #[prop(optional)]
    max_length: Option<usize>,
) -> AnyView {
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
    let described_by = format!("{hint_id} {error_id}");
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input
                id=id
                type="text"
                autocomplete=autocomplete
                inputmode=is_number.then_some("numeric")
                maxlength=max_length.map(|max| max.to_string())
                aria-describedby=described_by
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                prop:value=value
                on:input=move |event| value.set(event_target_value(&event))
            />
            <p id=hint_id class="field__hint">{hint}</p>
            <p id=error_id class="field__error" aria-live="polite">{move || error.get()}</p>
        </div>
    }
    .into_any()
}
