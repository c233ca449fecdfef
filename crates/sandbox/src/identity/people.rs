//! People of the sandbox, made from what was typed: the same name is the same person at both vendors, with the
//! same e-mail and different account ids. Keeps nothing.
use sha2::{Digest as _, Sha256};

const DOMAIN: &str = "example.test";
const LONGEST: usize = 200;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Quirk {
    None,
    MailUnverified,
    NoMail,
    NoPublicMail,
    NoName,
    OnlySecondMailVerified,
}

pub struct Known {
    pub name: &'static str,
    pub note: &'static str,
    quirk: Quirk,
}

const fn known(name: &'static str, note: &'static str, quirk: Quirk) -> Known {
    Known { name, note, quirk }
}

pub const KNOWN: &[Known] = &[
    known("Ada Lovelace", "", Quirk::None),
    known("Grace Hopper", "", Quirk::None),
    known("Linus Pauling", "", Quirk::None),
    known("Telkes Mária", "a name beyond ASCII", Quirk::None),
    known("李清照", "another script", Quirk::None),
    known("No verified mail", "every address unverified", Quirk::MailUnverified),
    known("E-mail not verified", "email_verified is false", Quirk::MailUnverified),
    known("Second mail verified", "the primary one is not", Quirk::OnlySecondMailVerified),
    known("No public mail", "the profile hides it", Quirk::NoPublicMail),
    known("No mail at all", "no address is told", Quirk::NoMail),
    known("No name", "the profile has none", Quirk::NoName),
];

#[derive(Clone, Debug)]
pub struct Person {
    pub name: String,
    pub email: String,
    pub quirk: Quirk,
}

impl Person {
    /// Anyone: a name, or an e-mail address where an `@` says so.
    pub fn called(typed: &str) -> Result<Self, &'static str> {
        let name = typed.split_whitespace().collect::<Vec<_>>().join(" ");
        if name.is_empty() {
            return Err("Type a name first.");
        }
        if name.chars().count() > LONGEST || name.chars().any(char::is_control) {
            return Err("That is no name: 200 characters at most, and no control characters.");
        }
        let (name, email) = if name.contains('@') {
            let local = local_part(&name).ok_or("That is no e-mail address.")?;
            (spoken(local), name)
        } else {
            let email = format!("{}@{DOMAIN}", slug(&name));
            (name, email)
        };
        let quirk = KNOWN.iter().find(|known| format!("{}@{DOMAIN}", slug(known.name)) == email);
        Ok(Self { name, email, quirk: quirk.map_or(Quirk::None, |known| known.quirk) })
    }

    pub fn display_name(&self) -> Option<&str> {
        (self.quirk != Quirk::NoName).then_some(self.name.as_str())
    }

    /// GitHub's stable key. Below 2^48, so that JavaScript reads it exactly.
    pub fn github_id(&self) -> u64 {
        let [a, b, c, d, e, f, ..] = self.digest("github");
        u64::from_be_bytes([0, 0, a, b, c, d, e, f]) | 1 << 24
    }

    /// Google's `sub`: 21 decimal digits.
    pub fn oidc_subject(&self) -> String {
        let digest = self.digest("oidc");
        let digits: String = digest.iter().take(20).map(|byte| char::from(b'0' + byte % 10)).collect();
        format!("1{digits}")
    }

    /// At most 39 letters, digits and single hyphens.
    pub fn github_login(&self) -> String {
        let (local, domain) = self.email.split_once('@').unwrap_or((&self.email, ""));
        let mut login = words(local).join("-");
        login.truncate(30);
        let login = login.trim_end_matches('-');
        if domain == DOMAIN && !login.is_empty() {
            return login.to_owned();
        }
        let [a, b, c, ..] = self.digest("login");
        format!("{login}-{a:02x}{b:02x}{c:02x}").trim_start_matches('-').to_owned()
    }

    pub fn second_email(&self) -> String {
        let (local, domain) = self.email.split_once('@').unwrap_or((&self.email, DOMAIN));
        format!("{local}.second@{domain}")
    }

    fn digest(&self, what: &str) -> [u8; 32] {
        Sha256::digest(format!("lapidary sandbox\n{what}\n{}", self.email.to_lowercase())).into()
    }
}

fn local_part(email: &str) -> Option<&str> {
    let (local, domain) = email.split_once('@')?;
    let sound =
        !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !email.contains(char::is_whitespace);
    sound.then_some(local)
}

/// `ada.lovelace` is Ada Lovelace.
fn spoken(local: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    let words: Vec<_> = local.split(['.', '_', '-', '+']).filter(|word| !word.is_empty()).map(capital).collect();
    if words.is_empty() { local.to_owned() } else { words.join(" ") }
}

/// What stands before the `@`. A name that ASCII cannot hold gets a hash, so that no two of them meet.
fn slug(name: &str) -> String {
    let dotted = words(name).join(".");
    if name.is_ascii() && !dotted.is_empty() && dotted.len() <= 40 {
        return dotted;
    }
    let digest = Sha256::digest(name.to_lowercase());
    let hash: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("p{hash}")
}

fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_its_address_are_one_person() {
        let typed = Person::called("  Ada   Lovelace ").unwrap();
        let hinted = Person::called("ada.lovelace@example.test").unwrap();
        assert_eq!(typed.email, "ada.lovelace@example.test");
        assert_eq!((&typed.name, typed.github_id()), (&hinted.name, hinted.github_id()));
        assert_eq!(typed.oidc_subject(), hinted.oidc_subject());
    }

    #[test]
    fn names_beyond_ascii_get_addresses_of_their_own() {
        let (one, other) = (Person::called("李清照").unwrap(), Person::called("王羲之").unwrap());
        assert!(one.email.is_ascii() && !one.email.contains("xn--"));
        assert_ne!(one.email, other.email);
        assert_ne!(one.github_login(), other.github_login());
    }

    #[test]
    fn the_same_mailbox_name_elsewhere_is_someone_else() {
        let (one, other) = (Person::called("ada@a.test").unwrap(), Person::called("ada@b.test").unwrap());
        assert_ne!(one.github_login(), other.github_login());
        assert_ne!(one.github_id(), other.github_id());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for typed in ["@", "a@", "@b", "a@b@c", "a b@c", "", "a\u{0}b"] {
            assert!(Person::called(typed).is_err(), "{typed:?}");
        }
    }
}
