//! Holds the shipped catalogue to its promises (complete, never below cost, alive after the next switch-off),
//! and the rules of catalogues to theirs.
use chrono::NaiveDate;
use lapidary_domain::price::{Wanted, band, price, price_per_image};
use lapidary_domain::{Catalogue, Model, Size};
use proptest::prelude::*;

fn shipped() -> Catalogue {
    toml::from_str(include_str!("../../../api/catalogue.toml")).expect("the shipped catalogue is valid TOML")
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn today() -> NaiveDate {
    day("2026-11-23")
}

fn size(text: &str) -> Size {
    text.parse().expect("a size")
}

/// The largest size a model takes, by pixels.
fn largest(model: &Model) -> u64 {
    let listed = model.sizes.iter().map(|size| size.pixels()).max().unwrap_or(0);
    model.free_size.as_ref().map_or(listed, |rule| rule.pixels_max.max(listed))
}

fn wanted(quality: &str, size: Size, count: u32) -> Wanted<'_> {
    Wanted { quality, size, count, references: 0 }
}

#[test]
fn the_shipped_catalogue_has_no_fault_today_nor_after_the_next_switch_off() {
    for date in ["2026-11-23", "2026-11-30", "2026-12-01", "2026-12-02", "2027-06-01"] {
        assert_eq!(shipped().faults(day(date)), Vec::<String>::new(), "{date}");
    }
}

#[test]
fn every_quality_of_every_model_has_a_price_at_every_listed_size() {
    for model in &shipped().models {
        for quality in &model.qualities {
            for size in &model.sizes {
                assert!(price_per_image(model, quality, *size).is_some(), "{} {quality} {size}", model.id);
            }
        }
    }
}

#[test]
fn every_allowed_free_size_is_covered_by_a_price() {
    for model in &shipped().models {
        for quality in &model.qualities {
            let covered = model.prices.iter().filter(|price| price.quality == *quality).map(|price| price.up_to_pixels);
            assert!(covered.max() >= Some(largest(model)), "{} {quality}", model.id);
        }
    }
}

#[test]
fn a_shipped_price_is_never_below_the_providers_cost_at_the_cheapest_gem() {
    let catalogue = shipped();
    assert!(!catalogue.packs.is_empty());
    for pack in &catalogue.packs {
        assert_eq!(pack.currency, "usd", "costs are compared in US dollars");
        for model in &catalogue.models {
            for price in &model.prices {
                // gems × (amount cents ÷ pack gems) × 10,000 microusd ≥ cost × 1.4, multiplied out: no fractions.
                let earned = price.gems * pack.amount * 10_000 * 10;
                assert!(price.cost_microusd > 0, "{} {price:?} says no cost", model.id);
                assert!(earned >= price.cost_microusd * pack.gems * 14, "{} {price:?} in {}", model.id, pack.id);
                // With every partial image still a tenth above the cost.
                let cost = lapidary_domain::price::cost_microusd(model, price);
                assert!(earned >= cost * pack.gems * 11, "{} {price:?} with its partial images", model.id);
            }
        }
    }
}

#[test]
fn reading_references_never_costs_more_than_their_price() {
    let catalogue = shipped();
    let edits: Vec<_> = catalogue.models.iter().filter_map(|model| Some((model, model.edits?))).collect();
    assert!(edits.iter().any(|(model, _)| model.id == catalogue.default_model));
    for pack in &catalogue.packs {
        for (model, edits) in &edits {
            assert!(edits.reference_cost_microusd > 0, "{} says no cost", model.id);
            let earned = edits.reference_gems * pack.amount * 10_000 * 10;
            assert!(earned >= edits.reference_cost_microusd * pack.gems * 14, "{} in {}", model.id, pack.id);
            // Sixteen of them, for each image: as the charge is made.
            let row = &model.prices[0];
            let asked = Wanted { quality: &row.quality, size: model.default_size, count: 3, references: 16 };
            let without = Wanted { references: 0, ..asked };
            let more = price(model, &asked, "").expect("a price") - price(model, &without, "").expect("a price");
            assert_eq!(more, 3 * 16 * edits.reference_gems);
        }
    }
}

#[test]
fn more_pixels_or_a_higher_quality_never_cost_less() {
    for model in &shipped().models {
        let mut edges: Vec<u64> = model.prices.iter().map(|price| price.up_to_pixels).collect();
        edges.sort_unstable();
        edges.dedup();
        let mut cheaper = vec![0; edges.len()];
        for quality in &model.qualities {
            let row: Vec<i64> = edges
                .iter()
                .map(|edge| {
                    let found =
                        model.prices.iter().find(|price| price.quality == *quality && price.up_to_pixels == *edge);
                    found.unwrap_or_else(|| panic!("{} {quality} has no row up to {edge}", model.id)).gems
                })
                .collect();
            assert!(row.is_sorted(), "{} {quality}: {row:?}", model.id);
            assert!(row.iter().zip(&cheaper).all(|(gems, below)| gems >= below), "{} {quality}: {row:?}", model.id);
            cheaper = row;
        }
    }
}

#[test]
fn the_published_costs_of_single_sizes_are_within_what_we_reckon_with() {
    let catalogue = shipped();
    let published = [
        ("gpt-image-2.5-flare", "low", "1024x1024", 5_880),
        ("gpt-image-2.5-flare", "medium", "1024x1024", 13_170),
        ("gpt-image-2.5-sunburst", "high", "1024x1024", 52_680),
        ("gpt-image-2.5-sunburst", "max", "1024x1536", 164_640),
        ("gpt-image-2.5-flare", "high", "2560x1440", 55_290),
        ("gpt-image-2.5-flare", "max", "3840x2160", 400_260),
        ("gpt-image-2", "high", "1024x1024", 211_000),
        ("gpt-image-2", "low", "1024x1024", 6_000),
        ("gpt-image-1.5", "high", "1024x1536", 200_000),
        ("gpt-image-1-mini", "medium", "1024x1024", 11_000),
    ];
    for (model, quality, wanted, cost_microusd) in published {
        let found = band(catalogue.model(model).expect(model), quality, size(wanted)).expect(wanted);
        assert!(found.cost_microusd >= cost_microusd, "{model} {quality} {wanted}");
    }
}

#[test]
fn welcome_gems_are_enough_for_several_pictures_as_they_come() {
    let catalogue = shipped();
    let model = catalogue.resolve(&catalogue.default_model, today()).expect("a default");
    let gems = price(model, &wanted(&model.default_quality, model.default_size, 1), "").expect("a price");
    assert!((3..=8).contains(&gems), "{gems}");
    assert!(catalogue.welcome_gems / gems >= 6);
}

#[test]
fn there_are_sections_enough_to_choose_from() {
    let catalogue = shipped();
    assert!(catalogue.sections.len() >= 14);
    for section in &catalogue.sections {
        assert!(section.values.len() >= 12, "{}", section.name);
        assert!(!section.hint.is_empty() && !section.hint.contains('\n'), "{}", section.name);
        for text in section.values.iter().chain([&section.name, &section.hint]) {
            assert_eq!(text.trim(), text);
            assert!(!text.starts_with(|first: char| first.is_lowercase()), "{text} is not in sentence case");
        }
    }
}

#[test]
fn a_retired_model_answers_with_its_replacement() {
    let catalogue = shipped();
    let answers = |id: &str, date: &str| catalogue.resolve(id, day(date)).map(|model| model.id.clone());
    for (id, date, expected) in [
        ("dall-e-3", "2026-11-23", "gpt-image-2.5-flare"),
        ("gpt-image-1", "2026-11-23", "gpt-image-2.5-sunburst"),
        ("gpt-image-1", "2026-10-22", "gpt-image-1"),
        ("gpt-image-1.5-2025-12-16", "2026-11-30", "gpt-image-1.5"),
        ("gpt-image-1.5-2025-12-16", "2026-12-01", "gpt-image-2.5-flare"),
        ("chatgpt-image-latest", "2026-12-02", "gpt-image-2.5-flare"),
        ("gpt-image-2-2026-04-21", "2026-12-02", "gpt-image-2"),
    ] {
        assert_eq!(answers(id, date).as_deref(), Some(expected), "{id} on {date}");
    }
    assert_eq!(answers("gpt-image-9", "2026-11-23"), None);
}

/// The shipped catalogue with a line of replacements: 0 → 1 → 2 …, all retired but those in `alive`.
fn line_of(length: usize, alive: &[usize], last_leads_to: Option<usize>) -> Catalogue {
    let mut catalogue = shipped();
    let model = catalogue.models[0].clone();
    let replacement = |index: usize| if index + 1 < length { Some(index + 1) } else { last_leads_to };
    catalogue.models = (0..length)
        .map(|index| Model {
            id: format!("m{index}"),
            aliases: vec![format!("alias-{index}")],
            retires: (!alive.contains(&index)).then(|| day("2026-01-01")),
            replacement: replacement(index).map(|next| format!("m{next}")),
            ..model.clone()
        })
        .collect();
    catalogue.default_model = "m0".to_owned();
    catalogue
}

#[test]
fn a_line_of_replacements_is_followed_to_the_first_that_lives() {
    let catalogue = line_of(6, &[4, 5], None);
    assert_eq!(catalogue.resolve("alias-0", today()).map(|model| model.id.as_str()), Some("m4"));
    assert_eq!(catalogue.resolve("m5", today()).map(|model| model.id.as_str()), Some("m5"));
    assert_eq!(catalogue.faults(today()), Vec::<String>::new());
}

#[test]
fn a_circle_of_replacements_ends_and_is_a_fault() {
    let catalogue = line_of(3, &[], Some(0));
    assert_eq!(catalogue.resolve("m1", today()), None);
    let faults = catalogue.faults(today());
    assert!(faults.iter().any(|fault| fault.contains("default_model \"m0\"")), "{faults:?}");
    assert!(faults.iter().any(|fault| fault.contains("model \"m1\": its replacements lead to no model")), "{faults:?}");
}

#[test]
fn a_model_that_is_not_available_yet_is_not_used() {
    let mut catalogue = shipped();
    catalogue.models[0].available = Some(day("2026-11-24"));
    assert_eq!(catalogue.resolve("gpt-image-2.5-flare", today()), None);
    assert!(catalogue.resolve("gpt-image-2.5-flare", day("2026-11-24")).is_some());
}

#[test]
fn each_fault_is_named() {
    type Spoil = fn(&mut Catalogue);
    let spoilt: [(Spoil, &str); 22] = [
        (|it| it.version = " ".to_owned(), "version is empty"),
        (|it| it.welcome_gems = -1, "welcome_gems is below zero"),
        (|it| it.refinement_gems = 0, "refinement_gems is not 1 to 1000000"),
        (|it| it.default_model = "nobody".to_owned(), "default_model \"nobody\""),
        (|it| it.models[1].aliases = vec!["gpt-image-2".to_owned()], "\"gpt-image-2\" names two models"),
        (|it| it.models[0].default_quality = "best".to_owned(), "default_quality"),
        (|it| it.models[0].default_size = Size { width: 1, height: 1 }, "default_size"),
        (|it| it.models[0].count_max = 0, "count_max"),
        (|it| it.models[0].prices[0].gems = 0, "a price is not between"),
        (|it| it.models[0].prices[0].gems = i64::MAX, "a price is not between"),
        (|it| it.models[0].prices[1].up_to_pixels = it.models[0].prices[0].up_to_pixels, "two prices"),
        (|it| it.models[0].prices[0].quality = "lowest".to_owned(), "\"lowest\", which is not one of its qualities"),
        (
            |it| it.models[0].prices.retain(|price| price.quality != "high"),
            "no price for quality \"high\" at 1024x1024",
        ),
        (|it| it.models[5].replacement = None, "retires needs a replacement"),
        (|it| it.models[5].replacement = Some("nobody".to_owned()), "replacement is not in the catalogue"),
        (|it| it.sections[0].values.push("x".repeat(121)), "too long"),
        (|it| it.packs[0].gems = 0, "pack \"pouch\""),
        (|it| it.models[0].backgrounds.push("opaque".to_owned()), "backgrounds are"),
        (|it| it.models[0].output_formats.push("gif".to_owned()), "output_formats are"),
        (|it| it.models[0].edits.as_mut().expect("edits").references_max = 17, "references_max from 1 to 16"),
        (|it| it.models[0].edits.as_mut().expect("edits").reference_gems = 0, "reference_gems from 1"),
        (|it| it.models[0].edits.as_mut().expect("edits").reference_cost_microusd = -1, "not below zero"),
    ];
    for (spoil, expected) in spoilt {
        let mut catalogue = shipped();
        spoil(&mut catalogue);
        let faults = catalogue.faults(today());
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{expected}: {faults:?}");
    }
}

#[test]
fn a_rule_for_free_sizes_that_divides_by_zero_is_a_fault_and_no_crash() {
    let mut catalogue = shipped();
    let model = &mut catalogue.models[0];
    model.free_size.as_mut().expect("a rule").multiple = 0;
    model.default_size = size("1600x1600");
    assert!(catalogue.faults(today()).iter().any(|fault| fault.contains("free_size needs multiple")));
}

proptest! {
    #[test]
    fn a_free_size_that_is_allowed_keeps_every_rule_and_has_a_price(across in 1u32..300, down in 1u32..300, off in 0u32..16) {
        let catalogue = shipped();
        let model = &catalogue.models[0];
        let asked = Size { width: across * 16 + off, height: down * 16 };
        let (long, short) = (asked.width.max(asked.height), asked.width.min(asked.height));
        let keeps = off == 0 && long <= 3840 && long <= 3 * short && (655_360..=8_294_400).contains(&asked.pixels());
        prop_assert_eq!(model.allows_size(asked), keeps, "{}", asked);
        prop_assert_eq!(model.allows_size(Size { width: asked.height, height: asked.width }), keeps);
        if keeps {
            for quality in &model.qualities {
                prop_assert!(price_per_image(model, quality, asked).is_some(), "{} {}", asked, quality);
            }
        }
    }

    #[test]
    fn a_larger_picture_never_costs_less(a in 1u32..=2880, b in 1u32..=2880, quality in 0usize..5, count in 1u32..=10) {
        let catalogue = shipped();
        let model = &catalogue.models[0];
        let quality = &model.qualities[quality];
        let square = |edge: u32| Size { width: edge, height: edge };
        let (small, large) = (square(a.min(b)), square(a.max(b)));
        let (less, more) = (price(model, &wanted(quality, small, count), ""), price(model, &wanted(quality, large, count), ""));
        prop_assert!(less.is_some() && less <= more);
        prop_assert_eq!(less, price(model, &wanted(quality, small, 1), "").map(|gems| gems * i64::from(count)));
    }

    #[test]
    fn beyond_the_last_band_there_is_no_price(edge in 2881u32..20_000) {
        let catalogue = shipped();
        prop_assert_eq!(price(&catalogue.models[0], &wanted("low", Size { width: edge, height: edge }, 1), ""), None);
    }
}

#[test]
fn reading_a_prompt_never_costs_more_than_the_price_leaves() {
    // No script needs more tokens than two for three bytes; a million text tokens cost 5 USD.
    let reading_microusd = |bytes: usize| i64::try_from(bytes * 2 / 3).expect("few") * 5;
    let catalogue = shipped();
    // 39.99 USD for 4,000 gems, in hundredths of a microusd.
    let gem = 999_750;
    for model in catalogue.models.iter().filter(|model| model.is_available(today())) {
        let rule = model.prompt_surcharge.expect("a live model charges for long prompts");
        for price in &model.prices {
            for surcharge in 0..8_usize {
                let bytes = rule.included_bytes + surcharge * rule.bytes_per_gem;
                let text = "x".repeat(bytes);
                let gems = price.gems + lapidary_domain::price::prompt_surcharge(model, &text);
                assert_eq!(gems, price.gems + i64::try_from(surcharge).expect("few"));
                let cost = lapidary_domain::price::cost_microusd(model, price);
                assert!(gems * gem >= (cost + reading_microusd(bytes)) * 100, "{}: {price:?}", model.id);
            }
        }
    }
}
