//! The colour of a picture that is not there yet: the palette words of its prompt, or what its id happens to give.
//! Answers turns around the colour wheel; the colours themselves are the style sheet's.
use crate::browser;

/// Degrees on the wheel for words that promise a colour.
const HUES: [(&str, u16); 58] = [
    ("red", 25),
    ("crimson", 20),
    ("scarlet", 30),
    ("ruby", 15),
    ("rose", 5),
    ("pink", 355),
    ("magenta", 330),
    ("coral", 38),
    ("rust", 45),
    ("terracotta", 45),
    ("copper", 50),
    ("orange", 60),
    ("sunset", 50),
    ("autumn", 58),
    ("fire", 45),
    ("amber", 75),
    ("gold", 88),
    ("golden", 85),
    ("honey", 80),
    ("ochre", 80),
    ("sepia", 72),
    ("sand", 82),
    ("desert", 75),
    ("yellow", 105),
    ("lemon", 108),
    ("olive", 115),
    ("lime", 125),
    ("green", 145),
    ("forest", 150),
    ("moss", 130),
    ("emerald", 160),
    ("jade", 165),
    ("mint", 168),
    ("teal", 192),
    ("turquoise", 195),
    ("cyan", 205),
    ("ocean", 225),
    ("ice", 220),
    ("winter", 230),
    ("blue", 255),
    ("indigo", 275),
    ("night", 270),
    ("violet", 295),
    ("purple", 305),
    ("frozen", 220),
    ("snow", 228),
    ("mist", 210),
    ("rain", 235),
    ("sky", 235),
    ("sea", 222),
    ("moon", 268),
    ("dawn", 40),
    ("dusk", 300),
    ("lavender", 300),
    ("ferns", 150),
    ("jungle", 148),
    ("brass", 88),
    ("sage", 140),
];

/// Two hues in degrees: the first two colours the text names, filled up from the seed.
pub fn hues(text: &str, seed: u64) -> (u16, u16) {
    let lower = browser::lowercase(text);
    let mut named = lower
        .split(|letter: char| !letter.is_ascii_alphabetic())
        .filter_map(|word| HUES.iter().find(|(name, _)| *name == word).map(|(_, hue)| *hue));
    // The later half of a v7 id is its random one.
    let chance = u16::try_from(seed % 360).unwrap_or_default();
    match (named.next(), named.next()) {
        (Some(first), Some(second)) => (first, second),
        (Some(first), None) => (first, (first + 40) % 360),
        _ => (chance, (chance + 60) % 360),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_prompt_choose_the_colours() {
        assert_eq!(hues("A Golden fox\n\nPalette: deep blue", 7), (85, 255));
        assert_eq!(hues("Golden hour", 7), (85, 125));
        assert_eq!(hues("Ein Fuchs", 367), (7, 67), "no word: chance, but always the same");
    }
}
