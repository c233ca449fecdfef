//! The painter keeps its promises whatever the words: same words same pixels, other words other pixels, any size.
use lapidary_sandbox::painter::paint;

const PROMPTS: [&str; 16] = [
    "snowy mountains above a lake at sunset",
    "a lighthouse in a storm, rain",
    "misty pine forest at dawn, watercolour",
    "neon city at night with a bridge over the river",
    "hot air balloons over dunes, risograph",
    "an emerald",
    "ringed planet in deep space",
    "bouquet of roses, stained glass",
    "castle and birds, low poly",
    "fox, cat, person, house, tree and temple on a hill, ink",
    "aurora, fireflies, lanterns and a boat, oil painting",
    "koi in a pond, pencil",
    "abstract geometric tiles",
    "agate rings, pixel art",
    "paper waves, line art",
    "lavender field under a rainbow, flat illustration, snow",
];

#[test]
fn the_same_words_give_the_same_pixels() {
    for prompt in PROMPTS {
        assert_eq!(paint(prompt, 160, 112, 0, "low"), paint(prompt, 160, 112, 0, "low"), "{prompt}");
    }
}

#[test]
fn another_variant_is_another_picture() {
    for prompt in PROMPTS {
        assert_ne!(paint(prompt, 96, 96, 0, "low"), paint(prompt, 96, 96, 1, "low"), "{prompt}");
    }
}

#[test]
fn other_words_are_another_picture() {
    assert_ne!(paint("a lake at dawn", 96, 96, 0, "medium"), paint("a lake at night", 96, 96, 0, "medium"));
    assert_ne!(paint("qwertz", 96, 96, 0, "medium"), paint("uiopü", 96, 96, 0, "medium"));
}

#[test]
fn every_size_is_met_exactly_and_never_transparent() {
    for (width, height) in [(1, 1), (3, 200), (200, 3), (64, 64), (512, 1536), (1536, 512)] {
        for prompt in ["mountains and a boat on a lake", "gem", "abstract", "pixel art of a city"] {
            let picture = paint(prompt, width, height, 0, "low");
            assert_eq!(picture.dimensions(), (width, height), "{prompt}");
            assert!(picture.pixels().all(|pixel| pixel.0[3] == 255), "{prompt}");
        }
    }
}

#[test]
fn night_is_darker_than_noon_in_every_language_it_knows() {
    let brightness = |prompt: &str| {
        let picture = paint(prompt, 96, 96, 0, "low");
        picture.pixels().map(|pixel| u64::from(pixel.0[0]) + u64::from(pixel.0[1]) + u64::from(pixel.0[2])).sum::<u64>()
    };
    let pairs = [
        ("the sea at night", "the sea at noon"),
        ("das Meer bei Nacht", "das Meer am Mittag"),
        ("la mer, la nuit", "la mer à midi"),
        ("el mar de noche", "el mar a mediodía"),
        ("море ночью", "море в полдень"),
    ];
    for (night, noon) in pairs {
        assert!(brightness(night) * 2 < brightness(noon), "{night} / {noon}");
    }
}

#[test]
fn a_prompt_of_any_script_or_length_is_painted() {
    let long = "mountain ".repeat(4_000);
    for prompt in ["", "🦊🌙", "夜の海と月", "جبل وبحر", "\u{0}\u{1}", "  ,,, ", &long] {
        assert_eq!(paint(prompt, 48, 48, 0, "medium").dimensions(), (48, 48));
    }
}

#[test]
fn the_corner_carries_the_mark() {
    // A flat corner would hold two tones at most; the mark's letters stand out of their surroundings.
    let picture = paint("minimal foggy sea", 512, 512, 0, "medium");
    let corner = || (450..505).flat_map(|x| (490..502).map(move |y| (x, y)));
    let tone = |(x, y): (u32, u32)| i32::from(picture.get_pixel(x, y).0[1]);
    let jumps = corner().filter(|(x, y)| (tone((*x, *y)) - tone((*x + 1, *y))).abs() > 25).count();
    assert!(jumps > 20, "{jumps}");
}
