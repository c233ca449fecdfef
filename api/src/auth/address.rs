//! What we make of words that come from outside: e-mail addresses, places to return to, names. No I/O.

use lapidary_contract::domain::limits::NAME_MAX;

const EMAIL_MAX: usize = 320;
const RETURN_TO_MAX: usize = 2000;

/// An address as compared: the same mailbox is written the same way. `None`: not an address.
pub fn normalise(email: &str) -> Option<String> {
    let email = email.trim();
    let (local, domain) = email.split_once('@')?;
    let sound = !local.is_empty()
        && !domain.is_empty()
        && !domain.contains('@')
        && email.len() <= EMAIL_MAX
        && !email.chars().any(|letter| letter.is_whitespace() || letter.is_control() || letter == '"');
    sound.then(|| email.to_lowercase())
}

/// A normalised address without what people put in to look like somebody new. Only to grant welcome gems once.
pub fn fold(normalised: &str) -> String {
    let Some((local, domain)) = normalised.split_once('@') else { return normalised.to_owned() };
    let bare: String = local.split('+').next().unwrap_or(local).chars().filter(|letter| *letter != '.').collect();
    format!("{}@{domain}", if bare.is_empty() { local } else { &bare })
}

/// A path of our own page. Everything a browser could read as another site becomes the start page.
pub fn return_to(asked: Option<&str>) -> String {
    let is_ours = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.len() <= RETURN_TO_MAX
            // Browsers read a backslash as a slash, and drop tabs and line ends.
            && !path.chars().any(|letter| letter == '\\' || letter.is_control())
    };
    asked.filter(is_ours).unwrap_or("/").to_owned()
}

/// A name from a provider, cut to what we keep.
pub fn name(given: Option<&str>) -> Option<String> {
    let plain: String = given?.chars().filter(|letter| !letter.is_control()).collect();
    let name: String = plain.trim().chars().take(NAME_MAX).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_ours_are_returned_to() {
        for ours in ["/", "/gallery?model=a#b", "/images/1", "/a//b"] {
            assert_eq!(return_to(Some(ours)), ours);
        }
        for foreign in
            ["//evil.test", "/\\evil.test", "\\\\evil.test", "https://evil.test", "/\t/evil.test", "/\n", "", "evil"]
        {
            assert_eq!(return_to(Some(foreign)), "/", "{foreign:?}");
        }
        assert_eq!(return_to(None), "/");
        assert_eq!(return_to(Some(&format!("/{}", "a".repeat(RETURN_TO_MAX)))), "/");
    }

    #[test]
    fn addresses_are_compared_in_lower_case_and_never_folded() {
        assert_eq!(normalise(" Ada.L+x@Example.TEST ").as_deref(), Some("ada.l+x@example.test"));
        for wrong in ["ada", "@example.test", "ada@", "a@b@c", "a b@c", "\"a\"@b", "a\u{0}@b"] {
            assert_eq!(normalise(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn tags_and_dots_fold_away_for_welcome_gems() {
        assert_eq!(fold("ada.lovelace+gems@example.test"), "adalovelace@example.test");
        assert_eq!(fold("+@example.test"), "+@example.test");
        assert_ne!(fold("ada@a.test"), fold("ada@b.test"));
    }

    #[test]
    fn names_lose_what_cannot_be_shown() {
        assert_eq!(name(Some(" Ada\u{0}\n ")).as_deref(), Some("Ada"));
        assert_eq!(name(Some("  ")), None);
        assert_eq!(name(Some(&"é".repeat(200))).map(|name| name.chars().count()), Some(NAME_MAX));
    }
}
