//! What an ID token must be before anything in it is believed (OpenID Connect Core §3.1.3.7). Pure: keys and claims in,
//! a person or a reason out. Never accepts `none` or a shared secret.
use aws_lc_rs::{constant_time, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;

const SKEW_SECONDS: u64 = 60;
const SUBJECT_MAX: usize = 255;

/// What the token must say besides being signed.
pub struct Expected<'a> {
    pub issuers: &'a [String],
    pub client_id: &'a str,
    pub nonce: &'a str,
    pub access_token: &'a str,
    /// Seconds since 1970.
    pub now: i64,
}

#[derive(Debug, Deserialize)]
pub struct Claims {
    pub sub: String,
    aud: Value,
    azp: Option<String>,
    iat: i64,
    nonce: Option<String>,
    at_hash: Option<String>,
    pub email: Option<String>,
    email_verified: Option<Value>,
    pub name: Option<String>,
    pub picture: Option<String>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// Maybe a new one: worth to fetch the keys again.
    #[error("no key {0:?}")]
    UnknownKey(String),
    #[error("{0}")]
    Wrong(String),
}

fn wrong(reason: impl std::fmt::Display) -> Distrust {
    Distrust::Wrong(reason.to_string())
}

pub fn verify(token: &str, keys: &[Jwk], expected: &Expected<'_>) -> Result<Claims, Distrust> {
    let header = jsonwebtoken::decode_header(token).map_err(wrong)?;
    let key = key_for(keys, header.alg, header.kid.as_deref())?;
    let mut validation = Validation::new(header.alg);
    validation.leeway = SKEW_SECONDS;
    validation.set_issuer(expected.issuers);
    validation.set_audience(&[expected.client_id]);
    validation.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
    validation.validate_nbf = true;
    let key = DecodingKey::from_jwk(key).map_err(wrong)?;
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation).map_err(wrong)?.claims;
    check(&claims, header.alg, expected)?;
    Ok(claims)
}

fn check(claims: &Claims, algorithm: Algorithm, expected: &Expected<'_>) -> Result<(), Distrust> {
    let audiences = claims.aud.as_array().map_or(1, Vec::len);
    match claims.azp.as_deref() {
        Some(azp) if azp != expected.client_id => return Err(wrong("azp is another client")),
        None if audiences > 1 => return Err(wrong("several audiences and no azp")),
        Some(_) | None => {}
    }
    let skew = i64::try_from(SKEW_SECONDS).map_err(wrong)?;
    if claims.iat > expected.now.saturating_add(skew) {
        return Err(wrong("issued in the future"));
    }
    let nonce = claims.nonce.as_deref().unwrap_or_default();
    if constant_time::verify_slices_are_equal(nonce.as_bytes(), expected.nonce.as_bytes()).is_err() {
        return Err(wrong("the nonce is not the one of this attempt"));
    }
    if claims.at_hash.as_deref().is_some_and(|said| said != half_hash(algorithm, expected.access_token)) {
        return Err(wrong("at_hash is of another access token"));
    }
    if claims.sub.is_empty() || claims.sub.len() > SUBJECT_MAX {
        return Err(wrong("the subject is empty or too long"));
    }
    Ok(())
}

/// A signing key of the right kind, by its id; a token without an id is only clear when there is one such key.
fn key_for<'a>(keys: &'a [Jwk], algorithm: Algorithm, id: Option<&str>) -> Result<&'a Jwk, Distrust> {
    if !matches!(algorithm, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) {
        return Err(wrong(format!("algorithm {algorithm:?} is not accepted")));
    }
    let mut fitting = keys.iter().filter(|key| {
        let is_for_signing = !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
        is_for_signing && fits(&key.algorithm, algorithm) && (id.is_none() || key.common.key_id.as_deref() == id)
    });
    match (fitting.next(), fitting.next()) {
        (Some(key), None) => Ok(key),
        (None, _) => Err(Distrust::UnknownKey(id.unwrap_or_default().chars().take(100).collect())),
        (Some(_), Some(_)) => Err(wrong("more than one key could have signed it")),
    }
}

fn fits(parameters: &AlgorithmParameters, algorithm: Algorithm) -> bool {
    match parameters {
        AlgorithmParameters::RSA(_) => algorithm == Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) => algorithm == Algorithm::ES256 && key.curve == EllipticCurve::P256,
        AlgorithmParameters::OctetKeyPair(key) => algorithm == Algorithm::EdDSA && key.curve == EllipticCurve::Ed25519,
        _ => false,
    }
}

/// The left half of the hash that belongs to the algorithm.
fn half_hash(algorithm: Algorithm, access_token: &str) -> String {
    let hash = if algorithm == Algorithm::EdDSA { &digest::SHA512 } else { &digest::SHA256 };
    let whole = digest::digest(hash, access_token.as_bytes());
    let half: Vec<u8> = whole.as_ref().iter().take(whole.as_ref().len() / 2).copied().collect();
    URL_SAFE_NO_PAD.encode(half)
}

impl Claims {
    /// Some providers say it in words.
    pub fn is_email_verified(&self) -> bool {
        matches!(&self.email_verified, Some(Value::Bool(true)))
            || matches!(&self.email_verified, Some(Value::String(word)) if word == "true")
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;

    use super::*;

    struct Signer(EncodingKey, Vec<Jwk>);

    fn signer() -> Signer {
        let pair = Ed25519KeyPair::generate().unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "one", "x": x});
        let key = EncodingKey::from_ed_der(pair.to_pkcs8().unwrap().as_ref());
        Signer(key, vec![serde_json::from_value(jwk).unwrap()])
    }

    fn sound(now: i64) -> Value {
        json!({"iss": "https://issuer.test", "sub": "1", "aud": "us", "exp": now + 60, "iat": now, "nonce": "n"})
    }

    fn judge(signer: &Signer, claims: &Value, kid: Option<&str>) -> Result<Claims, Distrust> {
        let header = Header { kid: kid.map(Into::into), ..Header::new(Algorithm::EdDSA) };
        let token = jsonwebtoken::encode(&header, claims, &signer.0).unwrap();
        let expected = Expected {
            issuers: &["https://issuer.test".into(), "issuer.test".into()],
            client_id: "us",
            nonce: "n",
            access_token: "t",
            now: chrono::Utc::now().timestamp(),
        };
        verify(&token, &signer.1, &expected)
    }

    #[test]
    fn a_sound_token_is_believed() {
        let (signer, now) = (signer(), chrono::Utc::now().timestamp());
        assert_eq!(judge(&signer, &sound(now), Some("one")).unwrap().sub, "1");
        assert!(judge(&signer, &sound(now), None).is_ok());
        let mut legacy = sound(now);
        legacy["iss"] = "issuer.test".into();
        assert!(judge(&signer, &legacy, Some("one")).is_ok());
    }

    #[test]
    fn each_claim_that_does_not_hold_is_distrusted() {
        let (signer, now) = (signer(), chrono::Utc::now().timestamp());
        for (claim, value) in [
            ("iss", json!("https://other.test")),
            ("aud", json!("them")),
            ("aud", json!(["us", "them"])),
            ("azp", json!("them")),
            ("exp", json!(now - 61)),
            ("iat", json!(now + 120)),
            ("nonce", json!("another")),
            ("nonce", Value::Null),
            ("at_hash", json!("another")),
            ("sub", json!("")),
            ("sub", json!("x".repeat(256))),
        ] {
            let mut claims = sound(now);
            claims[claim] = value.clone();
            assert!(judge(&signer, &claims, Some("one")).is_err(), "{claim} {value}");
        }
    }

    #[test]
    fn a_key_nobody_published_is_told_from_a_wrong_signature() {
        let (one, other, now) = (signer(), signer(), chrono::Utc::now().timestamp());
        assert_eq!(judge(&one, &sound(now), Some("two")).unwrap_err(), Distrust::UnknownKey("two".into()));
        let forged = Signer(other.0, one.1);
        assert!(matches!(judge(&forged, &sound(now), Some("one")), Err(Distrust::Wrong(_))));
    }

    #[test]
    fn a_shared_secret_and_no_signature_are_refused() {
        let (signer, now) = (signer(), chrono::Utc::now().timestamp());
        let expected =
            Expected { issuers: &["https://issuer.test".into()], client_id: "us", nonce: "n", access_token: "t", now };
        let secret = EncodingKey::from_secret(b"the public key");
        let header = Header { kid: Some("one".into()), ..Header::new(Algorithm::HS256) };
        let shared = jsonwebtoken::encode(&header, &sound(now), &secret).unwrap();
        assert!(matches!(verify(&shared, &signer.1, &expected), Err(Distrust::Wrong(_))));
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let unsigned = format!("{}.{}.", part(json!({"alg": "none", "kid": "one"})), part(sound(now)));
        assert!(matches!(verify(&unsigned, &signer.1, &expected), Err(Distrust::Wrong(_))));
    }

    #[test]
    fn only_true_is_a_verified_address() {
        for (value, is_verified) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(false), false),
            (json!("yes"), false),
            (json!(1), false),
        ] {
            let claims: Claims =
                serde_json::from_value(json!({"sub": "1", "aud": "us", "iat": 0, "email_verified": value})).unwrap();
            assert_eq!(claims.is_email_verified(), is_verified, "{value}");
        }
    }
}
