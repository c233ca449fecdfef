//! A size of one's own, where the model takes any: two fields, the rule in words, and the nearest size that is allowed.
use lapidary_domain::Size;
use lapidary_domain::catalogue::FreeSize;
use lapidary_domain::price::price_per_image;

use super::choice::Choice;
use super::fold::Fold;
use super::state::Studio;
use crate::parts;
use crate::ui::dynamic::{changing, effect, memo};
use crate::ui::field::Field;
use crate::ui::prelude::*;
use crate::ui::{Button, format_gems, format_number};

#[component]
pub fn OwnSize() -> AnyView {
    let studio = expect_context::<Studio>();
    let rule = memo(move |_| studio.choice.with(|choice| choice.as_ref()?.model.free_size.clone()));
    changing(move || rule.get().map(|rule| fold(studio, rule)))
}

fn fold(studio: Studio, rule: FreeSize) -> AnyView {
    let own = memo(move |_| {
        let of = |choice: &Choice| (!choice.model.sizes.contains(&choice.size)).then_some(choice.size);
        studio.choice.with(|choice| choice.as_ref().and_then(of))
    });
    let hint = Signal::derive(move || match own.get() {
        Some(size) => format!("{} × {}", size.width, size.height),
        None => "any width and height".to_owned(),
    });
    let is_open = RwSignal::new(own.with_untracked(Option::is_some));
    let rule = StoredValue::new(rule);
    view! {
        <Fold title="Own size" hint id="own-size" is_open>
            {parts::unfolded(is_open, move |it| (it.studio.own_size)(studio, rule.get_value()))}
        </Fold>
    }
    .into_any()
}

/// What is in the fields: nothing, a size, or what cannot be one.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    Nothing,
    NoNumbers,
    Size(Size),
}

fn wanted(width: &str, height: &str) -> Wanted {
    let number = |text: &str| text.trim().parse::<u32>().ok().filter(|number| *number > 0);
    match (width.trim(), height.trim(), number(width), number(height)) {
        ("", ..) | (_, "", ..) => Wanted::Nothing,
        (_, _, Some(width), Some(height)) => Wanted::Size(Size { width, height }),
        _ => Wanted::NoNumbers,
    }
}

pub fn fields(studio: Studio, rule: FreeSize) -> AnyView {
    let (width, height) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let size = memo(move |_| studio.choice.with(|choice| choice.as_ref().map(|choice| choice.size)));
    effect(move |_| {
        if let Some(size) = size.get() {
            width.set(size.width.to_string());
            height.set(size.height.to_string());
        }
    });
    let wanted = memo(move |_| width.with(|width| height.with(|height| wanted(width, height))));
    let words = in_words(&rule);
    let offer = {
        let rule = rule.clone();
        changing(move || offer(studio, &rule, wanted.get()))
    };
    view! {
        <p class="settings__about" id="own-size-rule">{words}</p>
        <div class="own-size">
            <Field id="own-width" label="Width" value=width hint="pixels" is_number=true />
            <Field id="own-height" label="Height" value=height hint="pixels" is_number=true />
        </div>
        <div class="own-size__offer" role="status">{offer}</div>
    }
    .into_any()
}

fn in_words(rule: &FreeSize) -> String {
    let number = |pixels: u64| format_number(i64::try_from(pixels).unwrap_or(i64::MAX));
    format!(
        "Both divisible by {}, neither above {}, the longer at most {} times the shorter, {} to {} pixels in all.",
        rule.multiple,
        number(u64::from(rule.edge_max)),
        rule.ratio_max,
        number(rule.pixels_min),
        number(rule.pixels_max)
    )
}

/// The size as it is asked for, or the nearest that can be made, with what it costs.
fn offer(studio: Studio, rule: &FreeSize, wanted: Wanted) -> AnyView {
    let asked = match wanted {
        Wanted::Nothing => return ().into_any(),
        Wanted::NoNumbers => return "A width and a height are whole numbers of pixels.".into_any(),
        Wanted::Size(size) => size,
    };
    let Some(near) = studio.choice.with(|choice| {
        let model = &choice.as_ref()?.model;
        if model.allows_size(asked) { Some(asked) } else { rule.nearest(asked) }
    }) else {
        return "No size near this one can be made.".into_any();
    };
    let price = studio.choice.with(|choice| {
        let Choice { model, quality, .. } = choice.as_ref()?;
        price_per_image(model, quality, near)
    });
    if studio.choice.with(|choice| choice.as_ref().is_some_and(|choice| choice.size == near)) && near == asked {
        return price.map_or_else(String::new, |gems| format!("Chosen: {} a picture.", format_gems(gems))).into_any();
    }
    let take = Callback::new(move |()| studio.choose(|draft| draft.size = Some(near.to_string())));
    let price = price.map_or_else(|| "no price".to_owned(), format_gems);
    let why = (near != asked).then_some("That cannot be made; the nearest that can: ");
    view! {
        {why}
        <Button on_press=take>{format!("Use {} × {} · {price}", near.width, near.height)}</Button>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_a_size_or_not_yet() {
        assert!(wanted("", "5") == Wanted::Nothing);
        assert!(wanted("ten", "5") == Wanted::NoNumbers);
        assert!(wanted("0", "5") == Wanted::NoNumbers);
        assert!(wanted(" 1280", "720 ") == Wanted::Size(Size { width: 1280, height: 720 }));
    }
}
