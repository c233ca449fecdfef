//! Whether the payment vendor wrote a delivery: HMAC-SHA256 over its time and its raw bytes. Knows no clock and no event.
use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};

/// Seconds between the signature and now, to either side: a delivery from the future is none of the vendor's.
pub const TOLERANCE_SECONDS: i64 = 300;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no signature to judge")]
    Unreadable,
    #[error("it was signed too long ago, or in the future")]
    OutOfTime,
    #[error("the signature is not of this body and one of our secrets")]
    Wrong,
}

/// Secrets of the endpoint: two while one replaces the other.
pub struct Secrets(Vec<hmac::Key>);

impl Secrets {
    /// Separated by commas. None when nothing usable is among them: an empty key would let everybody in.
    pub fn parse(text: &str) -> Option<Self> {
        let secrets = text.split(',').map(str::trim).filter(|secret| !secret.is_empty());
        // The whole text is the key, its prefix too.
        let keys: Vec<_> = secrets.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())).collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// Every `v1` is tried with every secret, each in constant time; other schemes are not looked at.
    pub fn verify(&self, header: &str, body: &[u8], now: DateTime<Utc>) -> Result<(), Refusal> {
        let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
        let signed_at = parts().find(|(name, _)| *name == "t").map(|(_, value)| value).ok_or(Refusal::Unreadable)?;
        let seconds: i64 = signed_at.parse().map_err(|_| Refusal::Unreadable)?;
        let signatures: Vec<_> = parts().filter(|(name, _)| *name == "v1").filter_map(|(_, hex)| bytes(hex)).collect();
        if signatures.is_empty() {
            return Err(Refusal::Unreadable);
        }
        let signed = [signed_at.as_bytes(), b".", body].concat();
        let is_ours = |key| signatures.iter().any(|signature| hmac::verify(key, &signed, signature).is_ok());
        if !self.0.iter().any(is_ours) {
            return Err(Refusal::Wrong);
        }
        if seconds.abs_diff(now.timestamp()) > TOLERANCE_SECONDS.unsigned_abs() {
            return Err(Refusal::OutOfTime);
        }
        Ok(())
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Checked once with the vendor's own library.
    const VECTORS: &str = include_str!("signature_vectors.json");

    struct Vectors {
        payload: String,
        header: String,
        rolled: String,
        bad: Vec<(String, String)>,
        at: DateTime<Utc>,
    }

    fn vectors() -> Vectors {
        let all: Value = serde_json::from_str(VECTORS).expect("JSON");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        Vectors {
            payload: text(&all["payload"]),
            header: text(&all["header"]),
            rolled: text(&all["rolled_header"]),
            bad: all["bad"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|one| (text(&one["header"]), text(&one["why"])))
                .collect(),
            at: DateTime::from_timestamp(all["timestamp"].as_i64().expect("seconds"), 0).expect("a time"),
        }
    }

    fn secrets(text: &str) -> Secrets {
        Secrets::parse(text).expect("secrets")
    }

    const NEW: &str = "whsec_test_secret_new";
    const OLD: &str = "whsec_test_secret_old";

    #[test]
    fn what_the_vendor_signed_is_let_in() {
        let given = vectors();
        assert_eq!(secrets(NEW).verify(&given.header, given.payload.as_bytes(), given.at), Ok(()));
    }

    #[test]
    fn while_a_secret_is_replaced_either_of_two_signatures_is_enough() {
        let given = vectors();
        for ours in [NEW, OLD, "whsec_other,whsec_test_secret_old", " whsec_test_secret_new , whsec_other "] {
            assert_eq!(secrets(ours).verify(&given.rolled, given.payload.as_bytes(), given.at), Ok(()), "{ours}");
        }
        assert_eq!(
            secrets("whsec_other").verify(&given.rolled, given.payload.as_bytes(), given.at),
            Err(Refusal::Wrong)
        );
    }

    #[test]
    fn what_is_not_signed_right_is_refused() {
        let given = vectors();
        for (header, why) in &given.bad {
            assert!(secrets(NEW).verify(header, given.payload.as_bytes(), given.at).is_err(), "{why}");
        }
        for header in ["", "t=,v1=", "t=1795348800,v1=zz", "t=1795348800,v1=119", "t=x,v1=11", "t=1795348800,v1=é1"] {
            assert!(secrets(NEW).verify(header, given.payload.as_bytes(), given.at).is_err(), "{header}");
        }
    }

    #[test]
    fn a_wrong_secret_is_refused() {
        let given = vectors();
        assert_eq!(secrets(OLD).verify(&given.header, given.payload.as_bytes(), given.at), Err(Refusal::Wrong));
        assert_eq!(
            secrets("test_secret_new").verify(&given.header, given.payload.as_bytes(), given.at),
            Err(Refusal::Wrong)
        );
    }

    #[test]
    fn a_body_that_was_written_again_is_refused_although_it_says_the_same() {
        let given = vectors();
        let same: Value = serde_json::from_str(&given.payload).expect("JSON");
        let again = serde_json::to_string_pretty(&same).expect("JSON");
        assert_eq!(secrets(NEW).verify(&given.header, again.as_bytes(), given.at), Err(Refusal::Wrong));
    }

    #[test]
    fn five_minutes_to_either_side_are_let_in_and_no_second_more() {
        let given = vectors();
        let judged = |seconds| {
            let now = given.at + chrono::TimeDelta::seconds(seconds);
            secrets(NEW).verify(&given.header, given.payload.as_bytes(), now)
        };
        for seconds in [300, -300] {
            assert_eq!(judged(seconds), Ok(()), "{seconds}");
        }
        for seconds in [301, -301, 86_400, -86_400] {
            assert_eq!(judged(seconds), Err(Refusal::OutOfTime), "{seconds}");
        }
    }

    #[test]
    fn an_empty_secret_lets_nobody_in() {
        for nothing in ["", "  ", ",", " , "] {
            assert!(Secrets::parse(nothing).is_none(), "{nothing:?}");
        }
        assert_eq!(secrets("whsec_a,").0.len(), 1);
    }
}
