//! Proof Key for Code Exchange (RFC 7636), S256 only.
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::params::Params;

/// The challenge of an authorization request, or why it is refused.
pub fn challenge(params: &Params) -> Result<Option<String>, &'static str> {
    match (params.get("code_challenge"), params.get("code_challenge_method")) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err("code_challenge_method without code_challenge"),
        (Some(given), Some("S256")) if is_base64url(given) && given.len() == 43 => Ok(Some(given.to_owned())),
        (Some(_), Some("S256")) => Err("code_challenge is not the base64url of a SHA-256"),
        (Some(_), _) => Err("code_challenge_method must be S256"),
    }
}

/// A verifier without a challenge proves nothing and is refused too: the attempt was tampered with on its way.
pub fn proves(challenge: Option<&str>, verifier: Option<&str>) -> bool {
    match (challenge, verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => is_verifier(verifier) && challenge_of(verifier) == challenge,
        _ => false,
    }
}

fn challenge_of(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

fn is_base64url(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_verifier_proves_nothing() {
        let short = "abc";
        assert!(!proves(Some(&challenge_of(short)), Some(short)));
    }

    #[test]
    fn a_verifier_nobody_asked_for_is_refused() {
        assert!(!proves(None, Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")));
    }
}
