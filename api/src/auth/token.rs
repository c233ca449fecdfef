//! Access tokens: JWT after RFC 9068, EdDSA only, ten minutes. Says what a token is, not who may do what.
mod verified;

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::verified::{Known, Verified};
use super::keys::SigningKey;

pub const LIFETIME: TimeDelta = TimeDelta::minutes(10);
const TYPE: &str = "at+jwt";
const CLIENT_ID: &str = "lapidary";

/// Whom a token speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    pub person_id: Uuid,
    pub account_id: Uuid,
    pub session_id: Uuid,
    pub is_confirmed: bool,
    /// The account is about to be erased.
    pub is_closing: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The person.
    sub: Uuid,
    client_id: String,
    iat: i64,
    exp: i64,
    jti: Uuid,
    /// The session, whose end ends the token.
    sid: Uuid,
    /// The gem account: saves a look-up.
    acc: Uuid,
    /// Whether the person has confirmed their age; false is looked up again.
    age: bool,
    /// Whether the account is about to be erased; true is looked up again. Sessions from before end when it begins.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cls: bool,
}

/// Why a token does not count. For tests and logs; a caller hears only 401.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("not an access token of ours")]
    Foreign,
    #[error("expired")]
    Expired,
    #[error(transparent)]
    Jwt(#[from] jsonwebtoken::errors::Error),
}

/// Issues and reads tokens of one site.
pub struct Tokens {
    issuer: String,
    audience: String,
    validation: Validation,
    verified: Verified,
    checks: AtomicU64,
}

impl Tokens {
    pub fn new(origin: &str) -> Self {
        let audience = format!("{origin}/v1");
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[origin]);
        validation.set_audience(&[&audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // Checked below against the clock that tests can move.
        validation.validate_exp = false;
        let verified = Verified::default();
        Self { issuer: origin.to_owned(), audience, validation, verified, checks: AtomicU64::new(0) }
    }

    pub fn issue(&self, key: &SigningKey, subject: &Subject, now: DateTime<Utc>) -> Result<String, TokenError> {
        let header = Header { typ: Some(TYPE.into()), kid: Some(key.id.clone()), ..Header::new(Algorithm::EdDSA) };
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: subject.person_id,
            client_id: CLIENT_ID.into(),
            iat: now.timestamp(),
            exp: (now + LIFETIME).timestamp(),
            jti: Uuid::now_v7(),
            sid: subject.session_id,
            acc: subject.account_id,
            age: subject.is_confirmed,
            cls: subject.is_closing,
        };
        Ok(jsonwebtoken::encode(&header, &claims, &key.key)?)
    }

    /// The id of the key that is said to have signed it, and of whom it speaks if its signature was checked before.
    /// Refuses everything but our type and algorithm. The caller finds the key: without it the subject counts for nothing.
    pub fn key_and_subject(&self, token: &str, now: DateTime<Utc>) -> Result<(String, Option<Subject>), TokenError> {
        match self.verified.get(token, now) {
            Some(Known { subject, key_id, .. }) => Ok((key_id, Some(subject))),
            None => Ok((key_id(token)?, None)),
        }
    }

    /// When a token ends that `read` has accepted; judges nothing itself.
    pub fn end_of(token: &str) -> Option<DateTime<Utc>> {
        let claims = jsonwebtoken::dangerous::insecure_decode_claims::<Claims>(token).ok()?;
        DateTime::from_timestamp(claims.exp, 0)
    }

    /// Checks everything, the signature too; `key` is the one of this id.
    pub fn read(
        &self,
        token: &str,
        key_id: String,
        key: &DecodingKey,
        now: DateTime<Utc>,
    ) -> Result<Subject, TokenError> {
        self.checks.fetch_add(1, Ordering::Relaxed);
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation)?.claims;
        if claims.exp <= now.timestamp() {
            return Err(TokenError::Expired);
        }
        let subject = Subject {
            person_id: claims.sub,
            account_id: claims.acc,
            session_id: claims.sid,
            is_confirmed: claims.age,
            is_closing: claims.cls,
        };
        self.verified.add(token, Known { subject, key_id, ends_at: claims.exp });
        Ok(subject)
    }

    /// How many signatures were checked.
    pub fn checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }
}

fn key_id(token: &str) -> Result<String, TokenError> {
    let header = jsonwebtoken::decode_header(token)?;
    let is_ours = header.alg == Algorithm::EdDSA && header.typ.as_deref() == Some(TYPE);
    header.kid.filter(|_| is_ours).ok_or(TokenError::Foreign)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::EncodingKey;
    use serde_json::{Value, json};

    use super::*;

    const SITE: &str = "https://lapidary.test";

    fn keys() -> (EncodingKey, DecodingKey) {
        let pair = Ed25519KeyPair::generate().unwrap();
        let encoding = EncodingKey::from_ed_der(pair.to_pkcs8().unwrap().as_ref());
        (encoding, DecodingKey::from_ed_der(pair.public_key().as_ref()))
    }

    fn sound(now: DateTime<Utc>) -> Value {
        let id = Uuid::now_v7();
        json!({"iss": SITE, "aud": format!("{SITE}/v1"), "sub": id, "client_id": "lapidary", "iat": now.timestamp(),
            "exp": now.timestamp() + 600, "jti": id, "sid": id, "acc": id, "age": true})
    }

    fn header(kind: &str) -> Header {
        Header { typ: Some(kind.into()), kid: Some("one".into()), ..Header::new(Algorithm::EdDSA) }
    }

    fn judge(token: &str, key: &DecodingKey, now: DateTime<Utc>) -> Result<Subject, TokenError> {
        let tokens = Tokens::new(SITE);
        let (key_id, _) = tokens.key_and_subject(token, now)?;
        tokens.read(token, key_id, key, now)
    }

    #[test]
    fn what_is_issued_is_read_until_it_expires() {
        let (encoding, decoding) = keys();
        let (tokens, now) = (Tokens::new(SITE), Utc::now());
        let id = Uuid::now_v7;
        let subject =
            Subject { person_id: id(), account_id: id(), session_id: id(), is_confirmed: false, is_closing: true };
        let key = SigningKey::for_tests("one", encoding, now);
        let token = tokens.issue(&key, &subject, now).unwrap();
        assert_eq!(tokens.key_and_subject(&token, now).unwrap(), ("one".to_owned(), None));
        let read = |tokens: &Tokens, at| tokens.read(&token, "one".to_owned(), &decoding, at);
        assert_eq!(read(&tokens, now + TimeDelta::seconds(599)).unwrap(), subject);
        assert!(matches!(read(&tokens, now + LIFETIME), Err(TokenError::Expired)));
        assert!(read(&Tokens::new("https://other.test"), now).is_err());
    }

    #[test]
    fn only_a_token_that_was_read_is_known_and_only_until_it_ends() {
        let (encoding, decoding) = keys();
        let (tokens, now) = (Tokens::new(SITE), Utc::now());
        let sign = |claims: &Value| jsonwebtoken::encode(&header("at+jwt"), claims, &encoding).unwrap();
        let (good, late) = (sign(&sound(now)), sign(&sound(now - LIFETIME)));
        let known = |token: &str, at| tokens.key_and_subject(token, at).unwrap().1;
        assert!(tokens.read(&late, "one".to_owned(), &decoding, now).is_err());
        let (_, other) = keys();
        assert!(tokens.read(&good, "one".to_owned(), &other, now).is_err());
        assert_eq!((known(&late, now), known(&good, now)), (None, None));
        let subject = tokens.read(&good, "one".to_owned(), &decoding, now).unwrap();
        assert_eq!(known(&good, now + TimeDelta::seconds(599)), Some(subject));
        assert_eq!(known(&good, now + LIFETIME), None);
    }

    #[test]
    fn a_token_of_another_audience_issuer_type_or_key_is_refused() {
        let (encoding, decoding) = keys();
        let now = Utc::now();
        let signed = |header: &Header, claims: &Value| jsonwebtoken::encode(header, claims, &encoding).unwrap();
        assert!(judge(&signed(&header("at+jwt"), &sound(now)), &decoding, now).is_ok());
        for (claim, value) in [
            ("aud", json!("https://lapidary.test/v2")),
            ("iss", json!("https://evil.test")),
            ("exp", json!(now.timestamp())),
            ("exp", Value::Null),
            ("sub", Value::Null),
            ("sid", json!("not an id")),
        ] {
            let mut claims = sound(now);
            claims[claim] = value.clone();
            assert!(judge(&signed(&header("at+jwt"), &claims), &decoding, now).is_err(), "{claim} {value}");
        }
        assert!(judge(&signed(&header("JWT"), &sound(now)), &decoding, now).is_err());
        let (_, other) = keys();
        assert!(judge(&signed(&header("at+jwt"), &sound(now)), &other, now).is_err());
        let nameless = Header { kid: None, ..header("at+jwt") };
        assert!(judge(&signed(&nameless, &sound(now)), &decoding, now).is_err());
    }

    #[test]
    fn a_token_without_a_signature_or_with_a_shared_secret_is_refused() {
        let (_, decoding) = keys();
        let now = Utc::now();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let none = part(&json!({"alg": "none", "typ": "at+jwt", "kid": "one"}));
        assert!(judge(&format!("{none}.{}.", part(&sound(now))), &decoding, now).is_err());
        let shared = Header { alg: Algorithm::HS256, ..header("at+jwt") };
        let token = jsonwebtoken::encode(&shared, &sound(now), &EncodingKey::from_secret(b"public")).unwrap();
        assert!(judge(&token, &decoding, now).is_err());
        assert!(judge("", &decoding, now).is_err());
        assert!(judge("a.b.c", &decoding, now).is_err());
    }
}
