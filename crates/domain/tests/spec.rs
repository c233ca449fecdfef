//! What a person asks for is either refused with everything that is wrong, or made exactly as asked.
use chrono::NaiveDate;
use lapidary_domain::ViolationCode::{
    ContainsNul, Duplicate, NoPrice, NotAvailable, OutOfRange, Required, TooLong, TooMany, Unknown,
};
use lapidary_domain::{Attribute, Catalogue, GenerationInput, GenerationSpec, Violation, ViolationCode};
use proptest::prelude::*;

fn shipped() -> Catalogue {
    toml::from_str(include_str!("../../../api/catalogue.toml")).expect("the shipped catalogue is valid TOML")
}

fn today() -> NaiveDate {
    "2026-11-23".parse().expect("a date")
}

const FOX: GenerationInput<'static> = GenerationInput {
    prompt: "A fox in the snow",
    attributes: &[],
    composed_prompt: None,
    model: None,
    size: None,
    quality: None,
    count: 1,
    background: None,
    output_format: None,
    references: 0,
    has_mask: false,
};

fn parse(input: &GenerationInput<'_>) -> Result<GenerationSpec, Vec<Violation>> {
    GenerationSpec::parse(input, &shipped(), today())
}

#[track_caller]
fn refused(input: &GenerationInput<'_>, pointer: &str, code: ViolationCode) {
    assert_eq!(parse(input), Err(vec![Violation::new(pointer, code)]));
}

/// A catalogue whose default model reads at most `prompt_max` characters.
fn short_sighted(prompt_max: usize) -> Catalogue {
    let mut catalogue = shipped();
    catalogue.models[0].prompt_max = prompt_max;
    catalogue
}

#[test]
fn what_is_left_to_us_is_resolved_before_the_price() {
    let left_out = parse(&FOX).expect("a spec");
    let auto = parse(&GenerationInput { model: Some("auto"), size: Some("auto"), quality: Some("auto"), ..FOX })
        .expect("a spec");
    assert_eq!(left_out, auto);
    assert_eq!((auto.model.as_str(), auto.quality.as_str()), ("gpt-image-2.5-flare", "medium"));
    assert_eq!(auto.size.to_string(), "1024x1024");
    assert_eq!((auto.share_gems, auto.price_gems()), (3, 3));
}

#[test]
fn each_picture_has_its_share_of_the_price() {
    let asked = GenerationInput { quality: Some("high"), size: Some("2048x1152"), count: 4, ..FOX };
    let spec = parse(&asked).expect("a spec");
    assert_eq!((spec.share_gems, spec.price_gems()), (11, 44));
}

#[test]
fn a_retired_or_dated_name_is_made_by_the_model_that_answers_for_it() {
    for (asked, answers) in [
        ("dall-e-3", "gpt-image-2.5-flare"),
        ("gpt-image-1", "gpt-image-2.5-sunburst"),
        ("gpt-image-2.5-sunburst-2026-09-08", "gpt-image-2.5-sunburst"),
    ] {
        assert_eq!(parse(&GenerationInput { model: Some(asked), ..FOX }).expect(asked).model, answers);
    }
}

#[test]
fn an_unknown_model_is_refused() {
    for model in ["gpt-image-9", "", "GPT-IMAGE-2", " gpt-image-2"] {
        refused(&GenerationInput { model: Some(model), ..FOX }, "/model", Unknown);
    }
}

#[test]
fn a_size_the_model_cannot_draw_is_refused() {
    for size in ["", "big", "1024", "1024X1024", "1024x-1024", "01024x1024", "1024x1024x1024", "１０２４x1024"] {
        refused(&GenerationInput { size: Some(size), ..FOX }, "/size", Unknown);
    }
    for size in ["1000x1000", "512x512", "4096x1024", "3840x3840", "3072x1008", "99999x99999"] {
        refused(&GenerationInput { size: Some(size), ..FOX }, "/size", NotAvailable);
    }
    let old = GenerationInput { model: Some("gpt-image-1.5"), size: Some("2048x2048"), ..FOX };
    refused(&old, "/size", NotAvailable);
}

#[test]
fn a_quality_the_model_does_not_have_is_refused() {
    for quality in ["hd", "standard", "High", ""] {
        refused(&GenerationInput { quality: Some(quality), ..FOX }, "/quality", NotAvailable);
    }
    refused(&GenerationInput { model: Some("gpt-image-2"), quality: Some("max"), ..FOX }, "/quality", NotAvailable);
}

#[test]
fn a_count_of_none_or_eleven_is_refused() {
    for count in [0, 11, u32::MAX] {
        refused(&GenerationInput { count, ..FOX }, "/count", OutOfRange);
    }
    assert_eq!(parse(&GenerationInput { count: 10, ..FOX }).expect("ten").price_gems(), 30);
}

#[test]
fn a_models_own_count_holds_below_ours() {
    let mut catalogue = shipped();
    catalogue.models[0].count_max = 1;
    let parsed = GenerationSpec::parse(&GenerationInput { count: 2, ..FOX }, &catalogue, today());
    assert_eq!(parsed, Err(vec![Violation::new("/count", OutOfRange)]));
}

#[test]
fn an_empty_prompt_is_refused() {
    for prompt in ["", "   ", "\n\t\u{3000}"] {
        refused(&GenerationInput { prompt, ..FOX }, "/prompt", Required);
    }
    refused(&GenerationInput { composed_prompt: Some(" "), ..FOX }, "/composed_prompt", Required);
}

#[test]
fn the_character_that_cannot_be_stored_is_refused_wherever_it_stands() {
    refused(&GenerationInput { prompt: "a\0b", ..FOX }, "/prompt", ContainsNul);
    refused(&GenerationInput { composed_prompt: Some("a\0"), ..FOX }, "/composed_prompt", ContainsNul);
    let attributes = [Attribute::new("Light", "Golden hour"), Attribute::new("Mo\0od", "Se\0rene")];
    let expected = ["/attributes/1/section", "/attributes/1/value"].map(|at| Violation::new(at, ContainsNul));
    assert_eq!(parse(&GenerationInput { attributes: &attributes, ..FOX }), Err(expected.to_vec()));
}

#[test]
fn lengths_count_characters_and_not_bytes() {
    for character in ["a", "ж", "雪", "ش", "🦊"] {
        let fits = character.repeat(4_000);
        assert_eq!(parse(&GenerationInput { prompt: &fits, ..FOX }).expect(character).composed_prompt, fits);
        refused(&GenerationInput { prompt: &character.repeat(4_001), ..FOX }, "/prompt", TooLong);
    }
    // One family is seven scalar values for one picture on the screen.
    refused(&GenerationInput { prompt: &"👨‍👩‍👧‍👦".repeat(572), ..FOX }, "/prompt", TooLong);
}

#[test]
fn a_composed_prompt_is_bounded_by_what_the_model_reads() {
    let fits = "🦊".repeat(32_000);
    let input = GenerationInput { composed_prompt: Some(&fits), ..FOX };
    assert_eq!(parse(&input).expect("it fits").composed_prompt, fits);
    refused(&GenerationInput { composed_prompt: Some(&"a".repeat(32_001)), ..FOX }, "/composed_prompt", TooLong);

    let verbatim = "a".repeat(1_001);
    let input = GenerationInput { composed_prompt: Some(&verbatim), ..FOX };
    let parsed = GenerationSpec::parse(&input, &short_sighted(1_000), today());
    assert_eq!(parsed, Err(vec![Violation::new("/composed_prompt", TooLong)]));
}

#[test]
fn a_prompt_that_fits_alone_is_refused_when_its_attributes_make_it_too_long() {
    let prompt = "a".repeat(990);
    let catalogue = short_sighted(1_000);
    let alone = GenerationInput { prompt: &prompt, ..FOX };
    assert!(GenerationSpec::parse(&alone, &catalogue, today()).is_ok());
    let attributes = [Attribute::new("Light", "Golden hour")];
    let parsed = GenerationSpec::parse(&GenerationInput { attributes: &attributes, ..alone }, &catalogue, today());
    assert_eq!(parsed, Err(vec![Violation::new("/prompt", TooLong)]), "refused, and never cut");
}

#[test]
fn forty_attributes_are_taken_and_forty_one_are_not() {
    let many: Vec<_> = (0..41).map(|index| Attribute::new("Mood", format!("shade {index}"))).collect();
    assert_eq!(parse(&GenerationInput { attributes: &many[..40], ..FOX }).expect("forty").attributes.len(), 40);
    refused(&GenerationInput { attributes: &many, ..FOX }, "/attributes", TooMany);
}

#[test]
fn an_attribute_chosen_twice_is_refused_where_it_stands_again() {
    let twice = [("Light", "Golden hour"), ("Mood", "Serene"), (" Light ", "Golden hour ")]
        .map(|(section, value)| Attribute::new(section, value));
    refused(&GenerationInput { attributes: &twice, ..FOX }, "/attributes/2", Duplicate);
}

#[test]
fn an_attribute_is_refused_by_its_member() {
    let long = |length| "光".repeat(length);
    for (attribute, pointer, code) in [
        (Attribute::new("", "Serene"), "/attributes/0/section", Required),
        (Attribute::new("Mood", " "), "/attributes/0/value", Required),
        (Attribute::new(long(61), "Serene"), "/attributes/0/section", TooLong),
        (Attribute::new("Mood", long(121)), "/attributes/0/value", TooLong),
    ] {
        refused(&GenerationInput { attributes: &[attribute], ..FOX }, pointer, code);
    }
    let fits = [Attribute::new(long(60), long(120))];
    assert!(parse(&GenerationInput { attributes: &fits, ..FOX }).is_ok());
}

#[test]
fn a_missing_price_is_a_refusal_and_never_free() {
    let mut catalogue = shipped();
    catalogue.models[0].prices.retain(|price| price.up_to_pixels < 8_000_000);
    let input = GenerationInput { size: Some("3840x2160"), ..FOX };
    let parsed = GenerationSpec::parse(&input, &catalogue, today());
    assert_eq!(parsed, Err(vec![Violation::new("/size", NoPrice)]));
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let input = GenerationInput {
        prompt: "",
        attributes: &[Attribute::new("", "Serene")],
        size: Some("7x7"),
        quality: Some("best"),
        count: 0,
        ..FOX
    };
    let violations = parse(&input).expect_err("refused");
    let pointers: Vec<_> = violations.iter().map(|violation| violation.pointer.as_str()).collect();
    assert_eq!(pointers, ["/prompt", "/attributes/0/section", "/size", "/quality", "/count"]);
}

#[test]
fn a_prompt_of_any_script_with_twelve_attributes_arrives_whole() {
    let catalogue = shipped();
    let attributes: Vec<_> =
        catalogue.sections.iter().take(12).map(|section| Attribute::new(&section.name, &section.values[0])).collect();
    for prompt in ["Лиса в снегу, ёж и йод", "雪中的狐狸，月光如水", "ثعلب في الثلج", "🦊❄️👩🏽‍🚀 e\u{301}", "ฝนตก לילה"]
    {
        let spec = parse(&GenerationInput { prompt, attributes: &attributes, ..FOX }).expect(prompt);
        assert_eq!(spec.prompt, prompt);
        assert!(spec.composed_prompt.starts_with(&format!("{prompt}\n\n")));
        for Attribute { section, value } in &attributes {
            assert!(spec.composed_prompt.contains(&format!("\n{section}: {value}")), "{section}");
        }
        assert_eq!(spec.attributes, attributes);
    }
}

#[test]
fn a_look_is_asked_for_only_where_the_model_has_it() {
    let asked = |model, background, output_format| {
        parse(&GenerationInput { model: Some(model), background, output_format, ..FOX })
    };
    let (flare, two) = ("gpt-image-2.5-flare", "gpt-image-2");
    let spec = asked(flare, None, None).expect("a spec");
    assert_eq!((spec.background, spec.output_format.as_deref()), (None, Some("png")));
    let spec = asked(flare, Some("transparent"), Some("webp")).expect("a spec");
    assert_eq!((spec.background.as_deref(), spec.output_format.as_deref()), (Some("transparent"), Some("webp")));
    assert_eq!(asked(flare, Some("auto"), Some("auto")), asked(flare, None, None));
    for (model, background, format, pointer) in [
        (flare, Some("transparent"), Some("jpeg"), "/output_format"),
        (flare, Some("checked"), None, "/background"),
        (flare, None, Some("gif"), "/output_format"),
        (two, Some("transparent"), None, "/background"),
    ] {
        assert_eq!(asked(model, background, format), Err(vec![Violation::new(pointer, NotAvailable)]), "{pointer}");
    }
}

#[test]
fn references_are_counted_and_a_mask_needs_one() {
    let spec = parse(&GenerationInput { references: 2, has_mask: true, ..FOX }).expect("a spec");
    assert_eq!((spec.references, spec.has_mask, spec.share_gems), (2, true, 3 + 2 * 8));
    assert!(parse(&GenerationInput { references: 16, ..FOX }).is_ok());
    refused(&GenerationInput { references: 17, ..FOX }, "/references", TooMany);
    refused(&GenerationInput { has_mask: true, ..FOX }, "/references", Required);
    let mut catalogue = shipped();
    catalogue.models[0].edits = None;
    let parsed = GenerationSpec::parse(&GenerationInput { references: 1, ..FOX }, &catalogue, today());
    assert_eq!(parsed, Err(vec![Violation::new("/references", NotAvailable)]));
    let mut catalogue = shipped();
    catalogue.models[0].edits.as_mut().expect("edits").takes_mask = false;
    let input = GenerationInput { references: 1, has_mask: true, ..FOX };
    let parsed = GenerationSpec::parse(&input, &catalogue, today());
    assert_eq!(parsed, Err(vec![Violation::new("/mask_id", NotAvailable)]));
}

proptest! {
    #[test]
    fn a_composed_prompt_is_sent_verbatim(text in "[^\\x00]{1,300}", lead in "[ \n]{0,3}") {
        let text = format!("{lead}{text}.");
        let attributes = [Attribute::new("Light", "Golden hour")];
        let input = GenerationInput { composed_prompt: Some(&text), attributes: &attributes, ..FOX };
        let spec = parse(&input).expect("a spec");
        prop_assert_eq!(spec.composed_prompt, text);
        prop_assert_eq!(spec.attributes, attributes);
    }
}
