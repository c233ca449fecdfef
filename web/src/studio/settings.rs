//! Model, shape, quality and count, each with what it costs. Prices come from `domain`, never from here.
use crate::ui::prelude::*;
use chrono::{Datelike, NaiveDate};
use lapidary_domain::price::price_per_image;
use lapidary_domain::{Model, Size};

use super::choice::{Choice, count_max, shape, shapes};
use super::fold::Fold;
use super::own_size::OwnSize;
use super::prompt::field_error;
use super::state::Studio;
use crate::gallery::clock::today;
use crate::ui::dynamic::{changing, memo};
use crate::ui::{self, Segmented, format_gems, format_number};

/// Counts offered; more than a row of them helps nobody.
const COUNTS: [u32; 6] = [1, 2, 3, 4, 6, 10];

#[component]
pub fn Settings() -> AnyView {
    let studio = expect_context::<Studio>();
    let chosen = move |value: fn(&Choice) -> String| {
        Signal::derive(move || studio.choice.with(|choice| choice.as_ref().map(value).unwrap_or_default()))
    };
    let options = move |list: fn(&Choice) -> Vec<ui::Choice>| {
        let options = memo(move |_| studio.choice.with(|choice| choice.as_ref().map(list).unwrap_or_default()));
        Signal::from(options)
    };
    let models = Signal::from(memo(move |_| models(studio)));
    let choose = move |change: fn(&mut lapidary_contract::CreateGeneration, String)| {
        Callback::new(move |value: String| studio.choose(|draft| change(draft, value)))
    };
    let model_hint = Signal::derive(move || {
        studio.choice.with(|choice| choice.as_ref().map(|choice| choice.model.name.clone()).unwrap_or_default())
    });
    let has_resolutions = memo(move |_| studio.choice.with(|it| it.as_ref().is_some_and(|it| sizes(it).len() > 1)));
    let resolutions = changing(move || {
        has_resolutions.get().then(|| {
            view! {
                <Segmented
                    legend="Size"
                    choices=options(sizes)
                    chosen=chosen(|choice| choice.size.to_string())
                    on_choose=choose(|draft, value| draft.size = Some(value))
                />
            }
        })
    });
    view! {
        <div class="settings">
            <Segmented
                legend="Shape"
                class="segmented--shapes"
                choices=options(shape_options)
                chosen=chosen(|choice| shape(choice.size))
                on_choose=Callback::new(move |value: String| choose_shape(studio, &value))
            />
            {resolutions}
            <OwnSize />
            <Segmented
                legend="Quality"
                choices=options(qualities)
                chosen=chosen(|choice| choice.quality.clone())
                on_choose=choose(|draft, value| draft.quality = Some(value))
            />
            <Segmented
                legend="Pictures"
                choices=options(counts)
                chosen=chosen(|choice| choice.count.to_string())
                on_choose=choose(|draft, value| draft.count = value.parse().unwrap_or(1))
            />
            <Fold title="Model" hint=model_hint id="models" is_open=RwSignal::new(false)>
                <p class="settings__about">{about_model(studio)}</p>
                <Segmented
                    legend="Model"
                    class="segmented--list"
                    choices=models
                    chosen=chosen(|choice| choice.model.id.clone())
                    on_choose=choose(|draft, value| draft.model = Some(value))
                />
            </Fold>
            <p class="field-error">
                {move || ["/model", "/size", "/quality", "/count"].into_iter().find_map(|it| field_error(studio, it))}
            </p>
        </div>
    }
    .into_any()
}

fn about_model(studio: Studio) -> impl Fn() -> Option<String> + Copy {
    move || studio.choice.with(|choice| choice.as_ref().map(|choice| choice.model.description.clone()))
}

/// Takes the size of the new shape that has nearly as many pixels as the old one.
fn choose_shape(studio: Studio, wanted: &str) {
    let Some(choice) = studio.choice.get_untracked() else { return };
    let shapes = shapes(&choice);
    let sizes = shapes.iter().find(|sizes| sizes.first().is_some_and(|first| shape(*first) == wanted));
    let nearest = sizes.and_then(|sizes| sizes.iter().min_by_key(|size| size.pixels().abs_diff(choice.size.pixels())));
    if let Some(size) = nearest {
        studio.choose(|draft| draft.size = Some(size.to_string()));
    }
}

fn shape_options(choice: &Choice) -> Vec<ui::Choice> {
    let option = |sizes: &Vec<Size>| {
        let smallest = *sizes.first()?;
        let price = price_per_image(&choice.model, &choice.quality, smallest);
        Some(ui::Choice {
            value: shape(smallest),
            label: shape(smallest),
            note: price.map(format_number),
            frame: Some((smallest.width, smallest.height)),
            is_disabled: price.is_none(),
        })
    };
    shapes(choice).iter().filter_map(option).collect()
}

fn models(studio: Studio) -> Vec<ui::Choice> {
    studio.catalogue.with(|known| {
        let models = known.iter().flat_map(|known| known.domain.models.iter());
        models.map(|model| studio.choice.with(|choice| model_option(model, choice.as_ref()))).collect()
    })
}

fn model_option(model: &Model, choice: Option<&Choice>) -> ui::Choice {
    let today = today();
    let price = choice.and_then(|choice| choice.price_with_model(model)).map(format_gems);
    let is_disabled = !model.is_available(today);
    let note = match (model.is_retired(today), model.retires, price) {
        (true, ..) => "retired".to_owned(),
        (false, _, _) if is_disabled => "not yet available".to_owned(),
        (_, Some(day), Some(price)) => format!("{price} · until {}", last_day(day, today)),
        (_, _, price) => price.unwrap_or_default(),
    };
    ui::Choice { value: model.id.clone(), label: model.name.clone(), note: Some(note), frame: None, is_disabled }
}

/// The last day it can be used: `30 Nov`, with the year when it is another one.
fn last_day(retires: NaiveDate, today: NaiveDate) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let day = retires.pred_opt().unwrap_or(retires);
    let month = MONTHS.get(day.month0() as usize).copied().unwrap_or_default();
    let year = if day.year() == today.year() { String::new() } else { format!(" {}", day.year()) };
    format!("{} {month}{year}", day.day())
}

/// The sizes of the chosen shape.
fn sizes(choice: &Choice) -> Vec<ui::Choice> {
    let shapes = shapes(choice);
    let of_shape = shapes.iter().find(|sizes| sizes.contains(&choice.size));
    let option = |size: &Size| {
        let price = price_per_image(&choice.model, &choice.quality, *size);
        ui::Choice {
            value: size.to_string(),
            label: format!("{} × {}", size.width, size.height),
            note: price.map(format_gems),
            frame: None,
            is_disabled: price.is_none(),
        }
    };
    of_shape.into_iter().flatten().map(option).collect()
}

fn qualities(choice: &Choice) -> Vec<ui::Choice> {
    let option = |quality: &String| {
        let price = price_per_image(&choice.model, quality, choice.size);
        ui::Choice {
            value: quality.clone(),
            label: quality_name(quality),
            note: price.map(format_gems),
            frame: None,
            is_disabled: price.is_none(),
        }
    };
    choice.model.qualities.iter().map(option).collect()
}

fn counts(choice: &Choice) -> Vec<ui::Choice> {
    let most = count_max(&choice.model);
    let mut counts: Vec<u32> = COUNTS.into_iter().filter(|count| *count <= most).collect();
    if !counts.contains(&choice.count) {
        counts.insert(counts.partition_point(|count| *count < choice.count), choice.count);
    }
    let each = price_per_image(&choice.model, &choice.quality, choice.size);
    let option = |count: u32| ui::Choice {
        value: count.to_string(),
        label: count.to_string(),
        note: each.map(|gems| format_number(gems * i64::from(count))),
        frame: None,
        is_disabled: false,
    };
    counts.into_iter().map(option).collect()
}

/// The vendors' words, as people write them.
pub fn quality_name(word: &str) -> String {
    if word == "xhigh" {
        return "Extra".to_owned();
    }
    let mut letters = word.chars();
    letters.next().map(|first| std::iter::once(first.to_ascii_uppercase()).chain(letters).collect()).unwrap_or_default()
}
