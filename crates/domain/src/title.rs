//! The name a person gives to something of their own: a collection, a preset, an API key.
use crate::attribute;
use crate::limits::TITLE_MAX;
use crate::violation::Violation;

/// Trimmed, with single spaces, or what is wrong with it.
pub fn parse_title(text: &str, pointer: &str) -> Result<String, Violation> {
    let title = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut violations = Vec::new();
    attribute::check(&title, TITLE_MAX, pointer.into(), &mut violations);
    violations.pop().map_or(Ok(title), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::violation::ViolationCode;

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
