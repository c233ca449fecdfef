//! Words as a search cuts them, in the scripts that people write.
use lapidary_domain::Attribute;
use lapidary_domain::search::{TOKENS_MAX, asked, tokens};
use proptest::prelude::*;

/// As the database looks: every word whole, every beginning of some token.
fn finds(query: &str, prompt: &str) -> bool {
    let tokens = tokens(prompt, &[], "m", "q");
    let asked = asked(query);
    asked.words.iter().all(|word| tokens.contains(word))
        && asked.beginnings.iter().all(|beginning| tokens.iter().any(|token| token.starts_with(beginning)))
}

#[test]
fn words_are_found_in_every_script() {
    for (prompt, queries) in [
        ("A Fox in the snow", &["fox", "FOX snow", "sno", "in f"][..]),
        ("Eine Küche auf der Straße, süß", &["küche", "KUCHE", "strasse", "STRAẞE", "suss", "stra"]),
        ("雪地里的一只狐狸", &["狐狸", "狐", "狸", "雪地", "一只狐狸", "雪地 狐狸"]),
        ("雪の中のキツネ、夕焼け", &["キツネ", "ｷﾂﾈ", "雪の中", "け", "夕焼"]),
        ("แมวน้อยนั่งบนหลังคา", &["แมว", "แมวน้อย", "หลังคา", "นั่ง"]),
        ("ثَعْلَب في الثلج أبيض", &["ثعلب", "الثلج", "ابيض"]),
        ("Ёжик в тумане", &["ежик", "ёжик", "ТУМАН"]),
        ("狐 🦊 im Schnee ❄️", &["🦊", "❄", "狐 schnee", "狐"]),
        ("여우가 눈 속에", &["여우", "눈"]),
        ("Phở bò Hà Nội", &["pho", "ha noi", "phở"]),
        ("हिन्दी में लोमड़ी", &["हिन्दी", "लोमड़ी"]),
        ("ΣΊΣΥΦΟΣ", &["σισυφος", "σίσυ"]),
        ("cafe\u{301} ＡＢＣ", &["café", "abc"]),
    ] {
        for query in queries {
            assert!(finds(query, prompt), "{query} in {prompt}: {:?}", asked(query));
        }
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    for (query, prompt) in [
        ("dog", "A fox in the snow"),
        ("fo snow", "A fox in the snow"),
        ("狸狐", "雪地里的一只狐狸"),
        ("雪狐", "雪地里的一只狐狸"),
        ("🐶", "a fox 🦊"),
        ("!!!", "what!!!"),
        ("", "a fox"),
    ] {
        assert!(!finds(query, prompt), "{query} in {prompt}");
    }
}

#[test]
fn attributes_and_model_are_tokens_of_their_own_and_words_too() {
    let tokens = tokens("x", &[Attribute::new("Light", "Golden hour")], "gpt-image-2", "high");
    for token in ["aLight:Golden hour", "mgpt-image-2", "qhigh", "wlight", "wgolden", "whour", "wx"] {
        assert!(tokens.iter().any(|known| known == token), "{token} in {tokens:?}");
    }
}

#[test]
fn the_longest_prompt_has_so_many_tokens_and_no_more() {
    let prompt: String = ('\u{4e00}'..).take(4_000).collect();
    assert_eq!(tokens(&prompt, &[], "m", "q").len(), TOKENS_MAX);
    let word = "a".repeat(4_000);
    assert!(tokens(&word, &[], "m", "q").iter().all(|token| token.len() < 50));
    assert!(finds(&word, &word));
}

proptest! {
    #[test]
    fn a_prompt_is_found_by_itself_and_by_each_of_its_words(prompt in ".{1,120}") {
        let is_searchable = !asked(&prompt).words.contains(&"w".to_owned());
        if is_searchable {
            prop_assert!(finds(&prompt, &prompt));
            for word in prompt.split_whitespace().filter(|word| !asked(word).words.contains(&"w".to_owned())) {
                prop_assert!(finds(word, &prompt), "{word}");
            }
        }
    }
}
