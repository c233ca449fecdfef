//! The id_token, honest or spoilt in exactly the one way a fault asks for.
use std::io;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use jsonwebtoken::{Algorithm, Header};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::claims::Claims;
use super::keys::SigningKey;
use super::{CLIENT_ID, Provider};

/// Faults of the token itself; those about the person are in `claims`.
pub const FAULTS: [&str; 11] = [
    "bad_signature",
    "unknown_kid",
    "alg_none",
    "alg_hs256",
    "wrong_aud",
    "wrong_iss",
    "wrong_nonce",
    "missing_nonce",
    "expired",
    "future_iat",
    "wrong_at_hash",
];

const LIFETIME_SECONDS: i64 = 3600;

pub fn issue(
    provider: &Provider,
    person: &Claims,
    nonce: Option<&str>,
    access_token: &str,
    fault: Option<&str>,
) -> io::Result<String> {
    let issued_at = chrono::Utc::now().timestamp()
        + match fault {
            Some("expired") => -2 * LIFETIME_SECONDS,
            Some("future_iat") => LIFETIME_SECONDS,
            _ => 0,
        };
    let issuer = if fault == Some("wrong_iss") { "https://accounts.somewhere-else.test" } else { &provider.issuer };
    let audience = if fault == Some("wrong_aud") { "some-other-client" } else { CLIENT_ID };
    let hashed = if fault == Some("wrong_at_hash") { "another token" } else { access_token };
    let nonce = match (fault, nonce) {
        (Some("missing_nonce"), _) => None,
        (Some("wrong_nonce"), _) => Some("a-nonce-nobody-asked-for"),
        (_, asked) => asked,
    };
    let mut claims = person.clone();
    claims.insert("iss".into(), issuer.into());
    claims.insert("aud".into(), audience.into());
    claims.insert("azp".into(), audience.into());
    claims.insert("at_hash".into(), half_hash(hashed).into());
    claims.insert("iat".into(), issued_at.into());
    claims.insert("exp".into(), (issued_at + LIFETIME_SECONDS).into());
    if let Some(nonce) = nonce {
        claims.insert("nonce".into(), nonce.into());
    }
    sign(&*provider.keys.current()?, &claims, fault)
}

fn sign(key: &SigningKey, claims: &Claims, fault: Option<&str>) -> io::Result<String> {
    match fault {
        Some("alg_none") => Ok(format!("{}.", by_hand("none", key, claims)?)),
        Some("alg_hs256") => {
            // The classic confusion: the public key, which everybody has, used as a shared secret.
            let message = by_hand("HS256", key, claims)?;
            let secret = hmac::Key::new(hmac::HMAC_SHA256, key.public_pem.as_bytes());
            let tag = hmac::sign(&secret, message.as_bytes());
            Ok(format!("{message}.{}", BASE64URL.encode(tag.as_ref())))
        }
        Some("bad_signature") => {
            let honest = by_rs256(key, &key.id, claims)?;
            let (message, signature) = honest.rsplit_once('.').ok_or_else(|| io::Error::other("no signature"))?;
            let mut bytes = BASE64URL.decode(signature).map_err(io::Error::other)?;
            if let Some(byte) = bytes.get_mut(100) {
                *byte ^= 1;
            }
            Ok(format!("{message}.{}", BASE64URL.encode(bytes)))
        }
        Some("unknown_kid") => by_rs256(key, "a-key-nobody-publishes", claims),
        _ => by_rs256(key, &key.id, claims),
    }
}

fn by_rs256(key: &SigningKey, id: &str, claims: &Claims) -> io::Result<String> {
    let header = Header { kid: Some(id.to_owned()), ..Header::new(Algorithm::RS256) };
    jsonwebtoken::encode(&header, claims, &key.signing).map_err(io::Error::other)
}

fn by_hand(algorithm: &str, key: &SigningKey, claims: &Claims) -> io::Result<String> {
    let header = json!({"alg": algorithm, "typ": "JWT", "kid": key.id});
    let body = serde_json::to_vec(claims)?;
    Ok(format!("{}.{}", BASE64URL.encode(header.to_string()), BASE64URL.encode(body)))
}

/// Left half of the SHA-256 (OpenID Connect Core §3.1.3.6).
fn half_hash(access_token: &str) -> String {
    let digest = Sha256::digest(access_token);
    BASE64URL.encode(digest.iter().take(16).copied().collect::<Vec<_>>())
}
