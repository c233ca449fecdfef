//! What a redeem code is: 100 random bits in Crockford's alphabet, which has no letters that look alike. The table keeps a
//! hash, so whoever reads it cannot use it.
use aws_lc_rs::digest;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LETTERS: usize = 20;
const GROUP: usize = 5;

/// As it is printed: four groups of five.
pub fn random() -> Result<String, Unspecified> {
    let mut bytes = [0_u8; LETTERS];
    rand::fill(&mut bytes)?;
    let letters = bytes.map(|byte| ALPHABET.get(usize::from(byte % 32)).copied().map_or('0', char::from));
    Ok(letters.chunks(GROUP).map(String::from_iter).collect::<Vec<_>>().join("-"))
}

/// What the table knows it by, however it was typed; nothing for what cannot be one.
pub fn hash(typed: &str) -> Option<Vec<u8>> {
    let mut letters = String::with_capacity(LETTERS);
    for letter in typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '-') {
        let letter = match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        if letters.len() == LETTERS || !ALPHABET.iter().any(|known| char::from(*known) == letter) {
            return None;
        }
        letters.push(letter);
    }
    (letters.len() == LETTERS).then(|| digest::digest(&digest::SHA256, letters.as_bytes()).as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_however_it_is_typed() {
        let code = random().expect("a code");
        assert_eq!(code.len(), LETTERS + 3);
        let known = hash(&code).expect("one of ours");
        let bare = code.replace('-', "");
        for typed in
            [bare.clone(), bare.to_lowercase(), format!("  {} ", code.replace('-', " ")), code.replace('1', "l")]
        {
            assert_eq!(hash(&typed), Some(known.clone()), "{typed}");
        }
        assert_eq!(hash(&code.replace('0', "o")), Some(known));
        for junk in ["", "-", "ABCDE", &format!("{bare}0"), &bare.replace(char::is_alphanumeric, "U"), "🦊"] {
            assert_eq!(hash(junk), None, "{junk}");
        }
    }
}
