//! Background and format, where the model can be asked for them. What it can do is said by the catalogue, never here.
use crate::ui::prelude::*;
use lapidary_contract::CreateGeneration;

use super::choice::Choice;
use super::prompt::field_error;
use super::state::Studio;
use crate::ui::dynamic::{changing, memo};
use crate::ui::{self, Segmented};

const AUTO: &str = "auto";

#[component]
pub fn Options() -> AnyView {
    let studio = expect_context::<Studio>();
    let row = move |legend: &'static str,
                    list: fn(&Choice, &CreateGeneration) -> Vec<ui::Choice>,
                    chosen: fn(&Choice, &CreateGeneration) -> String,
                    change: fn(&mut CreateGeneration, Option<String>)| {
        let options = memo(move |_| of_choice(studio, list));
        let chosen = Signal::derive(move || of_choice(studio, chosen));
        let on_choose = Callback::new(move |value: String| {
            studio.choose(|draft| change(draft, Some(value).filter(|value| value != AUTO)));
        });
        changing(move || {
            let is_offered = options.with(|options| options.len() > 1);
            is_offered.then(|| view! { <Segmented legend choices=options chosen on_choose /> })
        })
    };
    let error = move || ["/background", "/output_format"].into_iter().find_map(|at| field_error(studio, at));
    view! {
        <div class="settings">
            {row(
                "Background",
                backgrounds,
                |_, draft| draft.background.clone().unwrap_or_else(|| AUTO.to_owned()),
                |draft, value| draft.background = value,
            )}
            {row("File", formats, format_of, |draft, value| draft.output_format = value)}
            <p class="field-error">{error}</p>
        </div>
    }
    .into_any()
}

fn of_choice<T: Default>(studio: Studio, of: fn(&Choice, &CreateGeneration) -> T) -> T {
    studio
        .choice
        .with(|choice| {
            let choice = choice.as_ref()?;
            Some(studio.draft.with(|draft| of(choice, draft)))
        })
        .unwrap_or_default()
}

fn option(value: &str, label: &str, note: Option<&str>, is_disabled: bool) -> ui::Choice {
    let note = note.map(str::to_owned);
    ui::Choice { value: value.to_owned(), label: label.to_owned(), note, frame: None, is_disabled }
}

/// One background is none to choose.
fn backgrounds(choice: &Choice, _: &CreateGeneration) -> Vec<ui::Choice> {
    let known = &choice.model.backgrounds;
    if known.len() < 2 {
        return Vec::new();
    }
    let one = |name: &String| match name.as_str() {
        "transparent" => option(name, "Transparent", None, false),
        _ => option(name, "Filled", None, false),
    };
    std::iter::once(option(AUTO, "As it fits", None, false)).chain(known.iter().map(one)).collect()
}

fn formats(choice: &Choice, draft: &CreateGeneration) -> Vec<ui::Choice> {
    let is_transparent = draft.background.as_deref() == Some("transparent");
    let one = |name: &String| match name.as_str() {
        "png" => option(name, "PNG", Some("exact"), false),
        "webp" => option(name, "WebP", Some("small"), false),
        "jpeg" => {
            option(name, "JPEG", Some(if is_transparent { "not see-through" } else { "everywhere" }), is_transparent)
        }
        other => option(other, other, None, false),
    };
    choice.model.output_formats.iter().map(one).collect()
}

fn format_of(choice: &Choice, draft: &CreateGeneration) -> String {
    draft.output_format.clone().or_else(|| choice.model.output_formats.first().cloned()).unwrap_or_default()
}
