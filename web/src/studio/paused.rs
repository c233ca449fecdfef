//! One note while a provider does not deliver, instead of a failure at every tile: which model, why, what happens to
//! what waits, when it is tried again, and which other model works. Goes by itself.
use lapidary_contract::PausedModel;

use super::state::Studio;
use super::words;
use crate::gallery::clock::today;
use crate::ui::dynamic::{changing, memo};
use crate::ui::prelude::*;
use crate::ui::{Button, Glyph, Icon};

pub fn paused_note(studio: Studio) -> AnyView {
    let paused = memo(move |_| studio.status.with(|status| status.paused.clone()));
    let note = changing(move || {
        let paused = paused.get();
        // Until it is there a model has only its id.
        studio.catalogue.track();
        (!paused.is_empty()).then(|| note(studio, &paused))
    });
    view! { <div class="paused" role="status">{note}</div> }.into_any()
}

fn note(studio: Studio, paused: &[PausedModel]) -> AnyView {
    let names: Vec<String> = paused.iter().map(|paused| studio.model_name(&paused.model)).collect();
    let title = match names.as_slice() {
        [one] => format!("{one} does not deliver right now"),
        [one, other] => format!("{one} and {other} do not deliver right now"),
        // A provider has many models: their names would hide what is said.
        [first, rest @ ..] => format!("{first} and {} more models do not deliver right now", rest.len()),
        [] => String::new(),
    };
    let why = paused.first().map(|paused| paused.message.clone());
    let next = paused.iter().map(|paused| paused.next_try_at.timestamp()).min().unwrap_or_default();
    // Not part of what is announced: it changes every few seconds.
    let when = changing(move || match next - studio.clock.get() {
        left if left > 0 => format!(" It is tried again in about {}.", words::roughly(left)),
        _ => " It is being tried again now.".to_owned(),
    });
    view! {
        <div class="note note--paused">
            <Icon glyph=Glyph::Warning />
            <div class="note__body">
                <p class="note__title">{title}</p>
                <p>
                    {why}
                    <span aria-live="off">{when}</span>
                </p>
                {other_model(studio)}
            </div>
        </div>
    }
    .into_any()
}

/// Offered while the chosen model is one that waits and another one does not.
fn other_model(studio: Studio) -> AnyView {
    let other = memo(move |_| {
        let chosen = studio.choice.with(|choice| choice.as_ref().map(|choice| choice.model.id.clone()))?;
        if !studio.is_paused(&chosen) {
            return None;
        }
        studio.catalogue.with(|known| {
            let mut models = known.as_ref()?.domain.models.iter();
            let other = models.find(|model| model.is_available(today()) && !studio.is_paused(&model.id))?;
            Some((other.id.clone(), other.name.clone()))
        })
    });
    changing(move || {
        other.get().map(|(id, name)| {
            let choose = Callback::new(move |()| {
                let id = id.clone();
                studio.choose(|draft| draft.model = Some(id));
                studio.focus_prompt();
            });
            view! { <Button on_press=choose>{format!("Use {name} meanwhile")}</Button> }
        })
    })
}
