//! The name a person gives to something of their own: a collection, a preset.
use crate::limits::TITLE_MAX;
use crate::violation::{Violation, ViolationCode};

/// Trimmed, with single spaces, or what is wrong with it.
pub fn parse_title(text: &str, pointer: &str) -> Result<String, Violation> {
    let title = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let code = if title.is_empty() {
        ViolationCode::Required
    } else if title.contains('\0') {
        ViolationCode::ContainsNul
    } else if title.chars().count() > TITLE_MAX {
        ViolationCode::TooLong
    } else {
        return Ok(title);
    };
    Err(Violation::new(pointer, code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_trimmed_and_bounded_in_characters() {
        assert_eq!(parse_title("  Foxes \n in  snow ", "/name").as_deref(), Ok("Foxes in snow"));
        assert_eq!(parse_title(&"雪".repeat(TITLE_MAX), "/name").map(|title| title.len()), Ok(TITLE_MAX * 3));
        for (wrong, code) in [
            (" \t", ViolationCode::Required),
            ("a\0b", ViolationCode::ContainsNul),
            (&"雪".repeat(TITLE_MAX + 1), ViolationCode::TooLong),
        ] {
            assert_eq!(parse_title(wrong, "/name"), Err(Violation::new("/name", code)));
        }
    }
}
