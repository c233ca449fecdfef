//! Signatures of Standard Webhooks: base64(HMAC-SHA256(secret, "{id}.{timestamp}.{body}")). The key is the decoded secret.
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const SECRET_BYTES: usize = 32;
const PREFIX: &str = "whsec_";

pub fn new_secret() -> Result<Vec<u8>, Unspecified> {
    let mut bytes = vec![0_u8; SECRET_BYTES];
    rand::fill(&mut bytes)?;
    Ok(bytes)
}

/// As a person puts it into a receiver.
pub fn shown(secret: &[u8]) -> String {
    format!("{PREFIX}{}", STANDARD.encode(secret))
}

/// `webhook-signature`: one for each secret, separated by spaces.
pub fn signatures(secrets: &[Vec<u8>], id: &str, timestamp: i64, body: &[u8]) -> String {
    let one = |secret: &Vec<u8>| {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign().as_ref()))
    };
    secrets.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the specification, as its libraries' own tests have it.
    #[test]
    fn the_specifications_own_example_is_signed_alike() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = |secrets: &[Vec<u8>]| {
            signatures(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}")
        };
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signed(std::slice::from_ref(&secret)), expected);
        let both = signed(&[vec![7; 32], secret]);
        assert_eq!(both.split(' ').count(), 2);
        assert!(both.ends_with(expected));
    }

    #[test]
    fn a_secret_is_shown_with_its_prefix_and_is_32_bytes() {
        let secret = new_secret().unwrap();
        let shown = shown(&secret);
        assert_eq!(STANDARD.decode(shown.strip_prefix("whsec_").unwrap()).unwrap(), secret);
        assert_eq!(secret.len(), 32);
        assert_ne!(secret, new_secret().unwrap());
    }
}
