//! What a key looks like: `lap_`, 32 random letters and digits, and 6 that say whether the others were copied right. A
//! scanner that finds one knows it for ours, and a typing error is told without a look-up. Never says whether one counts.
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use lapidary_contract::API_KEY_PREFIX;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM: usize = 32;
const CHECKSUM: usize = 6;
const START: usize = 10;

/// 190 random bits in 42 characters.
pub fn generate() -> Result<String, Unspecified> {
    let mut random = String::with_capacity(RANDOM);
    let mut bytes = [0_u8; 2 * RANDOM];
    while random.len() < RANDOM {
        rand::fill(&mut bytes)?;
        // 248 is the greatest multiple of 62 that fits: no letter is likelier than another.
        let fair = bytes.iter().filter(|byte| **byte < 248).filter_map(|byte| LETTERS.get(usize::from(byte % 62)));
        random.extend(fair.take(RANDOM - random.len()).map(|letter| char::from(*letter)));
    }
    let checksum = checksum(&random);
    Ok(format!("{API_KEY_PREFIX}{random}{checksum}"))
}

/// CRC32 of the random part.
fn checksum(random: &str) -> String {
    let mut rest = usize::try_from(crc32fast::hash(random.as_bytes())).unwrap_or(0);
    let mut letters = [b'0'; CHECKSUM];
    for letter in letters.iter_mut().rev() {
        *letter = LETTERS.get(rest % LETTERS.len()).copied().unwrap_or(b'0');
        rest /= LETTERS.len();
    }
    letters.into_iter().map(char::from).collect()
}

/// Whether this can be a key of ours at all.
pub fn is_whole(key: &str) -> bool {
    let rest = key.strip_prefix(API_KEY_PREFIX).filter(|rest| rest.is_ascii() && rest.len() == RANDOM + CHECKSUM);
    rest.and_then(|rest| rest.split_at_checked(RANDOM)).is_some_and(|(random, said)| checksum(random) == said)
}

/// What its person recognises it by; 154 bits stay secret.
pub fn start(key: &str) -> String {
    key.chars().take(START).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_whole_unlike_and_made_of_every_letter() {
        let keys: Vec<String> = (0..200).map(|_| generate().unwrap()).collect();
        assert!(keys.iter().all(|key| is_whole(key) && key.len() == 42 && key.starts_with(&start(key))));
        let unlike: std::collections::BTreeSet<&String> = keys.iter().collect();
        assert_eq!(unlike.len(), keys.len());
        let all: String = keys.iter().map(|key| key[4..36].to_owned()).collect();
        assert!(LETTERS.iter().all(|letter| all.contains(char::from(*letter))));
        assert!(!is_whole("lap_") && !is_whole("") && !is_whole(&format!("x{}", keys[0])));
    }

    #[test]
    fn the_checksum_is_what_scanners_compute() {
        // CRC32 of thirty-two noughts is 0x190A55AD, in base 62 with leading noughts.
        assert_eq!(crc32fast::hash(&[0; 32]), 0x190A_55AD);
        let random = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
        let said = checksum(random)
            .bytes()
            .fold(0_u64, |sum, letter| sum * 62 + LETTERS.iter().position(|one| *one == letter).unwrap() as u64);
        assert_eq!(said, u64::from(crc32fast::hash(random.as_bytes())));
    }

    proptest! {
        #[test]
        fn a_character_typed_wrong_or_two_swapped_is_noticed(at in 4_usize..42, letter in 0_usize..62, with in 4_usize..42) {
            let key = generate().unwrap();
            let mut wrong = key.clone().into_bytes();
            wrong[at] = LETTERS[letter];
            let wrong = String::from_utf8(wrong).unwrap();
            prop_assert_eq!(is_whole(&wrong), wrong == key);
            let mut swapped = key.clone().into_bytes();
            swapped.swap(at, with);
            let swapped = String::from_utf8(swapped).unwrap();
            // Two far apart may cancel each other out once in four thousand million.
            prop_assert_eq!(is_whole(&swapped), swapped == key);
        }

        #[test]
        fn whatever_is_said_is_judged_without_a_panic(text in ".*") {
            let _ = is_whole(&text);
            let with_prefix = format!("lap_{}", text);
            let _ = is_whole(&with_prefix);
        }
    }
}
